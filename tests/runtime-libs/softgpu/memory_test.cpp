// Loads, stores, atomics and addresses of every space; and faults instead of crashes.
#include <gtest/gtest.h>

#include "runtime-libs/softgpu/memory/device_memory.hpp"
#include "tests/runtime-libs/softgpu/machine.hpp"

namespace vcuda::softgpu {
namespace {

std::string kernel(const std::string& body, const std::string& declarations = "") {
  return module_head + declarations + R"(.visible .entry k(.param .u64 a, .param .u64 b) {
  .reg .pred %p<10>; .reg .b16 %h<9>; .reg .b32 %r<20>; .reg .b64 %rd<20>; .reg .f32 %f<9>; .reg .f64 %d<9>;
  ld.param.u64 %rd1, [a]; ld.param.u64 %rd2, [b]; mov.u32 %r1, %tid.x;
)" + body +
         "\n ret; }";
}

Fault run(const std::string& body, std::vector<uint64_t>& a, std::vector<uint64_t>& b, unsigned threads = 1,
          unsigned blocks = 1) {
  Machine machine(kernel(body));
  return machine.run("k", blocks, threads, machine.reach(a), machine.reach(b));
}

TEST(memory, narrow_loads_fill_wide_registers_by_their_sign) {
  std::vector<uint64_t> a = {0xfedcba9876543280}, b(8);
  EXPECT_EQ(run(R"(
    ld.global.s8 %r2, [%rd1]; cvt.s64.s32 %rd3, %r2; st.global.u64 [%rd2], %rd3;
    ld.global.u8 %r2, [%rd1]; cvt.u64.u32 %rd3, %r2; st.global.u64 [%rd2+8], %rd3;
    ld.global.s16 %rd3, [%rd1+6]; st.global.u64 [%rd2+16], %rd3;
    ld.global.u32 %rd3, [%rd1+4]; st.global.u64 [%rd2+24], %rd3;
    ld.global.s32 %rd3, [%rd1+4]; st.global.u64 [%rd2+32], %rd3;
    ld.global.b8 %h1, [%rd1]; st.global.u16 [%rd2+40], %h1;
    mov.u64 %rd3, 0x1122334455667788; st.global.u8 [%rd2+48], %rd3; st.global.u32 [%rd2+52], %rd3;)",
                a, b)
                .code,
            CUDA_SUCCESS);
  const std::vector<uint64_t> expected = {0xffffffffffffff80, 0x80, 0xfffffffffffffedc, 0xfedcba98,
                                          0xfffffffffedcba98, 0x80, 0x5566778800000088, 0};
  EXPECT_EQ(b, expected);
}

TEST(memory, vectors_are_loaded_and_stored_whole) {
  std::vector<uint64_t> a = {0x0000000200000001, 0x0000000400000003}, b(6);
  EXPECT_EQ(run(R"(
    ld.global.v4.u32 {%r2, %r3, %r4, %r5}, [%rd1]; st.global.v4.u32 [%rd2], {%r5, %r4, %r3, 77};
    ld.global.v2.u64 {%rd1, %rd4}, [%rd1]; st.global.v2.u64 [%rd2+16], {%rd4, %rd1};
    ld.global.v2.u64 {_, %rd5}, [%rd2]; st.global.u64 [%rd2+32], %rd5;)",
                a, b)
                .code,
            CUDA_SUCCESS);
  const std::vector<uint64_t> expected = {0x0000000300000004, 0x0000004d00000002, 0x0000000400000003,
                                          0x0000000200000001, 0x0000004d00000002, 0};
  EXPECT_EQ(b, expected);
}

TEST(memory, generic_addresses_reach_every_space) {
  std::vector<uint64_t> a(1), b(8);
  EXPECT_EQ(run(R"(
    .shared .align 8 .b8 s[16]; .local .align 8 .b8 depot[16];
    mov.u64 %rd3, s; cvta.shared.u64 %rd4, %rd3; mov.u64 %rd5, depot; cvta.local.u64 %rd6, %rd5;
    st.u64 [%rd4+8], 11; ld.shared.u64 %rd7, [s+8]; st.u64 [%rd2], %rd7;
    st.u64 [%rd6+8], 22; ld.local.u64 %rd7, [%rd5+8]; st.global.u64 [%rd2+8], %rd7;
    isspacep.shared %p1, %rd4; isspacep.local %p2, %rd4; isspacep.global %p3, %rd1; isspacep.local %p4, %rd6;
    selp.u64 %rd8, 1, 0, %p1; selp.u64 %rd9, 1, 0, %p2; selp.u64 %rd10, 1, 0, %p3; selp.u64 %rd11, 1, 0, %p4;
    st.global.v2.u64 [%rd2+16], {%rd8, %rd9}; st.global.v2.u64 [%rd2+32], {%rd10, %rd11};
    cvta.to.shared.u64 %rd12, %rd4; sub.u64 %rd12, %rd12, %rd3; st.global.u64 [%rd2+48], %rd12;)",
                a, b)
                .code,
            CUDA_SUCCESS);
  EXPECT_EQ(b, (std::vector<uint64_t>{11, 22, 1, 0, 1, 1, 0, 0}));
}

