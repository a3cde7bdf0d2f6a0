// The instruction set as tables, one a family. A new opcode is a row and a handler; an opcode without a row
// is refused at load by its name and line.
#pragma once

#include <span>
#include <string_view>

#include "runtime-libs/softgpu/ptx/decoder.hpp"

namespace vcuda::softgpu::ops {

// Which of the rows with one name is meant: add.s32 and add.f32 belong to different families.
enum class Operands : uint8_t { any, integers, floats };

// Fills everything but the guard of out. Returns false after telling the decoder why not.
using Decode = bool (*)(ptx::Decoder& decoder, const ptx::Instruction& instruction, Instr& out);

struct Opcode {
  std::string_view name;
  Operands operands;
  Decode decode;
};

std::span<const Opcode> integer_opcodes();
std::span<const Opcode> bit_opcodes();
std::span<const Opcode> field_opcodes();
std::span<const Opcode> carry_opcodes();
std::span<const Opcode> float_opcodes();
std::span<const Opcode> transcendental_opcodes();
std::span<const Opcode> compare_opcodes();
std::span<const Opcode> convert_opcodes();
std::span<const Opcode> move_opcodes();
std::span<const Opcode> memory_opcodes();
std::span<const Opcode> atomic_opcodes();
std::span<const Opcode> control_opcodes();
std::span<const Opcode> warp_opcodes();

// Finds the row for an instruction; null if the opcode has none.
const Opcode* find_opcode(const ptx::Instruction& instruction);

}  // namespace vcuda::softgpu::ops
