#include "runtime-libs/transport/stream.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <cerrno>

namespace vcuda::transport {

Status wait_for(int fd, short events, Deadline deadline) {
  for (;;) {
    pollfd one{fd, events, 0};
    int n = ::poll(&one, 1, deadline.left_ms());
    if (n > 0) return Nothing{};
    if (n == 0) return Error::timed_out;
    if (errno != EINTR) return {Error::system, errno};
  }
}

Status send_all(int fd, const void* bytes, std::size_t n, Deadline deadline) {
  const char* at = static_cast<const char*>(bytes);
  while (n > 0) {
    ssize_t sent = ::send(fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      at += sent;
      n -= static_cast<std::size_t>(sent);
      continue;
    }
    if (errno == EPIPE || errno == ECONNRESET) return Error::closed;
    if (errno != EAGAIN && errno != EINTR) return {Error::system, errno};
    if (Status ready = wait_for(fd, POLLOUT, deadline); !ready) return ready;
  }
  return Nothing{};
}

Status receive_all(int fd, void* bytes, std::size_t n, Deadline deadline) {
  char* at = static_cast<char*>(bytes);
  while (n > 0) {
    ssize_t got = ::recv(fd, at, n, MSG_DONTWAIT);
    if (got > 0) {
      at += got;
      n -= static_cast<std::size_t>(got);
      continue;
    }
    if (got == 0 || errno == ECONNRESET) return Error::closed;
    if (errno != EAGAIN && errno != EINTR) return {Error::system, errno};
    if (Status ready = wait_for(fd, POLLIN, deadline); !ready) return ready;
  }
  return Nothing{};
}

Result<std::size_t> send_some(int fd, iovec* parts, std::size_t count) {
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = count;
  ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) {
    if (errno == EPIPE || errno == ECONNRESET) return Error::closed;
    if (errno != EAGAIN && errno != EINTR) return {Error::system, errno};
    sent = 0;
  }
  std::size_t gone = static_cast<std::size_t>(sent);
  std::size_t left = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t here = gone < parts[i].iov_len ? gone : parts[i].iov_len;
    parts[i].iov_base = static_cast<char*>(parts[i].iov_base) + here;
    parts[i].iov_len -= here;
    gone -= here;
    left += parts[i].iov_len;
  }
  return left;
}

}  // namespace vcuda::transport
