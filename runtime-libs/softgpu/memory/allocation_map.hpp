// Which addresses a kernel or a copy may touch: every live range of device, pinned, managed and module
// memory. One map a process, because CUDA's address space is one for all devices and the host.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <shared_mutex>

namespace vcuda::softgpu {

enum class MemoryKind : uint8_t {
  device,      // cuMemAlloc
  managed,     // cuMemAllocManaged
  pinned,      // cuMemAllocHost, cuMemHostAlloc
  registered,  // cuMemHostRegister
  module,      // a variable of a loaded module
};

struct Allocation {
  uint64_t begin = 0;  // address
  uint64_t size = 0;   // bytes as asked for; an access beyond them is a fault
  MemoryKind kind = MemoryKind::device;
  int device = 0;
  unsigned flags = 0;         // as given to cuMemHostAlloc, cuMemHostRegister or cuMemAllocManaged
  uint64_t context_id = 0;    // of the context that was current
  uint64_t buffer_id = 0;     // CU_POINTER_ATTRIBUTE_BUFFER_ID: never used twice
  bool is_read_only = false;  // constant memory

  uint64_t end() const { return begin + size; }
};

// Thread-safe. Ranges never overlap.
class AllocationMap {
 public:
  // Adds a range and gives it its buffer id; false if it overlaps one that is there.
  bool add(Allocation allocation);
  // Takes out the range that begins at address.
  std::optional<Allocation> remove(uint64_t address);
  // Finds the range that holds the address.
  std::optional<Allocation> find(uint64_t address) const;
  // Finds the range that holds all of [address, address + size).
  std::optional<Allocation> find(uint64_t address, uint64_t size) const;
  // Calls visit(const Allocation&) for every range.
  template <typename Visit>
  void each(Visit visit) const {
    const std::shared_lock hold(lock_);
    for (const auto& [begin, allocation] : ranges_) visit(allocation);
  }

 private:
  mutable std::shared_mutex lock_;
  std::map<uint64_t, Allocation> ranges_;
  uint64_t next_buffer_id_ = 1;
};

}  // namespace vcuda::softgpu
