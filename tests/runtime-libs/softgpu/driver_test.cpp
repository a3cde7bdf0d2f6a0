// Devices, contexts, modules and launches through the driver API.
#include "tests/runtime-libs/softgpu/driver_fixture.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>
#include <vector>

namespace vcuda::softgpu {
namespace {

TEST_F(DriverApi, module_variables_have_values_and_addresses) {
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

TEST_F(DriverApi, a_launch_that_cannot_be_is_refused_at_once) {
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

TEST_F(DriverApi, parameters_come_as_pointers_or_as_one_buffer) {
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

TEST_F(DriverApi, a_wild_kernel_faults_its_context_for_good_and_no_other) {
  CUcontext second = nullptr;
  ASSERT_OK(cuCtxCreate_v2(&second, 0, 0));
  testing::internal::CaptureStderr();
  CUmodule other = nullptr;
  ASSERT_OK(cuModuleLoadData(&other, test_module));
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

TEST_F(DriverApi, a_library_serves_every_context_and_its_kernel_is_a_function) {
  CUlibrary library = nullptr;
  CUlibraryOption option = CU_LIBRARY_BINARY_IS_PRESERVED;
  void* preserved = reinterpret_cast<void*>(1);
  ASSERT_OK(cuLibraryLoadData(&library, test_module, nullptr, nullptr, 0, &option, &preserved, 1));
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

TEST_F(DriverApi, a_bad_image_fills_the_log_it_was_given) {
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

TEST_F(DriverApi, occupancy_follows_from_threads_and_shared_memory) {
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

TEST_F(DriverApi, the_primary_context_lives_while_it_is_retained) {
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

TEST_F(DriverApi, the_stack_of_contexts_is_the_threads_own) {
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

TEST_F(DriverApi, devices_answer_coherently) {
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

TEST_F(DriverApi, symbols_are_found_by_name_and_version) {
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

TEST_F(DriverApi, what_is_not_there_says_so_once) {
  testing::internal::CaptureStderr();
  CUarray array = nullptr;
  EXPECT_EQ(cuArrayCreate_v2(&array, nullptr), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(cuArrayCreate_v2(&array, nullptr), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "vcuda softgpu: cuArrayCreate_v2 is not supported\n");
}

TEST_F(DriverApi, errors_have_names_and_sentences) {
  const char* text = nullptr;
  ASSERT_OK(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
  EXPECT_STREQ(text, "CUDA_ERROR_ILLEGAL_ADDRESS");
  ASSERT_OK(cuGetErrorString(CUDA_ERROR_OUT_OF_MEMORY, &text));
  EXPECT_STREQ(text, "out of memory");
  EXPECT_EQ(cuGetErrorName(static_cast<CUresult>(12345), &text), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(text, nullptr);
}

TEST_F(DriverApi, a_forked_child_is_not_initialised) {
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
}  // namespace vcuda::softgpu
