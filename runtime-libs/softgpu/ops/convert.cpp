// cvt between all integer and floating-point types, cvta and isspacep (PTX ISA 9.0, section 9.7.9).
#include <cmath>
#include <limits>

#include "runtime-libs/softgpu/ops/decode.hpp"
#include "runtime-libs/softgpu/ops/half.hpp"
#include "runtime-libs/softgpu/ops/lane_type.hpp"
#include "runtime-libs/softgpu/ops/real.hpp"

namespace vcuda::softgpu::ops {
namespace {

using ptx::Decoder;
using ptx::Instruction;
using ptx::Modifiers;
using ptx::Type;

// A value between source and destination: integers as 64 bits with their sign known, reals as double, which
// holds f16, bf16, f32 and f64 without loss.
struct Value {
  bool real = false;
  bool is_signed = false;
  uint64_t integer = 0;
  double number = 0;
};

enum class Integral : uint8_t { none, nearest, zero, down, up };

// e[0]: the types and modes of a conversion.
struct Plan {
  Type destination;
  Type source;
  Rounding rounding;
  Integral integral;
  bool ftz;
  bool sat;

  uint32_t packed() const {
    return static_cast<uint32_t>(destination) | static_cast<uint32_t>(source) << 8 |
           static_cast<uint32_t>(rounding) << 16 | static_cast<uint32_t>(integral) << 20 |
           uint32_t{ftz} << 24 | uint32_t{sat} << 25;
  }
  static Plan unpacked(uint32_t bits) {
    return {static_cast<Type>(bits & 0xff),
            static_cast<Type>(bits >> 8 & 0xff),
            static_cast<Rounding>(bits >> 16 & 0xf),
            static_cast<Integral>(bits >> 20 & 0xf),
            (bits >> 24 & 1) != 0,
            (bits >> 25 & 1) != 0};
  }
};

Value read(const std::byte* from, const Plan& plan) {
  Value value;
  const auto load = [from]<typename T>(Tag<T>) {
    T out;
    __builtin_memcpy(&out, from, sizeof out);
    return out;
  };
  switch (plan.source) {
    case Type::u8:
    case Type::b8:
      value.integer = load(Tag<uint8_t>{});
      break;
    case Type::u16:
    case Type::b16:
      value.integer = load(Tag<uint16_t>{});
      break;
    case Type::u32:
    case Type::b32:
      value.integer = load(Tag<uint32_t>{});
      break;
    case Type::u64:
    case Type::b64:
      value.integer = load(Tag<uint64_t>{});
      break;
    case Type::s8:
      value.integer = static_cast<uint64_t>(int64_t{load(Tag<int8_t>{})});
      break;
    case Type::s16:
      value.integer = static_cast<uint64_t>(int64_t{load(Tag<int16_t>{})});
      break;
    case Type::s32:
      value.integer = static_cast<uint64_t>(int64_t{load(Tag<int32_t>{})});
      break;
    case Type::s64:
      value.integer = static_cast<uint64_t>(load(Tag<int64_t>{}));
      break;
    case Type::f16:
      value.number = widen(load(Tag<uint16_t>{}), binary16);
      break;
    case Type::bf16:
      value.number = widen(load(Tag<uint16_t>{}), bfloat16);
      break;
    case Type::f32: {
      const float single = load(Tag<float>{});
      value.number = plan.ftz ? flush(single) : single;
      break;
    }
    case Type::f64:
      value.number = load(Tag<double>{});
      break;
    default:
      break;
  }
  value.real = ptx::is_float(plan.source);
  value.is_signed = ptx::is_signed(plan.source);
  return value;
}

double to_integral(double number, Integral integral) {
  switch (integral) {
    case Integral::nearest:
      return std::nearbyint(number);
    case Integral::zero:
      return std::trunc(number);
    case Integral::down:
      return std::floor(number);
    case Integral::up:
      return std::ceil(number);
    case Integral::none:
      return number;
  }
  return number;
}

// Out of range gives the nearest end of the range. NaN gives 0, but the top bit alone where f64 or 64 bits
// are involved.
uint64_t real_to_integer(double number, const Plan& plan) {
  const unsigned bits = 8 * ptx::size_of(plan.destination);
  if (number != number) {
    const bool zero = plan.source != Type::f64 && bits != 64;
    return zero ? 0 : uint64_t{1} << (bits - 1);
  }
  const double rounded = to_integral(number, plan.integral);
  if (ptx::is_signed(plan.destination)) {
    const double limit = std::ldexp(1.0, static_cast<int>(bits) - 1);
    if (rounded >= limit) return (uint64_t{1} << (bits - 1)) - 1;
    if (rounded <= -limit) return ~((uint64_t{1} << (bits - 1)) - 1);
    return static_cast<uint64_t>(static_cast<int64_t>(rounded));
  }
  if (rounded >= std::ldexp(1.0, static_cast<int>(bits)))
    return bits == 64 ? UINT64_MAX : (uint64_t{1} << bits) - 1;
  return rounded <= 0 ? 0 : static_cast<uint64_t>(rounded);
}

// The low bits of the destination's type, extended to 64 by its sign; with .sat clamped to its range first.
uint64_t integer_to_integer(const Value& value, const Plan& plan) {
  const unsigned bits = 8 * ptx::size_of(plan.destination);
  const bool to_signed = ptx::is_signed(plan.destination);
  uint64_t out = value.integer;
  if (plan.sat) {
    const bool negative = value.is_signed && static_cast<int64_t>(out) < 0;
    const uint64_t top = to_signed    ? (uint64_t{1} << (bits - 1)) - 1
                         : bits == 64 ? UINT64_MAX
                                      : (uint64_t{1} << bits) - 1;
    if (negative) {
      const uint64_t bottom = to_signed ? ~((uint64_t{1} << (bits - 1)) - 1) : 0;
      if (!to_signed || static_cast<int64_t>(out) < static_cast<int64_t>(bottom)) out = bottom;
    } else if (out > top) {
      out = top;
    }
  }
  if (bits < 64) {
    const unsigned unused = 64 - bits;
    out = to_signed ? static_cast<uint64_t>(static_cast<int64_t>(out << unused) >> unused)
                    : out << unused >> unused;
  }
  return out;
}

template <typename T>
T integer_to_real(const Value& value, Rounding rounding) {
  const RoundingScope scope(rounding);
  // Through memory, so that the conversion stays inside the scope.
  volatile uint64_t integer = value.integer;
  const volatile T out =
      value.is_signed ? static_cast<T>(static_cast<int64_t>(integer)) : static_cast<T>(integer);
  return out;
}

float real_to_single(double number, Rounding rounding) {
  const RoundingScope scope(rounding);
  volatile double in = number;
  const volatile float out = static_cast<float>(in);
  return out;
}

uint64_t write_real(const Value& value, const Plan& plan) {
  const bool narrow_type = plan.destination == Type::f16 || plan.destination == Type::bf16;
  if (!value.real) {
    if (plan.destination == Type::f32)
      return std::bit_cast<uint32_t>(integer_to_real<float>(value, plan.rounding));
    const double number = integer_to_real<double>(value, narrow_type ? Rounding::nearest : plan.rounding);
    if (plan.destination == Type::f64) return std::bit_cast<uint64_t>(number);
    return narrow(number, plan.destination == Type::f16 ? binary16 : bfloat16, plan.rounding);
  }
  double number = to_integral(value.number, plan.integral);
  if (plan.sat) number = saturate(number);
  if (plan.destination == Type::f64) return std::bit_cast<uint64_t>(number);
  if (narrow_type) return narrow(number, plan.destination == Type::f16 ? binary16 : bfloat16, plan.rounding);
  float single = one_nan(real_to_single(number, plan.rounding));
  if (plan.ftz) single = flush(single);
  return std::bit_cast<uint32_t>(single);
}

// a is read with the stride e[1] of its register, d written in its register's width.
template <typename Register>
Step convert(Warp& warp, const Instr& in, uint32_t mask) {
  const Plan plan = Plan::unpacked(in.e[0]);
  Register* d = warp.at<Register>(in.d);
  const std::byte* a = warp.regs + in.a;
  const uint32_t stride = in.e[1];
  const bool to_real = ptx::is_float(plan.destination);
  for (; mask != 0; mask &= mask - 1) {
    const auto lane = static_cast<unsigned>(__builtin_ctz(mask));
    const Value value = read(a + lane * stride, plan);
    const uint64_t out = to_real      ? write_real(value, plan)
                         : value.real ? real_to_integer(value.number, plan)
                                      : integer_to_integer(value, plan);
    d[lane] = static_cast<Register>(out);
  }
  return Step::next;
}

// The conversions that kernels are full of, without the detour. Same width as their registers.
template <typename From, typename To>
Step cast(Warp& warp, const Instr& in, uint32_t mask) {
  To* d = warp.at<To>(in.d);
  const From* a = warp.at<From>(in.a);
  for_lanes(mask, [=](unsigned lane) { d[lane] = static_cast<To>(a[lane]); });
  return Step::next;
}

Handler quick(const Plan& plan, unsigned destination_width, unsigned source_width) {
  if (plan.sat || plan.ftz || plan.rounding != Rounding::nearest || plan.integral != Integral::none)
    return nullptr;
  if (destination_width != ptx::size_of(plan.destination) || source_width != ptx::size_of(plan.source))
    return nullptr;
  const auto is = [&](Type destination, Type source) {
    return plan.destination == destination && plan.source == source;
  };
  if (is(Type::u64, Type::u32)) return cast<uint32_t, uint64_t>;
  if (is(Type::s64, Type::s32)) return cast<int32_t, int64_t>;
  if (is(Type::u32, Type::u64)) return cast<uint64_t, uint32_t>;
  if (is(Type::s32, Type::s64)) return cast<int64_t, int32_t>;
  if (is(Type::u32, Type::u16)) return cast<uint16_t, uint32_t>;
  if (is(Type::u16, Type::u32)) return cast<uint32_t, uint16_t>;
  if (is(Type::s32, Type::s16)) return cast<int16_t, int32_t>;
  if (is(Type::f32, Type::s32)) return cast<int32_t, float>;
  if (is(Type::f32, Type::u32)) return cast<uint32_t, float>;
  if (is(Type::f64, Type::s32)) return cast<int32_t, double>;
  if (is(Type::f64, Type::u32)) return cast<uint32_t, double>;
  return nullptr;
}

bool decode_cvt(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Plan plan{};
  if (modifiers.take("rni")) plan.integral = Integral::nearest;
  if (modifiers.take("rzi")) plan.integral = Integral::zero;
  if (modifiers.take("rmi")) plan.integral = Integral::down;
  if (modifiers.take("rpi")) plan.integral = Integral::up;
  plan.rounding = take_rounding(modifiers);
  plan.ftz = modifiers.take("ftz");
  plan.sat = modifiers.take("sat");
  const auto destination = modifiers.take_type();
  const auto source = modifiers.take_type();
  if (!destination || !source) return decoder.unsupported("two types are needed");
  if (!nothing_left(decoder, modifiers)) return false;
  plan.destination = *destination;
  plan.source = *source;
  for (const Type type : {plan.destination, plan.source}) {
    if (type == Type::pred || type == Type::b128 || type == Type::f16x2 || type == Type::bf16x2) {
      return decoder.unsupported("not supported for these types");
    }
  }
  if (ptx::is_float(plan.source) && !ptx::is_float(plan.destination) && plan.integral == Integral::none) {
    return decoder.unsupported("a rounding is needed to make a real an integer");
  }
  if (!decoder.expect_operands(instruction, 2)) return false;
  unsigned destination_width = 0;
  unsigned source_width = 0;
  if (!decoder.wide_destination(instruction.operands[0], plan.destination, out.d, destination_width) ||
      !decoder.wide_source(instruction.operands[1], plan.source, out.a, source_width)) {
    return false;
  }
  out.e[0] = plan.packed();
  out.e[1] = source_width;
  out.run = quick(plan, destination_width, source_width);
  if (out.run == nullptr) {
    out.run = with_width(destination_width, []<typename T>(Tag<T>) -> Handler { return convert<T>; });
  }
  return true;
}

// cvta: in.imm is the window's start, added on the way to generic, taken off on the way back.
Step shift_address(Warp& warp, const Instr& in, uint32_t mask) {
  uint64_t* d = warp.at<uint64_t>(in.d);
  const uint64_t* a = warp.at<uint64_t>(in.a);
  const auto offset = static_cast<uint64_t>(in.imm);
  for_lanes(mask, [=](unsigned lane) { d[lane] = a[lane] + offset; });
  return Step::next;
}

bool take_window(Modifiers& modifiers, uint64_t& window) {
  if (modifiers.take("global") || modifiers.take("const")) {
    window = 0;
  } else if (modifiers.take("shared") || modifiers.take("shared::cta")) {
    window = shared_window;
  } else if (modifiers.take("local")) {
    window = local_window;
  } else if (modifiers.take("param") || modifiers.take("param::entry")) {
    window = param_window;
  } else {
    return false;
  }
  return true;
}

bool decode_cvta(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  const bool away = modifiers.take("to");
  uint64_t window = 0;
  if (!take_window(modifiers, window)) return decoder.unsupported("a state space is missing");
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type != Type::u64) return decoder.unsupported("addresses have 64 bits");
  out.imm = static_cast<int64_t>(away ? 0 - window : window);
  out.run = shift_address;
  return two(decoder, instruction, type, out);
}

Step is_space(Warp& warp, const Instr& in, uint32_t mask) {
  const uint64_t* a = warp.at<uint64_t>(in.a);
  const auto window = static_cast<uint64_t>(in.imm);
  uint32_t hit = 0;
  for (unsigned lane = 0; lane < lane_count; ++lane) {
    hit |= uint32_t{a[lane] >> window_shift == window >> window_shift} << lane;
  }
  uint32_t& d = warp.predicate(in.d);
  d = (d & ~mask) | (hit & mask);
  return Step::next;
}

bool decode_isspacep(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  uint64_t window = 0;
  if (modifiers.take("const")) return decoder.unsupported(".const is not supported");
  if (!take_window(modifiers, window)) return decoder.unsupported("a state space is missing");
  if (!nothing_left(decoder, modifiers)) return false;
  out.imm = static_cast<int64_t>(window);
  out.run = is_space;
  return decoder.expect_operands(instruction, 2) &&
         decoder.destination(instruction.operands[0], Type::pred, out.d) &&
         decoder.source(instruction.operands[1], Type::u64, out.a);
}

constexpr Opcode opcodes[] = {
    {"cvt", Operands::any, decode_cvt},
    {"cvta", Operands::any, decode_cvta},
    {"isspacep", Operands::any, decode_isspacep},
};

}  // namespace

std::span<const Opcode> convert_opcodes() { return opcodes; }

}  // namespace vcuda::softgpu::ops
