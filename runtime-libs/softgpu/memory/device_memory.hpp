// The memory of one software GPU: real memory of this process at addresses of a band of its own, far from
// where hosts put theirs, so that a remote client can reserve the same addresses and tell them from its own.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace vcuda::softgpu {

// Where the bands lie: 1 TiB a device from here. Linux gives user space the first 2^47 bytes
// (0x8000'0000'0000) and fills them from the ends: programs and heaps below 0x1000'0000'0000 or from
// 0x5500'0000'0000, mappings from 0x7fff downwards. Under the thread sanitizer, which owns the middle, the
// bands lie where it lets applications map.
#if defined(__SANITIZE_THREAD__)
constexpr uint64_t band_base = UINT64_C(0x7e90'0000'0000);
constexpr uint64_t band_bytes = uint64_t{1} << 36;
#else
constexpr uint64_t band_base = UINT64_C(0x2000'0000'0000);
constexpr uint64_t band_bytes = uint64_t{1} << 40;
#endif

// Thread-safe. Freed addresses are given out again as late as possible, and between two allocations there is
// always a page that is none, so that a stale or wild pointer hits nothing.
class DeviceMemory {
 public:
  // Reserves the band of the device with that index; memory_bytes is how much can be allocated. Check
  // reserved().
  DeviceMemory(int device, uint64_t memory_bytes);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  // False if something else lies in the band.
  bool reserved() const { return reserved_; }
  // Returns zeroed memory of at least size bytes at a multiple of 4096; nullopt when the device's memory, or
  // the host's, is used up.
  std::optional<uint64_t> allocate(uint64_t size);
  // Gives back what allocate returned. False if it did not.
  bool free(uint64_t address);

  uint64_t total_bytes() const { return memory_bytes_; }
  uint64_t free_bytes() const;

 private:
  std::optional<uint64_t> place(uint64_t length);

  const uint64_t begin_;
  const uint64_t memory_bytes_;
  bool reserved_ = false;
  mutable std::mutex lock_;
  uint64_t used_bytes_ = 0;
  uint64_t cursor_;
  std::map<uint64_t, uint64_t> allocated_;  // begin -> bytes of whole pages
};

}  // namespace vcuda::softgpu
