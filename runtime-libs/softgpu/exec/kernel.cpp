#include "runtime-libs/softgpu/exec/kernel.hpp"

#include <cinttypes>
#include <cstdio>

namespace vcuda::softgpu {

std::string describe(const Kernel& kernel, const Fault& fault) {
  const int line = fault.pc < kernel.lines.size() ? kernel.lines[fault.pc] : 0;
  char place[96];
  snprintf(place, sizeof place, "PTX line %d, address 0x%" PRIx64, line, fault.address);
  return "kernel " + kernel.name + ": " + fault.what + " (" + place + ")";
}

}  // namespace vcuda::softgpu
