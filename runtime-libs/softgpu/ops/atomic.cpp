// Atomic operations, reductions and fences (PTX ISA 9.0, section 9.7.13). Every scope is the whole machine.
#include <atomic>

#include "runtime-libs/softgpu/exec/access.hpp"
#include "runtime-libs/softgpu/ops/decode.hpp"
#include "runtime-libs/softgpu/ops/lane_type.hpp"
#include "runtime-libs/softgpu/ops/order.hpp"
#include "runtime-libs/softgpu/ops/real.hpp"

namespace vcuda::softgpu::ops {
namespace {

using ptx::Decoder;
using ptx::Instruction;
using ptx::Modifiers;
using ptx::Operand;
using ptx::Space;
using ptx::Type;

// Each gives the new value from the old one and the operands.
struct Add {
  template <typename T>
  static T apply(T old, T b, T) {
    if constexpr (std::is_floating_point_v<T>) return one_nan(old + b);
    return static_cast<T>(static_cast<Wrapping<T>>(old) + static_cast<Wrapping<T>>(b));
  }
};
struct Min {
  template <typename T>
  static T apply(T old, T b, T) {
    return b < old ? b : old;
  }
};
struct Max {
  template <typename T>
  static T apply(T old, T b, T) {
    return old < b ? b : old;
  }
};
struct And {
  template <typename T>
  static T apply(T old, T b, T) {
    return old & b;
  }
};
struct Or {
  template <typename T>
  static T apply(T old, T b, T) {
    return old | b;
  }
};
struct Xor {
  template <typename T>
  static T apply(T old, T b, T) {
    return old ^ b;
  }
};
struct Inc {
  template <typename T>
  static T apply(T old, T b, T) {
    return old >= b ? 0 : old + 1;
  }
};
struct Dec {
  template <typename T>
  static T apply(T old, T b, T) {
    return old == 0 || old > b ? b : old - 1;
  }
};
struct Exchange {
  template <typename T>
  static T apply(T, T b, T) {
    return b;
  }
};
struct CompareExchange {
  template <typename T>
  static T apply(T old, T b, T c) {
    return old == b ? c : old;
  }
};

template <typename T>
using Bits =
    std::conditional_t<sizeof(T) == 8, uint64_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint16_t>>;

template <typename T, typename Op>
T update(std::byte* at, T b, T c) {
  auto* word = reinterpret_cast<Bits<T>*>(at);
  Bits<T> old = __atomic_load_n(word, __ATOMIC_RELAXED);
  for (;;) {
    const auto next = std::bit_cast<Bits<T>>(Op::apply(std::bit_cast<T>(old), b, c));
    if (__atomic_compare_exchange_n(word, &old, next, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) break;
  }
  return std::bit_cast<T>(old);
}

std::byte* place(Warp& warp, Space space, unsigned lane, uint64_t address, unsigned size) {
  switch (space) {
    case Space::shared:
      return memory_at<Space::shared>(warp, lane, address, size, size, Access::write);
    case Space::global:
      return memory_at<Space::global>(warp, lane, address, size, size, Access::write);
    default:
      return memory_at<Space::generic>(warp, lane, address, size, size, Access::write);
  }
}

// e[0]: the space; e[1]: whether the address is 64 bits wide; e[2]: whether the old value is wanted.
template <typename T, typename Op>
Step atomic(Warp& warp, const Instr& in, uint32_t mask) {
  const auto space = static_cast<Space>(in.e[0]);
  T* d = warp.at<T>(in.d);
  const T* b = warp.at<T>(in.b);
  const T* c = warp.at<T>(in.c);
  for (; mask != 0; mask &= mask - 1) {
    const auto lane = static_cast<unsigned>(__builtin_ctz(mask));
    const uint64_t base = in.e[1] != 0 ? warp.at<uint64_t>(in.a)[lane] : warp.at<uint32_t>(in.a)[lane];
    std::byte* at = place(warp, space, lane, base + static_cast<uint64_t>(in.imm), sizeof(T));
    if (at == nullptr) return Step::choose;
    const T old = update<T, Op>(at, b[lane], c[lane]);
    if (in.e[2] != 0) d[lane] = old;
  }
  return Step::next;
}

template <typename Op>
Handler for_words(Type type) {
  switch (type) {
    case Type::b32:
    case Type::u32:
      return atomic<uint32_t, Op>;
    case Type::b64:
    case Type::u64:
      return atomic<uint64_t, Op>;
    case Type::s32:
      return atomic<int32_t, Op>;
    case Type::s64:
      return atomic<int64_t, Op>;
    default:
      return nullptr;
  }
}

Handler pick(std::string_view op, Type type) {
  if (op == "add") {
    if (type == Type::f32) return atomic<float, Add>;
    if (type == Type::f64) return atomic<double, Add>;
    return for_words<Add>(type);
  }
  if (op == "min") return for_words<Min>(type);
  if (op == "max") return for_words<Max>(type);
  if (op == "and") return for_words<And>(type);
  if (op == "or") return for_words<Or>(type);
  if (op == "xor") return for_words<Xor>(type);
  if (op == "inc") return type == Type::u32 ? atomic<uint32_t, Inc> : nullptr;
  if (op == "dec") return type == Type::u32 ? atomic<uint32_t, Dec> : nullptr;
  if (op == "exch") return for_words<Exchange>(type);
  if (op == "cas")
    return type == Type::b16 || type == Type::u16 ? atomic<uint16_t, CompareExchange>
                                                  : for_words<CompareExchange>(type);
  return nullptr;
}

bool decode_update(Decoder& decoder, const Instruction& instruction, bool returns, Instr& out) {
  Modifiers modifiers(instruction);
  take_order(modifiers);
  const Space space = take_space(modifiers);
  modifiers.take("noftz");
  const std::string_view op = modifiers.take_any();
  Type type{};
  if (!one_type(decoder, modifiers, type) || !need(decoder, pick(op, type), out)) return false;
  if (space != Space::generic && space != Space::global && space != Space::shared)
    return decoder.unsupported("not in this space");
  const size_t first = returns ? 1 : 0;
  const bool three_operands = op == "cas";
  if (!decoder.expect_operands(instruction, first + (three_operands ? 3 : 2))) return false;
  Decoder::Address address;
  if (!decoder.address(instruction.operands[first], space, address) ||
      !decoder.source(instruction.operands[first + 1], type, out.b)) {
    return false;
  }
  out.c = out.b;
  if (three_operands && !decoder.source(instruction.operands[first + 2], type, out.c)) return false;
  out.a = address.row;
  out.imm = address.displacement;
  out.e[0] = static_cast<uint32_t>(space);
  out.e[1] = address.width == 8 ? 1 : 0;
  out.e[2] = returns ? 1 : 0;
  if (!returns) {
    out.d = out.b;
    return true;
  }
  return decoder.destination(instruction.operands[0], type, out.d);
}

bool decode_atom(Decoder& decoder, const Instruction& instruction, Instr& out) {
  return decode_update(decoder, instruction, true, out);
}
bool decode_red(Decoder& decoder, const Instruction& instruction, Instr& out) {
  return decode_update(decoder, instruction, false, out);
}

Step fence(Warp&, const Instr&, uint32_t) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return Step::next;
}

bool decode_fence(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  take_order(modifiers);
  out.run = fence;
  return nothing_left(decoder, modifiers) && decoder.expect_operands(instruction, 0);
}

constexpr Opcode opcodes[] = {
    {"atom", Operands::any, decode_atom},
    {"red", Operands::any, decode_red},
    {"membar", Operands::any, decode_fence},
    {"fence", Operands::any, decode_fence},
};

}  // namespace

std::span<const Opcode> atomic_opcodes() { return opcodes; }

}  // namespace vcuda::softgpu::ops
