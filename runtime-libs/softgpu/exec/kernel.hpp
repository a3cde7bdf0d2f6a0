// A decoded kernel: position-independent, so that one copy serves every context a library is loaded in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime-libs/softgpu/exec/warp.hpp"
#include "runtime-libs/softgpu/ptx/syntax.hpp"

namespace vcuda::softgpu {

// Special registers that do not change while a thread runs (PTX ISA 9.0, section 10).
// clang-format off
enum class Special : uint8_t {
  tid_x, tid_y, tid_z, ntid_x, ntid_y, ntid_z, ctaid_x, ctaid_y, ctaid_z, nctaid_x, nctaid_y, nctaid_z,
  laneid, warpid, nwarpid, smid, nsmid, gridid,
  lanemask_eq, lanemask_le, lanemask_lt, lanemask_ge, lanemask_gt,
  dynamic_smem_size, total_smem_size, zero,
};

// clang-format on

// A row to fill with the same value in every lane before the kernel starts.
struct Constant {
  uint32_t row;
  uint8_t width;  // bytes: 2, 4 or 8; 0 for a predicate mask
  uint64_t bits;
  std::string symbol;  // a module variable whose address is added at load; empty for none
};

struct SpecialRow {
  uint32_t row;
  uint8_t width;  // bytes
  Special special;
};

struct KernelParameter {
  uint32_t offset;
  uint32_t size;
};

struct Kernel {
  std::string name;
  std::vector<Instr> code;
  std::vector<int> lines;  // of the PTX text, one an instruction
  std::vector<Constant> constants;
  std::vector<SpecialRow> specials;
  std::vector<KernelParameter> parameters;
  uint32_t parameter_bytes = 0;
  uint32_t register_bytes = 0;  // of one warp
  uint32_t register_count = 0;  // 32-bit registers a thread uses, as an attribute tells
  uint32_t shared_bytes = 0;    // without the dynamic part
  uint32_t local_bytes = 0;     // of one thread
  uint32_t constant_bytes = 0;
  uint32_t max_threads[3] = {0, 0, 0};
  uint32_t required_threads[3] = {0, 0, 0};
  unsigned isa_version = 0;  // 90 for PTX 9.0
  unsigned target = 0;       // 75 for sm_75
};

// Describes a fault of the kernel in one line: what, where in the PTX, at which address.
std::string describe(const Kernel& kernel, const Fault& fault);

}  // namespace vcuda::softgpu
