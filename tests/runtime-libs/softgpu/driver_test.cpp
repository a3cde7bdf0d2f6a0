// The driver API as a program calls it.
#include "runtime-libs/api/driver_api.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "runtime-libs/softgpu/memory/device_memory.hpp"

namespace {

#define ASSERT_OK(call) ASSERT_EQ((call), CUDA_SUCCESS) << #call
#define EXPECT_OK(call) EXPECT_EQ((call), CUDA_SUCCESS) << #call

constexpr char program[] = R"(.version 9.0
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
.visible .entry dynamic(.param .u64 out) {
  .reg .b32 %r<3>; .reg .b64 %rd<3>;
  ld.param.u64 %rd1, [out]; mov.u32 %r1, %dynamic_smem_size; st.global.u32 [%rd1], %r1; ret; }
)";

class Driver : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(cuInit(0));
    ASSERT_OK(cuCtxCreate_v2(&context_, 0, 0));
    ASSERT_OK(cuModuleLoadData(&module_, program));
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

TEST_F(Driver, copies_there_and_back_through_a_kernel) {
  CUdeviceptr memory = 0;
  ASSERT_OK(cuMemAlloc_v2(&memory, 4000));
  EXPECT_GE(memory, vcuda::softgpu::band_base);
  ASSERT_OK(fill(memory, 77, 1000));
  std::vector<unsigned> back(1000);
  ASSERT_OK(cuMemcpyDtoH_v2(back.data(), memory, 4000));
  EXPECT_THAT(back, testing::Each(77u));
  ASSERT_OK(cuMemsetD16_v2(memory, 0x1234, 2));
  ASSERT_OK(cuMemsetD32_v2(memory + 4, 5, 1));
  ASSERT_OK(cuMemcpyDtoD_v2(memory + 8, memory, 8));
  ASSERT_OK(cuMemcpyDtoH_v2(back.data(), memory, 4000));
  EXPECT_EQ(back[2], 0x12341234u);
  EXPECT_EQ(back[3], 5u);
  EXPECT_EQ(cuMemcpyHtoD_v2(memory + 3999, back.data(), 2), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemcpyDtoH_v2(back.data(), memory - 1, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemsetD32_v2(memory + 2, 0, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_OK(cuMemFree_v2(memory));
  EXPECT_EQ(cuMemFree_v2(memory), CUDA_ERROR_INVALID_VALUE);
  EXPECT_OK(cuMemFree_v2(0));
}

TEST_F(Driver, memory_is_accounted_and_runs_out) {
  size_t free = 0, total = 0, after = 0;
  ASSERT_OK(cuMemGetInfo_v2(&free, &total));
  CUdeviceptr big = 0, none = 0;
  ASSERT_OK(cuMemAlloc_v2(&big, free / 2));
  EXPECT_EQ(cuMemAlloc_v2(&none, free / 2 + (1 << 20)), CUDA_ERROR_OUT_OF_MEMORY);
  ASSERT_OK(cuMemGetInfo_v2(&after, &total));
  EXPECT_NEAR(static_cast<double>(after), static_cast<double>(free) / 2, 4096);
  ASSERT_OK(cuMemFree_v2(big));
  ASSERT_OK(cuMemGetInfo_v2(&after, &total));
  EXPECT_EQ(after, free);
  EXPECT_EQ(cuMemAlloc_v2(&none, 0), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(Driver, module_variables_have_values_and_addresses) {
  CUdeviceptr counter = 0;
  size_t bytes = 0;
  ASSERT_OK(cuModuleGetGlobal_v2(&counter, &bytes, module_, "counter"));
  EXPECT_EQ(bytes, 4u);
  ASSERT_OK(cuLaunchKernel(function("count_up"), 2, 1, 1, 64, 1, 1, 0, nullptr, nullptr, nullptr));
  unsigned value = 0;
  ASSERT_OK(cuMemcpyDtoH_v2(&value, counter, 4));
  EXPECT_EQ(value, 41u + 128u);
  EXPECT_EQ(cuModuleGetGlobal_v2(&counter, &bytes, module_, "nothing"), CUDA_ERROR_NOT_FOUND);
  EXPECT_EQ(cuModuleGetFunction(nullptr, module_, "fill"), CUDA_ERROR_INVALID_VALUE);
  CUfunction none = nullptr;
  EXPECT_EQ(cuModuleGetFunction(&none, module_, "nothing"), CUDA_ERROR_NOT_FOUND);
}

TEST_F(Driver, a_launch_that_cannot_be_is_refused_at_once) {
  const CUfunction f = function("count_up");
  const auto launch = [&](unsigned grid, unsigned block, unsigned shared) {
    return cuLaunchKernel(f, grid, 1, 1, block, 1, 1, shared, nullptr, nullptr, nullptr);
  };
  EXPECT_EQ(launch(0, 1, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(launch(1, 0, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(launch(1, 1025, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(launch(1, 1, 49153), CUDA_ERROR_INVALID_VALUE);
  EXPECT_OK(launch(1, 1024, 49152));
  EXPECT_EQ(cuLaunchKernel(f, 1, 65536, 1, 1, 1, 1, 0, nullptr, nullptr, nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuLaunchKernel(f, 1, 1, 1, 1, 1, 65, 0, nullptr, nullptr, nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuLaunchKernel(function("fill"), 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, nullptr),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuLaunchKernel(nullptr, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, nullptr),
            CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, reinterpret_cast<CUstream>(0x1234), nullptr, nullptr),
            CUDA_ERROR_INVALID_HANDLE);
  ASSERT_OK(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 90000));
  EXPECT_OK(launch(1, 1, 90000));
  EXPECT_EQ(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 200000),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_OK(cuCtxSynchronize());
}

TEST_F(Driver, parameters_come_as_pointers_or_as_one_buffer) {
  CUdeviceptr memory = 0;
  ASSERT_OK(cuMemAlloc_v2(&memory, 400));
  struct {
    CUdeviceptr out;
    unsigned value;
    unsigned count;
  } buffer = {memory, 9, 100};
  size_t size = sizeof buffer;
  void* extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &buffer, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
                   CU_LAUNCH_PARAM_END};
  ASSERT_OK(cuLaunchKernel(function("fill"), 1, 1, 1, 128, 1, 1, 0, nullptr, nullptr, extra));
  std::vector<unsigned> back(100);
  ASSERT_OK(cuMemcpyDtoH_v2(back.data(), memory, 400));
  EXPECT_THAT(back, testing::Each(9u));
  size = 8;
  EXPECT_EQ(cuLaunchKernel(function("fill"), 1, 1, 1, 128, 1, 1, 0, nullptr, nullptr, extra),
            CUDA_ERROR_INVALID_VALUE);
  size_t offset = 0, bytes = 0;
  ASSERT_OK(cuFuncGetParamInfo(function("fill"), 2, &offset, &bytes));
  EXPECT_EQ(offset, 12u);
  EXPECT_EQ(bytes, 4u);
  EXPECT_EQ(cuFuncGetParamInfo(function("fill"), 3, &offset, &bytes), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(Driver, a_wild_kernel_faults_its_context_for_good_and_no_other) {
  CUcontext second = nullptr;
  ASSERT_OK(cuCtxCreate_v2(&second, 0, 0));
  testing::internal::CaptureStderr();
  CUmodule other = nullptr;
  ASSERT_OK(cuModuleLoadData(&other, program));
  CUfunction wild = nullptr;
  ASSERT_OK(cuModuleGetFunction(&wild, other, "wild"));
  ASSERT_OK(cuLaunchKernel(wild, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, nullptr));
  EXPECT_EQ(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_EQ(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
  CUdeviceptr memory = 0;
  EXPECT_EQ(cuMemAlloc_v2(&memory, 16), CUDA_ERROR_ILLEGAL_ADDRESS);
  CUevent event = nullptr;
  EXPECT_EQ(cuEventCreate(&event, 0), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::HasSubstr("kernel wild: write to an address that is not allocated"));
  EXPECT_OK(cuCtxDestroy_v2(second));
  ASSERT_OK(cuMemAlloc_v2(&memory, 16));
  EXPECT_OK(fill(memory, 1, 4));
  EXPECT_OK(cuCtxSynchronize());
}

TEST_F(Driver, streams_run_beside_the_caller_and_each_other) {
  unsigned* flag = pinned_flag();
  CUstream first = nullptr, second = nullptr;
  ASSERT_OK(cuStreamCreate(&first, CU_STREAM_NON_BLOCKING));
  ASSERT_OK(cuStreamCreate(&second, CU_STREAM_NON_BLOCKING));
  CUdeviceptr memory = 0;
  ASSERT_OK(cuMemAlloc_v2(&memory, 400));
  ASSERT_OK(hold(flag, first));
  EXPECT_EQ(cuStreamQuery(first), CUDA_ERROR_NOT_READY);
  ASSERT_OK(fill(memory, 3, 100, second));
  ASSERT_OK(cuStreamSynchronize(second));
  EXPECT_EQ(cuStreamQuery(first), CUDA_ERROR_NOT_READY);
  set(flag);
  ASSERT_OK(cuStreamSynchronize(first));
  EXPECT_OK(cuStreamQuery(first));
  EXPECT_OK(cuStreamDestroy_v2(first));
  EXPECT_EQ(cuStreamSynchronize(first), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_OK(cuStreamDestroy_v2(second));
}

TEST_F(Driver, the_null_stream_waits_for_blocking_streams_and_they_for_it) {
  unsigned* flag = pinned_flag();
  CUstream blocking = nullptr, apart = nullptr;
  ASSERT_OK(cuStreamCreate(&blocking, CU_STREAM_DEFAULT));
  ASSERT_OK(cuStreamCreate(&apart, CU_STREAM_NON_BLOCKING));
  ASSERT_OK(hold(flag, blocking));
  CUdeviceptr memory = 0;
  ASSERT_OK(cuMemAlloc_v2(&memory, 400));
  ASSERT_OK(fill(memory, 1, 100, nullptr));
  EXPECT_EQ(cuStreamQuery(nullptr), CUDA_ERROR_NOT_READY);
  EXPECT_EQ(cuStreamQuery(CU_STREAM_LEGACY), CUDA_ERROR_NOT_READY);
  EXPECT_OK(cuStreamSynchronize(apart));
  set(flag);
  EXPECT_OK(cuStreamSynchronize(nullptr));
  EXPECT_OK(cuStreamQuery(blocking));
  *flag = 0;
  ASSERT_OK(hold(flag, nullptr));
  ASSERT_OK(fill(memory, 2, 100, blocking));
  EXPECT_EQ(cuStreamQuery(blocking), CUDA_ERROR_NOT_READY);
  set(flag);
  EXPECT_OK(cuStreamSynchronize(blocking));
  // A thread's own default stream is a blocking one too, and another for each thread.
  *flag = 0;
  ASSERT_OK(hold(flag, CU_STREAM_PER_THREAD));
  std::thread([&] {
    EXPECT_OK(cuCtxSetCurrent(context_));
    EXPECT_OK(cuStreamQuery_ptsz(nullptr));
    EXPECT_OK(cuStreamSynchronize(CU_STREAM_PER_THREAD));
  }).join();
  EXPECT_EQ(cuStreamQuery_ptsz(nullptr), CUDA_ERROR_NOT_READY);
  set(flag);
  EXPECT_OK(cuStreamSynchronize_ptsz(nullptr));
}

TEST_F(Driver, events_order_streams_and_take_the_time) {
  unsigned* flag = pinned_flag();
  CUstream first = nullptr, second = nullptr;
  ASSERT_OK(cuStreamCreate(&first, CU_STREAM_NON_BLOCKING));
  ASSERT_OK(cuStreamCreate(&second, CU_STREAM_NON_BLOCKING));
  CUevent start = nullptr, end = nullptr, untimed = nullptr;
  ASSERT_OK(cuEventCreate(&start, 0));
  ASSERT_OK(cuEventCreate(&end, 0));
  ASSERT_OK(cuEventCreate(&untimed, CU_EVENT_DISABLE_TIMING));
  EXPECT_OK(cuEventQuery(start));
  float milliseconds = -1;
  EXPECT_EQ(cuEventElapsedTime_v2(&milliseconds, start, end), CUDA_ERROR_INVALID_HANDLE);
  ASSERT_OK(cuEventRecord(start, first));
  ASSERT_OK(hold(flag, first));
  ASSERT_OK(cuEventRecord(end, first));
  ASSERT_OK(cuStreamWaitEvent(second, end, 0));
  CUdeviceptr memory = 0;
  ASSERT_OK(cuMemAlloc_v2(&memory, 4));
  ASSERT_OK(fill(memory, 5, 1, second));
  EXPECT_EQ(cuEventQuery(end), CUDA_ERROR_NOT_READY);
  EXPECT_EQ(cuStreamQuery(second), CUDA_ERROR_NOT_READY);
  EXPECT_OK(cuEventSynchronize(start));
  EXPECT_EQ(cuEventElapsedTime(&milliseconds, start, end), CUDA_ERROR_NOT_READY);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  set(flag);
  ASSERT_OK(cuEventSynchronize(end));
  ASSERT_OK(cuEventElapsedTime(&milliseconds, start, end));
  EXPECT_GE(milliseconds, 20.0f);
  ASSERT_OK(cuStreamSynchronize(second));
  ASSERT_OK(cuEventRecord(untimed, second));
  ASSERT_OK(cuEventSynchronize(untimed));
  EXPECT_EQ(cuEventElapsedTime(&milliseconds, start, untimed), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_OK(cuEventDestroy_v2(untimed));
  EXPECT_EQ(cuEventQuery(untimed), CUDA_ERROR_INVALID_HANDLE);
}

struct Told {
  std::atomic<int> calls{0};
  CUresult status = CUDA_ERROR_UNKNOWN;
};

TEST_F(Driver, host_functions_and_callbacks_run_in_order) {
  unsigned* flag = pinned_flag();
  CUstream stream = nullptr;
  ASSERT_OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
  Told told;
  ASSERT_OK(hold(flag, stream));
  ASSERT_OK(cuLaunchHostFunc(
      stream, [](void* user) { static_cast<Told*>(user)->calls += 1; }, &told));
  ASSERT_OK(cuStreamAddCallback(
      stream,
      [](CUstream, CUresult status, void* user) {
        static_cast<Told*>(user)->status = status;
        static_cast<Told*>(user)->calls += 10;
      },
      &told, 0));
  EXPECT_EQ(told.calls, 0);
  set(flag);
  ASSERT_OK(cuStreamSynchronize(stream));
  EXPECT_EQ(told.calls, 11);
  EXPECT_EQ(told.status, CUDA_SUCCESS);
  EXPECT_EQ(cuLaunchHostFunc(stream, nullptr, nullptr), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(Driver, a_pageable_source_may_be_reused_when_the_call_returns) {
  unsigned* flag = pinned_flag();
  CUstream stream = nullptr;
  ASSERT_OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
  CUdeviceptr memory = 0;
  ASSERT_OK(cuMemAlloc_v2(&memory, 400));
  ASSERT_OK(hold(flag, stream));
  std::vector<unsigned> source(100, 1);
  ASSERT_OK(cuMemcpyHtoDAsync_v2(memory, source.data(), 400, stream));
  std::fill(source.begin(), source.end(), 2);
  set(flag);
  std::vector<unsigned> back(100);
  ASSERT_OK(cuMemcpyDtoHAsync_v2(back.data(), memory, 400, stream));  // pageable: complete when it returns
  EXPECT_THAT(back, testing::Each(1u));
}

TEST_F(Driver, pinned_registered_and_managed_memory_is_the_kernels_too) {
  unsigned* host = pinned_flag();
  std::vector<unsigned> registered(256);
  ASSERT_OK(cuMemHostRegister_v2(registered.data(), 1024, 0));
  EXPECT_EQ(cuMemHostRegister_v2(registered.data(), 4, 0), CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
  CUdeviceptr managed = 0, on_device = 0;
  ASSERT_OK(cuMemAllocManaged(&managed, 400, CU_MEM_ATTACH_GLOBAL));
  ASSERT_OK(cuMemHostGetDevicePointer_v2(&on_device, host, 0));
  ASSERT_OK(fill(on_device, 21, 16));
  ASSERT_OK(fill(reinterpret_cast<CUdeviceptr>(registered.data()), 22, 256));
  ASSERT_OK(fill(managed, 23, 100));
  ASSERT_OK(cuCtxSynchronize());
  EXPECT_EQ(host[15], 21u);
  EXPECT_THAT(registered, testing::Each(22u));
  EXPECT_EQ(reinterpret_cast<unsigned*>(managed)[99], 23u);
  EXPECT_OK(cuMemHostUnregister(registered.data()));
  EXPECT_EQ(cuMemHostUnregister(registered.data()), CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
  EXPECT_OK(cuMemFree_v2(managed));
  EXPECT_OK(cuMemFreeHost(host));
}

TEST_F(Driver, a_pointer_tells_what_it_is) {
  CUdeviceptr memory = 0, base = 0;
  size_t size = 0;
  ASSERT_OK(cuMemAlloc_v2(&memory, 1000));
  ASSERT_OK(cuMemGetAddressRange_v2(&base, &size, memory + 500));
  EXPECT_EQ(base, memory);
  EXPECT_EQ(size, 1000u);
  EXPECT_EQ(cuMemGetAddressRange_v2(&base, &size, memory + 1000), CUDA_ERROR_NOT_FOUND);
  unsigned type = 0;
  ASSERT_OK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, memory + 1));
  EXPECT_EQ(type, static_cast<unsigned>(CU_MEMORYTYPE_DEVICE));
  CUcontext owner = nullptr;
  ASSERT_OK(cuPointerGetAttribute(&owner, CU_POINTER_ATTRIBUTE_CONTEXT, memory));
  EXPECT_EQ(owner, context_);
  void* host = pinned_flag();
  ASSERT_OK(
      cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, reinterpret_cast<CUdeviceptr>(host)));
  EXPECT_EQ(type, static_cast<unsigned>(CU_MEMORYTYPE_HOST));
  int local = 0;
  const auto stack = reinterpret_cast<CUdeviceptr>(&local);
  EXPECT_EQ(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, stack), CUDA_ERROR_INVALID_VALUE);
  int managed = 9;
  CUpointer_attribute attributes[] = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE, CU_POINTER_ATTRIBUTE_IS_MANAGED};
  void* values[] = {&type, &managed};
  ASSERT_OK(cuPointerGetAttributes(2, attributes, values, stack));
  EXPECT_EQ(type, 0u);
  EXPECT_EQ(managed, 0);
}

TEST_F(Driver, rectangles_are_copied_and_filled) {
  CUdeviceptr memory = 0;
  size_t pitch = 0;
  ASSERT_OK(cuMemAllocPitch_v2(&memory, &pitch, 60, 10, 4));
  EXPECT_EQ(pitch % 512, 0u);
  ASSERT_OK(cuMemsetD2D8_v2(memory, pitch, 0xab, 60, 10));
  std::vector<unsigned char> source(80 * 10), back(100 * 10);
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<unsigned char>(i);
  CUDA_MEMCPY2D_v2 copy = {};
  copy.srcMemoryType = CU_MEMORYTYPE_HOST;
  copy.srcHost = source.data();
  copy.srcPitch = 80;
  copy.srcXInBytes = 5;
  copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
  copy.dstDevice = memory;
  copy.dstPitch = pitch;
  copy.dstXInBytes = 3;
  copy.dstY = 1;
  copy.WidthInBytes = 50;
  copy.Height = 8;
  ASSERT_OK(cuMemcpy2D_v2(&copy));
  CUDA_MEMCPY2D_v2 away = {};
  away.srcMemoryType = CU_MEMORYTYPE_DEVICE;
  away.srcDevice = memory;
  away.srcPitch = pitch;
  away.dstMemoryType = CU_MEMORYTYPE_HOST;
  away.dstHost = back.data();
  away.dstPitch = 100;
  away.WidthInBytes = 60;
  away.Height = 10;
  ASSERT_OK(cuMemcpy2DUnaligned_v2(&away));
  for (size_t y = 0; y < 10; ++y) {
    for (size_t x = 0; x < 60; ++x) {
      const bool inside = y >= 1 && y < 9 && x >= 3 && x < 53;
      ASSERT_EQ(back[y * 100 + x], inside ? source[(y - 1) * 80 + x - 3 + 5] : 0xab) << x << " " << y;
    }
  }
  copy.Height = 1000;
  EXPECT_EQ(cuMemcpy2D_v2(&copy), CUDA_ERROR_INVALID_VALUE);
  copy.Height = SIZE_MAX / 4;
  EXPECT_EQ(cuMemcpy2D_v2(&copy), CUDA_ERROR_INVALID_VALUE);
  copy.dstMemoryType = CU_MEMORYTYPE_ARRAY;
  EXPECT_EQ(cuMemcpy2D_v2(&copy), CUDA_ERROR_NOT_SUPPORTED);
}

TEST_F(Driver, a_library_serves_every_context_and_its_kernel_is_a_function) {
  CUlibrary library = nullptr;
  CUlibraryOption option = CU_LIBRARY_BINARY_IS_PRESERVED;
  void* preserved = reinterpret_cast<void*>(1);
  ASSERT_OK(cuLibraryLoadData(&library, program, nullptr, nullptr, 0, &option, &preserved, 1));
  CUkernel kernel = nullptr;
  ASSERT_OK(cuLibraryGetKernel(&kernel, library, "count_up"));
  ASSERT_OK(
      cuLaunchKernel(reinterpret_cast<CUfunction>(kernel), 1, 1, 1, 10, 1, 1, 0, nullptr, nullptr, nullptr));
  CUdeviceptr here = 0, there = 0;
  size_t bytes = 0;
  ASSERT_OK(cuLibraryGetGlobal(&here, &bytes, library, "counter"));
  CUcontext second = nullptr;
  ASSERT_OK(cuCtxCreate_v2(&second, 0, 0));
  ASSERT_OK(cuLibraryGetGlobal(&there, nullptr, library, "counter"));
  EXPECT_NE(here, there);
  unsigned value = 0;
  ASSERT_OK(cuMemcpyDtoH_v2(&value, there, 4));
  EXPECT_EQ(value, 41u);
  ASSERT_OK(cuCtxDestroy_v2(second));
  ASSERT_OK(cuMemcpyDtoH_v2(&value, here, 4));
  EXPECT_EQ(value, 51u);
  CUfunction function = nullptr, again = nullptr;
  ASSERT_OK(cuKernelGetFunction(&function, kernel));
  ASSERT_OK(cuKernelGetFunction(&again, kernel));
  EXPECT_EQ(function, again);
  ASSERT_OK(cuKernelSetAttribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 60000, kernel, 0));
  int dynamic = 0;
  ASSERT_OK(cuFuncGetAttribute(&dynamic, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, function));
  EXPECT_EQ(dynamic, 60000);
  CUdeviceptr managed = 0;
  EXPECT_EQ(cuLibraryGetGlobal(&managed, nullptr, library, "shared_by_both"), CUDA_ERROR_NOT_FOUND);
  ASSERT_OK(cuLibraryGetManaged(&managed, nullptr, library, "shared_by_both"));
  EXPECT_EQ(*reinterpret_cast<unsigned*>(managed), 7u);
  unsigned count = 0;
  ASSERT_OK(cuLibraryGetKernelCount(&count, library));
  std::vector<CUkernel> kernels(count);
  ASSERT_OK(cuLibraryEnumerateKernels(kernels.data(), count, library));
  EXPECT_THAT(kernels, testing::Contains(kernel));
  const char* name = nullptr;
  ASSERT_OK(cuKernelGetName(&name, kernel));
  EXPECT_STREQ(name, "count_up");
  ASSERT_OK(cuLibraryUnload(library));
  EXPECT_EQ(cuKernelGetFunction(&function, kernel), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, nullptr),
            CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(Driver, a_bad_image_fills_the_log_it_was_given) {
  char log[200] = "untouched";
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void* values[] = {log, reinterpret_cast<void*>(sizeof log)};
  CUmodule none = nullptr;
  testing::internal::CaptureStderr();
  EXPECT_EQ(
      cuModuleLoadDataEx(&none, ".version 9.0\n.target sm_75\n.entry k() { nonsense; }", 2, options, values),
      CUDA_ERROR_INVALID_PTX);
  EXPECT_STREQ(log, "PTX line 3: nonsense: the software GPU has no such instruction");
  EXPECT_EQ(reinterpret_cast<size_t>(values[1]), std::strlen(log));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "vcuda softgpu: cannot load: " + std::string(log) + "\n");
  EXPECT_EQ(cuModuleLoadData(&none, nullptr), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(Driver, occupancy_follows_from_threads_and_shared_memory) {
  const CUfunction f = function("count_up");
  int blocks = 0, grid = 0, block = 0;
  ASSERT_OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, f, 256, 0));
  EXPECT_EQ(blocks, 6);  // 1536 threads a multiprocessor
  ASSERT_OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, f, 64, 0));
  EXPECT_EQ(blocks, 24);
  ASSERT_OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, f, 64, 49 << 10));
  EXPECT_EQ(blocks, 2);  // 100 KiB, of which a block takes 1 KiB more than it asks for
  ASSERT_OK(cuOccupancyMaxPotentialBlockSize(&grid, &block, f, nullptr, 0, 0));
  EXPECT_EQ(block, 768);
  EXPECT_EQ(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, f, 2000, 0), CUDA_ERROR_INVALID_VALUE);
  size_t shared = 0;
  ASSERT_OK(cuOccupancyAvailableDynamicSMemPerBlock(&shared, f, 2, 128));
  EXPECT_EQ(shared, 49u << 10);
}

TEST_F(Driver, a_context_with_a_kernel_that_never_ends_can_be_destroyed) {
  CUcontext doomed = nullptr;
  ASSERT_OK(cuCtxCreate_v2(&doomed, 0, 0));
  CUmodule module = nullptr;
  CUfunction slow = nullptr;
  ASSERT_OK(cuModuleLoadData(&module, program));
  ASSERT_OK(cuModuleGetFunction(&slow, module, "slow"));
  CUdeviceptr flag = 0;
  ASSERT_OK(cuMemAlloc_v2(&flag, 4));
  void* parameters[] = {&flag};
  ASSERT_OK(cuLaunchKernel(slow, 1, 1, 1, 1, 1, 1, 0, nullptr, parameters, nullptr));
  EXPECT_OK(cuCtxDestroy_v2(doomed));
  EXPECT_EQ(cuCtxPushCurrent_v2(doomed), CUDA_ERROR_INVALID_CONTEXT);
  CUcontext current = nullptr;
  ASSERT_OK(cuCtxGetCurrent(&current));
  EXPECT_EQ(current, context_);
}

TEST_F(Driver, the_primary_context_lives_while_it_is_retained) {
  CUcontext primary = nullptr, again = nullptr;
  unsigned flags = 9;
  int active = 9;
  ASSERT_OK(cuDevicePrimaryCtxGetState(0, &flags, &active));
  EXPECT_EQ(active, 0);
  ASSERT_OK(cuDevicePrimaryCtxRetain(&primary, 0));
  ASSERT_OK(cuDevicePrimaryCtxRetain(&again, 0));
  EXPECT_EQ(primary, again);
  ASSERT_OK(cuCtxPushCurrent_v2(primary));
  CUdeviceptr memory = 0;
  ASSERT_OK(cuMemAlloc_v2(&memory, 64));
  ASSERT_OK(cuDevicePrimaryCtxRelease_v2(0));
  ASSERT_OK(cuMemsetD8_v2(memory, 1, 64));
  ASSERT_OK(cuDevicePrimaryCtxReset_v2(0));
  EXPECT_EQ(cuMemsetD8_v2(memory, 1, 64), CUDA_ERROR_INVALID_VALUE);  // gone with the reset
  ASSERT_OK(cuMemAlloc_v2(&memory, 64));
  ASSERT_OK(cuDevicePrimaryCtxRelease_v2(0));
  EXPECT_EQ(cuDevicePrimaryCtxRelease_v2(0), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(cuMemAlloc_v2(&memory, 64), CUDA_ERROR_CONTEXT_IS_DESTROYED);
  EXPECT_OK(cuCtxPopCurrent_v2(nullptr));
  EXPECT_EQ(cuCtxDestroy_v2(primary), CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(Driver, the_stack_of_contexts_is_the_threads_own) {
  std::thread([this] {
    CUcontext current = context_;
    EXPECT_OK(cuCtxGetCurrent(&current));
    EXPECT_EQ(current, nullptr);
    CUdeviceptr memory = 0;
    EXPECT_EQ(cuMemAlloc_v2(&memory, 4), CUDA_ERROR_INVALID_CONTEXT);
    EXPECT_EQ(cuCtxPopCurrent_v2(nullptr), CUDA_ERROR_INVALID_CONTEXT);
    EXPECT_EQ(cuCtxPushCurrent_v2(reinterpret_cast<CUcontext>(0x1234)), CUDA_ERROR_INVALID_CONTEXT);
    EXPECT_OK(cuCtxPushCurrent_v2(context_));
    EXPECT_OK(cuMemAlloc_v2(&memory, 4));
    EXPECT_OK(cuCtxSetCurrent(nullptr));
    EXPECT_EQ(cuMemFree_v2(memory), CUDA_ERROR_INVALID_CONTEXT);
  }).join();
}

TEST_F(Driver, devices_answer_coherently) {
  int count = 0, major = 0, minor = 0, value = 0;
  ASSERT_OK(cuDeviceGetCount(&count));
  EXPECT_EQ(count, 1);
  char name[8], bus[16];
  ASSERT_OK(cuDeviceGetName(name, sizeof name, 0));
  EXPECT_STREQ(name, "vcuda S");
  ASSERT_OK(cuDeviceGetPCIBusId(bus, sizeof bus, 0));
  CUdevice device = 9;
  ASSERT_OK(cuDeviceGetByPCIBusId(&device, bus));
  EXPECT_EQ(device, 0);
  ASSERT_OK(cuDeviceComputeCapability(&major, &minor, 0));
  ASSERT_OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0));
  EXPECT_EQ(value, major);
  EXPECT_EQ(cuDeviceGet(&device, 1), CUDA_ERROR_INVALID_DEVICE);
  for (int attribute = 1; attribute < CU_DEVICE_ATTRIBUTE_MAX; ++attribute) {
    EXPECT_OK(cuDeviceGetAttribute(&value, static_cast<CUdevice_attribute>(attribute), 0));
  }
  EXPECT_EQ(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_MAX, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuDeviceGetAttribute(&value, static_cast<CUdevice_attribute>(0), 0), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(Driver, symbols_are_found_by_name_and_version) {
  void* found = nullptr;
  CUdriverProcAddressQueryResult status = CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
  ASSERT_OK(cuGetProcAddress_v2("cuMemAlloc", &found, 13000, 0, &status));
  EXPECT_EQ(found, reinterpret_cast<void*>(&cuMemAlloc_v2));
  EXPECT_EQ(status, CU_GET_PROC_ADDRESS_SUCCESS);
  ASSERT_OK(cuGetProcAddress_v2("cuLaunchKernel", &found, 13000, 2, &status));
  EXPECT_EQ(found, reinterpret_cast<void*>(&cuLaunchKernel_ptsz));
  ASSERT_OK(cuGetProcAddress_v2("", &found, 0, 0, nullptr));
  EXPECT_EQ(found, nullptr);
  EXPECT_EQ(cuGetProcAddress_v2("cuInit", &found, 13000, 4, &status), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(Driver, what_is_not_there_says_so_once) {
  testing::internal::CaptureStderr();
  CUarray array = nullptr;
  EXPECT_EQ(cuArrayCreate_v2(&array, nullptr), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(cuArrayCreate_v2(&array, nullptr), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "vcuda softgpu: cuArrayCreate_v2 is not supported\n");
}

TEST_F(Driver, errors_have_names_and_sentences) {
  const char* text = nullptr;
  ASSERT_OK(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
  EXPECT_STREQ(text, "CUDA_ERROR_ILLEGAL_ADDRESS");
  ASSERT_OK(cuGetErrorString(CUDA_ERROR_OUT_OF_MEMORY, &text));
  EXPECT_STREQ(text, "out of memory");
  EXPECT_EQ(cuGetErrorName(static_cast<CUresult>(12345), &text), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(text, nullptr);
}

TEST_F(Driver, a_forked_child_is_not_initialised) {
  const pid_t child = fork();
  if (child == 0) {
    int count = 0;
    const bool refused =
        cuDeviceGetCount(&count) == CUDA_ERROR_NOT_INITIALIZED && cuInit(0) == CUDA_ERROR_NOT_INITIALIZED;
    _exit(refused ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
