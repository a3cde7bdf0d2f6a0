// The baselines: what a TCP connection on loopback does with nothing on top of it. Each starts a peer process
// of its own and ends it.
#pragma once
#include <sys/types.h>
#include <cstddef>
#include <memory>

namespace vcuda::bench {

// A peer that answers each request of `request_bytes` with `reply_bytes`.
class RawPeer {
 public:
  RawPeer(std::size_t request_bytes, std::size_t reply_bytes);
  ~RawPeer();
  RawPeer(const RawPeer&) = delete;

  void exchange();

 private:
  std::size_t request_bytes_;
  std::size_t reply_bytes_;
  int fd_ = -1;
  pid_t peer_ = -1;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace vcuda::bench
