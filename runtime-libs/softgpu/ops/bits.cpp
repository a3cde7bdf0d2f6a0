// Logic, shifts and bit counting (PTX ISA 9.0, sections 9.7.1 and 9.7.8).
#include <bit>

#include "runtime-libs/softgpu/ops/decode.hpp"
#include "runtime-libs/softgpu/ops/lane_type.hpp"

namespace vcuda::softgpu::ops {
namespace {

using ptx::Decoder;
using ptx::Instruction;
using ptx::Modifiers;
using ptx::Type;

struct And {
  template <typename T>
  static T apply(T a, T b) {
    return static_cast<T>(a & b);
  }
};
struct Or {
  template <typename T>
  static T apply(T a, T b) {
    return static_cast<T>(a | b);
  }
};
struct Xor {
  template <typename T>
  static T apply(T a, T b) {
    return static_cast<T>(a ^ b);
  }
};
struct Not {
  template <typename T>
  static T apply(T a) {
    return static_cast<T>(~a);
  }
};
struct Cnot {
  template <typename T>
  static T apply(T a) {
    return a == 0 ? 1 : 0;
  }
};
struct Reverse {
  template <typename T>
  static T apply(T a) {
    T out = 0;
    for (unsigned i = 0; i < 8 * sizeof(T); ++i) out = static_cast<T>(out << 1 | (a >> i & 1));
    return out;
  }
};
struct Lop3 {
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t c, unsigned table) {
    uint32_t out = 0;
    for (unsigned i = 0; i < 8; ++i) {
      if ((table >> i & 1) == 0) continue;
      out |= ((i & 4) != 0 ? a : ~a) & ((i & 2) != 0 ? b : ~b) & ((i & 1) != 0 ? c : ~c);
    }
    return out;
  }
};

// Shift amounts are 32 bits whatever is shifted, and clamp at its width.
template <typename T>
Step shift_left(Warp& warp, const Instr& in, uint32_t mask) {
  T* d = warp.at<T>(in.d);
  const T* a = warp.at<T>(in.a);
  const uint32_t* b = warp.at<uint32_t>(in.b);
  for_lanes(mask, [=](unsigned lane) {
    const uint32_t n = b[lane];
    d[lane] = n < 8 * sizeof(T) ? static_cast<T>(static_cast<Wrapping<T>>(a[lane]) << n) : T{0};
  });
  return Step::next;
}

template <typename T>
Step shift_right(Warp& warp, const Instr& in, uint32_t mask) {
  T* d = warp.at<T>(in.d);
  const T* a = warp.at<T>(in.a);
  const uint32_t* b = warp.at<uint32_t>(in.b);
  constexpr uint32_t bits = 8 * sizeof(T);
  for_lanes(mask, [=](unsigned lane) {
    const uint32_t n = b[lane];
    if constexpr (std::is_signed_v<T>) {
      d[lane] = static_cast<T>(a[lane] >> (n < bits ? n : bits - 1));
    } else {
      d[lane] = n < bits ? static_cast<T>(a[lane] >> n) : T{0};
    }
  });
  return Step::next;
}

template <bool left, bool wrap>
Step funnel(Warp& warp, const Instr& in, uint32_t mask) {
  uint32_t* d = warp.at<uint32_t>(in.d);
  const uint32_t* low = warp.at<uint32_t>(in.a);
  const uint32_t* high = warp.at<uint32_t>(in.b);
  const uint32_t* amount = warp.at<uint32_t>(in.c);
  for_lanes(mask, [=](unsigned lane) {
    const uint32_t n = wrap ? amount[lane] & 31 : std::min(amount[lane], 32u);
    const uint64_t both = uint64_t{high[lane]} << 32 | low[lane];
    d[lane] = static_cast<uint32_t>(left ? both << n >> 32 : both >> n);
  });
  return Step::next;
}

template <typename T>
Step count_ones(Warp& warp, const Instr& in, uint32_t mask) {
  uint32_t* d = warp.at<uint32_t>(in.d);
  const T* a = warp.at<T>(in.a);
  for_lanes(mask, [=](unsigned lane) { d[lane] = static_cast<uint32_t>(std::popcount(a[lane])); });
  return Step::next;
}

template <typename T>
Step count_leading(Warp& warp, const Instr& in, uint32_t mask) {
  uint32_t* d = warp.at<uint32_t>(in.d);
  const T* a = warp.at<T>(in.a);
  for_lanes(mask, [=](unsigned lane) { d[lane] = static_cast<uint32_t>(std::countl_zero(a[lane])); });
  return Step::next;
}

Step lop3(Warp& warp, const Instr& in, uint32_t mask) {
  uint32_t* d = warp.at<uint32_t>(in.d);
  const uint32_t* a = warp.at<uint32_t>(in.a);
  const uint32_t* b = warp.at<uint32_t>(in.b);
  const uint32_t* c = warp.at<uint32_t>(in.c);
  const auto table = static_cast<unsigned>(in.imm);
  for_lanes(mask, [=](unsigned lane) { d[lane] = Lop3::apply(a[lane], b[lane], c[lane], table); });
  return Step::next;
}

// Predicates are masks: their logic is one operation for all lanes.
template <typename Op>
Step predicate_logic(Warp& warp, const Instr& in, uint32_t mask) {
  const uint32_t a = warp.predicate(in.a) ^ in.e[0];
  const uint32_t b = warp.predicate(in.b) ^ in.e[1];
  uint32_t& d = warp.predicate(in.d);
  d = (d & ~mask) | (Op::apply(a, b) & mask);
  return Step::next;
}

bool predicate_operand(Decoder& decoder, const ptx::Operand& operand, uint32_t& row, uint32_t& flip) {
  bool negated = false;
  if (!decoder.predicate(operand, row, negated)) return false;
  flip = negated ? all_lanes : 0;
  return true;
}

template <typename Op>
bool decode_logic(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type == Type::pred) {
    out.run = predicate_logic<Op>;
    return decoder.expect_operands(instruction, 3) &&
           decoder.destination(instruction.operands[0], type, out.d) &&
           predicate_operand(decoder, instruction.operands[1], out.a, out.e[0]) &&
           predicate_operand(decoder, instruction.operands[2], out.b, out.e[1]);
  }
  return three(decoder, instruction, type, out) &&
         need(decoder,
              with_integer(type,
                           []<typename T>(Tag<T>) -> Handler { return binary<std::make_unsigned_t<T>, Op>; }),
              out);
}

