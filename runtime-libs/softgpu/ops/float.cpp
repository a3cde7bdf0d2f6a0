// f32 and f64 arithmetic that PTX defines to the last bit (PTX ISA 9.0, section 9.7.3).
#include <cmath>

#include "runtime-libs/softgpu/ops/decode.hpp"
#include "runtime-libs/softgpu/ops/lane_type.hpp"
#include "runtime-libs/softgpu/ops/real.hpp"

namespace vcuda::softgpu::ops {
namespace {

using ptx::Decoder;
using ptx::Instruction;
using ptx::Modifiers;
using ptx::Type;

struct Add {
  static constexpr unsigned operands = 2;
  template <typename T>
  static T apply(T a, T b, T) {
    return a + b;
  }
};
struct Sub {
  static constexpr unsigned operands = 2;
  template <typename T>
  static T apply(T a, T b, T) {
    return a - b;
  }
};
struct Mul {
  static constexpr unsigned operands = 2;
  template <typename T>
  static T apply(T a, T b, T) {
    return a * b;
  }
};
struct Div {
  static constexpr unsigned operands = 2;
  template <typename T>
  static T apply(T a, T b, T) {
    return a / b;
  }
};
struct Fma {
  static constexpr unsigned operands = 3;
  template <typename T>
  static T apply(T a, T b, T c) {
    return std::fma(a, b, c);
  }
};
struct Sqrt {
  static constexpr unsigned operands = 1;
  template <typename T>
  static T apply(T a, T, T) {
    return std::sqrt(a);
  }
};
struct Reciprocal {
  static constexpr unsigned operands = 1;
  template <typename T>
  static T apply(T a, T, T) {
    return T{1} / a;
  }
};

template <typename T, typename Op, bool ftz, bool sat>
[[gnu::always_inline]] inline void arithmetic_lanes(T* d, const T* a, const T* b, const T* c, uint32_t mask) {
  for_lanes(mask, [=](unsigned lane) {
    T x = a[lane];
    T y = Op::operands > 1 ? b[lane] : T{0};
    T z = Op::operands > 2 ? c[lane] : T{0};
    if constexpr (ftz) {
      x = flush(x);
      y = flush(y);
      z = flush(z);
    }
    T result = one_nan(Op::apply(x, y, z));
    if constexpr (ftz) result = flush(result);
    if constexpr (sat) result = saturate(result);
    d[lane] = result;
  });
}

template <typename T, typename Op, bool ftz, bool sat>
Step arithmetic(Warp& warp, const Instr& in, uint32_t mask) {
  arithmetic_lanes<T, Op, ftz, sat>(warp.at<T>(in.d), warp.at<T>(in.a), warp.at<T>(in.b), warp.at<T>(in.c),
                                    mask);
  return Step::next;
}

template <typename T, typename Op, bool ftz, bool sat>
Step directed_arithmetic(Warp& warp, const Instr& in, uint32_t mask) {
  const RoundingScope scope(static_cast<Rounding>(in.imm));
  return arithmetic<T, Op, ftz, sat>(warp, in, mask);
}

#if defined(__x86_64__)
// Without this every fma is a call into the C library, because the baseline x86-64 has no such instruction.
template <typename T, bool ftz, bool sat>
[[gnu::target("avx2,fma")]] Step fused(Warp& warp, const Instr& in, uint32_t mask) {
  T* d = warp.at<T>(in.d);
  const T* a = warp.at<T>(in.a);
  const T* b = warp.at<T>(in.b);
  const T* c = warp.at<T>(in.c);
  const auto lane_result = [](T x, T y, T z) __attribute__((target("avx2,fma"), always_inline)) {
    if constexpr (ftz) {
      x = flush(x);
      y = flush(y);
      z = flush(z);
    }
    T result = 0;
    if constexpr (sizeof(T) == 4) {
      result = one_nan(__builtin_fmaf(x, y, z));
    } else {
      result = one_nan(__builtin_fma(x, y, z));
    }
    if constexpr (ftz) result = flush(result);
    if constexpr (sat) result = saturate(result);
    return result;
  };
  if (mask == all_lanes) {
    VCUDA_LANES
    for (unsigned lane = 0; lane < lane_count; ++lane) d[lane] = lane_result(a[lane], b[lane], c[lane]);
  } else {
    for (; mask != 0; mask &= mask - 1) {
      const auto lane = static_cast<unsigned>(__builtin_ctz(mask));
      d[lane] = lane_result(a[lane], b[lane], c[lane]);
    }
  }
  return Step::next;
}
#endif

template <typename T, typename Op>
Handler pick(Rounding rounding, bool ftz, bool sat) {
  if (rounding != Rounding::nearest) {
    return ftz ? (sat ? directed_arithmetic<T, Op, true, true> : directed_arithmetic<T, Op, true, false>)
               : (sat ? directed_arithmetic<T, Op, false, true> : directed_arithmetic<T, Op, false, false>);
  }
  return ftz ? (sat ? arithmetic<T, Op, true, true> : arithmetic<T, Op, true, false>)
             : (sat ? arithmetic<T, Op, false, true> : arithmetic<T, Op, false, false>);
}

bool operands_of(Decoder& decoder, const Instruction& instruction, Type type, unsigned count, Instr& out) {
  return count == 1   ? two(decoder, instruction, type, out)
         : count == 2 ? three(decoder, instruction, type, out)
                      : four(decoder, instruction, type, out);
}

// The approximations (.approx, .full) may be exact: PTX bounds their error from above only.
template <typename Op>
bool decode_arithmetic(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  const Rounding rounding = take_rounding(modifiers);
  const bool approximate = modifiers.take("approx") || modifiers.take("full");
  const bool ftz = modifiers.take("ftz");
  const bool sat = modifiers.take("sat");
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type != Type::f32 && type != Type::f64) return decoder.unsupported("not supported for this type");
  if (type == Type::f64 && (sat || (approximate && !ftz))) return decoder.unsupported("not for .f64");
  out.imm = static_cast<int64_t>(rounding);
  out.run =
      type == Type::f32 ? pick<float, Op>(rounding, ftz, sat) : pick<double, Op>(rounding, false, false);
  return operands_of(decoder, instruction, type, Op::operands, out);
}

enum class Pick : uint8_t { least, greatest };

// The operand that is a number wins over a NaN, unless .NaN is written; -0 is less than +0.
template <typename T, typename U, Pick pick, bool ftz, bool nan, bool xorsign, bool absolute>
Step extreme(Warp& warp, const Instr& in, uint32_t mask) {
  T* d = warp.at<T>(in.d);
  const T* a = warp.at<T>(in.a);
  const T* b = warp.at<T>(in.b);
  constexpr U sign = U{1} << (8 * sizeof(U) - 1);
  constexpr U quiet = sizeof(U) == 4 ? U{0x7fffffff} : static_cast<U>(UINT64_C(0x7fffffffffffffff));
  for_lanes(mask, [=](unsigned lane) {
    T x = ftz ? flush(a[lane]) : a[lane];
    T y = ftz ? flush(b[lane]) : b[lane];
    const U signs = (std::bit_cast<U>(x) ^ std::bit_cast<U>(y)) & sign;
    if constexpr (absolute) {
      x = std::bit_cast<T>(std::bit_cast<U>(x) & ~sign);
      y = std::bit_cast<T>(std::bit_cast<U>(y) & ~sign);
    }
    T result = 0;
    if (x != x || y != y) {
      const bool both = x != x && y != y;
      result = nan || both ? std::bit_cast<T>(quiet) : (x != x ? y : x);
    } else if (x == y) {
      const U bits = pick == Pick::least ? std::bit_cast<U>(x) | std::bit_cast<U>(y)
                                         : std::bit_cast<U>(x) & std::bit_cast<U>(y);
      result = std::bit_cast<T>(bits);
    } else {
      result = (x < y) == (pick == Pick::least) ? x : y;
    }
    if constexpr (xorsign) {
      if (result == result) result = std::bit_cast<T>((std::bit_cast<U>(result) & ~sign) | signs);
    }
    d[lane] = result;
  });
  return Step::next;
}

template <Pick pick>
bool decode_extreme(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  const bool ftz = modifiers.take("ftz");
  const bool nan = modifiers.take("NaN");
  const bool xorsign = modifiers.take("xorsign");
  if (xorsign && !modifiers.take("abs")) return decoder.unsupported(".abs is missing");
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type == Type::f64) {
    if (ftz || nan || xorsign) return decoder.unsupported("not for .f64");
    out.run = extreme<double, uint64_t, pick, false, false, false, false>;
  } else if (type == Type::f32) {
    if (xorsign) {
      out.run = nan ? (ftz ? extreme<float, uint32_t, pick, true, true, true, true>
                           : extreme<float, uint32_t, pick, false, true, true, true>)
                    : (ftz ? extreme<float, uint32_t, pick, true, false, true, true>
                           : extreme<float, uint32_t, pick, false, false, true, true>);
    } else {
      out.run = nan ? (ftz ? extreme<float, uint32_t, pick, true, true, false, false>
                           : extreme<float, uint32_t, pick, false, true, false, false>)
                    : (ftz ? extreme<float, uint32_t, pick, true, false, false, false>
                           : extreme<float, uint32_t, pick, false, false, false, false>);
    }
  } else {
    return decoder.unsupported("not supported for this type");
  }
  return three(decoder, instruction, type, out);
}

