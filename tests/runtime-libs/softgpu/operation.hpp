// Runs one instruction over many operands at once: each thread has a set of its own.
#pragma once

#include <string>
#include <vector>

#include "tests/runtime-libs/softgpu/machine.hpp"

namespace vcuda::softgpu {

struct Operands {
  uint64_t a = 0;
  uint64_t b = 0;
  uint64_t c = 0;
};

// What kind of register an operand or a result has: "b16", "b32", "b64" or "pred".
struct Spelling {
  std::string instruction;  // "add.s32 D, A, B;" with D, A, B, C for the operands
  std::string d = "b32";
  std::string a = "b32";
  std::string b = "b32";
  std::string c = "b32";
};

// Returns the result bits for each set; a predicate gives 1 or 0.
inline std::vector<uint64_t> results(const Spelling& spelling, std::vector<Operands> sets) {
  const auto load = [](const std::string& kind, const std::string& name, int offset) {
    const std::string place = "[%rd1+" + std::to_string(offset) + "]";
    if (kind == "pred") return "ld.global.u32 %w, " + place + "; setp.ne.u32 " + name + ", %w, 0;";
    return "ld.global." + kind + " " + name + ", " + place + ";";
  };
  std::string text =
      module_head +
      ".entry k(.param .u64 in, .param .u64 out) {\n.reg .b32 %w; .reg .b64 %rd<5>; .reg .b64 %wide;\n";
  text += ".reg ." + spelling.d + " D; .reg ." + spelling.a + " A; .reg ." + spelling.b + " B; .reg ." +
          spelling.c + " C;\n";
  text +=
      "ld.param.u64 %rd1, [in]; ld.param.u64 %rd2, [out]; mov.u32 %w, %ctaid.x; mov.u32 %wide_index, "
      "%ntid.x;\n";
  text.replace(text.find(".reg .b64 %wide;"), 16, ".reg .b32 %wide_index, %thread;");
  text += "mov.u32 %thread, %tid.x; mad.lo.u32 %thread, %w, %wide_index, %thread;\n";
  text += "mad.wide.u32 %rd1, %thread, 24, %rd1; mad.wide.u32 %rd2, %thread, 8, %rd2;\n";
  text += load(spelling.a, "A", 0) + load(spelling.b, "B", 8) + load(spelling.c, "C", 16) + "\n";
  text += spelling.instruction + "\n";
  text += spelling.d == "pred" ? "selp.u32 %w, 1, 0, D; st.global.u32 [%rd2], %w;"
                               : "st.global." + spelling.d + " [%rd2], D;";
  text += "\nret; }";
  constexpr size_t threads = 64;
  const size_t wanted = sets.size();
  const size_t blocks = (wanted + threads - 1) / threads;
  sets.resize(blocks * threads);
  std::vector<uint64_t> out(sets.size());
  Machine machine(text);
  const Fault fault =
      machine.run("k", static_cast<unsigned>(blocks), threads, machine.reach(sets), machine.reach(out));
  EXPECT_EQ(fault.code, CUDA_SUCCESS) << spelling.instruction << ": " << fault.what;
  out.resize(wanted);
  return out;
}

}  // namespace vcuda::softgpu
