// Divergence, barriers, lanes that talk to each other, and what happens when they wait for ever.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/runtime-libs/softgpu/machine.hpp"

namespace vcuda::softgpu {
namespace {

// out[global thread] = what the body leaves in %r9; %r1 is the thread's number in the grid, %r2 in its block.
std::string kernel(const std::string& body, const std::string& declarations = "") {
  return module_head + declarations + R"(.visible .entry k(.param .u64 out) {
  .reg .pred %p<10>; .reg .b32 %r<20>; .reg .b64 %rd<10>;
  mov.u32 %r2, %tid.x; mov.u32 %r3, %ctaid.x; mov.u32 %r4, %ntid.x; mad.lo.u32 %r1, %r3, %r4, %r2;
)" + body +
         R"(
  ld.param.u64 %rd1, [out]; mul.wide.u32 %rd2, %r1, 4; add.u64 %rd3, %rd1, %rd2; st.global.u32 [%rd3], %r9; ret;
})";
}

std::vector<uint32_t> run(const std::string& ptx, unsigned blocks, unsigned threads,
                          CUresult expected = CUDA_SUCCESS) {
  Machine machine(ptx);
  std::vector<uint32_t> out(size_t{blocks} * threads);
  const Fault fault = machine.run("k", blocks, threads, machine.reach(out));
  EXPECT_EQ(fault.code, expected) << fault.what;
  return out;
}

TEST(control, every_lane_takes_its_own_way_through_a_loop) {
  // Collatz steps: each lane loops a different number of times and branches differently inside.
  const auto out = run(kernel(R"(
    add.u32 %r5, %r1, 1; mov.u32 %r9, 0;
  loop: setp.le.u32 %p1, %r5, 1; @%p1 bra done;
    and.b32 %r6, %r5, 1; setp.eq.u32 %p2, %r6, 0; @%p2 bra even;
    mad.lo.u32 %r5, %r5, 3, 1; bra next;
  even: shr.u32 %r5, %r5, 1;
  next: add.u32 %r9, %r9, 1; bra loop;
  done:)"),
                       5, 100);
  for (uint32_t i = 0; i < out.size(); ++i) {
    uint32_t steps = 0;
    for (uint32_t n = i + 1; n > 1; ++steps) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    ASSERT_EQ(out[i], steps) << i;
  }
}

TEST(control, a_barrier_holds_every_warp_of_the_block) {
  // Each thread writes its number, then reads its mirror image's.
  for (const unsigned threads : {1u, 31u, 32u, 33u, 100u, 256u, 1024u}) {
    const auto out = run(kernel(R"(
      .shared .align 4 .b8 s[4096];
      mov.u32 %r5, s; shl.b32 %r6, %r2, 2; add.u32 %r7, %r5, %r6; st.shared.u32 [%r7], %r1;
      bar.sync 0;
      sub.u32 %r8, %r4, %r2; sub.u32 %r8, %r8, 1; shl.b32 %r8, %r8, 2; add.u32 %r8, %r5, %r8; ld.shared.u32 %r9, [%r8];)"),
                         3, threads);
    for (uint32_t i = 0; i < out.size(); ++i) {
      ASSERT_EQ(out[i], i / threads * threads + (threads - 1 - i % threads)) << threads << " " << i;
    }
  }
}

TEST(control, threads_that_exit_are_not_waited_for) {
  const auto out = run(kernel(R"(
    mov.u32 %r9, 7; setp.ge.u32 %p1, %r2, 40; @%p1 exit; bar.sync 0; mov.u32 %r9, 8;)"),
                       1, 128);
  for (uint32_t i = 0; i < 128; ++i) ASSERT_EQ(out[i], i < 40 ? 8u : 0u) << i;
}

TEST(control, named_barriers_count_the_threads_they_are_told) {
  // Warps 0 and 1 meet at barrier 1, warps 2 and 3 at barrier 2; a producer arrives without waiting at
  // barrier 3.
  const auto out = run(kernel(R"(
    .shared .align 4 .b8 s[16];
    mov.u32 %r9, 0; shr.u32 %r5, %r2, 6; add.u32 %r6, %r5, 1; bar.sync %r6, 64;
    setp.ge.u32 %p1, %r2, 32; @%p1 bra consumer;
    st.shared.u32 [s], 99; bar.arrive 3, 128; bra out;
  consumer: bar.sync 3, 128; ld.shared.u32 %r9, [s];
  out:)"),
                       1, 128);
  for (uint32_t i = 0; i < 128; ++i) ASSERT_EQ(out[i], i < 32 ? 0u : 99u) << i;
}

TEST(control, a_barrier_reduces_predicates) {
  const auto out = run(kernel(R"(
    setp.lt.u32 %p1, %r2, 50; bar.red.popc.u32 %r5, 0, %p1; bar.red.and.pred %p2, 0, %p1; bar.red.or.pred %p3, 0, !%p1;
    mov.u32 %r9, %r5; @%p2 add.u32 %r9, %r9, 1000; @%p3 add.u32 %r9, %r9, 2000;)"),
                       1, 96);
  for (const uint32_t each : out) ASSERT_EQ(each, 2050u);
}

