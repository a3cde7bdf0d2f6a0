// Contexts: primary ones, own ones, and the calling thread's stack of current ones.
#include "runtime-libs/api/driver_api.hpp"
#include "runtime-libs/softgpu/driver/current.hpp"

using namespace vcuda::softgpu;

namespace {

constexpr unsigned known_flags = CU_CTX_FLAGS_MASK;

// A context named by its handle; a null one means the current one where the call allows it.
struct OfContext : InDriver {
  explicit OfContext(CUcontext named) : handle(named != nullptr ? named : context_stack().top()) {
    if (code != CUDA_SUCCESS) return;
    if (handle == nullptr) code = CUDA_ERROR_INVALID_CONTEXT;
    context = driver->contexts.find(handle);
    if (code == CUDA_SUCCESS && context == nullptr) code = CUDA_ERROR_INVALID_CONTEXT;
  }
  CUcontext handle;
  std::shared_ptr<Context> context;
};

CUresult push(CUcontext handle) {
  ContextStack& stack = context_stack();
  if (stack.depth == ContextStack::capacity) {
    say("more than 128 contexts pushed in one thread");
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
  stack.contexts[stack.depth++] = handle;
  return CUDA_SUCCESS;
}

}  // namespace

VCUDA_API cuDevicePrimaryCtxRetain(CUcontext* pctx, CUdevice dev) {
  const InDriver in;
  if (!in) return in.code;
  Device* device = in.driver->device(dev);
  if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
  if (pctx == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const std::scoped_lock hold(device->lock);
  ++device->retained;
  *pctx = device->primary;
  return CUDA_SUCCESS;
}

VCUDA_API cuDevicePrimaryCtxRelease_v2(CUdevice dev) {
  const InDriver in;
  if (!in) return in.code;
  Device* device = in.driver->device(dev);
  if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
  {
    const std::scoped_lock hold(device->lock);
    if (device->retained == 0) return CUDA_ERROR_INVALID_CONTEXT;
    if (--device->retained > 0) return CUDA_SUCCESS;
  }
  const auto context = in.driver->contexts.find(device->primary);
  in.driver->empty(device->primary, context);
  context->restart();
  return CUDA_SUCCESS;
}

VCUDA_API cuDevicePrimaryCtxRelease(CUdevice dev) { return cuDevicePrimaryCtxRelease_v2(dev); }

VCUDA_API cuDevicePrimaryCtxReset_v2(CUdevice dev) {
  const InDriver in;
  if (!in) return in.code;
  const Device* device = in.driver->device(dev);
  if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
  const auto context = in.driver->contexts.find(device->primary);
  in.driver->empty(device->primary, context);
  context->restart();
  return CUDA_SUCCESS;
}

VCUDA_API cuDevicePrimaryCtxReset(CUdevice dev) { return cuDevicePrimaryCtxReset_v2(dev); }

VCUDA_API cuDevicePrimaryCtxSetFlags_v2(CUdevice dev, unsigned int flags) {
  const InDriver in;
  if (!in) return in.code;
  const Device* device = in.driver->device(dev);
  if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
  if ((flags & ~known_flags) != 0) return CUDA_ERROR_INVALID_VALUE;
  in.driver->contexts.find(device->primary)->flags = flags;
  return CUDA_SUCCESS;
}

VCUDA_API cuDevicePrimaryCtxSetFlags(CUdevice dev, unsigned int flags) {
  return cuDevicePrimaryCtxSetFlags_v2(dev, flags);
}

VCUDA_API cuDevicePrimaryCtxGetState(CUdevice dev, unsigned int* flags, int* active) {
  const InDriver in;
  if (!in) return in.code;
  Device* device = in.driver->device(dev);
  if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
  if (flags == nullptr || active == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *flags = in.driver->contexts.find(device->primary)->flags;
  const std::scoped_lock hold(device->lock);
  *active = device->retained > 0 ? 1 : 0;
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxCreate_v2(CUcontext* pctx, unsigned int flags, CUdevice dev) {
  const InDriver in;
  if (!in) return in.code;
  if (in.driver->device(dev) == nullptr) return CUDA_ERROR_INVALID_DEVICE;
  if (pctx == nullptr || (flags & ~known_flags) != 0) return CUDA_ERROR_INVALID_VALUE;
  *pctx = in.driver->contexts.add(std::make_shared<Context>(dev, flags, false, in.driver->next_number()));
  return push(*pctx);
}

VCUDA_API cuCtxCreate_v3(CUcontext* pctx, CUexecAffinityParam*, int numParams, unsigned int flags,
                         CUdevice dev) {
  return numParams == 0 ? cuCtxCreate_v2(pctx, flags, dev) : CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY;
}

VCUDA_API cuCtxCreate_v4(CUcontext* pctx, CUctxCreateParams* ctxCreateParams, unsigned int flags,
                         CUdevice dev) {
  if (ctxCreateParams != nullptr &&
      (ctxCreateParams->numExecAffinityParams != 0 || ctxCreateParams->cigParams != nullptr)) {
    return CUDA_ERROR_NOT_SUPPORTED;
  }
  return cuCtxCreate_v2(pctx, flags, dev);
}

VCUDA_API cuCtxDestroy_v2(CUcontext ctx) {
  const OfContext of(ctx);
  if (ctx == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!of) return of.code;
  if (of.context->is_primary) return CUDA_ERROR_INVALID_CONTEXT;
  ContextStack& stack = context_stack();
  if (stack.top() == ctx) --stack.depth;
  of.driver->empty(ctx, of.context);
  of.driver->contexts.remove(ctx);
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxDestroy(CUcontext ctx) { return cuCtxDestroy_v2(ctx); }

VCUDA_API cuCtxPushCurrent_v2(CUcontext ctx) {
  const OfContext of(ctx);
  if (ctx == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  if (!of) return of.code;
  return push(ctx);
}

VCUDA_API cuCtxPopCurrent_v2(CUcontext* pctx) {
  const InDriver in;
  if (!in) return in.code;
  ContextStack& stack = context_stack();
  if (stack.depth == 0) return CUDA_ERROR_INVALID_CONTEXT;
  const CUcontext top = stack.contexts[--stack.depth];
  if (pctx != nullptr) *pctx = top;
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxPushCurrent(CUcontext ctx) { return cuCtxPushCurrent_v2(ctx); }
VCUDA_API cuCtxPopCurrent(CUcontext* pctx) { return cuCtxPopCurrent_v2(pctx); }

// Replaces the top; null takes it away, as NVIDIA's driver does.
VCUDA_API cuCtxSetCurrent(CUcontext ctx) {
  const InDriver in;
  if (!in) return in.code;
  ContextStack& stack = context_stack();
  if (ctx != nullptr && in.driver->contexts.find(ctx) == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  if (stack.depth > 0) --stack.depth;
  return ctx == nullptr ? CUDA_SUCCESS : push(ctx);
}

VCUDA_API cuCtxGetCurrent(CUcontext* pctx) {
  const InDriver in;
  if (!in) return in.code;
  if (pctx == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *pctx = context_stack().top();
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxGetDevice_v2(CUdevice* device, CUcontext ctx) {
  const OfContext of(ctx);
  if (!of) return of.code;
  if (device == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *device = of.context->device;
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxGetDevice(CUdevice* device) { return cuCtxGetDevice_v2(device, nullptr); }

VCUDA_API cuCtxGetFlags(unsigned int* flags) {
  const OfContext of(nullptr);
  if (!of) return of.code;
  if (flags == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *flags = of.context->flags;
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxSetFlags(unsigned int flags) {
  const OfContext of(nullptr);
  if (!of) return of.code;
  if ((flags & ~known_flags) != 0) return CUDA_ERROR_INVALID_VALUE;
  of.context->flags = flags;
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxGetId(CUcontext ctx, unsigned long long* ctxId) {
  const OfContext of(ctx);
  if (!of) return of.code;
  if (ctxId == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *ctxId = of.context->number;
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxGetApiVersion(CUcontext ctx, unsigned int* version) {
  const OfContext of(ctx);
  if (!of) return of.code;
  if (version == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *version =
      3020;  // what NVIDIA's drivers answer: the API of CUDA 3.2, the last that broke with the one before
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxSynchronize_v2(CUcontext ctx) {
  const OfContext of(ctx);
  if (!of) return of.code;
  if (!is_active(*of.driver, of.handle, *of.context)) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  return of.context->synchronize();
}

VCUDA_API cuCtxSynchronize() { return cuCtxSynchronize_v2(nullptr); }

VCUDA_API cuCtxGetLimit(size_t* pvalue, CUlimit limit) {
  const InContext in;
  if (!in) return in.code;
  if (pvalue == nullptr || limit < 0 || limit >= CU_LIMIT_MAX) return CUDA_ERROR_INVALID_VALUE;
  *pvalue = in.context->limits[limit];
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxSetLimit(CUlimit limit, size_t value) {
  const InContext in;
  if (!in) return in.code;
  if (limit < 0 || limit >= CU_LIMIT_MAX) return CUDA_ERROR_INVALID_VALUE;
  if (limit == CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH || limit == CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT) {
    return CUDA_ERROR_UNSUPPORTED_LIMIT;
  }
  in.context->limits[limit] = value;
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxGetCacheConfig(CUfunc_cache* pconfig) {
  const InContext in;
  if (!in) return in.code;
  if (pconfig == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *pconfig = static_cast<CUfunc_cache>(in.context->cache_config.load());
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxSetCacheConfig(CUfunc_cache config) {
  const InContext in;
  if (!in) return in.code;
  in.context->cache_config = config;
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxGetSharedMemConfig(CUsharedconfig* pConfig) {
  const InContext in;
  if (!in) return in.code;
  if (pConfig == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *pConfig = static_cast<CUsharedconfig>(in.context->shared_config.load());
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxSetSharedMemConfig(CUsharedconfig config) {
  const InContext in;
  if (!in) return in.code;
  in.context->shared_config = config;
  return CUDA_SUCCESS;
}

VCUDA_API cuCtxResetPersistingL2Cache() {
  const InContext in;
  return in.code;
}

// Priorities are accepted and told; every stream runs on a thread of its own, so there is nothing to rank.
VCUDA_API cuCtxGetStreamPriorityRange(int* leastPriority, int* greatestPriority) {
  const InContext in;
  if (!in) return in.code;
  if (leastPriority != nullptr) *leastPriority = 0;
  if (greatestPriority != nullptr) *greatestPriority = -5;
  return CUDA_SUCCESS;
}
