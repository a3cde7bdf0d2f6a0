// A context with a small module on the software GPU, reached as a program reaches it: through the driver API.
#pragma once

#include "runtime-libs/api/driver_api.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "runtime-libs/softgpu/memory/device_memory.hpp"

namespace vcuda::softgpu {

#define ASSERT_OK(call) ASSERT_EQ((call), CUDA_SUCCESS) << #call
#define EXPECT_OK(call) EXPECT_EQ((call), CUDA_SUCCESS) << #call

constexpr char test_module[] = R"(.version 9.0
.target sm_75
.address_size 64
.visible .global .align 4 .u32 counter = 41;
.visible .const .align 8 .u64 where = generic(counter);
.global .attribute(.managed) .align 4 .u32 shared_by_both = 7;
.visible .entry fill(.param .u64 out, .param .u32 value, .param .u32 count) {
  .reg .pred %p<2>; .reg .b32 %r<9>; .reg .b64 %rd<9>;
  ld.param.u64 %rd1, [out]; ld.param.u32 %r1, [value]; ld.param.u32 %r2, [count];
  mov.u32 %r3, %ctaid.x; mov.u32 %r4, %ntid.x; mov.u32 %r5, %tid.x; mad.lo.u32 %r6, %r3, %r4, %r5;
  setp.ge.u32 %p1, %r6, %r2; @%p1 bra done;
  mad.wide.u32 %rd2, %r6, 4, %rd1; st.global.u32 [%rd2], %r1;
done: ret; }
.visible .entry count_up() {
  .reg .b32 %r<3>; .reg .b64 %rd<3>;
  ld.const.u64 %rd1, [where]; atom.global.add.u32 %r1, [%rd1], 1; ret; }
.visible .entry wild() { .reg .b64 %rd<2>; mov.u64 %rd1, 0x200000000000; st.global.u32 [%rd1], 1; ret; }
.visible .entry slow(.param .u64 flag) {
  .reg .pred %p; .reg .b32 %r; .reg .b64 %rd;
  ld.param.u64 %rd, [flag];
again: ld.volatile.global.u32 %r, [%rd]; setp.eq.u32 %p, %r, 0; @%p bra again; ret; }
)";

class DriverApi : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(cuInit(0));
    ASSERT_OK(cuCtxCreate_v2(&context_, 0, 0));
    ASSERT_OK(cuModuleLoadData(&module_, test_module));
  }
  void TearDown() override { EXPECT_OK(cuCtxDestroy_v2(context_)); }

  CUfunction function(const char* name) {
    CUfunction found = nullptr;
    EXPECT_OK(cuModuleGetFunction(&found, module_, name));
    return found;
  }

  CUresult fill(CUdeviceptr out, unsigned value, unsigned count, CUstream stream = nullptr) {
    void* parameters[] = {&out, &value, &count};
    return cuLaunchKernel(function("fill"), (count + 127) / 128, 1, 1, 128, 1, 1, 0, stream, parameters,
                          nullptr);
  }

  // A kernel that runs until *flag is not 0.
  CUresult hold(unsigned* flag, CUstream stream) {
    void* parameters[] = {&flag};
    return cuLaunchKernel(function("slow"), 1, 1, 1, 1, 1, 1, 0, stream, parameters, nullptr);
  }

  unsigned* pinned_flag() {
    void* memory = nullptr;
    EXPECT_OK(cuMemHostAlloc(&memory, 64, 0));
    std::memset(memory, 0, 64);
    return static_cast<unsigned*>(memory);
  }
  static void set(unsigned* flag) { __atomic_store_n(flag, 1, __ATOMIC_SEQ_CST); }

  CUcontext context_ = nullptr;
  CUmodule module_ = nullptr;
};

}  // namespace vcuda::softgpu
