// Floating-point rules of PTX that C++ does not have: flushing of denormals, one NaN, signed zeros in min and
// max, saturation to [0, 1], directed rounding.
#pragma once

#include <bit>
#include <cfenv>
#include <cstdint>

#include "runtime-libs/softgpu/ptx/decoder.hpp"

namespace vcuda::softgpu::ops {

// What single-precision arithmetic gives for any NaN (PTX ISA 9.0, section 9.7.3: "NaN results are
// 0x7fffffff").
constexpr uint32_t canonical_nan_f32 = 0x7fffffff;

inline float flush(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return (bits & 0x7f800000) == 0 ? std::bit_cast<float>(bits & 0x80000000) : value;
}
inline double flush(double value) { return value; }

inline float one_nan(float value) { return value != value ? std::bit_cast<float>(canonical_nan_f32) : value; }
inline double one_nan(double value) { return value; }

// [0, 1], NaN becomes +0.
template <typename T>
T saturate(T value) {
  return value > T{0} ? (value < T{1} ? value : T{1}) : T{0};
}

enum class Rounding : uint8_t { nearest, zero, down, up };

// Takes .rn, .rz, .rm or .rp; nearest where none is written.
inline Rounding take_rounding(ptx::Modifiers& modifiers) {
  if (modifiers.take("rz")) return Rounding::zero;
  if (modifiers.take("rm")) return Rounding::down;
  if (modifiers.take("rp")) return Rounding::up;
  modifiers.take("rn");
  return Rounding::nearest;
}

// Rounds what is computed while it lives in a direction. Files that use it compile with -frounding-math, and
// values pass through memory before and after, so that nothing is computed outside its life.
class RoundingScope {
 public:
  explicit RoundingScope(Rounding rounding) {
    if (rounding != Rounding::nearest)
      fesetround(rounding == Rounding::zero   ? FE_TOWARDZERO
                 : rounding == Rounding::down ? FE_DOWNWARD
                                              : FE_UPWARD);
    changed_ = rounding != Rounding::nearest;
  }
  ~RoundingScope() {
    if (changed_) fesetround(FE_TONEAREST);
  }
  RoundingScope(const RoundingScope&) = delete;
  RoundingScope& operator=(const RoundingScope&) = delete;

 private:
  bool changed_ = false;
};

}  // namespace vcuda::softgpu::ops