TEST(control, a_barrier_that_is_never_complete_is_an_error_not_a_hang) {
  run(kernel("setp.eq.u32 %p1, %r2, 0; @%p1 bra skip; bar.sync 1; bra skip2; skip: bar.sync 2; skip2: "
             "mov.u32 %r9, 1;"),
      1, 64, CUDA_ERROR_LAUNCH_TIMEOUT);
}

TEST(control, lanes_that_spin_on_each_other_come_free) {
  // A lock taken by one lane of a warp while the others spin: the order "furthest behind first" alone would
  // hang.
  const auto out = run(kernel(R"(
    .shared .align 4 .b8 lock[8];
    setp.ne.u32 %p1, %r2, 0; @%p1 bra ready; st.shared.u32 [lock], 0; st.shared.u32 [lock+4], 0;
  ready: bar.sync 0;
  try: atom.shared.cas.b32 %r5, [lock], 0, 1; setp.ne.u32 %p2, %r5, 0; @%p2 bra try;
    ld.shared.u32 %r9, [lock+4]; add.u32 %r6, %r9, 1; st.shared.u32 [lock+4], %r6; membar.cta; atom.shared.exch.b32 %r7, [lock], 0;)"),
                       1, 96);
  std::vector<bool> seen(96);
  for (const uint32_t each : out) {
    ASSERT_LT(each, 96u);
    ASSERT_FALSE(seen[each]);
    seen[each] = true;
  }
}

TEST(control, warps_that_spin_on_each_other_come_free) {
  const auto out = run(kernel(R"(
    .shared .align 4 .b8 flag[4];
    setp.ne.u32 %p1, %r2, 0; @%p1 bra ready; st.shared.u32 [flag], 0;
  ready: bar.sync 0; mov.u32 %r9, 1; setp.lt.u32 %p2, %r2, 32; @%p2 bra wait;
    atom.shared.add.u32 %r5, [flag], 1; bra out;
  wait: ld.volatile.shared.u32 %r5, [flag]; setp.lt.u32 %p3, %r5, 32; @%p3 bra wait;
  out:)"),
                       1, 64);
  for (const uint32_t each : out) ASSERT_EQ(each, 1u);
}

TEST(control, a_kernel_without_end_stops_when_its_context_goes) {
  Machine machine(kernel("loop: bra loop;"));
  std::vector<uint32_t> out(64);
  std::atomic<bool> cancelled{false};
  Launch launch;
  launch.grid[0] = 2;
  launch.block[0] = 32;
  launch.cancelled = &cancelled;
  std::thread stop([&] { cancelled = true; });
  EXPECT_EQ(machine.run_shaped("k", launch, machine.reach(out)).code, CUDA_ERROR_CONTEXT_IS_DESTROYED);
  stop.join();
}

TEST(control, trap_is_an_illegal_instruction) {
  run(kernel("setp.eq.u32 %p1, %r1, 77; @%p1 trap; mov.u32 %r9, 1;"), 4, 32, CUDA_ERROR_ILLEGAL_INSTRUCTION);
  run(kernel("setp.eq.u32 %p1, %r1, 777; @%p1 trap; mov.u32 %r9, 1;"), 4, 32);
}

TEST(warp, shuffles_move_values_between_lanes) {
  const struct {
    const char* mode;
    uint32_t amount;
    uint32_t clamp;
    uint32_t (*from)(uint32_t lane);
  } cases[] = {
      {"down", 3, 0x1f, [](uint32_t lane) { return lane + 3 <= 31 ? lane + 3 : lane; }},
      {"up", 5, 0, [](uint32_t lane) { return lane >= 5 ? lane - 5 : lane; }},
      {"bfly", 16, 0x1f, [](uint32_t lane) { return lane ^ 16; }},
      {"idx", 7, 0x1f, [](uint32_t) { return 7u; }},
      // Width 8: segments of eight lanes, as __shfl_*_sync with that width asks.
      {"down", 2, 0x181f, [](uint32_t lane) { return lane % 8 + 2 <= 7 ? lane + 2 : lane; }},
      {"idx", 3, 0x181f, [](uint32_t lane) { return lane / 8 * 8 + 3; }},
  };
  for (const auto& each : cases) {
    const auto out =
        run(kernel("mul.lo.u32 %r5, %r2, 10; shfl.sync." + std::string(each.mode) + ".b32 %r9|%p1, %r5, " +
                   std::to_string(each.amount) + ", " + std::to_string(each.clamp) + ", 0xffffffff;"),
            1, 32);
    for (uint32_t lane = 0; lane < 32; ++lane)
      ASSERT_EQ(out[lane], each.from(lane) * 10) << each.mode << " " << lane;
  }
}

