// A point in time by which a wait ends, on the monotonic clock.
#pragma once
#include <cstdint>
#include <ctime>

namespace vcuda::transport {

inline std::int64_t now_ms() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1'000'000;
}

class Deadline {
 public:
  static Deadline in_ms(std::int64_t ms) { return Deadline(now_ms() + ms); }

  // Milliseconds left, at least 0; what poll(2) wants.
  int left_ms() const {
    std::int64_t left = end_ms_ - now_ms();
    if (left < 0) return 0;
    return left > 1'000'000'000 ? 1'000'000'000 : static_cast<int>(left);
  }
  bool passed() const { return left_ms() == 0; }

 private:
  explicit Deadline(std::int64_t end_ms) : end_ms_(end_ms) {}
  std::int64_t end_ms_;
};

}  // namespace vcuda::transport
