// Integer arithmetic (PTX ISA 9.0, section 9.7.1). All of it wraps; what C++ leaves undefined is spelled out.
#include <limits>

#include "runtime-libs/softgpu/ops/decode.hpp"
#include "runtime-libs/softgpu/ops/integer_product.hpp"
#include "runtime-libs/softgpu/ops/lane_type.hpp"

namespace vcuda::softgpu::ops {
namespace {

using ptx::Decoder;
using ptx::Instruction;
using ptx::Modifiers;
using ptx::Type;

struct Add {
  template <typename T>
  static T apply(T a, T b) {
    return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
  }
};
struct Sub {
  template <typename T>
  static T apply(T a, T b) {
    return static_cast<T>(static_cast<Wrapping<T>>(a) - static_cast<Wrapping<T>>(b));
  }
};
struct MulLo {
  template <typename T>
  static T apply(T a, T b) {
    return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
  }
};
struct MulHi {
  template <typename T>
  static T apply(T a, T b) {
    return high_product(a, b);
  }
};
struct Div {
  // By zero: what NVIDIA's devices give, all bits set. INT_MIN / -1 wraps.
  template <typename T>
  static T apply(T a, T b) {
    if (b == 0) return static_cast<T>(~T{0});
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return Sub::apply(T{0}, a);
    }
    return static_cast<T>(a / b);
  }
};
struct Rem {
  template <typename T>
  static T apply(T a, T b) {
    if (b == 0) return a;
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return 0;
    }
    return static_cast<T>(a % b);
  }
};
struct Min {
  template <typename T>
  static T apply(T a, T b) {
    return b < a ? b : a;
  }
};
struct Max {
  template <typename T>
  static T apply(T a, T b) {
    return a < b ? b : a;
  }
};
struct Neg {
  template <typename T>
  static T apply(T a) {
    return Sub::apply(T{0}, a);
  }
};
struct Abs {
  template <typename T>
  static T apply(T a) {
    return a < 0 ? Neg::apply(a) : a;
  }
};
struct AddSaturated {
  static int32_t apply(int32_t a, int32_t b) { return clamp(int64_t{a} + b); }
  static int32_t clamp(int64_t value) {
    return static_cast<int32_t>(std::min<int64_t>(std::max<int64_t>(value, INT32_MIN), INT32_MAX));
  }
};
struct SubSaturated {
  static int32_t apply(int32_t a, int32_t b) { return AddSaturated::clamp(int64_t{a} - b); }
};
struct MadLo {
  template <typename T>
  static T apply(T a, T b, T c) {
    return Add::apply(MulLo::apply(a, b), c);
  }
};
struct MadHi {
  template <typename T>
  static T apply(T a, T b, T c) {
    return Add::apply(MulHi::apply(a, b), c);
  }
};
struct MadHiSaturated {
  static int32_t apply(int32_t a, int32_t b, int32_t c) { return AddSaturated::apply(MulHi::apply(a, b), c); }
};
struct Mul24Lo {
  // The 24 low bits of each operand; the low 32 of the 48-bit product.
  static int32_t apply(int32_t a, int32_t b) { return MulLo::apply(low(a), low(b)); }
  static uint32_t apply(uint32_t a, uint32_t b) { return MulLo::apply(a & 0xffffff, b & 0xffffff); }
  static int32_t low(int32_t a) { return static_cast<int32_t>(static_cast<uint32_t>(a) << 8) >> 8; }
};
struct Mul24Hi {
  static int32_t apply(int32_t a, int32_t b) {
    return static_cast<int32_t>((int64_t{Mul24Lo::low(a)} * Mul24Lo::low(b)) >> 16);
  }
  static uint32_t apply(uint32_t a, uint32_t b) {
    return static_cast<uint32_t>((uint64_t{a & 0xffffff} * (b & 0xffffff)) >> 16);
  }
};
struct Mad24Lo {
  template <typename T>
  static T apply(T a, T b, T c) {
    return Add::apply(Mul24Lo::apply(a, b), c);
  }
};
struct Mad24Hi {
  template <typename T>
  static T apply(T a, T b, T c) {
    return Add::apply(Mul24Hi::apply(a, b), c);
  }
};
struct Sad {
  template <typename T>
  static T apply(T a, T b, T c) {
    return Add::apply(c, a < b ? Sub::apply(b, a) : Sub::apply(a, b));
  }
};

