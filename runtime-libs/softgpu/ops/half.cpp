#include "runtime-libs/softgpu/ops/half.hpp"

#include <bit>
#include <cmath>

namespace vcuda::softgpu::ops {

double widen(uint16_t bits, const SmallFormat& format) {
  const bool negative = (bits & 0x8000) != 0;
  const int fraction = bits & ((1 << format.fraction_bits) - 1);
  const int exponent = (bits & 0x7fff) >> format.fraction_bits;
  const int all_ones = 0x7fff >> format.fraction_bits;
  double magnitude = 0;
  if (exponent == all_ones) {
    magnitude = fraction != 0 ? std::bit_cast<double>(UINT64_C(0x7fffffffffffffff)) : HUGE_VAL;
  } else if (exponent == 0) {
    magnitude = std::ldexp(fraction, format.min_exponent - format.fraction_bits);
  } else {
    const int scale = exponent - 1 + format.min_exponent - format.fraction_bits;
    magnitude = std::ldexp(fraction + (1 << format.fraction_bits), scale);
  }
  return negative ? -magnitude : magnitude;
}

uint16_t narrow(double value, const SmallFormat& format, Rounding rounding) {
  if (value != value) return 0x7fff;
  const auto sign = static_cast<uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const double magnitude = std::fabs(value);
  const int all_ones = 0x7fff >> format.fraction_bits;
  const auto infinity = static_cast<uint16_t>(all_ones << format.fraction_bits);
  if (std::isinf(magnitude)) return sign | infinity;
  if (magnitude == 0) return sign;
  const bool away = (rounding == Rounding::up && sign == 0) || (rounding == Rounding::down && sign != 0);

  const int exponent = std::max(std::ilogb(magnitude), format.min_exponent);
  // In units of the last place; exact, because a power of two scales a double without loss here.
  const double units = std::ldexp(magnitude, format.fraction_bits - exponent);
  double whole = std::floor(units);
  const double rest = units - whole;
  if (rounding == Rounding::nearest) {
    if (rest > 0.5 || (rest == 0.5 && std::fmod(whole, 2) != 0)) whole += 1;
  } else if (away && rest > 0) {
    whole += 1;
  }
  // A carry out of the fraction runs into the exponent by itself.
  const int base = exponent - format.min_exponent;
  const int bits = static_cast<int>(whole) + (base << format.fraction_bits);
  if (bits < infinity) return sign | static_cast<uint16_t>(bits);
  return rounding == Rounding::nearest || away ? sign | infinity : sign | static_cast<uint16_t>(infinity - 1);
}

}  // namespace vcuda::softgpu::ops
