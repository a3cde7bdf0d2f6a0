#include "runtime-libs/softgpu/driver/stream.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace vcuda::softgpu {

struct Stream::Queue {
  std::mutex lock;
  std::condition_variable changed;
  std::deque<std::function<void()>> waiting;
  uint64_t submitted = 0;
  uint64_t completed = 0;
  bool started = false;
  bool closed = false;
};

Stream::Stream(Kind kind, int priority, uint64_t id, std::weak_ptr<Context> context)
    : kind_(kind),
      priority_(priority),
      id_(id),
      context_(std::move(context)),
      queue_(std::make_shared<Queue>()) {}

Stream::~Stream() {
  {
    const std::scoped_lock hold(queue_->lock);
    queue_->closed = true;
  }
  queue_->changed.notify_all();
}

void Stream::work_through(std::shared_ptr<Queue> queue) {
  std::unique_lock hold(queue->lock);
  for (;;) {
    queue->changed.wait(hold, [&] { return queue->closed || !queue->waiting.empty(); });
    if (queue->waiting.empty()) return;
    std::function<void()> work = std::move(queue->waiting.front());
    queue->waiting.pop_front();
    hold.unlock();
    work();
    // What the work holds is let go before it counts as done.
    work = nullptr;
    hold.lock();
    ++queue->completed;
    queue->changed.notify_all();
  }
}

uint64_t Stream::submit(std::function<void()> work) {
  std::unique_lock hold(queue_->lock);
  queue_->waiting.push_back(std::move(work));
  const uint64_t ticket = ++queue_->submitted;
  if (!queue_->started) {
    queue_->started = true;
    std::thread(work_through, queue_).detach();
  }
  hold.unlock();
  queue_->changed.notify_all();
  return ticket;
}

uint64_t Stream::last() const {
  const std::scoped_lock hold(queue_->lock);
  return queue_->submitted;
}

bool Stream::done(uint64_t ticket) const {
  const std::scoped_lock hold(queue_->lock);
  return queue_->completed >= ticket;
}

void Stream::wait(uint64_t ticket) const {
  std::unique_lock hold(queue_->lock);
  queue_->changed.wait(hold, [&] { return queue_->completed >= ticket; });
}

}  // namespace vcuda::softgpu
