// Page-locked buffers of one chunk each, for copies the worker starts without waiting. A buffer is lent until
// the device has used it; the pool never calls the driver when one comes back, so the driver's own threads
// may return it.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <vector>

#include "runtime-libs/server/driver.hpp"

namespace vcuda::server {

class Staging {
 public:
  explicit Staging(const Driver& driver) : driver_(driver) {}

  // A buffer of wire::chunk_bytes. Waits while max_buffers are lent. nullptr where the driver gives no
  // memory. Needs a current context.
  void* lend();
  void give_back(void* buffer);

 private:
  static constexpr std::size_t max_buffers = 64;  // 256 MiB a session

  const Driver& driver_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<void*> free_;
  std::size_t made_ = 0;
};

}  // namespace vcuda::server
