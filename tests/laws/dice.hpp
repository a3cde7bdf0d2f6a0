// A random source that gives the same numbers on every machine: laws must fail for everybody or for nobody.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>

namespace vcuda::tests {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  // 0 to n-1. (The standard's distributions differ between libraries, its engines do not.)
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
  // True once in n throws.
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class T>
  T of(std::initializer_list<T> choices) {
    return *(choices.begin() + static_cast<std::ptrdiff_t>(below(choices.size())));
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace vcuda::tests
