#include "runtime-libs/softgpu/driver/event.hpp"

namespace vcuda::softgpu {

void Mark::reach() {
  {
    const std::scoped_lock hold(lock_);
    time_ = Clock::now();
  }
  reached_.notify_all();
}

bool Mark::reached() const {
  const std::scoped_lock hold(lock_);
  return time_.has_value();
}

void Mark::wait() const {
  std::unique_lock hold(lock_);
  reached_.wait(hold, [&] { return time_.has_value(); });
}

std::optional<Mark::Clock::time_point> Mark::time() const {
  const std::scoped_lock hold(lock_);
  return time_;
}

}  // namespace vcuda::softgpu
