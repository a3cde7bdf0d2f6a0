// Any text as PTX, or as the body of a kernel that has registers, parameters and shared memory: parsed,
// decoded, and what decodes is run for a little while. Nothing may crash or leave its memory.
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "runtime-libs/softgpu/exec/block.hpp"
#include "runtime-libs/softgpu/image/program.hpp"

namespace {

std::string text_of(const char* data, size_t size) {
  if (size == 0 || data[0] % 4 == 0) return std::string(data, size);
  return R"(.version 9.0
.target sm_75
.address_size 64
.global .align 8 .b8 g[64];
.extern .shared .align 16 .b8 e[];
.visible .entry k(.param .u64 p, .param .u32 q, .param .align 4 .b8 r[12]) {
.reg .pred %p<4>; .reg .b16 %h<4>; .reg .b32 %r<8>; .reg .b64 %d<8>; .reg .f32 %f<4>; .reg .f64 %g<4>;
.shared .align 4 .b8 s[64]; .local .align 8 .b8 l[32];
mov.u32 %r0, %tid.x; mov.u64 %d0, l; mov.u32 %r1, s; and.b32 %r2, %r0, 1; setp.eq.u32 %p0, %r2, 0;
)" + std::string(data + 1, size - 1) +
         "\n}";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vcuda::softgpu;
  const auto program = program_of(text_of(reinterpret_cast<const char*>(data), size));
  if (!program) return 0;
  AllocationMap memory;
  // Set from the start: a kernel without end is left after its first slices.
  const std::atomic<bool> cancelled{true};
  for (const auto& kernel : (*program)->kernels) {
    if (kernel->register_bytes > (1u << 20) || kernel->shared_bytes > (1u << 20)) continue;
    Launch launch;
    launch.code = {kernel, kernel->constants};
    launch.block[0] = 40;
    launch.parameters.resize(kernel->parameter_bytes);
    launch.memory = &memory;
    launch.cancelled = &cancelled;
    BlockRunner(launch, 0).run(0);
  }
  return 0;
}
