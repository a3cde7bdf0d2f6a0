// The machine that decoded instructions run on. A warp's 32 lanes run one instruction together: a register is
// a row of 32 values, a predicate a mask of 32 bits. Lanes that took different ways are groups with a program
// counter each; the group furthest behind runs first, so that they meet again where their ways join.
#pragma once

#include "runtime-libs/api/driver_api.hpp"

#include <cstddef>
#include <cstdint>

#include "runtime-libs/softgpu/memory/allocation_map.hpp"

namespace vcuda::softgpu {

constexpr unsigned lane_count = 32;
constexpr uint32_t all_lanes = UINT32_MAX;
constexpr unsigned barrier_count = 16;  // PTX ISA 9.0, bar: "a specifies a logical barrier 0..15"

// Where the other state spaces lie in the generic one: above 2^47, where neither host nor device memory can
// be.
constexpr int window_shift = 48;
constexpr uint64_t shared_window = uint64_t{1} << window_shift;
constexpr uint64_t local_window = uint64_t{2} << window_shift;
constexpr uint64_t param_window = uint64_t{3} << window_shift;

struct Warp;
struct Instr;

// Whether the group goes on with the next instruction or the warp has to choose a group again.
enum class Step : uint8_t { next, choose };

// Runs one instruction for the lanes of mask. The warp's pc is already at the next instruction.
using Handler = Step (*)(Warp& warp, const Instr& instr, uint32_t mask);

// A decoded instruction. Operands are byte offsets of rows in the warp's registers; constants and special
// registers are rows too, filled in before the kernel starts.
struct Instr {
  Handler run;
  uint32_t d = 0;
  uint32_t a = 0;
  uint32_t b = 0;
  uint32_t c = 0;
  uint32_t guard = 0;       // row of the guard predicate
  uint32_t guard_flip = 0;  // all_lanes where the guard is negated
  int64_t imm = 0;          // displacement, branch target, or what the handler says
  uint32_t e[3] = {0, 0, 0};
};

// The first thing that went wrong in a launch.
struct Fault {
  CUresult code = CUDA_SUCCESS;
  const char* what = "";
  uint64_t address = 0;
  uint32_t pc = 0;
};

// Global memory as one host thread sees it: the map, and the range that was found last.
struct GlobalView {
  const AllocationMap* map = nullptr;
  uint64_t begin = 0;  // empty until something is found
  uint64_t end = 0;
  bool writable = false;
};

struct Barrier {
  unsigned arrived = 0;
  unsigned expected = 0;  // 0: all threads of the block
  // bar.red: over the predicates of those that arrived.
  unsigned holds = 0;
  unsigned asked = 0;
};

// Lanes of a warp that are not running now.
struct Group {
  enum class State : uint8_t {
    ready,
    at_barrier,       // bar.sync, bar.red: until the barrier is complete
    at_warp_barrier,  // bar.warp.sync: until all members wait here, wherever in the code
    at_warp_op,       // shfl.sync and the like: until all members come to this very instruction
  };
  uint32_t pc = 0;  // where it goes on; at_warp_op: the instruction itself
  uint32_t mask = 0;
  State state = State::ready;
  uint8_t barrier = 0;
  uint32_t members = 0;
  const Instr* instr = nullptr;  // at_barrier: what it waits in, to write its result
};

struct Block;

struct Warp {
  std::byte* regs = nullptr;
  uint32_t pc = 0;
  uint32_t active = 0;  // lanes of the group that runs
  uint32_t live = 0;    // lanes that have not exited
  uint32_t carry = 0;   // CC.CF of each lane
  unsigned index = 0;   // in the block
  Block* block = nullptr;
  std::byte* local = nullptr;  // local memory of lane 0
  unsigned group_count = 0;
  Group groups[lane_count];  // those that do not run now

  template <typename T>
  T* at(uint32_t row) {
    return reinterpret_cast<T*>(regs + row);
  }
  uint32_t& predicate(uint32_t row) { return *at<uint32_t>(row); }
  void add_group(const Group& group) { groups[group_count++] = group; }
  void remove_group(unsigned i) { groups[i] = groups[--group_count]; }
};

struct Block {
  std::byte* shared = nullptr;
  uint32_t shared_bytes = 0;
  const std::byte* params = nullptr;
  uint32_t param_bytes = 0;
  uint32_t local_stride = 0;  // bytes of local memory a lane has
  GlobalView global;
  unsigned thread_count = 0;
  unsigned live_threads = 0;
  unsigned warp_count = 0;
  Warp* warps = nullptr;
  Barrier barriers[barrier_count];
  Fault fault;

  bool faulted() const { return fault.code != CUDA_SUCCESS; }
};

// Notes a fault of the instruction the warp runs, unless there is one already; returns what the handler must
// return.
Step fault(Warp& warp, CUresult code, const char* what, uint64_t address = 0);

// Takes the lanes of mask out of the running group and lets them wait as the group says; what is left goes
// on.
Step park(Warp& warp, uint32_t mask, Group group);

// Ends the threads of mask, which may complete a barrier that others wait at.
Step end_threads(Warp& warp, uint32_t mask);

// Frees the groups that wait at the barrier if all that are due have come.
void release_barrier(Block& block, unsigned barrier);

// Calls f(lane) for each lane of mask. The lanes' rows never overlap except as wholes, so the compiler may vectorise;
// clang finds out by itself where it can.
#ifdef __clang__
#define VCUDA_LANES
#else
#define VCUDA_LANES _Pragma("GCC ivdep")
#endif
template <typename F>
[[gnu::always_inline]] inline void for_lanes(uint32_t mask, F&& f) {
  if (mask == all_lanes) {
    VCUDA_LANES
    for (unsigned lane = 0; lane < lane_count; ++lane) f(lane);
    return;
  }
  for (; mask != 0; mask &= mask - 1) f(static_cast<unsigned>(__builtin_ctz(mask)));
}

}  // namespace vcuda::softgpu
