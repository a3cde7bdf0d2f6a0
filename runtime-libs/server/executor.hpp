// One thread that runs the blocking calls of one client thread, in order. A call that blocks here stops
// nobody else.
#pragma once
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

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace vcuda::server
