// A driver whose behaviour a test decides by what it asks: memory is host memory, cuCtxSynchronize blocks
// until a fill releases it, and a fill with a magic value fails as asked. It counts what was called. Every
// other function is absent.
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <mutex>

#include "runtime-libs/api/driver_api.hpp"

#define SCRIPTED extern "C" __attribute__((visibility("default"))) CUresult

namespace {

std::mutex mutex;
std::condition_variable released;
int blocked = 0;
int releases = 0;
std::atomic<int> frees{0};

}  // namespace

SCRIPTED cuInit(unsigned) { return CUDA_SUCCESS; }
SCRIPTED cuCtxSetCurrent(CUcontext) { return CUDA_SUCCESS; }
SCRIPTED cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice) {
  return *context = reinterpret_cast<CUcontext>(0x77), CUDA_SUCCESS;
}
SCRIPTED cuMemAlloc_v2(CUdeviceptr* address, size_t bytes) {
  // Never given back: what the tests allocate fits, and nothing can leak.
  static std::byte arena[1 << 16];
  static std::atomic<std::size_t> used{0};
  std::size_t at = used.fetch_add(bytes);
  if (at + bytes > sizeof arena) return CUDA_ERROR_OUT_OF_MEMORY;
  return *address = reinterpret_cast<CUdeviceptr>(arena + at), CUDA_SUCCESS;
}
SCRIPTED cuMemFree_v2(CUdeviceptr) {
  ++frees;
  return CUDA_SUCCESS;
}
SCRIPTED cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, size_t bytes) {
  return std::memcpy(reinterpret_cast<void*>(to), from, bytes), CUDA_SUCCESS;
}
SCRIPTED cuMemcpyDtoH_v2(void* to, CUdeviceptr from, size_t bytes) {
  return std::memcpy(to, reinterpret_cast<const void*>(from), bytes), CUDA_SUCCESS;
}

// Blocks until cuMemsetD8 is called with value 1.
SCRIPTED cuCtxSynchronize() {
  std::unique_lock lock(mutex);
  ++blocked;
  released.wait(lock, [] { return releases > 0; });
  --releases;
  --blocked;
  return CUDA_SUCCESS;
}
// 1 releases a blocked cuCtxSynchronize; 2 fails; anything else fills.
SCRIPTED cuMemsetD8_v2(CUdeviceptr address, unsigned char value, size_t bytes) {
  if (value == 1) {
    std::lock_guard lock(mutex);
    ++releases;
    released.notify_one();
    return CUDA_SUCCESS;
  }
  if (value == 2) return CUDA_ERROR_INVALID_VALUE;
  return std::memset(reinterpret_cast<void*>(address), value, bytes), CUDA_SUCCESS;
}
// free: how many cuCtxSynchronize are blocked now; total: how many frees there were.
SCRIPTED cuMemGetInfo_v2(size_t* free, size_t* total) {
  std::lock_guard lock(mutex);
  *free = static_cast<size_t>(blocked);
  *total = static_cast<size_t>(frees.load());
  return CUDA_SUCCESS;
}
// Fails for a flag no driver knows, so that a creation nobody waits for can fail.
SCRIPTED cuStreamCreate(CUstream* stream, unsigned flags) {
  if (flags > 1) return CUDA_ERROR_INVALID_VALUE;
  return *stream = reinterpret_cast<CUstream>(0x5000), CUDA_SUCCESS;
}
SCRIPTED cuStreamSynchronize(CUstream stream) {
  return stream == nullptr || stream == reinterpret_cast<CUstream>(0x5000) ? CUDA_SUCCESS
                                                                           : CUDA_ERROR_INVALID_HANDLE;
}
SCRIPTED cuStreamDestroy_v2(CUstream) { return CUDA_SUCCESS; }
