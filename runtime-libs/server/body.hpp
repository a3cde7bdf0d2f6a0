// Builds the body of a welcome: values, bytes and texts one after the other.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server {

class Body {
 public:
  template <class T>
  void put(const T& value) {
    raw(&value, sizeof value);
  }
  void raw(const void* bytes, std::size_t n) {
    auto at = static_cast<const std::byte*>(bytes);
    bytes_.insert(bytes_.end(), at, at + n);
  }
  // With the NUL counted in, cut to what the client accepts.
  void text(std::string value) {
    value.resize(std::min(value.size(), wire::max_message_bytes - 1));
    put(static_cast<std::uint32_t>(value.size() + 1));
    raw(value.c_str(), value.size() + 1);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace vcuda::server
