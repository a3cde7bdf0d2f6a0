// The real streams behind CU_STREAM_PER_THREAD: one for each client thread and context, made at first use.
// The worker's own threads serve many client threads, so the driver's notion of a per-thread stream cannot be
// used.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>

#include "runtime-libs/server/driver.hpp"

namespace vcuda::server {

class ThreadStreams {
 public:
  explicit ThreadStreams(const Driver& driver) : driver_(driver) {}

  // The context is current.
  CUresult find(std::uint32_t thread, std::uint64_t context, CUstream& stream);
  // The client thread ended; its streams are destroyed once their work is done, as cuStreamDestroy does.
  void forget(std::uint32_t thread);
  // The context was destroyed or reset, its streams with it.
  void forget_context(std::uint64_t context);

 private:
  const Driver& driver_;
  std::mutex mutex_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, CUstream> streams_;
};

}  // namespace vcuda::server
