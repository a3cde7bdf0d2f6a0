// Failures of calls nobody waited for. Each is returned once: by the client thread's next call that waits, or
// by whoever synchronises the stream or context it happened in; never by a free or destroy.
#pragma once
#include <cstdint>
#include <mutex>
#include <vector>

#include "runtime-libs/api/driver_api.hpp"

namespace vcuda::server {

class Latches {
 public:
  struct Failure {
    std::uint32_t thread;
    std::uint64_t stream;  // as it travelled; 0 where the call named none
    std::uint64_t context;
    CUresult result;
  };

  // Keeps the first failure of each thread; a later one of the same thread is a consequence more often than
  // news.
  void add(const Failure& failure);

  // The failure a waiting call of this thread returns; CUDA_SUCCESS where there is none.
  CUresult take_for_thread(std::uint32_t thread);
  // Also failures of other threads in that stream, or in any stream of the context where stream is 0.
  CUresult take_for_sync(std::uint32_t thread, std::uint64_t stream, std::uint64_t context);

 private:
  template <class Matches>
  CUresult take(Matches matches);

  // Threads whose failure is still to be told; a client that never waits cannot make this grow.
  static constexpr std::size_t max_failures = 4096;

  std::mutex mutex_;
  std::vector<Failure> failures_;  // at most one a thread
};

}  // namespace vcuda::server