TEST(memory, each_thread_has_local_memory_of_its_own) {
  std::vector<uint64_t> a(1), b(100);
  EXPECT_EQ(run(R"(
    .local .align 8 .b8 depot[64];
    mov.u64 %rd3, depot; cvt.u64.u32 %rd4, %r1; st.local.u64 [%rd3+56], %rd4; bar.sync 0; ld.local.u64 %rd5, [%rd3+56];
    shl.b64 %rd6, %rd4, 3; add.u64 %rd6, %rd6, %rd2; st.global.u64 [%rd6], %rd5;)",
                a, b, 100)
                .code,
            CUDA_SUCCESS);
  for (uint64_t i = 0; i < 100; ++i) ASSERT_EQ(b[i], i);
}

TEST(memory, atomics_lose_nothing_between_blocks) {
  std::vector<uint64_t> a(2), b(8);
  b[3] = ~uint64_t{0};
  EXPECT_EQ(run(R"(
    red.global.add.u64 [%rd2], 1; cvt.u64.u32 %rd3, %r1; atom.global.max.u64 %rd4, [%rd2+8], %rd3; atom.global.xor.b32 %r2, [%rd2+16], 5;
    atom.global.min.u64 %rd4, [%rd2+24], %rd3; atom.add.f64 %d1, [%rd2+32], 0d3FE0000000000000; red.add.f32 [%rd2+40], 0f40000000;
    atom.global.inc.u32 %r3, [%rd2+48], 6;)",
                a, b, 96, 20)
                .code,
            CUDA_SUCCESS);
  EXPECT_EQ(b[0], 1920u);
  EXPECT_EQ(b[1], 95u);
  EXPECT_EQ(b[2], 0u);
  EXPECT_EQ(b[3], 0u);
  EXPECT_EQ(std::bit_cast<double>(b[4]), 960.0);
  EXPECT_EQ(std::bit_cast<float>(static_cast<uint32_t>(b[5])), 3840.0f);
  EXPECT_EQ(b[6], 1920u % 7);
}

TEST(memory, atomics_return_what_was_there) {
  std::vector<uint64_t> a(1), b(8);
  b[0] = 10;
  EXPECT_EQ(run(R"(
    atom.global.cas.b64 %rd3, [%rd2], 10, 20; st.global.u64 [%rd2+8], %rd3; atom.global.cas.b64 %rd3, [%rd2], 10, 30; st.global.u64 [%rd2+16], %rd3;
    atom.global.exch.b32 %r2, [%rd2], 5; st.global.u32 [%rd2+24], %r2; atom.global.dec.u32 %r2, [%rd2+32], 9; ld.global.u32 %r3, [%rd2+32]; st.global.u32 [%rd2+40], %r3;
    atom.global.or.b32 %r2, [%rd2+48], 0xf0; atom.global.and.b32 %r2, [%rd2+48], 0x3c; st.global.u32 [%rd2+52], %r2;)",
                a, b)
                .code,
            CUDA_SUCCESS);
  EXPECT_EQ(b, (std::vector<uint64_t>{5, 10, 20, 20, 9, 9, 0x000000f000000030, 0}));
}

struct Faulty {
  const char* body;
  CUresult code;
};

TEST(memory, a_wrong_address_is_a_fault_with_its_code) {
  const Faulty cases[] = {
      {"st.global.u32 [%rd2+64], %r1;", CUDA_ERROR_ILLEGAL_ADDRESS},  // one past the end
      {"st.global.u32 [%rd2+-4], %r1;", CUDA_ERROR_ILLEGAL_ADDRESS},  // one before
      {"ld.global.u64 %rd3, [%rd2+60];",
       CUDA_ERROR_MISALIGNED_ADDRESS},  // straddles the end, misaligned first
      {"ld.global.v2.u64 {%rd3, %rd4}, [%rd2+56];", CUDA_ERROR_MISALIGNED_ADDRESS},
      {"mov.u64 %rd3, 0; ld.global.u32 %r2, [%rd3];", CUDA_ERROR_ILLEGAL_ADDRESS},
      {"mov.u64 %rd3, 0xffffffffffffffff; ld.u8 %r2, [%rd3];", CUDA_ERROR_ILLEGAL_ADDRESS},
      {"mov.u64 %rd3, 0xfffffffffffffff8; ld.global.u64 %rd4, [%rd3];", CUDA_ERROR_ILLEGAL_ADDRESS},
      {"ld.global.u32 %r2, [%rd2+2];", CUDA_ERROR_MISALIGNED_ADDRESS},
      {".shared .b8 s[8]; ld.shared.u32 %r2, [s+8];", CUDA_ERROR_ILLEGAL_ADDRESS},
      {".shared .b8 s[8]; mov.u32 %r3, 0xfffffffc; ld.shared.u32 %r2, [%r3];", CUDA_ERROR_ILLEGAL_ADDRESS},
      {".shared .b8 s[8]; mov.u32 %r3, 0xfffffffc; ld.shared.u32 %r2, [%r3+8];", CUDA_ERROR_ILLEGAL_ADDRESS},
      {".local .b8 l[8]; mov.u64 %rd3, l; ld.local.u64 %rd4, [%rd3+16];", CUDA_ERROR_ILLEGAL_ADDRESS},
      {"mov.u64 %rd3, 0x1000000000000; ld.u32 %r2, [%rd3];", CUDA_ERROR_ILLEGAL_ADDRESS},
      {"mov.u64 %rd3, a; ld.param.u64 %rd4, [%rd3+16];", CUDA_ERROR_ILLEGAL_ADDRESS},
      {"mov.u64 %rd3, a; cvta.param.u64 %rd3, %rd3; st.u64 [%rd3], 1;", CUDA_ERROR_ILLEGAL_ADDRESS},
      {"atom.global.add.u32 %r2, [%rd2+64], 1;", CUDA_ERROR_ILLEGAL_ADDRESS},
      {"atom.global.add.u64 %rd3, [%rd2+4], 1;", CUDA_ERROR_MISALIGNED_ADDRESS},
      {"bar.sync 16;", CUDA_ERROR_ILLEGAL_INSTRUCTION},
  };
  for (const Faulty& faulty : cases) {
    for (const unsigned threads : {1u, 32u}) {
      std::vector<uint64_t> a(1), b(8);
      EXPECT_EQ(run(faulty.body, a, b, threads).code, faulty.code)
          << faulty.body << " with " << threads << " threads";
    }
  }
}

