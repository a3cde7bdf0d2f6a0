#include "runtime-libs/softgpu/exec/block.hpp"

#include <bit>
#include <cstdlib>
#include <cstring>

#include "runtime-libs/softgpu/ops/warp_barrier.hpp"

namespace vcuda::softgpu {
namespace {

// Instructions a warp runs before the others of its block get their turn: long enough to cost nothing, short
// enough that a warp that spins on another's flag does not spin for long.
constexpr unsigned slice = 1u << 16;
// The same for a group of lanes that is not the furthest behind, so that lanes that spin on each other come
// free.
constexpr unsigned fair_slice = 1u << 10;

constexpr size_t row_alignment = 64;

using Memory = std::unique_ptr<std::byte[], void (*)(std::byte*)>;

// Zeroed, so that a kernel that reads what it never wrote behaves alike each time.
Memory zeroed(size_t bytes) {
  const size_t whole = (std::max<size_t>(bytes, 1) + row_alignment - 1) / row_alignment * row_alignment;
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(row_alignment, whole));
  if (memory != nullptr) std::memset(memory, 0, whole);
  return {memory, [](std::byte* p) { std::free(p); }};
}

uint32_t lanes_of(unsigned threads, unsigned warp) {
  const unsigned left = threads - warp * lane_count;
  return left >= lane_count ? all_lanes : (1u << left) - 1;
}

}  // namespace

Step fault(Warp& warp, CUresult code, const char* what, uint64_t address) {
  Fault& first = warp.block->fault;
  if (first.code == CUDA_SUCCESS) first = {code, what, address, warp.pc - 1};
  return Step::choose;
}

Step park(Warp& warp, uint32_t mask, Group group) {
  warp.active &= ~mask;
  warp.add_group(group);
  return warp.active == 0 ? Step::choose : Step::next;
}

Step end_threads(Warp& warp, uint32_t mask) {
  if (mask == 0) return Step::next;
  Block& block = *warp.block;
  warp.active &= ~mask;
  warp.live &= ~mask;
  block.live_threads -= static_cast<unsigned>(std::popcount(mask));
  for (unsigned barrier = 0; barrier < barrier_count; ++barrier) {
    if (block.barriers[barrier].arrived != 0) release_barrier(block, barrier);
  }
  for (unsigned i = 0; i < warp.group_count; ++i) {
    // Whoever waits for these lanes inside the warp looks again.
    Group& group = warp.groups[i];
    if (group.state == Group::State::at_warp_op || group.state == Group::State::at_warp_barrier) {
      uint32_t here = 0;
      for (unsigned j = 0; j < warp.group_count; ++j) {
        const Group& other = warp.groups[j];
        if (other.state == group.state &&
            (group.state == Group::State::at_warp_barrier || other.pc == group.pc))
          here |= other.mask;
      }
      if ((group.members & warp.live & ~here) == 0) group.state = Group::State::ready;
    }
  }
  return warp.active == 0 ? Step::choose : Step::next;
}

void release_barrier(Block& block, unsigned number) {
  Barrier& barrier = block.barriers[number];
  const unsigned due = barrier.expected == 0 ? block.live_threads : barrier.expected;
  if (barrier.arrived < due) return;
  const Barrier complete = barrier;
  barrier = Barrier{};
  for (unsigned w = 0; w < block.warp_count; ++w) {
    Warp& warp = block.warps[w];
    for (unsigned i = 0; i < warp.group_count; ++i) {
      Group& group = warp.groups[i];
      if (group.state != Group::State::at_barrier || group.barrier != number) continue;
      group.state = Group::State::ready;
      ops::finish_barrier(warp, *group.instr, group.mask, complete);
    }
  }
}

BlockRunner::BlockRunner(const Launch& launch, unsigned processor)
    : launch_(launch),
      kernel_(*launch.code.kernel),
      processor_(processor),
      warps_((launch.threads_per_block() + lane_count - 1) / lane_count),
      registers_(zeroed(size_t{kernel_.register_bytes} * warps_.size())),
      local_(zeroed(size_t{kernel_.local_bytes} * warps_.size() * lane_count)),
      shared_(zeroed(size_t{kernel_.shared_bytes} + launch.dynamic_shared_bytes)) {
  block_.shared = shared_.get();
  block_.shared_bytes = kernel_.shared_bytes + launch.dynamic_shared_bytes;
  block_.params = launch.parameters.data();
  block_.param_bytes = static_cast<uint32_t>(launch.parameters.size());
  block_.local_stride = kernel_.local_bytes;
  block_.global.map = launch.memory;
  block_.thread_count = launch.threads_per_block();
  block_.warp_count = static_cast<unsigned>(warps_.size());
  block_.warps = warps_.data();
  if (registers_ == nullptr || local_ == nullptr || shared_ == nullptr) {
    block_.fault = {CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "the host has no memory for the block's registers", 0,
                    0};
    return;
  }
  for (unsigned i = 0; i < warps_.size(); ++i) {
    warps_[i].index = i;
    warps_[i].block = &block_;
    warps_[i].regs = registers_.get() + size_t{kernel_.register_bytes} * i;
    warps_[i].local = local_.get() + size_t{kernel_.local_bytes} * i * lane_count;
  }
  fill_constants();
}

