#include "runtime-libs/server/requests.hpp"

#include <sys/socket.h>
#include <cerrno>
#include <cstring>

#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server {

Result<std::size_t> Requests::receive(std::byte* at, std::size_t n) {
  for (;;) {
    ssize_t got = ::recv(fd_.get(), at, n, 0);
    if (got > 0) {
      bytes_ += static_cast<std::size_t>(got);
      return static_cast<std::size_t>(got);
    }
    if (got == 0 || errno == ECONNRESET || errno == ETIMEDOUT) return Error::closed;
    if (errno != EINTR) return {Error::system, errno};
  }
}

Status Requests::fill(std::size_t n) {
  if (end_ - begin_ >= n) return Nothing{};
  if (begin_ + n > ahead_.size()) {
    std::memmove(ahead_.data(), ahead_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  while (end_ - begin_ < n) {
    Result<std::size_t> got = receive(ahead_.data() + end_, ahead_.size() - end_);
    if (!got) return got.failure();
    end_ += *got;
  }
  return Nothing{};
}

Result<Frame> Requests::next() {
  Frame frame;
  if (begin_ == end_) begin_ = end_ = 0;
  if (Status got = fill(sizeof frame.header); !got) return got.failure();
  std::memcpy(&frame.header, ahead_.data() + begin_, sizeof frame.header);
  const std::size_t body = frame.header.body_bytes;
  if (body > wire::max_body_bytes) return Error::too_large;
  begin_ += sizeof frame.header;
  if (body <= ahead_bytes) {
    if (Status got = fill(body); !got) return got.failure();
    frame.body = {ahead_.data() + begin_, body};
    begin_ += body;
    return frame;
  }
  frame.lease = buffers_.lend();
  std::byte* large = frame.lease.get();
  std::size_t have = std::min(end_ - begin_, body);
  std::memcpy(large, ahead_.data() + begin_, have);
  begin_ += have;
  while (have < body) {
    Result<std::size_t> got = receive(large + have, body - have);
    if (!got) return got.failure();
    have += *got;
  }
  frame.body = {large, body};
  return frame;
}

}  // namespace vcuda::server
