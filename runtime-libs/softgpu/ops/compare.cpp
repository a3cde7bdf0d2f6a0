// Comparison and selection (PTX ISA 9.0, sections 9.7.6 and 9.7.7).
#include "runtime-libs/softgpu/ops/decode.hpp"
#include "runtime-libs/softgpu/ops/lane_type.hpp"
#include "runtime-libs/softgpu/ops/real.hpp"

namespace vcuda::softgpu::ops {
namespace {

using ptx::Decoder;
using ptx::Instruction;
using ptx::Modifiers;
using ptx::Operand;
using ptx::Type;

struct Eq {
  template <typename T>
  static bool apply(T a, T b) {
    return a == b;
  }
};
struct Ne {
  // Ordered for floats: false if either is NaN.
  template <typename T>
  static bool apply(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) return a < b || a > b;
    return a != b;
  }
};
struct Lt {
  template <typename T>
  static bool apply(T a, T b) {
    return a < b;
  }
};
struct Le {
  template <typename T>
  static bool apply(T a, T b) {
    return a <= b;
  }
};
struct Gt {
  template <typename T>
  static bool apply(T a, T b) {
    return a > b;
  }
};
struct Ge {
  template <typename T>
  static bool apply(T a, T b) {
    return a >= b;
  }
};
// True also if either is NaN.
template <typename Ordered>
struct Unordered {
  template <typename T>
  static bool apply(T a, T b) {
    return a != a || b != b || Ordered::apply(a, b);
  }
};
struct BothNumbers {
  template <typename T>
  static bool apply(T a, T b) {
    return a == a && b == b;
  }
};
struct AnyNan {
  template <typename T>
  static bool apply(T a, T b) {
    return a != a || b != b;
  }
};

enum class Combine : uint8_t { none, with_and, with_or, with_xor };

template <typename T, typename Op, bool ftz>
uint32_t compare(Warp& warp, const Instr& in) {
  const T* a = warp.at<T>(in.a);
  const T* b = warp.at<T>(in.b);
  // Bytes first, bits after: that way the comparison itself is a vector instruction.
  uint8_t hits[lane_count];
  VCUDA_LANES
  for (unsigned lane = 0; lane < lane_count; ++lane) {
    T x = a[lane];
    T y = b[lane];
    if constexpr (ftz) {
      x = flush(x);
      y = flush(y);
    }
    hits[lane] = Op::apply(x, y) ? 1 : 0;
  }
  uint32_t result = 0;
  for (unsigned lane = 0; lane < lane_count; ++lane) result |= uint32_t{hits[lane]} << lane;
  return result;
}

// e[0] turns the third predicate round; e[1] is the row of the second destination, e[2] whether there is one.
template <typename T, typename Op, bool ftz>
Step set_predicate(Warp& warp, const Instr& in, uint32_t mask) {
  const uint32_t hit = compare<T, Op, ftz>(warp, in);
  uint32_t p = hit;
  uint32_t q = ~hit;
  const uint32_t c = warp.predicate(in.c) ^ in.e[0];
  switch (static_cast<Combine>(in.imm)) {
    case Combine::none:
      break;
    case Combine::with_and:
      p &= c;
      q &= c;
      break;
    case Combine::with_or:
      p |= c;
      q |= c;
      break;
    case Combine::with_xor:
      p ^= c;
      q ^= c;
      break;
  }
  uint32_t& d = warp.predicate(in.d);
  d = (d & ~mask) | (p & mask);
  if (in.e[2] != 0) {
    uint32_t& second = warp.predicate(in.e[1]);
    second = (second & ~mask) | (q & mask);
  }
  return Step::next;
}

// set: all ones or zero, 1.0 or 0.0. e[1] is the value for true.
template <typename T, typename Op, bool ftz>
Step set_value(Warp& warp, const Instr& in, uint32_t mask) {
  uint32_t hit = compare<T, Op, ftz>(warp, in);
  const uint32_t c = warp.predicate(in.c) ^ in.e[0];
  switch (static_cast<Combine>(in.imm)) {
    case Combine::none:
      break;
    case Combine::with_and:
      hit &= c;
      break;
    case Combine::with_or:
      hit |= c;
      break;
    case Combine::with_xor:
      hit ^= c;
      break;
  }
  uint32_t* d = warp.at<uint32_t>(in.d);
  const uint32_t value = in.e[1];
  for_lanes(mask, [=](unsigned lane) { d[lane] = (hit >> lane & 1) != 0 ? value : 0; });
  return Step::next;
}

enum class Produces : uint8_t { predicate, value };

template <Produces produces, typename T, typename Op, bool ftz>
constexpr Handler comparer =
    produces == Produces::predicate ? set_predicate<T, Op, ftz> : set_value<T, Op, ftz>;

template <Produces produces, typename Op>
Handler for_integer(Type type) {
  return with_integer(type, []<typename T>(Tag<T>) -> Handler { return comparer<produces, T, Op, false>; });
}

template <Produces produces, typename Op>
Handler for_unsigned(Type type) {
  return with_integer(type, []<typename T>(Tag<T>) -> Handler {
    return comparer<produces, std::make_unsigned_t<T>, Op, false>;
  });
}

template <Produces produces, typename Op>
Handler for_float(Type type, bool ftz) {
  if (type == Type::f64) return comparer<produces, double, Op, false>;
  if (type != Type::f32) return nullptr;
  return ftz ? comparer<produces, float, Op, true> : comparer<produces, float, Op, false>;
}

template <Produces produces>
Handler pick(std::string_view op, Type type, bool ftz) {
  if (ptx::is_float(type)) {
    if (op == "eq") return for_float<produces, Eq>(type, ftz);
    if (op == "ne") return for_float<produces, Ne>(type, ftz);
    if (op == "lt") return for_float<produces, Lt>(type, ftz);
    if (op == "le") return for_float<produces, Le>(type, ftz);
    if (op == "gt") return for_float<produces, Gt>(type, ftz);
    if (op == "ge") return for_float<produces, Ge>(type, ftz);
    if (op == "equ") return for_float<produces, Unordered<Eq>>(type, ftz);
    if (op == "neu") return for_float<produces, Unordered<Ne>>(type, ftz);
    if (op == "ltu") return for_float<produces, Unordered<Lt>>(type, ftz);
    if (op == "leu") return for_float<produces, Unordered<Le>>(type, ftz);
    if (op == "gtu") return for_float<produces, Unordered<Gt>>(type, ftz);
    if (op == "geu") return for_float<produces, Unordered<Ge>>(type, ftz);
    if (op == "num") return for_float<produces, BothNumbers>(type, ftz);
    if (op == "nan") return for_float<produces, AnyNan>(type, ftz);
    return nullptr;
  }
  if (op == "eq") return for_integer<produces, Eq>(type);
  if (op == "ne") return for_integer<produces, Ne>(type);
  if (op == "lt") return for_integer<produces, Lt>(type);
  if (op == "le") return for_integer<produces, Le>(type);
  if (op == "gt") return for_integer<produces, Gt>(type);
  if (op == "ge") return for_integer<produces, Ge>(type);
  if (op == "lo") return for_unsigned<produces, Lt>(type);
  if (op == "ls") return for_unsigned<produces, Le>(type);
  if (op == "hi") return for_unsigned<produces, Gt>(type);
  if (op == "hs") return for_unsigned<produces, Ge>(type);
  return nullptr;
}

// The comparison stands first, then the combination, .ftz and the types.
template <Produces produces>
bool decode_compare(Decoder& decoder, const Instruction& instruction, Modifiers& modifiers, Type& destination,
                    Type& type, Instr& out) {
  const std::string_view op = modifiers.take_any();
  Combine combine = Combine::none;
  if (modifiers.take("and")) combine = Combine::with_and;
  if (modifiers.take("or")) combine = Combine::with_or;
  if (modifiers.take("xor")) combine = Combine::with_xor;
  const bool ftz = modifiers.take("ftz");
  if (produces == Produces::value) {
    const auto first = modifiers.take_type();
    if (!first) return decoder.unsupported("a type is missing");
    destination = *first;
  }
  if (!one_type(decoder, modifiers, type) || !need(decoder, pick<produces>(op, type, ftz), out)) return false;
  out.imm = static_cast<int64_t>(combine);
  if (!decoder.expect_operands(instruction, combine == Combine::none ? 3 : 4)) return false;
  if (!decoder.source(instruction.operands[1], type, out.a) ||
      !decoder.source(instruction.operands[2], type, out.b)) {
    return false;
  }
  out.c = decoder.constant_mask(all_lanes);
  if (combine == Combine::none) return true;
  bool negated = false;
  if (!decoder.predicate(instruction.operands[3], out.c, negated)) return false;
  out.e[0] = negated ? all_lanes : 0;
  return true;
}

bool decode_setp(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type destination{};
  Type type{};
  if (!decode_compare<Produces::predicate>(decoder, instruction, modifiers, destination, type, out))
    return false;
  const Operand& first = instruction.operands[0];
  if (first.kind != Operand::Kind::pair) return decoder.destination(first, Type::pred, out.d);
  out.e[2] = 1;
  return decoder.destination(first.parts[0], Type::pred, out.d) &&
         decoder.destination(first.parts[1], Type::pred, out.e[1]);
}

bool decode_set(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type destination{};
  Type type{};
  if (!decode_compare<Produces::value>(decoder, instruction, modifiers, destination, type, out)) return false;
  if (destination == Type::f32) {
    out.e[1] = std::bit_cast<uint32_t>(1.0f);
  } else if (destination == Type::u32 || destination == Type::s32) {
    out.e[1] = UINT32_MAX;
  } else {
    return decoder.unsupported("not supported for this type");
  }
  return decoder.destination(instruction.operands[0], destination, out.d);
}

template <typename T>
Step select(Warp& warp, const Instr& in, uint32_t mask) {
  T* d = warp.at<T>(in.d);
  const T* a = warp.at<T>(in.a);
  const T* b = warp.at<T>(in.b);
  const uint32_t choice = warp.predicate(in.c) ^ in.e[0];
  for_lanes(mask, [=](unsigned lane) { d[lane] = (choice >> lane & 1) != 0 ? a[lane] : b[lane]; });
  return Step::next;
}

bool decode_selp(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  if (!one_type(decoder, modifiers, type) || !decoder.expect_operands(instruction, 4)) return false;
  if (ptx::row_width(type) == 0 || ptx::size_of(type) < 2 || ptx::size_of(type) > 8)
    return decoder.unsupported("not for this type");
  bool negated = false;
  out.run = with_width(ptx::size_of(type), []<typename T>(Tag<T>) -> Handler { return select<T>; });
  if (!decoder.destination(instruction.operands[0], type, out.d) ||
      !decoder.source(instruction.operands[1], type, out.a) ||
      !decoder.source(instruction.operands[2], type, out.b) ||
      !decoder.predicate(instruction.operands[3], out.c, negated)) {
    return false;
  }
  out.e[0] = negated ? all_lanes : 0;
  return true;
}

// slct: a where c >= 0 (for f32 -0 counts as 0, NaN as less), else b.
template <typename T, typename C, bool ftz>
Step select_by_sign(Warp& warp, const Instr& in, uint32_t mask) {
  T* d = warp.at<T>(in.d);
  const T* a = warp.at<T>(in.a);
  const T* b = warp.at<T>(in.b);
  const C* c = warp.at<C>(in.c);
  for_lanes(mask, [=](unsigned lane) {
    C x = c[lane];
    if constexpr (ftz) x = flush(x);
    d[lane] = x >= 0 ? a[lane] : b[lane];
  });
  return Step::next;
}

bool decode_slct(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  const bool ftz = modifiers.take("ftz");
  const auto type = modifiers.take_type();
  Type by{};
  if (!type || !one_type(decoder, modifiers, by)) return decoder.unsupported("two types are needed");
  if (ptx::size_of(*type) < 2 || ptx::size_of(*type) > 8 || *type == Type::pred)
    return decoder.unsupported("not for this type");
  if (by == Type::s32) {
    out.run = with_width(ptx::size_of(*type),
                         []<typename T>(Tag<T>) -> Handler { return select_by_sign<T, int32_t, false>; });
  } else if (by == Type::f32) {
    out.run = with_width(ptx::size_of(*type), [ftz]<typename T>(Tag<T>) -> Handler {
      return ftz ? select_by_sign<T, float, true> : select_by_sign<T, float, false>;
    });
  } else {
    return decoder.unsupported("not for this type");
  }
  return decoder.expect_operands(instruction, 4) &&
         decoder.destination(instruction.operands[0], *type, out.d) &&
         decoder.source(instruction.operands[1], *type, out.a) &&
         decoder.source(instruction.operands[2], *type, out.b) &&
         decoder.source(instruction.operands[3], by, out.c);
}

constexpr Opcode opcodes[] = {
    {"setp", Operands::any, decode_setp},
    {"set", Operands::any, decode_set},
    {"selp", Operands::any, decode_selp},
    {"slct", Operands::any, decode_slct},
};

}  // namespace

std::span<const Opcode> compare_opcodes() { return opcodes; }

}  // namespace vcuda::softgpu::ops
