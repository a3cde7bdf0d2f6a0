// Extended precision: addition and subtraction with a carry that each lane keeps (PTX ISA 9.0,
// section 9.7.2).
#include "runtime-libs/softgpu/ops/decode.hpp"
#include "runtime-libs/softgpu/ops/integer_product.hpp"
#include "runtime-libs/softgpu/ops/lane_type.hpp"

namespace vcuda::softgpu::ops {
namespace {

using ptx::Decoder;
using ptx::Instruction;
using ptx::Modifiers;
using ptx::Type;

enum class Product : uint8_t { none, low, high };

// d = x + y + carry; subtraction adds the complement, and its carry is the borrow turned round, as CC.CF is
// defined.
template <typename T, Product product, bool subtract, bool carry_in, bool carry_out>
Step add_with_carry(Warp& warp, const Instr& in, uint32_t mask) {
  using U = std::make_unsigned_t<T>;
  U* d = warp.at<U>(in.d);
  const T* a = warp.at<T>(in.a);
  const T* b = warp.at<T>(in.b);
  const U* c = warp.at<U>(in.c);
  uint32_t carry = warp.carry;
  for_lanes(mask, [&](unsigned lane) {
    U x = static_cast<U>(a[lane]);
    U y = static_cast<U>(b[lane]);
    if constexpr (product == Product::low) {
      x = static_cast<U>(x * y);
      y = c[lane];
    } else if constexpr (product == Product::high) {
      x = static_cast<U>(high_product(a[lane], b[lane]));
      y = c[lane];
    }
    const U in_bit = carry_in ? static_cast<U>(carry >> lane & 1) : U{0};
    bool out_bit = false;
    U sum = 0;
    if constexpr (subtract) {
      sum = static_cast<U>(x - y - in_bit);
      out_bit = x < y || (in_bit != 0 && x == y);
    } else {
      sum = static_cast<U>(x + y + in_bit);
      out_bit = sum < x || (in_bit != 0 && sum == x);
    }
    d[lane] = sum;
    if constexpr (carry_out) carry = (carry & ~(1u << lane)) | uint32_t{out_bit} << lane;
  });
  warp.carry = carry;
  return Step::next;
}

template <typename T, Product product, bool subtract>
Handler pick(bool in, bool out) {
  return in ? (out ? add_with_carry<T, product, subtract, true, true>
                   : add_with_carry<T, product, subtract, true, false>)
            : add_with_carry<T, product, subtract, false, true>;
}

template <bool subtract, bool carry_in>
bool decode_sum(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  const bool carry_out = modifiers.take("cc");
  if (!carry_in && !carry_out) return decoder.unsupported(".cc is missing");
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type != Type::u32 && type != Type::s32 && type != Type::u64 && type != Type::s64 && type != Type::b32 &&
      type != Type::b64) {
    return decoder.unsupported("not for this type");
  }
  out.run = ptx::size_of(type) == 4 ? pick<uint32_t, Product::none, subtract>(carry_in, carry_out)
                                    : pick<uint64_t, Product::none, subtract>(carry_in, carry_out);
  return three(decoder, instruction, type, out);
}

template <bool carry_in>
bool decode_mad(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  const bool hi = modifiers.take("hi");
  if (!hi && !modifiers.take("lo")) return decoder.unsupported(".lo or .hi is missing");
  const bool carry_out = modifiers.take("cc");
  if (!carry_in && !carry_out) return decoder.unsupported(".cc is missing");
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  const auto handler = [&]<typename T>(Tag<T>) {
    return hi ? pick<T, Product::high, false>(carry_in, carry_out)
              : pick<T, Product::low, false>(carry_in, carry_out);
  };
  if (ptx::size_of(type) < 4) return decoder.unsupported("not for this type");
  return four(decoder, instruction, type, out) && need(decoder, with_integer(type, handler), out);
}

constexpr Opcode opcodes[] = {
    {"addc", Operands::integers, decode_sum<false, true>},
    {"subc", Operands::integers, decode_sum<true, true>},
    {"madc", Operands::integers, decode_mad<true>},
};

}  // namespace

std::span<const Opcode> carry_opcodes() { return opcodes; }

bool decode_add_cc(Decoder& decoder, const Instruction& instruction, Instr& out) {
  return decode_sum<false, false>(decoder, instruction, out);
}
bool decode_sub_cc(Decoder& decoder, const Instruction& instruction, Instr& out) {
  return decode_sum<true, false>(decoder, instruction, out);
}
bool decode_mad_cc(Decoder& decoder, const Instruction& instruction, Instr& out) {
  return decode_mad<false>(decoder, instruction, out);
}

}  // namespace vcuda::softgpu::ops
