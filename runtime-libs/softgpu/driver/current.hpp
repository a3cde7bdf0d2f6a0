// The calling thread's stack of current contexts, and how a call of the API begins.
#pragma once

#include "runtime-libs/api/driver_api.hpp"

#include <memory>

#include "runtime-libs/softgpu/driver/driver.hpp"

namespace vcuda::softgpu {

// Plain data without a destructor: the main thread calls in after its thread_local objects are gone.
struct ContextStack {
  static constexpr int capacity = 128;
  CUcontext contexts[capacity];
  int depth;

  CUcontext top() const { return depth > 0 ? contexts[depth - 1] : nullptr; }
};
ContextStack& context_stack();

// A call that needs the driver only. After cuInit: driver is set. Else code says why not.
struct InDriver {
  InDriver();
  bool operator!() const { return code != CUDA_SUCCESS; }

  CUresult code = CUDA_ERROR_NOT_INITIALIZED;
  Driver* driver = nullptr;
};

// A call that needs a current context without a fault. CUDA_ERROR_INVALID_CONTEXT without one,
// CUDA_ERROR_CONTEXT_IS_DESTROYED for one that is gone or a primary one that nobody retains, or the fault.
struct InContext : InDriver {
  InContext();

  CUcontext handle = nullptr;
  std::shared_ptr<Context> context;
  Device* device = nullptr;
};

// Whether the context can be used: not destroyed, and if primary, retained.
bool is_active(Driver& driver, CUcontext handle, const Context& context);

// Finds what a stream handle means: CU_STREAM_LEGACY, CU_STREAM_PER_THREAD, null for the default the entry
// point has, or a stream of its own. CUDA_ERROR_INVALID_HANDLE if it is none;
// CUDA_ERROR_CONTEXT_IS_DESTROYED, or the context's fault.
enum class DefaultStream : uint8_t { legacy, per_thread };
struct InStream {
  InStream(const InContext& in, CUstream handle, DefaultStream default_stream);
  bool operator!() const { return code != CUDA_SUCCESS; }

  CUresult code = CUDA_ERROR_INVALID_HANDLE;
  std::shared_ptr<Context> context;
  std::shared_ptr<Stream> stream;
};

}  // namespace vcuda::softgpu

// How every function of the API is defined: exported, and never throwing.
#define VCUDA_API extern "C" CUresult
