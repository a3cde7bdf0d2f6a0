// Any bytes as a fatbin.
#include <cstdint>
#include <span>

#include "runtime-libs/softgpu/image/fatbin.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)vcuda::softgpu::ptx_in_fatbin(std::as_bytes(std::span(data, size)), 121);
  return 0;
}
