// Memory and copies through the driver API.
#include "tests/runtime-libs/softgpu/driver_fixture.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace vcuda::softgpu {
namespace {

TEST_F(DriverApi, copies_there_and_back_through_a_kernel) {
  CUdeviceptr memory = 0;
  ASSERT_OK(cuMemAlloc_v2(&memory, 4000));
  EXPECT_GE(memory, band_base);
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

TEST_F(DriverApi, memory_is_accounted_and_runs_out) {
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

TEST_F(DriverApi, a_pageable_source_may_be_reused_when_the_call_returns) {
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

TEST_F(DriverApi, pinned_registered_and_managed_memory_is_the_kernels_too) {
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

TEST_F(DriverApi, a_pointer_tells_what_it_is) {
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

TEST_F(DriverApi, memory_freed_in_a_stream_lasts_until_the_stream_is_there) {
  unsigned* flag = pinned_flag();
  CUstream stream = nullptr;
  ASSERT_OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
  CUdeviceptr memory = 0;
  ASSERT_OK(cuMemAllocAsync(&memory, 400, stream));
  ASSERT_OK(hold(flag, stream));
  ASSERT_OK(fill(memory, 6, 100, stream));
  std::vector<unsigned> back(100);
  ASSERT_OK(cuMemFreeAsync(memory, stream));
  ASSERT_OK(cuMemcpyDtoHAsync_v2(flag + 1, memory, 4, CU_STREAM_LEGACY));
  set(flag);
  ASSERT_OK(cuStreamSynchronize(stream));
  EXPECT_EQ(cuMemcpyDtoH_v2(back.data(), memory, 400), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemFreeAsync(memory, stream), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(DriverApi, rectangles_are_copied_and_filled) {
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

}  // namespace
}  // namespace vcuda::softgpu
