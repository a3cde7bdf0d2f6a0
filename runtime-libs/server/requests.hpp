// The worker's side of the request connection: whole frames, several a system call where they are small.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime-libs/server/body_buffers.hpp"
#include "runtime-libs/transport/fd.hpp"
#include "runtime-libs/wire/frame.hpp"
#include "runtime-libs/wire/result.hpp"

namespace vcuda::server {

struct Frame {
  wire::RequestHeader header{};
  std::span<const std::byte> body;  // valid until the next call of `next`, or as long as the lease
  BodyBuffers::Lease lease;         // holds a large body; null for the usual small one
};

class Requests {
 public:
  explicit Requests(transport::Fd fd) : fd_(std::move(fd)), ahead_(ahead_bytes) {}

  // Waits for the next frame, as long as it takes. Errors: closed (the client went), too_large, system.
  Result<Frame> next();

  std::uint64_t bytes_received() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t ahead_bytes = 256 * 1024;

  // Makes n bytes available at ahead_[begin_]. n <= ahead_bytes.
  Status fill(std::size_t n);
  Result<std::size_t> receive(std::byte* at, std::size_t n);

  transport::Fd fd_;
  std::vector<std::byte> ahead_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  BodyBuffers buffers_;
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace vcuda::server
