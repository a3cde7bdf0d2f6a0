// Approximations of elementary functions (PTX ISA 9.0, section 9.7.3). PTX bounds their error from above;
// here they are computed in double precision and rounded once, which is within every bound.
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

struct Rsqrt {
  static double apply(double a) { return 1.0 / std::sqrt(a); }
};
struct Sin {
  static double apply(double a) { return std::sin(a); }
};
struct Cos {
  static double apply(double a) { return std::cos(a); }
};
struct Lg2 {
  static double apply(double a) { return std::log2(a); }
};
struct Ex2 {
  static double apply(double a) { return std::exp2(a); }
};
struct Tanh {
  static double apply(double a) { return std::tanh(a); }
};

template <typename Op, bool ftz>
Step single(Warp& warp, const Instr& in, uint32_t mask) {
  float* d = warp.at<float>(in.d);
  const float* a = warp.at<float>(in.a);
  for_lanes(mask, [=](unsigned lane) {
    const float x = ftz ? flush(a[lane]) : a[lane];
    const float result = one_nan(static_cast<float>(Op::apply(x)));
    d[lane] = ftz ? flush(result) : result;
  });
  return Step::next;
}

template <typename Op>
bool decode_single(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  if (!modifiers.take("approx")) return decoder.unsupported(".approx is missing");
  const bool ftz = modifiers.take("ftz");
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type != Type::f32) return decoder.unsupported("not supported for this type");
  out.run = ftz ? single<Op, true> : single<Op, false>;
  return two(decoder, instruction, type, out);
}

bool decode_rsqrt(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  modifiers.take("approx");
  modifiers.take("ftz");
  if (modifiers.take_type() != Type::f64) return decode_single<Rsqrt>(decoder, instruction, out);
  out.run = unary<double, Rsqrt>;
  return nothing_left(decoder, modifiers) && two(decoder, instruction, Type::f64, out);
}

constexpr Opcode opcodes[] = {
    {"rsqrt", Operands::floats, decode_rsqrt},     {"sin", Operands::floats, decode_single<Sin>},
    {"cos", Operands::floats, decode_single<Cos>}, {"lg2", Operands::floats, decode_single<Lg2>},
    {"ex2", Operands::floats, decode_single<Ex2>}, {"tanh", Operands::floats, decode_single<Tanh>},
};

}  // namespace

std::span<const Opcode> transcendental_opcodes() { return opcodes; }

}  // namespace vcuda::softgpu::ops
