// Streams, events and host functions through the driver API: what runs beside what, and after what.
#include "tests/runtime-libs/softgpu/driver_fixture.hpp"

#include <atomic>
#include <chrono>
#include <thread>

namespace vcuda::softgpu {
namespace {

TEST_F(DriverApi, streams_run_beside_the_caller_and_each_other) {
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

TEST_F(DriverApi, the_null_stream_waits_for_blocking_streams_and_they_for_it) {
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

TEST_F(DriverApi, events_order_streams_and_take_the_time) {
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

TEST_F(DriverApi, host_functions_and_callbacks_run_in_order) {
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

TEST_F(DriverApi, a_context_with_a_kernel_that_never_ends_can_be_destroyed) {
  CUcontext doomed = nullptr;
  ASSERT_OK(cuCtxCreate_v2(&doomed, 0, 0));
  CUmodule module = nullptr;
  CUfunction slow = nullptr;
  ASSERT_OK(cuModuleLoadData(&module, test_module));
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

}  // namespace
}  // namespace vcuda::softgpu
