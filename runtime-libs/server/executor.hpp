// One thread that runs the blocking calls of one client thread, in order. A call that blocks here stops
// nobody else.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace vcuda::server {

class Executor {
 public:
  Executor() : thread_([this] { run(); }) {}
  // Finishes what is queued.
  ~Executor();
  Executor(const Executor&) = delete;

  void push(std::function<void()> job);

  // Jobs pushed whose effect is not complete. A job says `finish_one` when it is, before it tells anybody: whoever hears of
  // it may then rely on what comes next not being queued behind it.
  std::size_t unfinished() const { return unfinished_.load(std::memory_order_acquire); }
  void finish_one() { unfinished_.fetch_sub(1, std::memory_order_release); }

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  std::atomic<std::size_t> unfinished_{0};
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace vcuda::server
