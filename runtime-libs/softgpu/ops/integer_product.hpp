// The upper half of a product, and what the carry family shares with plain integer arithmetic.
#pragma once

#include <cstdint>
#include <type_traits>

#include "runtime-libs/softgpu/ops/opcode.hpp"

namespace vcuda::softgpu::ops {

// The type of twice the width and the same signedness.
template <typename T>
using Double = std::conditional_t<
    sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>,
    std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
                       std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>>>;

template <typename T>
T high_product(T a, T b) {
  return static_cast<T>((static_cast<Double<T>>(a) * static_cast<Double<T>>(b)) >> (8 * sizeof(T)));
}

// add.cc, sub.cc and mad.cc: the opcodes are those of plain arithmetic, the modifier makes them set the
// carry.
bool decode_add_cc(ptx::Decoder& decoder, const ptx::Instruction& instruction, Instr& out);
bool decode_sub_cc(ptx::Decoder& decoder, const ptx::Instruction& instruction, Instr& out);
bool decode_mad_cc(ptx::Decoder& decoder, const ptx::Instruction& instruction, Instr& out);

}  // namespace vcuda::softgpu::ops