void BlockRunner::fill_constants() {
  for (Warp& warp : warps_) {
    for (const Constant& constant : launch_.code.constants) {
      switch (constant.width) {
        case 0:
          warp.predicate(constant.row) = static_cast<uint32_t>(constant.bits);
          break;
        case 2:
          std::fill_n(warp.at<uint16_t>(constant.row), lane_count, static_cast<uint16_t>(constant.bits));
          break;
        case 4:
          std::fill_n(warp.at<uint32_t>(constant.row), lane_count, static_cast<uint32_t>(constant.bits));
          break;
        default:
          std::fill_n(warp.at<uint64_t>(constant.row), lane_count, constant.bits);
          break;
      }
    }
  }
}

void BlockRunner::fill_special(const SpecialRow& row, Warp& warp) {
  for (unsigned lane = 0; lane < lane_count; ++lane) {
    const unsigned thread = warp.index * lane_count + lane;
    const uint32_t* block = launch_.block;
    uint64_t value = 0;
    switch (row.special) {
      case Special::tid_x:
        value = thread % block[0];
        break;
      case Special::tid_y:
        value = thread / block[0] % block[1];
        break;
      case Special::tid_z:
        value = thread / block[0] / block[1];
        break;
      case Special::ntid_x:
        value = block[0];
        break;
      case Special::ntid_y:
        value = block[1];
        break;
      case Special::ntid_z:
        value = block[2];
        break;
      case Special::ctaid_x:
        value = block_index_[0];
        break;
      case Special::ctaid_y:
        value = block_index_[1];
        break;
      case Special::ctaid_z:
        value = block_index_[2];
        break;
      case Special::nctaid_x:
        value = launch_.grid[0];
        break;
      case Special::nctaid_y:
        value = launch_.grid[1];
        break;
      case Special::nctaid_z:
        value = launch_.grid[2];
        break;
      case Special::laneid:
        value = lane;
        break;
      case Special::warpid:
        value = warp.index;
        break;
      case Special::nwarpid:
        value = warps_.size();
        break;
      case Special::smid:
        value = processor_;
        break;
      case Special::nsmid:
        value = launch_.multiprocessors;
        break;
      case Special::gridid:
        value = launch_.number;
        break;
      case Special::lanemask_eq:
        value = 1u << lane;
        break;
      case Special::lanemask_lt:
        value = (1u << lane) - 1;
        break;
      case Special::lanemask_le:
        value = (1u << lane) - 1 + (1u << lane);
        break;
      case Special::lanemask_ge:
        value = ~((1u << lane) - 1);
        break;
      case Special::lanemask_gt:
        value = ~((1u << lane) - 1) ^ (1u << lane);
        break;
      case Special::dynamic_smem_size:
        value = launch_.dynamic_shared_bytes;
        break;
      case Special::total_smem_size:
        value = block_.shared_bytes;
        break;
      case Special::zero:
        break;
    }
    switch (row.width) {
      case 2:
        warp.at<uint16_t>(row.row)[lane] = static_cast<uint16_t>(value);
        break;
      case 4:
        warp.at<uint32_t>(row.row)[lane] = static_cast<uint32_t>(value);
        break;
      default:
        warp.at<uint64_t>(row.row)[lane] = value;
        break;
    }
  }
}

void BlockRunner::start(uint64_t number) {
  block_index_[0] = static_cast<uint32_t>(number % launch_.grid[0]);
  block_index_[1] = static_cast<uint32_t>(number / launch_.grid[0] % launch_.grid[1]);
  block_index_[2] = static_cast<uint32_t>(number / launch_.grid[0] / launch_.grid[1]);
  block_.live_threads = block_.thread_count;
  block_.fault = Fault{};
  for (Barrier& barrier : block_.barriers) barrier = Barrier{};
  for (Warp& warp : warps_) {
    warp.live = lanes_of(block_.thread_count, warp.index);
    warp.active = 0;
    warp.group_count = 0;
    Group all;
    all.mask = warp.live;
    warp.add_group(all);
    for (const SpecialRow& row : kernel_.specials) {
      const bool of_block = row.special == Special::ctaid_x || row.special == Special::ctaid_y ||
                            row.special == Special::ctaid_z;
      if (!started_ || of_block) fill_special(row, warp);
    }
  }
  started_ = true;
}

