// Half-precision and bfloat16 as numbers: exact widening, and narrowing in every rounding direction.
#pragma once

#include <cstdint>

#include "runtime-libs/softgpu/ops/real.hpp"

namespace vcuda::softgpu::ops {

// A binary format of 16 bits: IEEE 754 binary16 has 10 fraction bits, bfloat16 7.
struct SmallFormat {
  int fraction_bits;
  int max_exponent;  // of a finite number
  int min_exponent;  // of a normal number
};
constexpr SmallFormat binary16{10, 15, -14};
constexpr SmallFormat bfloat16{7, 127, -126};

// Returns the number the bits mean.
double widen(uint16_t bits, const SmallFormat& format);
// Returns the bits of the number rounded; NaN becomes 0x7fff, as PTX has it.
uint16_t narrow(double value, const SmallFormat& format, Rounding rounding);

}  // namespace vcuda::softgpu::ops
