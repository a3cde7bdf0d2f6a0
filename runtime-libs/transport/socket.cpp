#include "runtime-libs/transport/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "runtime-libs/transport/stream.hpp"

namespace vcuda::transport {
namespace {

void set_nonblocking(int fd, bool on) {
  int flags = ::fcntl(fd, F_GETFL);
  ::fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

Status finish_connect(int fd, const sockaddr* address, socklen_t length, Deadline deadline) {
  set_nonblocking(fd, true);
  while (::connect(fd, address, length) != 0) {
    if (errno == EINTR) continue;
    if (errno == EISCONN) break;
    if (errno == EAGAIN) {  // unix socket: the listener's queue is full
      if (deadline.passed()) return Error::timed_out;
      ::poll(nullptr, 0, 10);
      continue;
    }
    if (errno != EINPROGRESS && errno != EALREADY) return {Error::system, errno};
    if (Status ready = wait_for(fd, POLLOUT, deadline); !ready) return ready;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) return {Error::system, error};
    break;
  }
  set_nonblocking(fd, false);
  return Nothing{};
}

void set_no_delay(int fd) {
  int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

struct UnixAddress {
  sockaddr_un value{};
  socklen_t length = 0;
};

Result<UnixAddress> unix_address(const char* path) {
  UnixAddress address;
  address.value.sun_family = AF_UNIX;
  std::size_t n = std::strlen(path);
  if (n == 0 || n >= sizeof address.value.sun_path) return Error::too_large;
  std::memcpy(address.value.sun_path, path, n);
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + n);
  if (path[0] == '@')
    address.value.sun_path[0] = '\0';
  else
    ++address.length;
  return address;
}

Result<addrinfo*> resolve(const char* host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  char service[8];
  std::snprintf(service, sizeof service, "%u", static_cast<unsigned>(port));
  addrinfo* list = nullptr;
  if (::getaddrinfo(host, service, &hints, &list) != 0) return Error::unresolved;
  return list;
}

}  // namespace

Result<Fd> connect_tcp(const char* host, std::uint16_t port, Deadline deadline) {
  Result<addrinfo*> list = resolve(host, port, 0);
  if (!list) return list.failure();
  Failure last{Error::unresolved, 0};
  Fd connected;
  for (const addrinfo* a = *list; a && !connected; a = a->ai_next) {
    Fd fd(::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, a->ai_protocol));
    if (!fd) {
      last = {Error::system, errno};
      continue;
    }
    Status done = finish_connect(fd.get(), a->ai_addr, a->ai_addrlen, deadline);
    if (!done) {
      last = done.failure();
      continue;
    }
    set_no_delay(fd.get());
    connected = static_cast<Fd&&>(fd);
  }
  ::freeaddrinfo(*list);
  if (!connected) return last;
  return connected;
}

Result<Fd> listen_tcp(const char* address, std::uint16_t port) {
  Result<addrinfo*> list = resolve(address, port, AI_PASSIVE | AI_NUMERICHOST);
  if (!list) return list.failure();
  const addrinfo* a = *list;
  Failure failure{};
  Fd fd(::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, a->ai_protocol));
  int one = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
      ::bind(fd.get(), a->ai_addr, a->ai_addrlen) != 0 || ::listen(fd.get(), SOMAXCONN) != 0)
    failure = {Error::system, errno};
  ::freeaddrinfo(*list);
  if (failure.code != Error::none) return failure;
  return fd;
}

Result<Fd> connect_unix(const char* path, Deadline deadline) {
  Result<UnixAddress> address = unix_address(path);
  if (!address) return address.failure();
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return {Error::system, errno};
  Status done =
      finish_connect(fd.get(), reinterpret_cast<const sockaddr*>(&address->value), address->length, deadline);
  if (!done) return done.failure();
  return fd;
}

Result<Fd> listen_unix(const char* path) {
  Result<UnixAddress> address = unix_address(path);
  if (!address) return address.failure();
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return {Error::system, errno};
  if (path[0] != '@') ::unlink(path);
  // Connecting asks for write permission on the socket file, and the app may run as any user.
  ::fchmod(fd.get(), 0666);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address->value), address->length) != 0)
    return {Error::system, errno};
  if (path[0] != '@' && ::chmod(path, 0666) != 0) return {Error::system, errno};
  if (::listen(fd.get(), SOMAXCONN) != 0) return {Error::system, errno};
  return fd;
}

Result<Fd> accept_one(int listener, Deadline deadline) {
  for (;;) {
    if (Status ready = wait_for(listener, POLLIN, deadline); !ready) return ready.failure();
    Fd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (fd) {
      set_no_delay(fd.get());  // harmless failure on unix sockets
      return fd;
    }
    if (errno != EINTR && errno != EAGAIN && errno != ECONNABORTED) return {Error::system, errno};
  }
}

std::uint16_t local_port(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

bool peer_address(int fd, char* text, std::size_t capacity) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
  return ::getnameinfo(reinterpret_cast<sockaddr*>(&address), length, text, static_cast<socklen_t>(capacity),
                       nullptr, 0, NI_NUMERICHOST) == 0;
}

inline constexpr int max_descriptors = 4;

Status send_with_descriptors(int fd, const void* bytes, std::size_t n, const int* descriptors, int count,
                             Deadline deadline) {
  if (count > max_descriptors) return Error::too_large;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * max_descriptors)] = {};
  iovec part{const_cast<void*>(bytes), n};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (count) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * static_cast<unsigned>(count));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * static_cast<unsigned>(count));
    std::memcpy(CMSG_DATA(header), descriptors, sizeof(int) * static_cast<unsigned>(count));
  }
  for (;;) {
    ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {  // the descriptors went with the first byte
      return send_all(fd, static_cast<const char*>(bytes) + sent, n - static_cast<std::size_t>(sent),
                      deadline);
    }
    if (errno == EPIPE || errno == ECONNRESET) return Error::closed;
    if (errno != EAGAIN && errno != EINTR) return {Error::system, errno};
    if (Status ready = wait_for(fd, POLLOUT, deadline); !ready) return ready;
  }
}

Status receive_with_descriptors(int fd, void* bytes, std::size_t n, Fd* descriptors, int count,
                                Deadline deadline) {
  if (count > max_descriptors) return Error::too_large;
  char* at = static_cast<char*>(bytes);
  int received = 0;
  while (n > 0) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * max_descriptors)] = {};
    iovec part{at, n};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t got = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got == 0) return Error::closed;
    if (got < 0) {
      if (errno == ECONNRESET) return Error::closed;
      if (errno != EAGAIN && errno != EINTR) return {Error::system, errno};
      if (Status ready = wait_for(fd, POLLIN, deadline); !ready) return ready;
      continue;
    }
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
      std::size_t here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < here; ++i) {
        int descriptor = -1;
        std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
        Fd owned(descriptor);
        if (received < count) descriptors[received++] = static_cast<Fd&&>(owned);
      }
    }
    at += got;
    n -= static_cast<std::size_t>(got);
  }
  return Nothing{};
}

}  // namespace vcuda::transport
