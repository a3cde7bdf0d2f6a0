// Bytes whose size can change without touching them: a vector would write zeros over megabytes that a copy is
// about to fill. Keeps its capacity, so one that is reused stops allocating.
#pragma once
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

namespace vcuda::server {

class Bytes {
 public:
  std::byte* data() { return memory_.get(); }
  std::size_t size() const { return size_; }
  operator std::span<const std::byte>() const { return {memory_.get(), size_}; }

  void clear() { size_ = 0; }

  // New bytes are whatever was there before.
  void resize(std::size_t size) {
    if (size > capacity_) {
      std::size_t capacity = std::max(size, capacity_ * 2);
      auto grown = std::make_unique_for_overwrite<std::byte[]>(capacity);
      if (size_) std::memcpy(grown.get(), memory_.get(), size_);
      memory_ = std::move(grown);
      capacity_ = capacity;
    }
    size_ = size;
  }

  void append(const void* bytes, std::size_t n) {
    std::size_t at = size_;
    resize(size_ + n);
    if (n) std::memcpy(memory_.get() + at, bytes, n);
  }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace vcuda::server
