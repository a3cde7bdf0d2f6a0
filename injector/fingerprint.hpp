// A short fingerprint of a text: finds edits by hand, defends against nobody.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace vcuda::injector {

// FNV-1a, 64 bits (offset basis and prime of the algorithm), as 16 hexadecimal digits.
inline std::string fingerprint(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  char out[17];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(hash));
  return out;
}

}  // namespace vcuda::injector
