#include "runtime-libs/softgpu/exec/grid.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "runtime-libs/softgpu/exec/block.hpp"

namespace vcuda::softgpu {
namespace {

// A launch while its blocks are handed out.
struct Job {
  explicit Job(const Launch& of) : launch(of), blocks(of.blocks()) {}

  const Launch& launch;
  const uint64_t blocks;
  std::atomic<uint64_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex lock;
  std::condition_variable idle;
  unsigned helpers = 0;  // guarded by lock
  Fault fault;           // guarded by lock

  bool open() const {
    return !failed.load(std::memory_order_relaxed) && next.load(std::memory_order_relaxed) < blocks;
  }

  void work(unsigned processor) {
    if (!open()) return;
    BlockRunner runner(launch, processor % launch.multiprocessors);
    while (!failed.load(std::memory_order_relaxed)) {
      const uint64_t number = next.fetch_add(1, std::memory_order_relaxed);
      if (number >= blocks) return;
      const Fault result = runner.run(number);
      if (result.code == CUDA_SUCCESS) continue;
      const std::scoped_lock hold(lock);
      if (!failed.exchange(true)) fault = result;
    }
  }
};

// Threads that help whatever launch is under way. They live as long as the process: kernels may run until its
// very end.
class Helpers {
 public:
  Helpers() {
    const unsigned processors = std::max(1u, std::thread::hardware_concurrency());
    for (unsigned i = 1; i < processors; ++i) {
      std::thread([this, i] { loop(i); }).detach();
      ++count_;
    }
  }

  unsigned count() const { return count_; }

  void offer(const std::shared_ptr<Job>& job) {
    {
      const std::scoped_lock hold(lock_);
      jobs_.push_back(job);
    }
    wake_.notify_all();
  }

  void withdraw(const std::shared_ptr<Job>& job) {
    {
      const std::scoped_lock hold(lock_);
      std::erase(jobs_, job);
    }
    std::unique_lock hold(job->lock);
    job->idle.wait(hold, [&] { return job->helpers == 0; });
  }

 private:
  std::shared_ptr<Job> find() {
    for (const auto& job : jobs_) {
      if (job->open()) return job;
    }
    return nullptr;
  }

  void loop(unsigned processor) {
    std::unique_lock hold(lock_);
    for (;;) {
      std::shared_ptr<Job> job;
      wake_.wait(hold, [&] { return (job = find()) != nullptr; });
      {
        const std::scoped_lock count(job->lock);
        ++job->helpers;
      }
      hold.unlock();
      job->work(processor);
      {
        const std::scoped_lock count(job->lock);
        --job->helpers;
      }
      job->idle.notify_all();
      job.reset();
      hold.lock();
    }
  }

  std::mutex lock_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> jobs_;
  unsigned count_ = 0;
};

Helpers& helpers() {
  static Helpers& all = *new Helpers;
  return all;
}

}  // namespace

Fault run_grid(const Launch& launch) {
  const auto job = std::make_shared<Job>(launch);
  const bool share = job->blocks > 1 && helpers().count() > 0;
  if (share) helpers().offer(job);
  job->work(0);
  if (share) helpers().withdraw(job);
  const std::scoped_lock hold(job->lock);
  return job->fault;
}

}  // namespace vcuda::softgpu