TEST(warp, votes_and_matches_see_the_members_only) {
  const auto out = run(kernel(R"(
    setp.lt.u32 %p1, %r2, 5; vote.sync.ballot.b32 %r9, %p1, 0xffffffff;
    setp.ge.u32 %p2, %r2, 16; @%p2 bra out;
    vote.sync.all.pred %p3, %p1, 0xffff; vote.sync.any.pred %p4, %p1, 0xffff; selp.u32 %r5, 1000, 0, %p3; selp.u32 %r6, 2000, 0, %p4;
    and.b32 %r7, %r2, 3; match.any.sync.b32 %r8, %r7, 0xffff; add.u32 %r9, %r9, %r5; add.u32 %r9, %r9, %r6; shl.b32 %r8, %r8, 16; add.u32 %r9, %r9, %r8;
  out:)"),
                       1, 32);
  for (uint32_t lane = 0; lane < 32; ++lane) {
    ASSERT_EQ(out[lane], lane < 16 ? 31u + 2000u + (0x1111u << lane % 4 << 16) : 31u) << lane;
  }
}

TEST(warp, a_sync_instruction_waits_for_lanes_on_another_way) {
  // Even lanes come to the shuffle at once, odd ones after a loop; the shuffle is one for all.
  const auto out = run(kernel(R"(
    mov.u32 %r5, %r2; and.b32 %r6, %r2, 1; setp.eq.u32 %p1, %r6, 0; @%p1 bra meet;
    mov.u32 %r7, 0;
  spin: add.u32 %r7, %r7, 1; setp.lt.u32 %p2, %r7, 100; @%p2 bra spin;
    add.u32 %r5, %r5, 100;
  meet: shfl.sync.bfly.b32 %r9, %r5, 1, 0x1f, 0xffffffff;)"),
                       1, 32);
  for (uint32_t lane = 0; lane < 32; ++lane)
    ASSERT_EQ(out[lane], lane % 2 == 0 ? lane + 101 : lane - 1) << lane;
}

TEST(warp, a_warp_barrier_joins_lanes_wherever_they_stand) {
  const auto out = run(kernel(R"(
    .shared .align 4 .b8 s[128];
    mov.u32 %r5, s; shl.b32 %r6, %r2, 2; add.u32 %r5, %r5, %r6; setp.lt.u32 %p1, %r2, 16; @%p1 bra low;
    st.shared.u32 [%r5], %r2; bar.warp.sync 0xffffffff; ld.shared.u32 %r9, [%r5+-64]; bra out;
  low: st.shared.u32 [%r5], %r2; bar.warp.sync 0xffffffff; ld.shared.u32 %r9, [%r5+64];
  out:)"),
                       1, 32);
  for (uint32_t lane = 0; lane < 32; ++lane) ASSERT_EQ(out[lane], lane ^ 16) << lane;
}

TEST(warp, redux_reduces_over_the_members) {
  const auto out = run(kernel(R"(
    add.u32 %r5, %r2, 1; redux.sync.add.u32 %r6, %r5, 0xffffffff; redux.sync.max.u32 %r7, %r5, 0xffffffff;
    redux.sync.xor.b32 %r8, %r5, 0xffffffff; mad.lo.u32 %r9, %r7, 1000, %r6; mad.lo.u32 %r9, %r8, 1000000, %r9;)"),
                       1, 32);
  uint32_t xored = 0;
  for (uint32_t i = 1; i <= 32; ++i) xored ^= i;
  for (const uint32_t each : out) ASSERT_EQ(each, 528u + 32u * 1000u + xored * 1000000u);
}

TEST(warp, special_registers_tell_where_a_thread_is) {
  Machine machine(module_head + R"(.entry k(.param .u64 out) {
    .reg .b32 %r<20>; .reg .b64 %rd<5>;
    mov.u32 %r1, %tid.x; mov.u32 %r2, %tid.y; mov.u32 %r3, %tid.z; mov.u32 %r4, %ctaid.x; mov.u32 %r5, %ctaid.y; mov.u32 %r6, %ctaid.z;
    mov.u32 %r7, %ntid.x; mov.u32 %r8, %ntid.y; mov.u32 %r9, %nctaid.x; mov.u32 %r10, %nctaid.y; mov.u32 %r11, %laneid; mov.u32 %r12, %ntid.z;
    mad.lo.u32 %r13, %r3, %r8, %r2; mad.lo.u32 %r13, %r13, %r7, %r1;
    mad.lo.u32 %r14, %r6, %r10, %r5; mad.lo.u32 %r14, %r14, %r9, %r4;
    mul.lo.u32 %r15, %r7, %r8; mul.lo.u32 %r15, %r15, %r12; mad.lo.u32 %r16, %r14, %r15, %r13;
    mad.lo.u32 %r17, %r16, 100, %r11;
    ld.param.u64 %rd1, [out]; mad.wide.u32 %rd2, %r16, 4, %rd1; st.global.u32 [%rd2], %r17; ret; })");
  std::vector<uint32_t> out(2 * 3 * 4 * 5 * 3 * 2);
  Launch launch;
  launch.grid[0] = 2, launch.grid[1] = 3, launch.grid[2] = 4;
  launch.block[0] = 5, launch.block[1] = 3, launch.block[2] = 2;
  EXPECT_EQ(machine.run_shaped("k", launch, machine.reach(out)).code, CUDA_SUCCESS);
  for (uint32_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], i * 100 + i % 30) << i;
}

}  // namespace
}  // namespace vcuda::softgpu