template <typename Op, bool predicates>
bool decode_not(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (predicates && type == Type::pred) {
    out.run = predicate_logic<Xor>;
    out.b = decoder.constant_mask(all_lanes);
    return decoder.expect_operands(instruction, 2) &&
           decoder.destination(instruction.operands[0], type, out.d) &&
           predicate_operand(decoder, instruction.operands[1], out.a, out.e[0]);
  }
  return two(decoder, instruction, type, out) &&
         need(decoder,
              with_integer(type,
                           []<typename T>(Tag<T>) -> Handler { return unary<std::make_unsigned_t<T>, Op>; }),
              out);
}

template <bool left>
bool decode_shift(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  return one_type(decoder, modifiers, type) && decoder.expect_operands(instruction, 3) &&
         decoder.destination(instruction.operands[0], type, out.d) &&
         decoder.source(instruction.operands[1], type, out.a) &&
         decoder.source(instruction.operands[2], Type::u32, out.b) &&
         need(decoder,
              with_integer(
                  type, []<typename T>(Tag<T>) -> Handler { return left ? shift_left<T> : shift_right<T>; }),
              out);
}

bool decode_funnel(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  const bool left = modifiers.take("l");
  if (!left && !modifiers.take("r")) return decoder.unsupported(".l or .r is missing");
  const bool wrap = modifiers.take("wrap");
  if (!wrap && !modifiers.take("clamp")) return decoder.unsupported(".wrap or .clamp is missing");
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type != Type::b32) return decoder.unsupported("not for this type");
  out.run = left ? (wrap ? funnel<true, true> : funnel<true, false>)
                 : (wrap ? funnel<false, true> : funnel<false, false>);
  return four(decoder, instruction, type, out);
}

enum class Count : uint8_t { ones, leading };

template <Count count>
bool decode_count(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type == Type::b32) {
    out.run = count == Count::ones ? count_ones<uint32_t> : count_leading<uint32_t>;
  } else if (type == Type::b64) {
    out.run = count == Count::ones ? count_ones<uint64_t> : count_leading<uint64_t>;
  } else {
    return decoder.unsupported("not for this type");
  }
  return decoder.expect_operands(instruction, 2) &&
         decoder.destination(instruction.operands[0], Type::u32, out.d) &&
         decoder.source(instruction.operands[1], type, out.a);
}

bool decode_reverse(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type != Type::b32 && type != Type::b64) return decoder.unsupported("not for this type");
  out.run = type == Type::b32 ? unary<uint32_t, Reverse> : unary<uint64_t, Reverse>;
  return two(decoder, instruction, type, out);
}

bool decode_lop3(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type != Type::b32) return decoder.unsupported("not for this type");
  if (!decoder.expect_operands(instruction, 5)) return false;
  const ptx::Operand& table = instruction.operands[4];
  if (table.kind != ptx::Operand::Kind::integer || table.bits > 0xff)
    return decoder.unsupported("the table must be 0..255");
  out.run = lop3;
  out.imm = static_cast<int64_t>(table.bits);
  return decoder.destination(instruction.operands[0], type, out.d) &&
         decoder.source(instruction.operands[1], type, out.a) &&
         decoder.source(instruction.operands[2], type, out.b) &&
         decoder.source(instruction.operands[3], type, out.c);
}

constexpr Opcode opcodes[] = {
    {"and", Operands::any, decode_logic<And>},
    {"or", Operands::any, decode_logic<Or>},
    {"xor", Operands::any, decode_logic<Xor>},
    {"not", Operands::any, decode_not<Not, true>},
    {"cnot", Operands::any, decode_not<Cnot, false>},
    {"shl", Operands::any, decode_shift<true>},
    {"shr", Operands::any, decode_shift<false>},
    {"shf", Operands::any, decode_funnel},
    {"popc", Operands::any, decode_count<Count::ones>},
    {"clz", Operands::any, decode_count<Count::leading>},
    {"brev", Operands::any, decode_reverse},
    {"lop3", Operands::any, decode_lop3},
};

}  // namespace

std::span<const Opcode> bit_opcodes() { return opcodes; }

}  // namespace vcuda::softgpu::ops