enum class Sign : uint8_t { negate, absolute };

template <typename T, typename U, Sign sign, bool ftz>
Step change_sign(Warp& warp, const Instr& in, uint32_t mask) {
  T* d = warp.at<T>(in.d);
  const T* a = warp.at<T>(in.a);
  constexpr U top = U{1} << (8 * sizeof(U) - 1);
  for_lanes(mask, [=](unsigned lane) {
    const U bits = std::bit_cast<U>(ftz ? flush(a[lane]) : a[lane]);
    d[lane] = std::bit_cast<T>(sign == Sign::negate ? bits ^ top : bits & ~top);
  });
  return Step::next;
}

template <Sign sign>
bool decode_sign(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  const bool ftz = modifiers.take("ftz");
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type == Type::f64 && ftz) return decoder.unsupported("not for .f64");
  if (type == Type::f32) {
    out.run = ftz ? change_sign<float, uint32_t, sign, true> : change_sign<float, uint32_t, sign, false>;
  } else if (type == Type::f64) {
    out.run = change_sign<double, uint64_t, sign, false>;
  } else {
    return decoder.unsupported("not supported for this type");
  }
  return two(decoder, instruction, type, out);
}

template <typename U>
Step copy_sign(Warp& warp, const Instr& in, uint32_t mask) {
  U* d = warp.at<U>(in.d);
  const U* a = warp.at<U>(in.a);
  const U* b = warp.at<U>(in.b);
  constexpr U top = U{1} << (8 * sizeof(U) - 1);
  for_lanes(mask, [=](unsigned lane) { d[lane] = (b[lane] & ~top) | (a[lane] & top); });
  return Step::next;
}

