// Page-locked buffers for copies the worker starts without waiting, in two sizes: most copies are small. A buffer is lent
// until the device has used it; the pool never calls the driver when one comes back, so the driver's own threads may
// return it.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <vector>

#include "runtime-libs/server/driver.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server {

class Staging {
 public:
  explicit Staging(const Driver& driver) : driver_(driver) {}

  // A buffer for `bytes` (at most wire::chunk_bytes). Waits while all of that size are lent. nullptr where the driver gives
  // no memory. Needs a current context.
  void* lend(std::size_t bytes);
  void give_back(void* buffer, std::size_t bytes);

  // Whether lend(bytes) would wait now. Only the thread that lends can rely on the answer.
  bool would_wait(std::size_t bytes);

 private:
  static constexpr std::size_t small_bytes = 64 * 1024;
  struct Size {
    std::size_t bytes;
    std::size_t most;
    std::size_t made = 0;
    std::vector<void*> free{};
  };

  Size& size_for(std::size_t bytes) { return bytes <= small_bytes ? small_ : large_; }

  const Driver& driver_;
  std::mutex mutex_;
  std::condition_variable returned_;
  Size small_{small_bytes, 1024};      // 64 MiB a session
  Size large_{wire::chunk_bytes, 48};  // 192 MiB a session
};

}  // namespace vcuda::server
