// Steps that many opcodes' decoders share.
#pragma once

#include <string>

#include "runtime-libs/softgpu/ops/opcode.hpp"

namespace vcuda::softgpu::ops {

// Takes the one type of an instruction and refuses whatever modifier is left after it.
bool one_type(ptx::Decoder& decoder, ptx::Modifiers& modifiers, ptx::Type& type);
// Refuses a modifier that nobody took.
bool nothing_left(ptx::Decoder& decoder, const ptx::Modifiers& modifiers);
// Sets the handler, or refuses the type if there is none.
bool need(ptx::Decoder& decoder, Handler handler, Instr& out);
// "op d, a", "op d, a, b" and "op d, a, b, c" with all operands of one type.
bool two(ptx::Decoder& decoder, const ptx::Instruction& instruction, ptx::Type type, Instr& out);
bool three(ptx::Decoder& decoder, const ptx::Instruction& instruction, ptx::Type type, Instr& out);
bool four(ptx::Decoder& decoder, const ptx::Instruction& instruction, ptx::Type type, Instr& out);

}  // namespace vcuda::softgpu::ops