template <typename T, bool add>
Step wide(Warp& warp, const Instr& in, uint32_t mask) {
  using D = Double<T>;
  D* d = warp.at<D>(in.d);
  const T* a = warp.at<T>(in.a);
  const T* b = warp.at<T>(in.b);
  const D* c = warp.at<D>(in.c);
  for_lanes(mask, [=](unsigned lane) {
    const D product = static_cast<D>(static_cast<D>(a[lane]) * static_cast<D>(b[lane]));
    d[lane] = add ? Add::apply(product, c[lane]) : product;
  });
  return Step::next;
}

template <typename Op>
bool decode_unary(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  return one_type(decoder, modifiers, type) && decoder.expect_operands(instruction, 2) &&
         decoder.destination(instruction.operands[0], type, out.d) &&
         decoder.source(instruction.operands[1], type, out.a) &&
         need(decoder, with_integer(type, []<typename T>(Tag<T>) -> Handler { return unary<T, Op>; }), out);
}

template <typename Op>
bool decode_binary(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  return one_type(decoder, modifiers, type) && three(decoder, instruction, type, out) &&
         need(decoder, with_integer(type, []<typename T>(Tag<T>) -> Handler { return binary<T, Op>; }), out);
}

template <typename Op, typename Saturated, Decode with_carry>
bool decode_add(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  if (modifiers.take("cc")) return with_carry(decoder, instruction, out);
  if (!modifiers.take("sat")) return decode_binary<Op>(decoder, instruction, out);
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type != Type::s32) return decoder.unsupported(".sat is for .s32");
  return three(decoder, instruction, type, out) && need(decoder, binary<int32_t, Saturated>, out);
}

Handler wide_handler(Type type, bool add) {
  switch (type) {
    case Type::u16:
      return add ? wide<uint16_t, true> : wide<uint16_t, false>;
    case Type::s16:
      return add ? wide<int16_t, true> : wide<int16_t, false>;
    case Type::u32:
      return add ? wide<uint32_t, true> : wide<uint32_t, false>;
    case Type::s32:
      return add ? wide<int32_t, true> : wide<int32_t, false>;
    default:
      return nullptr;
  }
}

Type doubled(Type type) {
  switch (type) {
    case Type::u16:
      return Type::u32;
    case Type::s16:
      return Type::s32;
    case Type::u32:
      return Type::u64;
    default:
      return Type::s64;
  }
}

bool decode_mul(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  const bool is_wide = modifiers.take("wide");
  const bool hi = !is_wide && modifiers.take("hi");
  if (!is_wide && !hi && !modifiers.take("lo")) return decoder.unsupported(".lo, .hi or .wide is missing");
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (is_wide) {
    return need(decoder, wide_handler(type, false), out) && decoder.expect_operands(instruction, 3) &&
           decoder.destination(instruction.operands[0], doubled(type), out.d) &&
           decoder.source(instruction.operands[1], type, out.a) &&
           decoder.source(instruction.operands[2], type, out.b);
  }
  return three(decoder, instruction, type, out) &&
         need(decoder,
              with_integer(
                  type,
                  [hi]<typename T>(Tag<T>) -> Handler { return hi ? binary<T, MulHi> : binary<T, MulLo>; }),
              out);
}

bool decode_mad(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  if (modifiers.take("cc")) return decode_mad_cc(decoder, instruction, out);
  const bool is_wide = modifiers.take("wide");
  const bool hi = !is_wide && modifiers.take("hi");
  if (!is_wide && !hi && !modifiers.take("lo")) return decoder.unsupported(".lo, .hi or .wide is missing");
  const bool saturated = hi && modifiers.take("sat");
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (is_wide) {
    return need(decoder, wide_handler(type, true), out) && decoder.expect_operands(instruction, 4) &&
           decoder.destination(instruction.operands[0], doubled(type), out.d) &&
           decoder.source(instruction.operands[1], type, out.a) &&
           decoder.source(instruction.operands[2], type, out.b) &&
           decoder.source(instruction.operands[3], doubled(type), out.c);
  }
  if (!four(decoder, instruction, type, out)) return false;
  if (saturated) return need(decoder, type == Type::s32 ? ternary<int32_t, MadHiSaturated> : Handler{}, out);
  return need(
      decoder,
      with_integer(
          type, [hi]<typename T>(Tag<T>) -> Handler { return hi ? ternary<T, MadHi> : ternary<T, MadLo>; }),
      out);
}

