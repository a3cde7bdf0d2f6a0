// The worker's side of the reply connection. Whoever has an answer sends it, whole, under one lock: the
// dispatching thread, a client thread's executor, or the driver's thread when data becomes due.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>

#include "runtime-libs/transport/fd.hpp"

namespace vcuda::server {

class Replies {
 public:
  explicit Replies(transport::Fd fd) : fd_(std::move(fd)) {}

  // False where the client is gone; later sends do nothing.
  bool send(std::uint32_t sequence, std::int32_t result, std::span<const std::byte> body);
  // Says that the worker lives; skipped where the connection is full, for then the client has enough to read.
  void send_heartbeat();
  // Whether the client has closed its end.
  bool client_gone() const;

  std::uint64_t bytes_sent() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  transport::Fd fd_;
  std::mutex mutex_;
  bool gone_ = false;
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace vcuda::server
