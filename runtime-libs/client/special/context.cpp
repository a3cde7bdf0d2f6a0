// Contexts. The stack of current contexts belongs to the client thread and never travels; creating and
// destroying does.
#include "runtime-libs/api/requests.hpp"
#include "runtime-libs/client/contexts.hpp"
#include "runtime-libs/client/exported.hpp"
#include "runtime-libs/client/forward.hpp"
#include "runtime-libs/export_tables/context_storage.hpp"

using namespace vcuda::client;
namespace api = vcuda::api;

namespace {

CUresult valid_device(CUdevice dev, const char* call) {
  if (CUresult refused = enter(call)) return refused;
  return core().snapshot().device(dev) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

// A request about a device's primary context: the device, its handle and the flags. All four such rows have
// this layout.
CUresult ask_primary(const api::HandRow& row, CUdevice dev, unsigned flags) {
  const api::PrimaryRequest body{dev, flags, api::primary_context(dev)};
  const Segment sent[] = {{&body, sizeof body}};
  Waiter waiter;
  return core().ask(row, sent, waiter);
}

CUcontext primary_handle(CUdevice dev) { return reinterpret_cast<CUcontext>(api::primary_context(dev)); }

}  // namespace

VCUDA_EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext* pctx, CUdevice dev) {
  if (CUresult refused = valid_device(dev, "cuDevicePrimaryCtxRetain")) return refused;
  if (!pctx) return CUDA_ERROR_INVALID_VALUE;
  PrimaryLock primary(dev);
  if (primary->retained == 0) {
    CUresult made = ask_primary(api::row::cuDevicePrimaryCtxRetain, dev, primary->flags);
    if (made != CUDA_SUCCESS) return made;
  }
  ++primary->retained;
  *pctx = primary_handle(dev);
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuDevicePrimaryCtxRelease_v2(CUdevice dev) {
  if (CUresult refused = valid_device(dev, "cuDevicePrimaryCtxRelease")) return refused;
  {
    PrimaryLock primary(dev);
    if (primary->retained == 0) return CUDA_ERROR_INVALID_CONTEXT;
    if (primary->retained > 1) return --primary->retained, CUDA_SUCCESS;
  }
  // Without the lock: the runtime's destructors may ask about contexts.
  vcuda::export_tables::storage_context_gone(primary_handle(dev));
  PrimaryLock primary(dev);
  if (primary->retained == 0) return CUDA_ERROR_INVALID_CONTEXT;
  if (--primary->retained > 0) return CUDA_SUCCESS;  // retained again meanwhile
  core().forgive(primary_handle(dev));
  return ask_primary(api::row::cuDevicePrimaryCtxRelease_v2, dev, 0);
}

VCUDA_EXPORT CUresult cuDevicePrimaryCtxReset_v2(CUdevice dev) {
  if (CUresult refused = valid_device(dev, "cuDevicePrimaryCtxReset")) return refused;
  vcuda::export_tables::storage_context_gone(primary_handle(dev));
  PrimaryLock primary(dev);
  core().forgive(primary_handle(dev));
  return ask_primary(api::row::cuDevicePrimaryCtxReset_v2, dev, 0);
}

VCUDA_EXPORT CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice dev, unsigned int flags) {
  if (CUresult refused = valid_device(dev, "cuDevicePrimaryCtxSetFlags")) return refused;
  PrimaryLock primary(dev);
  CUresult set = ask_primary(api::row::cuDevicePrimaryCtxSetFlags_v2, dev, flags);
  if (set == CUDA_SUCCESS) primary->flags = flags;
  return set;
}

