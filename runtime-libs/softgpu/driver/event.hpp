// An event and the marks it leaves in streams. Recording again makes a new mark; whoever waits for the old
// one still may.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

namespace vcuda::softgpu {

class Context;

// A place in a stream that is reached once.
class Mark {
 public:
  using Clock = std::chrono::steady_clock;

  void reach();
  bool reached() const;
  void wait() const;
  // When it was reached; nullopt before.
  std::optional<Clock::time_point> time() const;

 private:
  mutable std::mutex lock_;
  mutable std::condition_variable reached_;
  std::optional<Clock::time_point> time_;
};

struct Event {
  unsigned flags = 0;  // CU_EVENT_*
  std::weak_ptr<Context> context;
  std::mutex lock;
  std::shared_ptr<Mark> latest;  // null until recorded; guarded by lock

  std::shared_ptr<Mark> mark() {
    const std::scoped_lock hold(lock);
    return latest;
  }
};

}  // namespace vcuda::softgpu
