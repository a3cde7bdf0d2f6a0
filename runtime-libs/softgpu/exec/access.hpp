// From an address of a lane to memory of this process, checked: the one way kernels reach memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime-libs/softgpu/exec/warp.hpp"
#include "runtime-libs/softgpu/ptx/type.hpp"

namespace vcuda::softgpu {

enum class Access : uint8_t { read, write };

// Makes the view's range the one that holds [address, address + size), or notes a fault and returns false.
bool find_range(Warp& warp, uint64_t address, unsigned size, Access access);

inline std::byte* global_at(Warp& warp, uint64_t address, unsigned size, Access access) {
  const GlobalView& view = warp.block->global;
  if (address - view.begin >= view.end - view.begin || size > view.end - address ||
      (access == Access::write && !view.writable)) {
    if (!find_range(warp, address, size, access)) return nullptr;
  }
  return reinterpret_cast<std::byte*>(address);
}

// Memory that lies in the block: bytes from base; out of bounds is a fault.
inline std::byte* inside(Warp& warp, std::byte* base, uint64_t limit, uint64_t offset, unsigned size,
                         const char* what) {
  if (offset > limit || size > limit - offset) {
    fault(warp, CUDA_ERROR_ILLEGAL_ADDRESS, what, offset);
    return nullptr;
  }
  return base + offset;
}

std::byte* generic_at(Warp& warp, unsigned lane, uint64_t address, unsigned size, Access access);

// Returns where the lane's address in the space lies, null after a fault. The address must be a multiple of
// alignment.
template <ptx::Space space>
std::byte* memory_at(Warp& warp, unsigned lane, uint64_t address, unsigned size, unsigned alignment,
                     Access access) {
  using ptx::Space;
  if ((address & (alignment - 1)) != 0) [[unlikely]] {
    fault(warp, CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned address", address);
    return nullptr;
  }
  Block& block = *warp.block;
  if constexpr (space == Space::shared) {
    return inside(warp, block.shared, block.shared_bytes, address, size, "shared memory out of bounds");
  } else if constexpr (space == Space::local) {
    return inside(warp, warp.local + size_t{lane} * block.local_stride, block.local_stride, address, size,
                  "local memory out of bounds");
  } else if constexpr (space == Space::param) {
    // Read only; the decoder refuses st.param.
    return inside(warp, const_cast<std::byte*>(block.params), block.param_bytes, address, size,
                  "parameters out of bounds");
  } else if constexpr (space == Space::generic) {
    if (address >> window_shift != 0) return generic_at(warp, lane, address, size, access);
    return global_at(warp, address, size, access);
  } else {
    return global_at(warp, address, size, access);
  }
}

}  // namespace vcuda::softgpu
