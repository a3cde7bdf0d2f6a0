#include "tests/bench/raw_socket.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "runtime-libs/transport/socket.hpp"
#include "runtime-libs/transport/stream.hpp"

namespace vcuda::bench {
namespace {

constexpr int patience_ms = 60000;

void must(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "runtime_bench: the raw baseline failed: %s\n", what);
  std::exit(1);
}

transport::Deadline soon() { return transport::Deadline::in_ms(patience_ms); }

}  // namespace

RawPeer::RawPeer(std::size_t request_bytes, std::size_t reply_bytes)
    : request_bytes_(request_bytes),
      reply_bytes_(reply_bytes),
      buffer_(new char[std::max(request_bytes, reply_bytes)]()) {
  auto listener = transport::listen_tcp("127.0.0.1", 0);
  must(static_cast<bool>(listener), "listen");
  peer_ = ::fork();
  must(peer_ >= 0, "fork");
  if (peer_ == 0) {
    auto fd = transport::accept_one(listener->get(), soon());
    while (fd && transport::receive_all(fd->get(), buffer_.get(), request_bytes_, soon()) &&
           transport::send_all(fd->get(), buffer_.get(), reply_bytes_, soon())) {
    }
    ::_exit(0);
  }
  auto fd = transport::connect_tcp("127.0.0.1", transport::local_port(listener->get()), soon());
  must(static_cast<bool>(fd), "connect");
  fd_ = fd->release();
}

RawPeer::~RawPeer() {
  ::close(fd_);
  ::waitpid(peer_, nullptr, 0);
}

void RawPeer::exchange() {
  must(static_cast<bool>(transport::send_all(fd_, buffer_.get(), request_bytes_, soon())), "send");
  must(static_cast<bool>(transport::receive_all(fd_, buffer_.get(), reply_bytes_, soon())), "receive");
}

}  // namespace vcuda::bench
