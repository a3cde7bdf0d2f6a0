// Fields of bits and bytes: finding, taking out, putting in, permuting (PTX ISA 9.0, sections 9.7.1
// and 9.7.9).
#include <algorithm>
#include <bit>
#include <iterator>

#include "runtime-libs/softgpu/ops/decode.hpp"
#include "runtime-libs/softgpu/ops/lane_type.hpp"

namespace vcuda::softgpu::ops {
namespace {

using ptx::Decoder;
using ptx::Instruction;
using ptx::Modifiers;
using ptx::Type;

// The most significant bit that is not a sign bit; all ones if there is none.
template <typename T, bool shift_amount>
Step find_bit(Warp& warp, const Instr& in, uint32_t mask) {
  using U = std::make_unsigned_t<T>;
  uint32_t* d = warp.at<uint32_t>(in.d);
  const T* a = warp.at<T>(in.a);
  constexpr int top = 8 * sizeof(T) - 1;
  for_lanes(mask, [=](unsigned lane) {
    const U value = a[lane] < 0 ? static_cast<U>(~a[lane]) : static_cast<U>(a[lane]);
    const int zeros = std::countl_zero(value);
    d[lane] = value == 0 ? UINT32_MAX : static_cast<uint32_t>(shift_amount ? zeros : top - zeros);
  });
  return Step::next;
}

template <typename T>
Step extract_field(Warp& warp, const Instr& in, uint32_t mask) {
  using U = std::make_unsigned_t<T>;
  U* d = warp.at<U>(in.d);
  const U* a = warp.at<U>(in.a);
  const uint32_t* position = warp.at<uint32_t>(in.b);
  const uint32_t* length = warp.at<uint32_t>(in.c);
  constexpr unsigned bits = 8 * sizeof(T);
  for_lanes(mask, [=](unsigned lane) {
    const unsigned at = position[lane] & 0xff;
    const unsigned n = length[lane] & 0xff;
    // The field may reach beyond the top: what is there counts as the sign bit.
    const unsigned sign_at = std::min(at + n - 1, bits - 1);
    const bool sign = std::is_signed_v<T> && n != 0 && (a[lane] >> sign_at & 1) != 0;
    U out = sign ? ~U{0} : U{0};
    for (unsigned i = 0; i < bits && i < n && at + i < bits; ++i) {
      const U bit = U{1} << i;
      out = (a[lane] >> (at + i) & 1) != 0 ? out | bit : out & ~bit;
    }
    d[lane] = out;
  });
  return Step::next;
}

template <typename U>
Step insert_field(Warp& warp, const Instr& in, uint32_t mask) {
  U* d = warp.at<U>(in.d);
  const U* a = warp.at<U>(in.a);
  const U* b = warp.at<U>(in.b);
  const uint32_t* position = warp.at<uint32_t>(in.c);
  const uint32_t* length = warp.at<uint32_t>(in.e[0]);
  constexpr unsigned bits = 8 * sizeof(U);
  for_lanes(mask, [=](unsigned lane) {
    const unsigned at = position[lane] & 0xff;
    const unsigned n = length[lane] & 0xff;
    U field = n >= bits ? ~U{0} : (U{1} << n) - 1;
    field = at >= bits ? U{0} : field << at;
    const U shifted = at >= bits ? U{0} : a[lane] << at;
    d[lane] = (b[lane] & ~field) | (shifted & field);
  });
  return Step::next;
}

// Picks four bytes out of the eight of b:a; bit 3 of a choice spreads the byte's sign.
Step permute(Warp& warp, const Instr& in, uint32_t mask) {
  uint32_t* d = warp.at<uint32_t>(in.d);
  const uint32_t* a = warp.at<uint32_t>(in.a);
  const uint32_t* b = warp.at<uint32_t>(in.b);
  const uint32_t* c = warp.at<uint32_t>(in.c);
  for_lanes(mask, [=](unsigned lane) {
    const uint64_t bytes = uint64_t{b[lane]} << 32 | a[lane];
    uint32_t out = 0;
    for (int i = 0; i < 4; ++i) {
      const uint32_t choice = c[lane] >> 4 * i & 0xf;
      const auto byte = static_cast<uint8_t>(bytes >> 8 * (choice & 7));
      const uint32_t picked = (choice & 8) == 0 ? byte : (byte & 0x80) != 0 ? 0xff : 0;
      out |= picked << 8 * i;
    }
    d[lane] = out;
  });
  return Step::next;
}

// prmt with a mode: two bits of c say which of six fixed patterns is meant (ISA table "prmt modes").
constexpr uint32_t permute_modes[6][4] = {
    {0x3210, 0x4321, 0x5432, 0x6543},  // f4e
    {0x5670, 0x6701, 0x7012, 0x0123},  // b4e
    {0x0000, 0x1111, 0x2222, 0x3333},  // rc8
    {0x3210, 0x3211, 0x3222, 0x3333},  // ecl
    {0x0000, 0x1110, 0x2210, 0x3210},  // ecr
    {0x1010, 0x3232, 0x1010, 0x3232},  // rc16
};
constexpr std::string_view permute_mode_names[6] = {"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"};

Step permute_by_mode(Warp& warp, const Instr& in, uint32_t mask) {
  uint32_t* d = warp.at<uint32_t>(in.d);
  const uint32_t* a = warp.at<uint32_t>(in.a);
  const uint32_t* b = warp.at<uint32_t>(in.b);
  const uint32_t* c = warp.at<uint32_t>(in.c);
  const auto& patterns = permute_modes[in.imm];
  for_lanes(mask, [=, &patterns](unsigned lane) {
    const uint64_t bytes = uint64_t{b[lane]} << 32 | a[lane];
    const uint32_t pattern = patterns[c[lane] & 3];
    uint32_t out = 0;
    for (int i = 0; i < 4; ++i)
      out |= static_cast<uint32_t>(bytes >> 8 * (pattern >> 4 * i & 7) & 0xff) << 8 * i;
    d[lane] = out;
  });
  return Step::next;
}

bool decode_find(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  const bool shift_amount = modifiers.take("shiftamt");
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  switch (type) {
    case Type::u32:
      out.run = shift_amount ? find_bit<uint32_t, true> : find_bit<uint32_t, false>;
      break;
    case Type::s32:
      out.run = shift_amount ? find_bit<int32_t, true> : find_bit<int32_t, false>;
      break;
    case Type::u64:
      out.run = shift_amount ? find_bit<uint64_t, true> : find_bit<uint64_t, false>;
      break;
    case Type::s64:
      out.run = shift_amount ? find_bit<int64_t, true> : find_bit<int64_t, false>;
      break;
    default:
      return decoder.unsupported("not for this type");
  }
  return decoder.expect_operands(instruction, 2) &&
         decoder.destination(instruction.operands[0], Type::u32, out.d) &&
         decoder.source(instruction.operands[1], type, out.a);
}

bool decode_extract(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  switch (type) {
    case Type::u32:
      out.run = extract_field<uint32_t>;
      break;
    case Type::s32:
      out.run = extract_field<int32_t>;
      break;
    case Type::u64:
      out.run = extract_field<uint64_t>;
      break;
    case Type::s64:
      out.run = extract_field<int64_t>;
      break;
    default:
      return decoder.unsupported("not for this type");
  }
  return decoder.expect_operands(instruction, 4) &&
         decoder.destination(instruction.operands[0], type, out.d) &&
         decoder.source(instruction.operands[1], type, out.a) &&
         decoder.source(instruction.operands[2], Type::u32, out.b) &&
         decoder.source(instruction.operands[3], Type::u32, out.c);
}

bool decode_insert(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type != Type::b32 && type != Type::b64) return decoder.unsupported("not for this type");
  out.run = type == Type::b32 ? insert_field<uint32_t> : insert_field<uint64_t>;
  return decoder.expect_operands(instruction, 5) &&
         decoder.destination(instruction.operands[0], type, out.d) &&
         decoder.source(instruction.operands[1], type, out.a) &&
         decoder.source(instruction.operands[2], type, out.b) &&
         decoder.source(instruction.operands[3], Type::u32, out.c) &&
         decoder.source(instruction.operands[4], Type::u32, out.e[0]);
}

bool decode_permute(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  out.run = permute;
  for (size_t mode = 0; mode < std::size(permute_mode_names); ++mode) {
    if (!modifiers.take(permute_mode_names[mode])) continue;
    out.run = permute_by_mode;
    out.imm = static_cast<int64_t>(mode);
  }
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  if (type != Type::b32) return decoder.unsupported("not for this type");
  return four(decoder, instruction, type, out);
}

constexpr Opcode opcodes[] = {
    {"bfind", Operands::any, decode_find},
    {"bfe", Operands::any, decode_extract},
    {"bfi", Operands::any, decode_insert},
    {"prmt", Operands::any, decode_permute},
};

}  // namespace

std::span<const Opcode> field_opcodes() { return opcodes; }

}  // namespace vcuda::softgpu::ops