VCUDA_EXPORT CUresult cuDevicePrimaryCtxGetState(CUdevice dev, unsigned int* flags, int* active) {
  if (CUresult refused = valid_device(dev, "cuDevicePrimaryCtxGetState")) return refused;
  if (!flags || !active) return CUDA_ERROR_INVALID_VALUE;
  PrimaryLock primary(dev);
  *flags = primary->flags;
  *active = primary->retained > 0;
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuCtxCreate_v2(CUcontext* pctx, unsigned int flags, CUdevice dev) {
  if (CUresult refused = valid_device(dev, "cuCtxCreate")) return refused;
  CUresult made = forward<&cuCtxCreate_v2>(pctx, flags, dev);
  if (made != CUDA_SUCCESS) return made;
  if (!add_context({*pctx, dev, flags}) || !this_thread().push(*pctx)) return CUDA_ERROR_OUT_OF_MEMORY;
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuCtxCreate_v3(CUcontext* pctx, CUexecAffinityParam* paramsArray, int numParams,
                                     unsigned int flags, CUdevice dev) {
  static std::atomic<bool> said{false};
  if (paramsArray || numParams) return refuse("cuCtxCreate_v3 with execution affinity", said);
  return cuCtxCreate_v2(pctx, flags, dev);
}

VCUDA_EXPORT CUresult cuCtxCreate_v4(CUcontext* pctx, CUctxCreateParams* ctxCreateParams, unsigned int flags,
                                     CUdevice dev) {
  static std::atomic<bool> said{false};
  if (ctxCreateParams && (ctxCreateParams->execAffinityParams || ctxCreateParams->cigParams))
    return refuse("cuCtxCreate_v4 with execution affinity or graphics", said);
  return cuCtxCreate_v2(pctx, flags, dev);
}

VCUDA_EXPORT CUresult cuCtxDestroy_v2(CUcontext ctx) {
  ContextFacts facts;
  if (CUresult refused = enter("cuCtxDestroy")) return refused;
  if (!find_context(ctx, facts) || ctx == primary_handle(facts.device)) return CUDA_ERROR_INVALID_CONTEXT;
  vcuda::export_tables::storage_context_gone(ctx);
  CUresult gone = forward<&cuCtxDestroy_v2>(ctx);
  if (gone != CUDA_SUCCESS) return gone;
  core().forgive(ctx);
  remove_context(ctx);
  this_thread().forget(ctx);
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuCtxGetCurrent(CUcontext* pctx) {
  if (CUresult refused = enter("cuCtxGetCurrent")) return refused;
  if (!pctx) return CUDA_ERROR_INVALID_VALUE;
  *pctx = this_thread().current();
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuCtxSetCurrent(CUcontext ctx) {
  ContextFacts facts;
  if (CUresult refused = enter("cuCtxSetCurrent")) return refused;
  if (ctx && !find_context(ctx, facts)) return CUDA_ERROR_INVALID_CONTEXT;
  return this_thread().set_current(ctx) ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

VCUDA_EXPORT CUresult cuCtxPushCurrent_v2(CUcontext ctx) {
  ContextFacts facts;
  if (CUresult refused = enter("cuCtxPushCurrent")) return refused;
  if (!find_context(ctx, facts)) return CUDA_ERROR_INVALID_CONTEXT;
  return this_thread().push(ctx) ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

VCUDA_EXPORT CUresult cuCtxPopCurrent_v2(CUcontext* pctx) {
  if (CUresult refused = enter("cuCtxPopCurrent")) return refused;
  CUcontext popped = this_thread().pop();
  if (!popped) return CUDA_ERROR_INVALID_CONTEXT;
  if (pctx) *pctx = popped;
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuCtxGetDevice_v2(CUdevice* device, CUcontext ctx) {
  ContextFacts facts;
  if (CUresult refused = enter("cuCtxGetDevice")) return refused;
  if (!device) return CUDA_ERROR_INVALID_VALUE;
  if (!ctx) ctx = this_thread().current();
  if (!ctx || !find_context(ctx, facts)) return CUDA_ERROR_INVALID_CONTEXT;
  *device = facts.device;
  return CUDA_SUCCESS;
}
VCUDA_EXPORT CUresult cuCtxGetDevice(CUdevice* device) { return cuCtxGetDevice_v2(device, nullptr); }

VCUDA_EXPORT CUresult cuCtxGetApiVersion(CUcontext ctx, unsigned int* version) {
  ContextFacts facts;
  if (CUresult refused = enter("cuCtxGetApiVersion")) return refused;
  if (!version) return CUDA_ERROR_INVALID_VALUE;
  if (!ctx) ctx = this_thread().current();
  if (!ctx || !find_context(ctx, facts)) return CUDA_ERROR_INVALID_CONTEXT;
  *version = 3020;  // what drivers answer for contexts of cuCtxCreate_v2 and later
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuCtxGetFlags(unsigned int* flags) {
  ContextFacts facts;
  if (CUresult refused = enter("cuCtxGetFlags")) return refused;
  if (!flags) return CUDA_ERROR_INVALID_VALUE;
  CUcontext ctx = this_thread().current();
  if (!ctx || !find_context(ctx, facts)) return CUDA_ERROR_INVALID_CONTEXT;
  *flags = facts.flags;
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuCtxGetId(CUcontext ctx, unsigned long long* ctxId) {
  ContextFacts facts;
  if (CUresult refused = enter("cuCtxGetId")) return refused;
  if (!ctxId) return CUDA_ERROR_INVALID_VALUE;
  if (!ctx) ctx = this_thread().current();
  if (!ctx || !find_context(ctx, facts)) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  *ctxId = api::number_in(reinterpret_cast<std::uint64_t>(ctx));
  return CUDA_SUCCESS;
}
