#include "runtime-libs/softgpu/calls/jit_options.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace vcuda::softgpu {
namespace {

int find(CUjit_option wanted, unsigned count, const CUjit_option* options) {
  for (unsigned i = 0; i < count && options != nullptr; ++i) {
    if (options[i] == wanted) return static_cast<int>(i);
  }
  return -1;
}

// The size goes in as the buffer's and comes out as what was written, in the pointer itself.
void write(const std::string& text, CUjit_option buffer, CUjit_option size, unsigned count,
           const CUjit_option* options, void** values) {
  const int at = find(buffer, count, options);
  const int length = find(size, count, options);
  if (values == nullptr || length < 0) return;
  const size_t room = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(values[length]));
  size_t written = 0;
  if (at >= 0 && values[at] != nullptr && room > 0) {
    written = std::min(text.size(), room - 1);
    std::memcpy(values[at], text.data(), written);
    static_cast<char*>(values[at])[written] = '\0';
  }
  values[length] = reinterpret_cast<void*>(written);
}

}  // namespace

void write_logs(const std::string& error, unsigned count, const CUjit_option* options, void** values) {
  write(error, CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, count, options, values);
  write({}, CU_JIT_INFO_LOG_BUFFER, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES, count, options, values);
}

}  // namespace vcuda::softgpu