TEST(memory, a_fault_of_one_lane_tells_its_address_and_instruction) {
  Machine machine(kernel(
      "cvt.u64.u32 %rd3, %r1; shl.b64 %rd3, %rd3, 3; add.u64 %rd3, %rd3, %rd2;\n st.global.u64 [%rd3], 1;"));
  std::vector<uint64_t> a(1), b(20);
  const uint64_t begin = machine.reach(b);
  const Fault fault = machine.run("k", 1, 32, machine.reach(a), begin);
  EXPECT_EQ(fault.code, CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_EQ(fault.address, begin + 160);
  EXPECT_EQ(fault.pc, 6u);
}

TEST(memory, constant_memory_cannot_be_written_by_kernels) {
  Machine machine(kernel("st.global.u64 [%rd2], 1;"));
  std::vector<uint64_t> a(1), b(1);
  EXPECT_EQ(machine.run("k", 1, 1, machine.reach(a), machine.reach(b, true)).code,
            CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_EQ(b[0], 0u);
}

TEST(allocation_map, finds_whole_ranges_and_refuses_overlaps) {
  AllocationMap map;
  const auto range = [](uint64_t begin, uint64_t size) {
    Allocation allocation;
    allocation.begin = begin;
    allocation.size = size;
    return allocation;
  };
  EXPECT_TRUE(map.add(range(1000, 100)));
  EXPECT_FALSE(map.add(range(1099, 1)));
  EXPECT_FALSE(map.add(range(900, 101)));
  EXPECT_TRUE(map.add(range(1100, 50)));
  EXPECT_TRUE(map.add(range(900, 100)));
  EXPECT_TRUE(map.find(1000, 100));
  EXPECT_FALSE(map.find(1000, 101));
  EXPECT_FALSE(map.find(1150));
  EXPECT_FALSE(map.find(1149, UINT64_MAX));
  EXPECT_EQ(map.find(1099)->begin, 1000u);
  EXPECT_NE(map.find(1000)->buffer_id, map.find(1100)->buffer_id);
  EXPECT_TRUE(map.remove(1000));
  EXPECT_FALSE(map.remove(1000));
  EXPECT_FALSE(map.find(1050));
}

TEST(device_memory, gives_memory_in_its_band_and_no_more_than_it_has) {
  DeviceMemory memory(3, 1 << 20);
  ASSERT_TRUE(memory.reserved());
  const auto first = memory.allocate(100);
  const auto second = memory.allocate(5000);
  ASSERT_TRUE(first && second);
  EXPECT_GE(*first, band_base + 3 * band_bytes);
  EXPECT_LT(*second, band_base + 4 * band_bytes);
  EXPECT_GE(*second, *first + 8192);
  *reinterpret_cast<char*>(*first) = 1;
  EXPECT_EQ(memory.free_bytes(), (1u << 20) - 4096 - 8192);
  EXPECT_FALSE(memory.allocate(1 << 20));
  EXPECT_FALSE(memory.allocate(0));
  EXPECT_FALSE(memory.allocate(UINT64_MAX));
  EXPECT_TRUE(memory.free(*first));
  EXPECT_FALSE(memory.free(*first));
  EXPECT_FALSE(memory.free(*second + 4096));
  const auto third = memory.allocate(100);
  EXPECT_NE(third, first);
  EXPECT_TRUE(memory.free(*second));
  const auto whole = memory.allocate((1 << 20) - 4096);
  ASSERT_TRUE(whole);
  EXPECT_EQ(memory.free_bytes(), 0u);
  EXPECT_EQ(*reinterpret_cast<char*>(*whole), 0);
  DeviceMemory taken(3, 1 << 20);
  EXPECT_FALSE(taken.reserved());
}

}  // namespace
}  // namespace vcuda::softgpu
