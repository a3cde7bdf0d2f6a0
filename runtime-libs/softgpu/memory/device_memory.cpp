#include "runtime-libs/softgpu/memory/device_memory.hpp"

#include <sys/mman.h>

#include <iterator>

namespace vcuda::softgpu {
namespace {

constexpr uint64_t page = 4096;

void* pointer(uint64_t address) { return reinterpret_cast<void*>(address); }

bool map(uint64_t address, uint64_t bytes, int protection, int fixed) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed;
  const void* got = mmap(pointer(address), bytes, protection, flags, -1, 0);
  if (got == MAP_FAILED) return false;
  if (got == pointer(address)) return true;
  // A kernel older than MAP_FIXED_NOREPLACE takes the address for a hint.
  munmap(const_cast<void*>(got), bytes);
  return false;
}

}  // namespace

DeviceMemory::DeviceMemory(int device, uint64_t memory_bytes)
    : begin_(band_base + static_cast<uint64_t>(device) * band_bytes),
      memory_bytes_(memory_bytes),
      cursor_(begin_ + page) {
  reserved_ = map(begin_, band_bytes, PROT_NONE, MAP_FIXED_NOREPLACE);
}

DeviceMemory::~DeviceMemory() {
  if (reserved_) munmap(pointer(begin_), band_bytes);
}

uint64_t DeviceMemory::free_bytes() const {
  const std::scoped_lock hold(lock_);
  return memory_bytes_ - used_bytes_;
}

// Looks from the cursor on for a gap with a page to spare on both sides; once round, then gives up.
std::optional<uint64_t> DeviceMemory::place(uint64_t length) {
  for (int round = 0; round < 2; ++round) {
    auto after = allocated_.upper_bound(cursor_);
    uint64_t from = cursor_;
    if (after != allocated_.begin()) {
      const auto before = std::prev(after);
      from = std::max(from, before->first + before->second + page);
    }
    for (;; ++after) {
      const uint64_t limit = after == allocated_.end() ? begin_ + band_bytes : after->first;
      if (from <= limit && limit - from >= length + page) {
        cursor_ = from + length + page;
        return from;
      }
      if (after == allocated_.end()) break;
      from = after->first + after->second + page;
    }
    cursor_ = begin_ + page;
  }
  return std::nullopt;
}

std::optional<uint64_t> DeviceMemory::allocate(uint64_t size) {
  const std::scoped_lock hold(lock_);
  if (size == 0 || size > memory_bytes_) return std::nullopt;
  const uint64_t length = (size + page - 1) / page * page;
  if (length > memory_bytes_ - used_bytes_) return std::nullopt;
  const auto address = place(length);
  if (!address || !map(*address, length, PROT_READ | PROT_WRITE, MAP_FIXED)) return std::nullopt;
  allocated_.emplace(*address, length);
  used_bytes_ += length;
  return address;
}

bool DeviceMemory::free(uint64_t address) {
  const std::scoped_lock hold(lock_);
  const auto found = allocated_.find(address);
  if (found == allocated_.end()) return false;
  // Its pages go back to the system, the addresses stay: nobody else may move in, and a kernel that was let at them
  // before reads zeros instead of ending the process.
  map(address, found->second, PROT_READ | PROT_WRITE, MAP_FIXED);
  used_bytes_ -= found->second;
  allocated_.erase(found);
  return true;
}

}  // namespace vcuda::softgpu
