#include "runtime-libs/softgpu/ops/opcode.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

namespace vcuda::softgpu::ops {
namespace {

using Rows = std::unordered_map<std::string_view, std::vector<const Opcode*>>;

Rows all_rows() {
  Rows rows;
  for (const std::span<const Opcode> family :
       {integer_opcodes(), bit_opcodes(), carry_opcodes(), field_opcodes(), float_opcodes(),
        transcendental_opcodes(), compare_opcodes(), convert_opcodes(), move_opcodes(), memory_opcodes(),
        atomic_opcodes(), control_opcodes(), warp_opcodes()}) {
    for (const Opcode& opcode : family) rows[opcode.name].push_back(&opcode);
  }
  return rows;
}

bool works_on_floats(const ptx::Instruction& instruction) {
  return std::ranges::any_of(instruction.modifiers, [](std::string_view modifier) {
    const auto type = ptx::type_named(modifier);
    return type && ptx::is_float(*type);
  });
}

}  // namespace

const Opcode* find_opcode(const ptx::Instruction& instruction) {
  // Never destroyed: kernels are loaded also while the process exits.
  static const Rows& rows = *new Rows(all_rows());
  const auto found = rows.find(instruction.opcode);
  if (found == rows.end()) return nullptr;
  const Operands wanted = works_on_floats(instruction) ? Operands::floats : Operands::integers;
  for (const Opcode* opcode : found->second) {
    if (opcode->operands == Operands::any || opcode->operands == wanted) return opcode;
  }
  return nullptr;
}

}  // namespace vcuda::softgpu::ops
