// A driver that does nothing, for measuring what carrying a call costs: device memory is host memory of the
// worker, copies are memcpy, a launch writes the time it was called into its first parameter's memory. Every
// other function of cuda.h says CUDA_ERROR_NOT_SUPPORTED. Not a device: the software GPU is one.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "runtime-libs/api/driver_api.hpp"

#define NULL_DRIVER extern "C" __attribute__((visibility("default"))) CUresult

NULL_DRIVER cuInit(unsigned) { return CUDA_SUCCESS; }
NULL_DRIVER cuDriverGetVersion(int* version) { return *version = CUDA_VERSION, CUDA_SUCCESS; }
NULL_DRIVER cuDeviceGetCount(int* count) { return *count = 1, CUDA_SUCCESS; }
NULL_DRIVER cuDeviceGetName(char* name, int length, CUdevice) {
  return std::snprintf(name, static_cast<std::size_t>(length), "null driver"), CUDA_SUCCESS;
}
NULL_DRIVER cuDeviceGetPCIBusId(char* id, int length, CUdevice) {
  return std::snprintf(id, static_cast<std::size_t>(length), "0000:00:00.0"), CUDA_SUCCESS;
}
NULL_DRIVER cuDeviceGetUuid_v2(CUuuid* uuid, CUdevice) {
  return std::memset(uuid, 0, sizeof *uuid), CUDA_SUCCESS;
}
NULL_DRIVER cuDeviceTotalMem_v2(size_t* bytes, CUdevice) {
  return *bytes = std::size_t{1} << 30, CUDA_SUCCESS;
}
NULL_DRIVER cuDeviceGetAttribute(int* value, CUdevice_attribute, CUdevice) {
  return *value = 1024, CUDA_SUCCESS;
}
NULL_DRIVER cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice) {
  return *context = reinterpret_cast<CUcontext>(1), CUDA_SUCCESS;
}
NULL_DRIVER cuCtxSetCurrent(CUcontext) { return CUDA_SUCCESS; }
NULL_DRIVER cuCtxSynchronize() { return CUDA_SUCCESS; }
NULL_DRIVER cuStreamSynchronize(CUstream) { return CUDA_SUCCESS; }
NULL_DRIVER cuMemAlloc_v2(CUdeviceptr* address, size_t bytes) {
  *address = reinterpret_cast<CUdeviceptr>(std::calloc(1, bytes));
  return *address ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}
NULL_DRIVER cuMemFree_v2(CUdeviceptr address) {
  return std::free(reinterpret_cast<void*>(address)), CUDA_SUCCESS;
}
NULL_DRIVER cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, size_t bytes) {
  return std::memcpy(reinterpret_cast<void*>(to), from, bytes), CUDA_SUCCESS;
}
NULL_DRIVER cuMemcpyDtoH_v2(void* to, CUdeviceptr from, size_t bytes) {
  return std::memcpy(to, reinterpret_cast<const void*>(from), bytes), CUDA_SUCCESS;
}
NULL_DRIVER cuModuleLoadDataEx(CUmodule* module, const void*, unsigned, CUjit_option*, void**) {
  return *module = reinterpret_cast<CUmodule>(1), CUDA_SUCCESS;
}
NULL_DRIVER cuModuleGetFunction(CUfunction* function, CUmodule, const char*) {
  return *function = reinterpret_cast<CUfunction>(1), CUDA_SUCCESS;
}
// Every kernel has the five parameters of a usual one: four pointers and a length.
NULL_DRIVER cuFuncGetParamInfo(CUfunction, size_t index, size_t* offset, size_t* size) {
  if (index >= 5) return CUDA_ERROR_INVALID_VALUE;
  *offset = 8 * index;
  *size = 8;
  return CUDA_SUCCESS;
}
NULL_DRIVER cuFuncGetAttribute(int* value, CUfunction_attribute, CUfunction) {
  return *value = 1024, CUDA_SUCCESS;
}
NULL_DRIVER cuLaunchKernel(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                           CUstream, void**, void** extra) {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  std::int64_t* started = nullptr;
  std::memcpy(&started, extra[1], sizeof started);
  if (started) *started = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  return CUDA_SUCCESS;
}
