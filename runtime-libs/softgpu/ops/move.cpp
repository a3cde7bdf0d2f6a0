// mov in all its forms: values, addresses, special registers, packing and unpacking of vectors (PTX
// ISA 9.0, 9.7.9).
#include <time.h>

#include "runtime-libs/softgpu/ops/decode.hpp"
#include "runtime-libs/softgpu/ops/lane_type.hpp"

namespace vcuda::softgpu::ops {
namespace {

using ptx::Decoder;
using ptx::Instruction;
using ptx::Modifiers;
using ptx::Operand;
using ptx::Type;

struct Copy {
  template <typename T>
  static T apply(T a) {
    return a;
  }
};

Step move_predicate(Warp& warp, const Instr& in, uint32_t mask) {
  const uint32_t a = warp.predicate(in.a) ^ in.e[0];
  uint32_t& d = warp.predicate(in.d);
  d = (d & ~mask) | (a & mask);
  return Step::next;
}

// The rows of a vector's parts: a, b, c, e[0] where it is read; d, b, c, e[0] where it is written.
template <typename Whole, typename Part>
Step pack(Warp& warp, const Instr& in, uint32_t mask) {
  constexpr unsigned count = sizeof(Whole) / sizeof(Part);
  const uint32_t rows[4] = {in.a, in.b, in.c, in.e[0]};
  Whole* d = warp.at<Whole>(in.d);
  for_lanes(mask, [=, &warp](unsigned lane) {
    Whole value = 0;
    for (unsigned i = 0; i < count; ++i) {
      value = static_cast<Whole>(value | static_cast<Whole>(warp.at<Part>(rows[i])[lane])
                                             << 8 * sizeof(Part) * i);
    }
    d[lane] = value;
  });
  return Step::next;
}

template <typename Whole, typename Part>
Step unpack(Warp& warp, const Instr& in, uint32_t mask) {
  constexpr unsigned count = sizeof(Whole) / sizeof(Part);
  const uint32_t rows[4] = {in.d, in.b, in.c, in.e[0]};
  const Whole* a = warp.at<Whole>(in.a);
  for_lanes(mask, [=, &warp](unsigned lane) {
    // Read first: a part may be written into the register that is read.
    const Whole value = a[lane];
    for (unsigned i = 0; i < count; ++i)
      warp.at<Part>(rows[i])[lane] = static_cast<Part>(value >> 8 * sizeof(Part) * i);
  });
  return Step::next;
}

// Clocks: nanoseconds count as cycles of a 1 GHz device.
template <typename T, unsigned shift>
Step read_clock(Warp& warp, const Instr& in, uint32_t mask) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const uint64_t nanoseconds =
      static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
  T* d = warp.at<T>(in.d);
  for_lanes(mask, [=](unsigned lane) { d[lane] = static_cast<T>(nanoseconds >> shift); });
  return Step::next;
}

Handler clock_handler(std::string_view name, unsigned width) {
  if (width == 4) {
    if (name == "%clock" || name == "%globaltimer_lo") return read_clock<uint32_t, 0>;
    if (name == "%clock_hi" || name == "%globaltimer_hi") return read_clock<uint32_t, 32>;
  }
  if (width == 8 && (name == "%clock64" || name == "%globaltimer")) return read_clock<uint64_t, 0>;
  return nullptr;
}

template <bool packing>
Handler vector_handler(unsigned whole, unsigned part) {
  if (whole == 8 && part == 4) return packing ? pack<uint64_t, uint32_t> : unpack<uint64_t, uint32_t>;
  if (whole == 8 && part == 2) return packing ? pack<uint64_t, uint16_t> : unpack<uint64_t, uint16_t>;
  if (whole == 4 && part == 2) return packing ? pack<uint32_t, uint16_t> : unpack<uint32_t, uint16_t>;
  return nullptr;
}

Type bits_of(unsigned width) { return width == 2 ? Type::b16 : width == 4 ? Type::b32 : Type::b64; }

bool decode_vector(Decoder& decoder, const Instruction& instruction, Type type, Instr& out) {
  const bool packing = instruction.operands[1].kind == Operand::Kind::vector;
  const Operand& vector = instruction.operands[packing ? 1 : 0];
  const Operand& whole = instruction.operands[packing ? 0 : 1];
  const unsigned width = ptx::size_of(type);
  const size_t count = vector.parts.size();
  if (count != 2 && count != 4) return decoder.unsupported("a vector of 2 or 4 is needed");
  const auto part_width = static_cast<unsigned>(width / count);
  out.run = packing ? vector_handler<true>(width, part_width) : vector_handler<false>(width, part_width);
  if (out.run == nullptr) return decoder.unsupported("not supported for these widths");
  const Type part = bits_of(part_width);
  uint32_t* rows[4] = {packing ? &out.a : &out.d, &out.b, &out.c, &out.e[0]};
  for (size_t i = 0; i < count; ++i) {
    const bool good = packing ? decoder.source(vector.parts[i], part, *rows[i])
                              : decoder.destination(vector.parts[i], part, *rows[i]);
    if (!good) return false;
  }
  return packing ? decoder.destination(whole, type, out.d) : decoder.source(whole, type, out.a);
}

bool decode_mov(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  if (!one_type(decoder, modifiers, type) || !decoder.expect_operands(instruction, 2)) return false;
  const Operand& to = instruction.operands[0];
  const Operand& from = instruction.operands[1];
  if (type == Type::pred) {
    bool negated = false;
    out.run = move_predicate;
    if (from.kind == Operand::Kind::integer) {
      out.a = decoder.constant_mask(from.bits != 0 ? all_lanes : 0);
    } else if (!decoder.predicate(from, out.a, negated)) {
      return false;
    }
    out.e[0] = negated ? all_lanes : 0;
    return decoder.destination(to, type, out.d);
  }
  if (ptx::size_of(type) < 2 || ptx::size_of(type) > 8)
    return decoder.unsupported("not supported for this type");
  if (to.kind == Operand::Kind::vector || from.kind == Operand::Kind::vector) {
    return decode_vector(decoder, instruction, type, out);
  }
  if (from.kind == Operand::Kind::special) {
    out.run = clock_handler(from.name, ptx::size_of(type));
    if (out.run != nullptr) return decoder.destination(to, type, out.d);
  }
  out.run = with_width(ptx::size_of(type), []<typename T>(Tag<T>) -> Handler { return unary<T, Copy>; });
  return two(decoder, instruction, type, out);
}

constexpr Opcode opcodes[] = {
    {"mov", Operands::any, decode_mov},
};

}  // namespace

std::span<const Opcode> move_opcodes() { return opcodes; }

}  // namespace vcuda::softgpu::ops