bool decode_copysign(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type != Type::f32 && type != Type::f64) return decoder.unsupported("not supported for this type");
  out.run = type == Type::f32 ? copy_sign<uint32_t> : copy_sign<uint64_t>;
  return three(decoder, instruction, type, out);
}

template <typename T>
Step test_property(Warp& warp, const Instr& in, uint32_t mask) {
  const T* a = warp.at<T>(in.a);
  const auto wanted = static_cast<unsigned>(in.imm);  // a set of bits 1 << FP_...
  uint32_t result = 0;
  for (unsigned lane = 0; lane < lane_count; ++lane) {
    result |= uint32_t{(wanted >> std::fpclassify(a[lane]) & 1) != 0} << lane;
  }
  uint32_t& d = warp.predicate(in.d);
  d = (d & ~mask) | (result & mask);
  return Step::next;
}

bool decode_testp(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  constexpr unsigned finite = 1u << FP_ZERO | 1u << FP_SUBNORMAL | 1u << FP_NORMAL;
  const struct {
    std::string_view name;
    unsigned classes;
  } tests[] = {
      {"finite", finite},           {"infinite", 1u << FP_INFINITE}, {"number", finite | 1u << FP_INFINITE},
      {"notanumber", 1u << FP_NAN}, {"normal", 1u << FP_NORMAL},     {"subnormal", 1u << FP_SUBNORMAL}};
  for (const auto& test : tests) {
    if (modifiers.take(test.name)) out.imm = test.classes;
  }
  Type type{};
  if (out.imm == 0) return decoder.unsupported("what to test is missing");
  if (!one_type(decoder, modifiers, type)) return false;
  if (type != Type::f32 && type != Type::f64) return decoder.unsupported("not supported for this type");
  out.run = type == Type::f32 ? test_property<float> : test_property<double>;
  return decoder.expect_operands(instruction, 2) &&
         decoder.destination(instruction.operands[0], Type::pred, out.d) &&
         decoder.source(instruction.operands[1], type, out.a);
}

bool decode_fma(Decoder& decoder, const Instruction& instruction, Instr& out) {
  if (!decode_arithmetic<Fma>(decoder, instruction, out)) return false;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2")) {
    if (out.run == pick<float, Fma>(Rounding::nearest, false, false)) out.run = fused<float, false, false>;
    if (out.run == pick<float, Fma>(Rounding::nearest, true, false)) out.run = fused<float, true, false>;
    if (out.run == pick<double, Fma>(Rounding::nearest, false, false)) out.run = fused<double, false, false>;
  }
#endif
  return true;
}

constexpr Opcode opcodes[] = {
    {"add", Operands::floats, decode_arithmetic<Add>},
    {"sub", Operands::floats, decode_arithmetic<Sub>},
    {"mul", Operands::floats, decode_arithmetic<Mul>},
    {"div", Operands::floats, decode_arithmetic<Div>},
    {"fma", Operands::floats, decode_fma},
    {"mad", Operands::floats, decode_fma},
    {"sqrt", Operands::floats, decode_arithmetic<Sqrt>},
    {"rcp", Operands::floats, decode_arithmetic<Reciprocal>},
    {"min", Operands::floats, decode_extreme<Pick::least>},
    {"max", Operands::floats, decode_extreme<Pick::greatest>},
    {"neg", Operands::floats, decode_sign<Sign::negate>},
    {"abs", Operands::floats, decode_sign<Sign::absolute>},
    {"copysign", Operands::floats, decode_copysign},
    {"testp", Operands::floats, decode_testp},
};

}  // namespace

std::span<const Opcode> float_opcodes() { return opcodes; }

}  // namespace vcuda::softgpu::ops
