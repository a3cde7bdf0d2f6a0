#include "runtime-libs/softgpu/memory/allocation_map.hpp"

#include <iterator>
#include <mutex>

namespace vcuda::softgpu {

bool AllocationMap::add(Allocation allocation) {
  const std::unique_lock hold(lock_);
  const auto after = ranges_.lower_bound(allocation.begin);
  if (after != ranges_.end() && after->second.begin - allocation.begin < allocation.size) return false;
  if (after != ranges_.begin() && std::prev(after)->second.end() > allocation.begin) return false;
  allocation.buffer_id = next_buffer_id_++;
  return ranges_.emplace(allocation.begin, allocation).second;
}

std::optional<Allocation> AllocationMap::remove(uint64_t address) {
  const std::unique_lock hold(lock_);
  const auto found = ranges_.find(address);
  if (found == ranges_.end()) return std::nullopt;
  const Allocation allocation = found->second;
  ranges_.erase(found);
  return allocation;
}

std::optional<Allocation> AllocationMap::find(uint64_t address) const { return find(address, 1); }

std::optional<Allocation> AllocationMap::find(uint64_t address, uint64_t size) const {
  const std::shared_lock hold(lock_);
  auto after = ranges_.upper_bound(address);
  if (after == ranges_.begin()) return std::nullopt;
  const Allocation& allocation = std::prev(after)->second;
  const uint64_t offset = address - allocation.begin;
  if (offset >= allocation.size || size > allocation.size - offset) return std::nullopt;
  return allocation;
}

}  // namespace vcuda::softgpu