template <bool add>
bool decode_24(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  const bool hi = modifiers.take("hi");
  if (!hi && !modifiers.take("lo")) return decoder.unsupported(".lo or .hi is missing");
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type != Type::u32 && type != Type::s32) return decoder.unsupported("not for this type");
  const bool is_signed = type == Type::s32;
  if constexpr (add) {
    out.run = is_signed ? (hi ? ternary<int32_t, Mad24Hi> : ternary<int32_t, Mad24Lo>)
                        : (hi ? ternary<uint32_t, Mad24Hi> : ternary<uint32_t, Mad24Lo>);
    return four(decoder, instruction, type, out);
  } else {
    out.run = is_signed ? (hi ? binary<int32_t, Mul24Hi> : binary<int32_t, Mul24Lo>)
                        : (hi ? binary<uint32_t, Mul24Hi> : binary<uint32_t, Mul24Lo>);
    return three(decoder, instruction, type, out);
  }
}

bool decode_sad(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  return one_type(decoder, modifiers, type) && four(decoder, instruction, type, out) &&
         need(decoder, with_integer(type, []<typename T>(Tag<T>) -> Handler { return ternary<T, Sad>; }),
              out);
}

template <bool a_signed, bool b_signed>
Step dot4(Warp& warp, const Instr& in, uint32_t mask) {
  uint32_t* d = warp.at<uint32_t>(in.d);
  const uint32_t* a = warp.at<uint32_t>(in.a);
  const uint32_t* b = warp.at<uint32_t>(in.b);
  const uint32_t* c = warp.at<uint32_t>(in.c);
  const auto byte = [](uint32_t word, int i, bool is_signed) -> int32_t {
    const uint32_t bits = word >> 8 * i & 0xff;
    return is_signed ? static_cast<int8_t>(bits) : static_cast<int32_t>(bits);
  };
  for_lanes(mask, [=](unsigned lane) {
    uint32_t sum = c[lane];
    for (int i = 0; i < 4; ++i) {
      sum += static_cast<uint32_t>(byte(a[lane], i, a_signed) * byte(b[lane], i, b_signed));
    }
    d[lane] = sum;
  });
  return Step::next;
}

bool decode_dp4a(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  const auto a = modifiers.take_type();
  Type b{};
  if (!a || !one_type(decoder, modifiers, b)) return decoder.unsupported("two types are needed");
  const bool a_signed = *a == Type::s32;
  const bool b_signed = b == Type::s32;
  if ((!a_signed && *a != Type::u32) || (!b_signed && b != Type::u32))
    return decoder.unsupported("not for this type");
  out.run = a_signed ? (b_signed ? dot4<true, true> : dot4<true, false>)
                     : (b_signed ? dot4<false, true> : dot4<false, false>);
  return four(decoder, instruction, Type::b32, out);
}

constexpr Opcode opcodes[] = {
    {"add", Operands::integers, decode_add<Add, AddSaturated, decode_add_cc>},
    {"sub", Operands::integers, decode_add<Sub, SubSaturated, decode_sub_cc>},
    {"mul", Operands::integers, decode_mul},
    {"mad", Operands::integers, decode_mad},
    {"mul24", Operands::integers, decode_24<false>},
    {"mad24", Operands::integers, decode_24<true>},
    {"div", Operands::integers, decode_binary<Div>},
    {"rem", Operands::integers, decode_binary<Rem>},
    {"min", Operands::integers, decode_binary<Min>},
    {"max", Operands::integers, decode_binary<Max>},
    {"neg", Operands::integers, decode_unary<Neg>},
    {"abs", Operands::integers, decode_unary<Abs>},
    {"sad", Operands::integers, decode_sad},
    {"dp4a", Operands::integers, decode_dp4a},
};

}  // namespace

std::span<const Opcode> integer_opcodes() { return opcodes; }

}  // namespace vcuda::softgpu::ops
