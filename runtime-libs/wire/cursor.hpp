// Bounded reading and writing of bytes. Neither can leave its buffer: the first step too far sets a flag that
// every later step sees, so a decoder checks once, at its end. Little-endian, as both ends are x86-64 or
// AArch64.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace vcuda::wire {

// Reads values out of a buffer it does not own.
class Reader {
 public:
  Reader() = default;
  explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  std::size_t left() const { return rest_.size(); }

  // The next n bytes, or nullptr where there are fewer. The pointer is as aligned as the buffer's content
  // happens to be.
  const std::byte* take(std::size_t n) {
    if (!ok_ || n > rest_.size()) {
      ok_ = false;
      return nullptr;
    }
    const std::byte* at = rest_.data();
    rest_ = rest_.subspan(n);
    return at;
  }

  template <class T>
  T get() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    if (const std::byte* at = take(sizeof value)) std::memcpy(&value, at, sizeof value);
    return value;
  }

  // A u32 length and that many bytes; empty and !ok() where the length exceeds `limit` or the buffer.
  std::string_view text(std::size_t limit) {
    std::uint32_t n = get<std::uint32_t>();
    if (n > limit) ok_ = false;
    const std::byte* at = take(n);
    return at ? std::string_view(reinterpret_cast<const char*>(at), n) : std::string_view{};
  }

  void fail() { ok_ = false; }

 private:
  std::span<const std::byte> rest_;
  bool ok_ = true;
};

// Writes values into a buffer it does not own.
class Writer {
 public:
  explicit Writer(std::span<std::byte> buffer) : buffer_(buffer) {}

  bool ok() const { return ok_; }
  std::span<const std::byte> written() const { return buffer_.first(used_); }
  std::size_t size() const { return used_; }

  void raw(const void* bytes, std::size_t n) {
    if (!ok_ || n > buffer_.size() - used_) {
      ok_ = false;
      return;
    }
    if (n) std::memcpy(buffer_.data() + used_, bytes, n);
    used_ += n;
  }

  template <class T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    raw(&value, sizeof value);
  }

  void text(std::string_view value) {
    put(static_cast<std::uint32_t>(value.size()));
    raw(value.data(), value.size());
  }

 private:
  std::span<std::byte> buffer_;
  std::size_t used_ = 0;
  bool ok_ = true;
};

}  // namespace vcuda::wire
