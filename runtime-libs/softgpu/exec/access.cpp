#include "runtime-libs/softgpu/exec/access.hpp"

namespace vcuda::softgpu {

bool find_range(Warp& warp, uint64_t address, unsigned size, Access access) {
  GlobalView& view = warp.block->global;
  const auto found = view.map->find(address, size);
  if (!found) {
    fault(warp, CUDA_ERROR_ILLEGAL_ADDRESS,
          access == Access::read ? "read from an address that is not allocated"
                                 : "write to an address that is not allocated",
          address);
    return false;
  }
  if (access == Access::write && found->is_read_only) {
    fault(warp, CUDA_ERROR_ILLEGAL_ADDRESS, "write to constant memory", address);
    return false;
  }
  view.begin = found->begin;
  view.end = found->end();
  view.writable = !found->is_read_only;
  return true;
}

std::byte* generic_at(Warp& warp, unsigned lane, uint64_t address, unsigned size, Access access) {
  const uint64_t window = address >> window_shift << window_shift;
  const uint64_t offset = address - window;
  switch (window) {
    case shared_window:
      return memory_at<ptx::Space::shared>(warp, lane, offset, size, 1, access);
    case local_window:
      return memory_at<ptx::Space::local>(warp, lane, offset, size, 1, access);
    case param_window:
      if (access == Access::read) return memory_at<ptx::Space::param>(warp, lane, offset, size, 1, access);
      [[fallthrough]];
    default:
      fault(warp, CUDA_ERROR_ILLEGAL_ADDRESS, "an address outside every space", address);
      return nullptr;
  }
}

}  // namespace vcuda::softgpu
