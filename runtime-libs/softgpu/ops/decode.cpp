#include "runtime-libs/softgpu/ops/decode.hpp"

namespace vcuda::softgpu::ops {

bool nothing_left(ptx::Decoder& decoder, const ptx::Modifiers& modifiers) {
  const std::string_view left = modifiers.left();
  return left.empty() || decoder.unsupported("." + std::string(left) + " is not supported");
}

bool one_type(ptx::Decoder& decoder, ptx::Modifiers& modifiers, ptx::Type& type) {
  const auto found = modifiers.take_type();
  if (!found) return decoder.unsupported("a type is missing");
  type = *found;
  return nothing_left(decoder, modifiers);
}

bool need(ptx::Decoder& decoder, Handler handler, Instr& out) {
  out.run = handler;
  return handler != nullptr || decoder.unsupported("not supported for this type");
}

bool two(ptx::Decoder& decoder, const ptx::Instruction& instruction, ptx::Type type, Instr& out) {
  return decoder.expect_operands(instruction, 2) &&
         decoder.destination(instruction.operands[0], type, out.d) &&
         decoder.source(instruction.operands[1], type, out.a);
}

bool three(ptx::Decoder& decoder, const ptx::Instruction& instruction, ptx::Type type, Instr& out) {
  return decoder.expect_operands(instruction, 3) &&
         decoder.destination(instruction.operands[0], type, out.d) &&
         decoder.source(instruction.operands[1], type, out.a) &&
         decoder.source(instruction.operands[2], type, out.b);
}

bool four(ptx::Decoder& decoder, const ptx::Instruction& instruction, ptx::Type type, Instr& out) {
  return decoder.expect_operands(instruction, 4) &&
         decoder.destination(instruction.operands[0], type, out.d) &&
         decoder.source(instruction.operands[1], type, out.a) &&
         decoder.source(instruction.operands[2], type, out.b) &&
         decoder.source(instruction.operands[3], type, out.c);
}

}  // namespace vcuda::softgpu::ops
