// Exchange between the lanes of a warp: shfl, vote, match, redux, activemask, bar.warp.sync (PTX
// ISA 9.0, 9.7.9, 9.7.13). The .sync forms run once all members have come to the instruction, however they
// got there.
#include <bit>

#include "runtime-libs/softgpu/ops/decode.hpp"
#include "runtime-libs/softgpu/ops/lane_type.hpp"
#include "runtime-libs/softgpu/ops/warp_barrier.hpp"

namespace vcuda::softgpu::ops {
namespace {

using ptx::Decoder;
using ptx::Instruction;
using ptx::Modifiers;
using ptx::Operand;
using ptx::Type;

// Gathers the members of a .sync instruction. Returns the lanes that run it now: 0 if some have still to
// come, and then step is what the handler returns. e[2] is the row of the member mask.
uint32_t gather(Warp& warp, const Instr& in, uint32_t mask, Step& step) {
  step = Step::next;
  if (mask == 0) return 0;
  const uint32_t members = warp.at<uint32_t>(in.e[2])[std::countr_zero(mask)];
  const uint32_t pc = warp.pc - 1;
  for (unsigned i = 0; i < warp.group_count;) {
    const Group& group = warp.groups[i];
    if (group.state == Group::State::at_warp_op && group.pc == pc) {
      mask |= group.mask;
      warp.active |= group.mask;
      warp.remove_group(i);
    } else {
      ++i;
    }
  }
  if ((members & warp.live & ~mask) == 0) return mask;
  Group group;
  group.pc = pc;
  group.mask = mask;
  group.state = Group::State::at_warp_op;
  group.members = members;
  step = park(warp, mask, group);
  return 0;
}

enum class Shuffle : uint8_t { up, down, bfly, idx };

// e[0]: row of the predicate that says the source was in range, e[1]: whether there is one.
template <Shuffle mode>
Step shuffle(Warp& warp, const Instr& in, uint32_t mask) {
  Step step{};
  mask = gather(warp, in, mask, step);
  if (mask == 0) return step;
  uint32_t a[lane_count];
  __builtin_memcpy(a, warp.at<uint32_t>(in.a), sizeof a);
  uint32_t* d = warp.at<uint32_t>(in.d);
  const uint32_t* b = warp.at<uint32_t>(in.b);
  const uint32_t* c = warp.at<uint32_t>(in.c);
  uint32_t in_range = 0;
  for_lanes(mask, [&](unsigned lane) {
    const auto here = static_cast<int>(lane);
    const int amount = static_cast<int>(b[lane] & 0x1f);
    const int clamp = static_cast<int>(c[lane] & 0x1f);
    const int segment = static_cast<int>(c[lane] >> 8 & 0x1f);
    const int last = (here & segment) | (clamp & ~segment);
    const int first = here & segment;
    int from = 0;
    bool good = false;
    switch (mode) {
      case Shuffle::up:
        from = here - amount;
        good = from >= last;
        break;
      case Shuffle::down:
        from = here + amount;
        good = from <= last;
        break;
      case Shuffle::bfly:
        from = here ^ amount;
        good = from <= last;
        break;
      case Shuffle::idx:
        from = first | (amount & ~segment);
        good = from <= last;
        break;
    }
    if (!good) from = here;
    d[lane] = a[from & 31];
    in_range |= uint32_t{good} << lane;
  });
  if (in.e[1] != 0) {
    uint32_t& p = warp.predicate(in.e[0]);
    p = (p & ~mask) | (in_range & mask);
  }
  return Step::next;
}

bool decode_shfl(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  if (!modifiers.take("sync")) return decoder.unsupported("shfl without .sync is gone since PTX 6.4");
  if (modifiers.take("up")) out.run = shuffle<Shuffle::up>;
  if (modifiers.take("down")) out.run = shuffle<Shuffle::down>;
  if (modifiers.take("bfly")) out.run = shuffle<Shuffle::bfly>;
  if (modifiers.take("idx")) out.run = shuffle<Shuffle::idx>;
  if (out.run == nullptr) return decoder.unsupported(".up, .down, .bfly or .idx is missing");
  Type type{};
  if (!one_type(decoder, modifiers, type) || !decoder.expect_operands(instruction, 5)) return false;
  if (type != Type::b32) return decoder.unsupported("not for this type");
  const Operand& to = instruction.operands[0];
  const bool pair = to.kind == Operand::Kind::pair;
  out.e[1] = pair ? 1 : 0;
  if (pair && !decoder.destination(to.parts[1], Type::pred, out.e[0])) return false;
  return decoder.destination(pair ? to.parts[0] : to, type, out.d) &&
         decoder.source(instruction.operands[1], type, out.a) &&
         decoder.source(instruction.operands[2], Type::u32, out.b) &&
         decoder.source(instruction.operands[3], Type::u32, out.c) &&
         decoder.source(instruction.operands[4], Type::u32, out.e[2]);
}

enum class Vote : uint8_t { all, any, uni, ballot };

template <Vote vote>
Step take_vote(Warp& warp, const Instr& in, uint32_t mask) {
  Step step{};
  mask = gather(warp, in, mask, step);
  if (mask == 0) return step;
  const uint32_t members = warp.at<uint32_t>(in.e[2])[std::countr_zero(mask)] & mask;
  const uint32_t holds = (warp.predicate(in.a) ^ in.e[0]) & members;
  if constexpr (vote == Vote::ballot) {
    uint32_t* d = warp.at<uint32_t>(in.d);
    for_lanes(mask, [=](unsigned lane) { d[lane] = holds; });
  } else {
    const bool result = vote == Vote::all   ? holds == members
                        : vote == Vote::any ? holds != 0
                                            : holds == 0 || holds == members;
    uint32_t& d = warp.predicate(in.d);
    d = (d & ~mask) | (result ? mask : 0);
  }
  return Step::next;
}

bool decode_vote(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  if (!modifiers.take("sync")) return decoder.unsupported("vote without .sync is gone since PTX 6.4");
  if (modifiers.take("all")) out.run = take_vote<Vote::all>;
  if (modifiers.take("any")) out.run = take_vote<Vote::any>;
  if (modifiers.take("uni")) out.run = take_vote<Vote::uni>;
  if (modifiers.take("ballot")) out.run = take_vote<Vote::ballot>;
  if (out.run == nullptr) return decoder.unsupported(".all, .any, .uni or .ballot is missing");
  Type type{};
  bool negated = false;
  if (!one_type(decoder, modifiers, type) || !decoder.expect_operands(instruction, 3)) return false;
  const Type wanted = out.run == take_vote<Vote::ballot> ? Type::b32 : Type::pred;
  if (type != wanted) return decoder.unsupported("not for this type");
  const Operand& from = instruction.operands[1];
  if (from.kind == Operand::Kind::integer) {
    out.a = decoder.constant_mask(from.bits != 0 ? all_lanes : 0);
  } else if (!decoder.predicate(from, out.a, negated)) {
    return false;
  }
  out.e[0] = negated ? all_lanes : 0;
  return decoder.destination(instruction.operands[0], type, out.d) &&
         decoder.source(instruction.operands[2], Type::u32, out.e[2]);
}

// e[0]: row of the predicate of match.all, e[1]: whether it is wanted.
template <typename T, bool all>
Step match(Warp& warp, const Instr& in, uint32_t mask) {
  Step step{};
  mask = gather(warp, in, mask, step);
  if (mask == 0) return step;
  const T* a = warp.at<T>(in.a);
  uint32_t* d = warp.at<uint32_t>(in.d);
  uint32_t same[lane_count] = {};
  for_lanes(mask, [&](unsigned lane) {
    for_lanes(mask, [&](unsigned other) { same[lane] |= uint32_t{a[other] == a[lane]} << other; });
  });
  const bool equal = same[std::countr_zero(mask)] == mask;
  for_lanes(mask, [&](unsigned lane) { d[lane] = !all ? same[lane] : equal ? mask : 0; });
  if (all && in.e[1] != 0) {
    uint32_t& p = warp.predicate(in.e[0]);
    p = (p & ~mask) | (equal ? mask : 0);
  }
  return Step::next;
}

bool decode_match(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  const bool all = modifiers.take("all");
  if ((!all && !modifiers.take("any")) || !modifiers.take("sync"))
    return decoder.unsupported(".any or .all, and .sync, are needed");
  Type type{};
  if (!one_type(decoder, modifiers, type) || !decoder.expect_operands(instruction, 3)) return false;
  if (type != Type::b32 && type != Type::b64) return decoder.unsupported("not for this type");
  out.run = type == Type::b32 ? (all ? match<uint32_t, true> : match<uint32_t, false>)
                              : (all ? match<uint64_t, true> : match<uint64_t, false>);
  const Operand& to = instruction.operands[0];
  const bool pair = to.kind == Operand::Kind::pair;
  out.e[1] = pair ? 1 : 0;
  if (pair && !decoder.destination(to.parts[1], Type::pred, out.e[0])) return false;
  return decoder.destination(pair ? to.parts[0] : to, Type::u32, out.d) &&
         decoder.source(instruction.operands[1], type, out.a) &&
         decoder.source(instruction.operands[2], Type::u32, out.e[2]);
}

struct Sum {
  template <typename T>
  static T apply(T a, T b) {
    return static_cast<T>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
  }
};
struct Least {
  template <typename T>
  static T apply(T a, T b) {
    return b < a ? b : a;
  }
};
struct Greatest {
  template <typename T>
  static T apply(T a, T b) {
    return a < b ? b : a;
  }
};
struct AllOf {
  template <typename T>
  static T apply(T a, T b) {
    return a & b;
  }
};
struct AnyOf {
  template <typename T>
  static T apply(T a, T b) {
    return a | b;
  }
};
struct OddOf {
  template <typename T>
  static T apply(T a, T b) {
    return a ^ b;
  }
};

template <typename T, typename Op>
Step reduce(Warp& warp, const Instr& in, uint32_t mask) {
  Step step{};
  mask = gather(warp, in, mask, step);
  if (mask == 0) return step;
  const T* a = warp.at<T>(in.a);
  T* d = warp.at<T>(in.d);
  uint32_t rest = mask;
  T total = a[std::countr_zero(rest)];
  for (rest &= rest - 1; rest != 0; rest &= rest - 1) total = Op::apply(total, a[std::countr_zero(rest)]);
  for_lanes(mask, [=](unsigned lane) { d[lane] = total; });
  return Step::next;
}

bool decode_redux(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  if (!modifiers.take("sync")) return decoder.unsupported(".sync is missing");
  const std::string_view op = modifiers.take_any();
  Type type{};
  if (!one_type(decoder, modifiers, type)) return false;
  const bool is_signed = type == Type::s32;
  if (type != Type::u32 && type != Type::s32 && type != Type::b32)
    return decoder.unsupported("not supported for this type");
  if (op == "add") out.run = reduce<uint32_t, Sum>;
  if (op == "min") out.run = is_signed ? reduce<int32_t, Least> : reduce<uint32_t, Least>;
  if (op == "max") out.run = is_signed ? reduce<int32_t, Greatest> : reduce<uint32_t, Greatest>;
  if (op == "and") out.run = reduce<uint32_t, AllOf>;
  if (op == "or") out.run = reduce<uint32_t, AnyOf>;
  if (op == "xor") out.run = reduce<uint32_t, OddOf>;
  if (out.run == nullptr) return decoder.unsupported("no such reduction");
  return decoder.expect_operands(instruction, 3) &&
         decoder.destination(instruction.operands[0], type, out.d) &&
         decoder.source(instruction.operands[1], type, out.a) &&
         decoder.source(instruction.operands[2], Type::u32, out.e[2]);
}

Step active_lanes(Warp& warp, const Instr& in, uint32_t mask) {
  uint32_t* d = warp.at<uint32_t>(in.d);
  for_lanes(mask, [=](unsigned lane) { d[lane] = mask; });
  return Step::next;
}

bool decode_activemask(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  Type type{};
  out.run = active_lanes;
  return one_type(decoder, modifiers, type) && decoder.expect_operands(instruction, 1) &&
         decoder.destination(instruction.operands[0], Type::b32, out.d);
}

Step warp_barrier(Warp& warp, const Instr& in, uint32_t mask) {
  if (mask == 0) return Step::next;
  const uint32_t members = warp.at<uint32_t>(in.e[2])[std::countr_zero(mask)];
  uint32_t here = mask;
  for (unsigned i = 0; i < warp.group_count; ++i) {
    if (warp.groups[i].state == Group::State::at_warp_barrier) here |= warp.groups[i].mask;
  }
  if ((members & warp.live & ~here) != 0) {
    Group group;
    group.pc = warp.pc;
    group.mask = mask;
    group.state = Group::State::at_warp_barrier;
    group.members = members;
    return park(warp, mask, group);
  }
  bool freed = false;
  for (unsigned i = 0; i < warp.group_count; ++i) {
    Group& group = warp.groups[i];
    if (group.state != Group::State::at_warp_barrier || (group.mask & ~members) != 0) continue;
    group.state = Group::State::ready;
    freed = true;
  }
  return freed ? Step::choose : Step::next;
}

constexpr Opcode opcodes[] = {
    {"shfl", Operands::any, decode_shfl},
    {"vote", Operands::any, decode_vote},
    {"match", Operands::any, decode_match},
    {"redux", Operands::any, decode_redux},
    {"activemask", Operands::any, decode_activemask},
};

}  // namespace

std::span<const Opcode> warp_opcodes() { return opcodes; }

bool decode_warp_barrier(Decoder& decoder, const Instruction& instruction, Instr& out) {
  Modifiers modifiers(instruction);
  if (!modifiers.take("warp") || !modifiers.take("sync")) return decoder.unsupported(".sync is missing");
  out.run = warp_barrier;
  return nothing_left(decoder, modifiers) && decoder.expect_operands(instruction, 1) &&
         decoder.source(instruction.operands[0], Type::u32, out.e[2]);
}

}  // namespace vcuda::softgpu::ops
