// A stream: work done one piece after another on a thread of its own. Knows nothing of contexts or of what
// the work is.
#pragma once

#include "runtime-libs/api/driver_api.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace vcuda::softgpu {

class Context;

class Stream {
 public:
  enum class Kind : uint8_t {
    legacy,        // the NULL stream: waits for all blocking streams, and they for it
    blocking,      // cuStreamCreate, and each thread's default stream
    non_blocking,  // CU_STREAM_NON_BLOCKING
  };

  Stream(Kind kind, int priority, uint64_t id, std::weak_ptr<Context> context);
  // The work that is queued is still done.
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Queues the work and returns its ticket; tickets count up from 1. The first call starts the thread.
  uint64_t submit(std::function<void()> work);
  // The ticket of the last work queued, 0 if there was none.
  uint64_t last() const;
  bool done(uint64_t ticket) const;
  // Returns when the work with that ticket, and all before it, is done. Not from the stream's own work.
  void wait(uint64_t ticket) const;
  bool idle() const { return done(last()); }

  Kind kind() const { return kind_; }
  int priority() const { return priority_; }
  uint64_t id() const { return id_; }
  std::shared_ptr<Context> context() const { return context_.lock(); }

 private:
  struct Queue;
  static void work_through(std::shared_ptr<Queue> queue);

  const Kind kind_;
  const int priority_;
  const uint64_t id_;
  const std::weak_ptr<Context> context_;
  const std::shared_ptr<Queue> queue_;  // the thread holds it too, so it may outlive the stream
};

}  // namespace vcuda::softgpu
