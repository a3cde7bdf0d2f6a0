// Control flow and block barriers (PTX ISA 9.0, sections 9.7.12 and 9.7.13).
#include <bit>

#include "runtime-libs/softgpu/ops/decode.hpp"
#include "runtime-libs/softgpu/ops/warp_barrier.hpp"

namespace vcuda::softgpu::ops {
namespace {

using ptx::Decoder;
using ptx::Instruction;
using ptx::Modifiers;
using ptx::Type;

Step branch(Warp& warp, const Instr& in, uint32_t mask) {
  const auto target = static_cast<uint32_t>(in.imm);
  if (mask == warp.active) {
    warp.pc = target;
    return Step::next;
  }
  if (mask == 0) return Step::next;
  warp.active &= ~mask;
  Group taken;
  taken.pc = target;
  taken.mask = mask;
  warp.add_group(taken);
  return Step::choose;
}

bool decode_bra(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  modifiers.take("uni");
  out.run = branch;
  out.imm = instruction.target;
  return nothing_left(decoder, modifiers);
}

Step leave(Warp& warp, const Instr&, uint32_t mask) { return end_threads(warp, mask); }

bool decode_exit(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  modifiers.take("uni");
  out.run = leave;
  return nothing_left(decoder, modifiers) && decoder.expect_operands(instruction, 0);
}

Step trap(Warp& warp, const Instr&, uint32_t mask) {
  return mask == 0 ? Step::next : fault(warp, CUDA_ERROR_ILLEGAL_INSTRUCTION, "trap");
}

bool decode_trap(Decoder& decoder, const Instruction& instruction, Instr& out) {
  out.run = trap;
  return decoder.expect_operands(instruction, 0);
}

Step nap(Warp& warp, const Instr&, uint32_t mask) {
  // Others may run meanwhile: that is what a kernel that sleeps waits for.
  return mask == 0 || warp.group_count == 0 ? Step::next : Step::choose;
}

bool decode_nanosleep(Decoder& decoder, const Instruction& instruction, Instr& out) {
  out.run = nap;
  return decoder.expect_operands(instruction, 1);
}

// a: row of the barrier's number, b: row of the thread count, e[0]: what kind, c and e[1]: the predicate of
// bar.red.
enum class Kind : uint32_t { sync, arrive, reduce_popc, reduce_and, reduce_or };

Step barrier(Warp& warp, const Instr& in, uint32_t mask) {
  if (mask == 0) return Step::next;
  const auto first = static_cast<unsigned>(std::countr_zero(mask));
  const uint32_t number = warp.at<uint32_t>(in.a)[first];
  const uint32_t count = warp.at<uint32_t>(in.b)[first];
  Block& block = *warp.block;
  if (number >= barrier_count)
    return fault(warp, CUDA_ERROR_ILLEGAL_INSTRUCTION, "a barrier beyond the 16 there are", number);
  Barrier& at = block.barriers[number];
  const auto kind = static_cast<Kind>(in.e[0]);
  at.expected = count;
  at.arrived += static_cast<unsigned>(std::popcount(mask));
  // A count names whole warps: the lanes that the last warp does not have count as if they came with the
  // rest.
  const unsigned in_warp = std::min(lane_count, block.thread_count - warp.index * lane_count);
  if (count != 0 && mask == warp.live) at.arrived += lane_count - in_warp;
  if (kind >= Kind::reduce_popc) {
    at.asked += static_cast<unsigned>(std::popcount(mask));
    at.holds += static_cast<unsigned>(std::popcount((warp.predicate(in.c) ^ in.e[1]) & mask));
  }
  if (kind == Kind::arrive) {
    release_barrier(block, number);
    return Step::next;
  }
  Group group;
  group.pc = warp.pc;
  group.mask = mask;
  group.state = Group::State::at_barrier;
  group.barrier = static_cast<uint8_t>(number);
  group.instr = &in;
  const Step step = park(warp, mask, group);
  release_barrier(block, number);
  return step;
}

bool decode_barrier(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  if (modifiers.take("warp")) return decode_warp_barrier(decoder, instruction, out);
  if (modifiers.take("cluster")) return decoder.unsupported("clusters are not supported");
  modifiers.take("cta");
  const bool arrive = modifiers.take("arrive");
  const bool reduce = !arrive && modifiers.take("red");
  if (!arrive && !reduce && !modifiers.take("sync"))
    return decoder.unsupported(".sync, .arrive or .red is missing");
  Kind kind = arrive ? Kind::arrive : Kind::sync;
  if (reduce) {
    kind = modifiers.take("popc")  ? Kind::reduce_popc
           : modifiers.take("and") ? Kind::reduce_and
                                   : Kind::reduce_or;
    if (kind == Kind::reduce_or && !modifiers.take("or"))
      return decoder.unsupported(".popc, .and or .or is missing");
    modifiers.take_type();
  }
  modifiers.take("aligned");
  if (!nothing_left(decoder, modifiers)) return false;
  out.run = barrier;
  out.e[0] = static_cast<uint32_t>(kind);
  const size_t first = reduce ? 1 : 0;
  const size_t last = instruction.operands.size() - (reduce && !instruction.operands.empty() ? 1 : 0);
  if (!decoder.expect_operands(instruction, reduce ? 3 : arrive ? 2 : 1, reduce ? 4 : 2)) return false;
  out.b = decoder.constant(4, 0);
  if (!decoder.source(instruction.operands[first], Type::u32, out.a)) return false;
  if (last - first == 2 && !decoder.source(instruction.operands[first + 1], Type::u32, out.b)) return false;
  if (!reduce) return true;
  bool negated = false;
  if (!decoder.predicate(instruction.operands[last], out.c, negated)) return false;
  out.e[1] = negated ? all_lanes : 0;
  return decoder.destination(instruction.operands[0], kind == Kind::reduce_popc ? Type::u32 : Type::pred,
                             out.d);
}

constexpr Opcode opcodes[] = {
    {"bra", Operands::any, decode_bra},     {"ret", Operands::any, decode_exit},
    {"exit", Operands::any, decode_exit},   {"trap", Operands::any, decode_trap},
    {"brkpt", Operands::any, decode_trap},  {"nanosleep", Operands::any, decode_nanosleep},
    {"bar", Operands::any, decode_barrier}, {"barrier", Operands::any, decode_barrier},
};

}  // namespace

std::span<const Opcode> control_opcodes() { return opcodes; }

void finish_barrier(Warp& warp, const Instr& in, uint32_t mask, const Barrier& result) {
  switch (static_cast<Kind>(in.e[0])) {
    case Kind::reduce_popc:
      for_lanes(mask, [&](unsigned lane) { warp.at<uint32_t>(in.d)[lane] = result.holds; });
      break;
    case Kind::reduce_and:
    case Kind::reduce_or: {
      const bool all = static_cast<Kind>(in.e[0]) == Kind::reduce_and;
      const bool value = all ? result.holds == result.asked : result.holds != 0;
      uint32_t& d = warp.predicate(in.d);
      d = (d & ~mask) | (value ? mask : 0);
      break;
    }
    default:
      break;
  }
}

}  // namespace vcuda::softgpu::ops
