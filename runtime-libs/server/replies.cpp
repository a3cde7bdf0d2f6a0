#include "runtime-libs/server/replies.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <cerrno>

#include "runtime-libs/transport/stream.hpp"
#include "runtime-libs/wire/frame.hpp"

namespace vcuda::server {
namespace {

// A client may be stopped in a debugger for long; a dead one is noticed by TCP's own keep-alive.
constexpr int send_deadline_ms = 3'600'000;

}  // namespace

bool Replies::send(std::uint32_t sequence, std::int32_t result, std::span<const std::byte> body) {
  wire::ReplyHeader header{static_cast<std::uint32_t>(body.size()), sequence, result, 0};
  iovec parts[2] = {{&header, sizeof header}, {const_cast<std::byte*>(body.data()), body.size()}};
  std::lock_guard lock(mutex_);
  if (gone_) return false;
  for (;;) {
    Result<std::size_t> left = transport::send_some(fd_.get(), parts, 2);
    if (left && *left == 0) break;
    if (!left || !transport::wait_for(fd_.get(), POLLOUT, transport::Deadline::in_ms(send_deadline_ms))) {
      gone_ = true;
      return false;
    }
  }
  bytes_.fetch_add(sizeof header + body.size(), std::memory_order_relaxed);
  return true;
}

bool Replies::client_gone() const {
  char ignored;
  ssize_t got = ::recv(fd_.get(), &ignored, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

void Replies::send_heartbeat() {
  wire::ReplyHeader header{0, 0, 0, wire::heartbeat};
  std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock || gone_) return;
  // A header is far below a socket's low-water mark: it goes whole or not at all.
  static_cast<void>(::send(fd_.get(), &header, sizeof header, MSG_NOSIGNAL | MSG_DONTWAIT));
}

}  // namespace vcuda::server