// Makes the ready group that is furthest behind the running one, with all that stand at the same instruction;
// threshold is where the next one waits. In a fair turn another group than the last is chosen.
bool BlockRunner::choose(Warp& warp, uint32_t& threshold, bool fair) {
  uint32_t least = UINT32_MAX;
  unsigned ready = 0;
  for (unsigned i = 0; i < warp.group_count; ++i) {
    if (warp.groups[i].state != Group::State::ready) continue;
    least = std::min(least, warp.groups[i].pc);
    ++ready;
  }
  if (ready == 0) return false;
  threshold = UINT32_MAX;
  if (fair && ready > 1) {
    unsigned skip = turn_++ % ready;
    for (unsigned i = 0; i < warp.group_count; ++i) {
      if (warp.groups[i].state != Group::State::ready || skip-- != 0) continue;
      warp.pc = warp.groups[i].pc;
      warp.active = warp.groups[i].mask;
      warp.remove_group(i);
      return true;
    }
  }
  warp.pc = least;
  for (unsigned i = 0; i < warp.group_count;) {
    const Group& group = warp.groups[i];
    if (group.state == Group::State::ready && group.pc == least) {
      warp.active |= group.mask;
      warp.remove_group(i);
      continue;
    }
    if (group.state == Group::State::ready) threshold = std::min(threshold, group.pc);
    ++i;
  }
  return true;
}

BlockRunner::Progress BlockRunner::run_warp(Warp& warp) {
  const Instr* const code = kernel_.code.data();
  bool fair = false;
  unsigned budget = slice;
  uint32_t threshold = UINT32_MAX;
  while (choose(warp, threshold, fair)) {
    unsigned left = fair ? fair_slice : budget;
    for (;;) {
      const Instr& in = code[warp.pc];
      const uint32_t mask = warp.active & (warp.predicate(in.guard) ^ in.guard_flip);
      ++warp.pc;
      if (in.run(warp, in, mask) == Step::choose) break;
      if (warp.pc >= threshold) break;
      if (--left == 0) break;
    }
    if (block_.faulted()) return Progress::finished;
    if (warp.active != 0) {
      Group rest;
      rest.pc = warp.pc;
      rest.mask = warp.active;
      warp.add_group(rest);
      warp.active = 0;
    }
    if (fair) return Progress::working;
    budget = left;
    if (budget == 0) {
      // Once more with another group, in case this one spins on what another has to do.
      fair = warp.group_count > 1;
      if (!fair) return Progress::working;
    }
    // A choice costs too, so that two groups that hand over to each other at once do not go on for ever.
    if (!fair && --budget == 0) return Progress::working;
  }
  return warp.live == 0 ? Progress::finished : Progress::blocked;
}

Fault BlockRunner::run(uint64_t number) {
  if (block_.faulted()) return block_.fault;
  start(number);
  while (block_.live_threads > 0) {
    bool working = false;
    for (Warp& warp : warps_) {
      if (warp.live == 0) continue;
      const unsigned before = block_.live_threads;
      const Progress progress = run_warp(warp);
      if (block_.faulted()) return block_.fault;
      working = working || progress == Progress::working || block_.live_threads != before;
    }
    if (launch_.cancelled != nullptr && launch_.cancelled->load(std::memory_order_relaxed)) {
      return {CUDA_ERROR_CONTEXT_IS_DESTROYED, "its context was destroyed", 0, 0};
    }
    if (working || block_.live_threads == 0) continue;
    // All wait. A barrier that a later warp completed has made groups of an earlier one ready again.
    bool ready = false;
    for (const Warp& warp : warps_) {
      for (unsigned i = 0; i < warp.group_count; ++i)
        ready = ready || warp.groups[i].state == Group::State::ready;
    }
    if (!ready) {
      uint32_t pc = 0;
      for (const Warp& warp : warps_) {
        if (warp.group_count > 0) pc = warp.groups[0].pc;
      }
      return {CUDA_ERROR_LAUNCH_TIMEOUT, "threads wait for each other at a barrier for ever", 0,
              pc > 0 ? pc - 1 : 0};
    }
  }
  return Fault{};
}

}  // namespace vcuda::softgpu
