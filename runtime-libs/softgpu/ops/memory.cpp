// Loads and stores of every space, width and vector (PTX ISA 9.0, section 9.7.9).
#include <atomic>

#include "runtime-libs/softgpu/exec/access.hpp"
#include "runtime-libs/softgpu/ops/decode.hpp"
#include "runtime-libs/softgpu/ops/lane_type.hpp"
#include "runtime-libs/softgpu/ops/order.hpp"

namespace vcuda::softgpu::ops {
namespace {

using ptx::Decoder;
using ptx::Instruction;
using ptx::Modifiers;
using ptx::Operand;
using ptx::Space;
using ptx::Type;

// e[1]: number of elements and the width of the address' row; e[2]: what must be ordered before and after.
constexpr uint32_t wide_address = 0x100;

struct Shape {
  unsigned count;
  bool wide;
};
Shape shape_of(const Instr& in) { return {in.e[1] & 0xff, (in.e[1] & wide_address) != 0}; }

uint64_t lane_address(Warp& warp, const Instr& in, bool wide, unsigned lane) {
  const uint64_t base = wide ? warp.at<uint64_t>(in.a)[lane] : warp.at<uint32_t>(in.a)[lane];
  return base + static_cast<uint64_t>(in.imm);
}

// Kernels may race on memory; relaxed atomic accesses keep that from being undefined here, and cost nothing.
template <typename Memory>
Memory load_relaxed(const std::byte* at) {
  return __atomic_load_n(reinterpret_cast<const Memory*>(at), __ATOMIC_RELAXED);
}
template <typename Memory>
void store_relaxed(std::byte* at, Memory value) {
  __atomic_store_n(reinterpret_cast<Memory*>(at), value, __ATOMIC_RELAXED);
}

// Where all 32 lanes go, checked together: base plus offset[lane]. Null where the lanes need to be looked at
// one by one, to find the range they lie in or the one that is wrong.
template <Space space>
std::byte* all_places(Warp& warp, const Instr& in, Shape shape, unsigned bytes, Access access,
                      uint64_t* offset) {
  const Block& block = *warp.block;
  const GlobalView& view = block.global;
  uint64_t begin = 0;
  uint64_t size = 0;
  if constexpr (space == Space::shared) {
    size = block.shared_bytes;
  } else if constexpr (space == Space::global || space == Space::generic) {
    if (access == Access::write && !view.writable) return nullptr;
    begin = view.begin;
    size = view.end - view.begin;
  }
  if (size < bytes) return nullptr;
  const uint64_t displacement = static_cast<uint64_t>(in.imm) - begin;
  if (shape.wide) {
    const uint64_t* a = warp.at<uint64_t>(in.a);
    for (unsigned lane = 0; lane < lane_count; ++lane) offset[lane] = a[lane] + displacement;
  } else {
    const uint32_t* a = warp.at<uint32_t>(in.a);
    for (unsigned lane = 0; lane < lane_count; ++lane) offset[lane] = a[lane] + displacement;
  }
  uint64_t together = 0;
  bool outside = false;
  for (unsigned lane = 0; lane < lane_count; ++lane) {
    together |= offset[lane];
    outside |= offset[lane] > size - bytes;
  }
  // The start of a range is aligned as its allocation is; an offset tells as much as the address only then.
  if (outside || ((together | begin) & (bytes - 1)) != 0) return nullptr;
  return space == Space::shared ? block.shared : reinterpret_cast<std::byte*>(begin);
}

template <Space space>
constexpr bool has_quick_way = space == Space::shared || space == Space::global || space == Space::generic;

template <typename Memory, typename Register, Space space>
Step load(Warp& warp, const Instr& in, uint32_t mask) {
  const Shape shape = shape_of(in);
  const uint32_t rows[4] = {in.d, in.b, in.c, in.e[0]};
  const unsigned bytes = shape.count * sizeof(Memory);
  if constexpr (has_quick_way<space>) {
    uint64_t offset[lane_count];
    const std::byte* base =
        mask == all_lanes ? all_places<space>(warp, in, shape, bytes, Access::read, offset) : nullptr;
    if (base != nullptr) {
      for (unsigned i = 0; i < shape.count; ++i, base += sizeof(Memory)) {
        Register* d = warp.at<Register>(rows[i]);
        for (unsigned lane = 0; lane < lane_count; ++lane) {
          d[lane] = static_cast<Register>(load_relaxed<Memory>(base + offset[lane]));
        }
      }
      mask = 0;
    }
  }
  for (; mask != 0; mask &= mask - 1) {
    const auto lane = static_cast<unsigned>(__builtin_ctz(mask));
    const std::byte* at =
        memory_at<space>(warp, lane, lane_address(warp, in, shape.wide, lane), bytes, bytes, Access::read);
    if (at == nullptr) return Step::choose;
    for (unsigned i = 0; i < shape.count; ++i) {
      // A signed type fills a wider register with its sign, an unsigned one with zeros.
      warp.at<Register>(rows[i])[lane] = static_cast<Register>(load_relaxed<Memory>(at + i * sizeof(Memory)));
    }
  }
  if ((in.e[2] & fence_after) != 0) std::atomic_thread_fence(std::memory_order_seq_cst);
  return Step::next;
}

// A parameter by name: the place is known, all lanes read the same.
template <typename Memory, typename Register>
Step load_parameter(Warp& warp, const Instr& in, uint32_t mask) {
  const Shape shape = shape_of(in);
  const uint32_t rows[4] = {in.d, in.b, in.c, in.e[0]};
  for (unsigned i = 0; i < shape.count; ++i) {
    Memory value;
    __builtin_memcpy(&value, warp.block->params + in.imm + i * sizeof(Memory), sizeof value);
    Register* d = warp.at<Register>(rows[i]);
    const auto wide = static_cast<Register>(value);
    for_lanes(mask, [=](unsigned lane) { d[lane] = wide; });
  }
  return Step::next;
}

template <typename Memory, typename Register, Space space>
Step store(Warp& warp, const Instr& in, uint32_t mask) {
  const Shape shape = shape_of(in);
  const uint32_t rows[4] = {in.d, in.b, in.c, in.e[0]};
  const unsigned bytes = shape.count * sizeof(Memory);
  if ((in.e[2] & fence_before) != 0) std::atomic_thread_fence(std::memory_order_seq_cst);
  if constexpr (has_quick_way<space>) {
    uint64_t offset[lane_count];
    std::byte* base =
        mask == all_lanes ? all_places<space>(warp, in, shape, bytes, Access::write, offset) : nullptr;
    if (base != nullptr) {
      for (unsigned i = 0; i < shape.count; ++i, base += sizeof(Memory)) {
        const Register* from = warp.at<Register>(rows[i]);
        for (unsigned lane = 0; lane < lane_count; ++lane) {
          store_relaxed<Memory>(base + offset[lane], static_cast<Memory>(from[lane]));
        }
      }
      return Step::next;
    }
  }
  for (; mask != 0; mask &= mask - 1) {
    const auto lane = static_cast<unsigned>(__builtin_ctz(mask));
    std::byte* at =
        memory_at<space>(warp, lane, lane_address(warp, in, shape.wide, lane), bytes, bytes, Access::write);
    if (at == nullptr) return Step::choose;
    for (unsigned i = 0; i < shape.count; ++i) {
      store_relaxed<Memory>(at + i * sizeof(Memory), static_cast<Memory>(warp.at<Register>(rows[i])[lane]));
    }
  }
  return Step::next;
}

template <typename Memory, typename Register>
Handler load_from(Space space, bool by_name) {
  switch (space) {
    case Space::generic:
      return load<Memory, Register, Space::generic>;
    case Space::global:
    case Space::constant:
      return load<Memory, Register, Space::global>;
    case Space::shared:
      return load<Memory, Register, Space::shared>;
    case Space::local:
      return load<Memory, Register, Space::local>;
    case Space::param:
      return by_name ? load_parameter<Memory, Register> : load<Memory, Register, Space::param>;
  }
  return nullptr;
}

template <typename Memory, typename Register>
Handler store_to(Space space) {
  switch (space) {
    case Space::generic:
      return store<Memory, Register, Space::generic>;
    case Space::global:
      return store<Memory, Register, Space::global>;
    case Space::shared:
      return store<Memory, Register, Space::shared>;
    case Space::local:
      return store<Memory, Register, Space::local>;
    case Space::param:
    case Space::constant:
      return nullptr;
  }
  return nullptr;
}

Handler load_handler(Type type, unsigned width, Space space, bool by_name) {
  return with_width(width, [=]<typename Register>(Tag<Register>) -> Handler {
    // From the sign of the type's own width to the register's: C++ converts that way by itself.
    using Signed = std::make_signed_t<Register>;
    switch (ptx::size_of(type)) {
      case 1:
        return ptx::is_signed(type) ? load_from<int8_t, Signed>(space, by_name)
                                    : load_from<uint8_t, Register>(space, by_name);
      case 2:
        return ptx::is_signed(type) ? load_from<int16_t, Signed>(space, by_name)
                                    : load_from<uint16_t, Register>(space, by_name);
      case 4:
        if constexpr (sizeof(Register) >= 4) {
          return ptx::is_signed(type) ? load_from<int32_t, Signed>(space, by_name)
                                      : load_from<uint32_t, Register>(space, by_name);
        }
        return nullptr;
      case 8:
        if constexpr (sizeof(Register) == 8) return load_from<uint64_t, Register>(space, by_name);
        return nullptr;
      default:
        return nullptr;
    }
  });
}

Handler store_handler(Type type, unsigned width, Space space) {
  return with_width(width, [=]<typename Register>(Tag<Register>) -> Handler {
    switch (ptx::size_of(type)) {
      case 1:
        return store_to<uint8_t, Register>(space);
      case 2:
        return store_to<uint16_t, Register>(space);
      case 4:
        if constexpr (sizeof(Register) >= 4) return store_to<uint32_t, Register>(space);
        return nullptr;
      case 8:
        if constexpr (sizeof(Register) == 8) return store_to<uint64_t, Register>(space);
        return nullptr;
      default:
        return nullptr;
    }
  });
}

bool take_hint(Modifiers& modifiers) {
  for (const char* hint :
       {"ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc", "L1::evict_normal", "L1::evict_unchanged",
        "L1::evict_first", "L1::evict_last", "L1::no_allocate", "L2::64B", "L2::128B", "L2::256B",
        "L2::evict_last", "L2::evict_first", "L2::evict_normal"}) {
    if (modifiers.take(hint)) return true;
  }
  return false;
}

unsigned take_vector(Modifiers& modifiers) { return modifiers.take("v4") ? 4 : modifiers.take("v2") ? 2 : 1; }

// The rows of the value: one register, or a vector's parts, all of one width.
bool value_rows(Decoder& decoder, const Operand& operand, Type type, unsigned count, bool written, Instr& out,
                unsigned& width) {
  uint32_t* rows[4] = {&out.d, &out.b, &out.c, &out.e[0]};
  if (count == 1) {
    return written ? decoder.wide_destination(operand, type, out.d, width)
                   : decoder.wide_source(operand, type, out.d, width);
  }
  if (operand.kind != Operand::Kind::vector || operand.parts.size() != count)
    return decoder.unsupported("a vector operand is needed");
  // Sinks and literals take the width of the registers beside them.
  width = ptx::row_width(type);
  for (const Operand& part : operand.parts) {
    if (part.kind == Operand::Kind::reg) width = std::max(width, ptx::row_width(decoder.register_type(part)));
  }
  for (unsigned i = 0; i < count; ++i) {
    const Operand& part = operand.parts[i];
    unsigned own = width;
    if (part.kind == Operand::Kind::sink) {
      *rows[i] = decoder.scratch(width);
    } else if (part.kind == Operand::Kind::integer && width > ptx::row_width(type)) {
      *rows[i] = decoder.constant(width, part.bits);
    } else if (!(written ? decoder.wide_destination(part, type, *rows[i], own)
                         : decoder.wide_source(part, type, *rows[i], own))) {
      return false;
    }
    if (own != width) return decoder.unsupported("registers of different widths in a vector");
  }
  return true;
}

bool decode_access(Decoder& decoder, const Instruction& instruction, bool is_load, Instr& out) {
  Modifiers modifiers(instruction);
  const Space space = take_space(modifiers);
  out.e[2] = take_order(modifiers);
  while (take_hint(modifiers)) {
  }
  const unsigned count = take_vector(modifiers);
  Type type{};
  if (!one_type(decoder, modifiers, type) || !decoder.expect_operands(instruction, 2)) return false;
  if (ptx::size_of(type) > 8 || type == Type::pred) return decoder.unsupported("not supported for this type");
  if (count * ptx::size_of(type) > 16)
    return decoder.unsupported("accesses of more than 16 bytes are not supported");
  const Operand& value = instruction.operands[is_load ? 0 : 1];
  const Operand& place = instruction.operands[is_load ? 1 : 0];
  unsigned width = 0;
  Decoder::Address address;
  if (!value_rows(decoder, value, type, count, is_load, out, width) ||
      !decoder.address(place, space, address))
    return false;
  out.a = address.row;
  out.imm = address.displacement;
  out.e[1] = count | (address.width == 8 ? wide_address : 0);
  if (!address.has_base) {
    const auto end = static_cast<uint64_t>(address.displacement) + uint64_t{count} * ptx::size_of(type);
    if (address.displacement < 0 || end > decoder.function().parameter_bytes)
      return decoder.unsupported("reads beyond the parameters");
  }
  return need(
      decoder,
      is_load ? load_handler(type, width, space, !address.has_base) : store_handler(type, width, space), out);
}

bool decode_ld(Decoder& decoder, const Instruction& instruction, Instr& out) {
  return decode_access(decoder, instruction, true, out);
}
bool decode_st(Decoder& decoder, const Instruction& instruction, Instr& out) {
  return decode_access(decoder, instruction, false, out);
}

Step nothing(Warp&, const Instr&, uint32_t) { return Step::next; }

// Hints about caches: there is no cache to tell.
bool decode_hint(Decoder&, const Instruction&, Instr& out) {
  out.run = nothing;
  return true;
}

constexpr Opcode opcodes[] = {
    {"ld", Operands::any, decode_ld},
    {"ldu", Operands::any, decode_ld},
    {"st", Operands::any, decode_st},
    {"prefetch", Operands::any, decode_hint},
    {"prefetchu", Operands::any, decode_hint},
    {"discard", Operands::any, decode_hint},
    {"applypriority", Operands::any, decode_hint},
};

}  // namespace

std::span<const Opcode> memory_opcodes() { return opcodes; }

}  // namespace vcuda::softgpu::ops
