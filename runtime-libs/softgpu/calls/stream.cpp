// Streams, and host functions in them.
#include "runtime-libs/api/driver_api.hpp"
#include "runtime-libs/softgpu/calls/twins.hpp"

using namespace vcuda::softgpu;

namespace {

CUresult create(CUstream* stream, unsigned flags, int priority) {
  const InContext in;
  if (!in) return in.code;
  if (stream == nullptr || (flags & ~static_cast<unsigned>(CU_STREAM_NON_BLOCKING)) != 0)
    return CUDA_ERROR_INVALID_VALUE;
  const auto kind = flags == CU_STREAM_NON_BLOCKING ? Stream::Kind::non_blocking : Stream::Kind::blocking;
  *stream = in.driver->streams.add(in.context->add_stream(kind, priority));
  return CUDA_SUCCESS;
}

CUresult query(DefaultStream default_stream, CUstream stream) {
  const InContext in;
  if (!in) return in.code;
  const InStream on(in, stream, default_stream);
  if (!on) return on.code;
  if (!on.stream->idle()) return CUDA_ERROR_NOT_READY;
  return on.context->fault();
}

CUresult synchronize(DefaultStream default_stream, CUstream stream) {
  const InContext in;
  if (!in) return in.code;
  const InStream on(in, stream, default_stream);
  if (!on) return on.code;
  // The NULL stream is done when the blocking streams before it are: an empty piece of work finds out.
  if (on.stream->kind() == Stream::Kind::legacy) return on.context->run(on.stream, [] {});
  on.stream->wait(on.stream->last());
  return on.context->fault();
}

CUresult wait_event(DefaultStream default_stream, CUstream stream, CUevent event, unsigned flags) {
  const InContext in;
  if (!in) return in.code;
  const InStream on(in, stream, default_stream);
  if (!on) return on.code;
  if ((flags & ~static_cast<unsigned>(CU_EVENT_WAIT_EXTERNAL)) != 0) return CUDA_ERROR_INVALID_VALUE;
  const auto known = in.driver->events.find(event);
  if (known == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  const auto mark = known->mark();
  if (mark == nullptr || mark->reached()) return CUDA_SUCCESS;
  on.context->enqueue(on.stream, [mark] { mark->wait(); });
  return CUDA_SUCCESS;
}

template <typename Read>
CUresult property(DefaultStream default_stream, CUstream stream, const void* out, Read read) {
  const InContext in;
  if (!in) return in.code;
  if (out == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const InStream on(in, stream, default_stream);
  if (!on) return on.code;
  return read(in, on);
}

CUresult priority(DefaultStream default_stream, CUstream stream, int* out) {
  return property(default_stream, stream, out, [out](const InContext&, const InStream& on) {
    *out = on.stream->priority();
    return CUDA_SUCCESS;
  });
}

CUresult flags(DefaultStream default_stream, CUstream stream, unsigned* out) {
  return property(default_stream, stream, out, [out](const InContext&, const InStream& on) {
    *out = on.stream->kind() == Stream::Kind::non_blocking ? CU_STREAM_NON_BLOCKING : CU_STREAM_DEFAULT;
    return CUDA_SUCCESS;
  });
}

CUresult id(DefaultStream default_stream, CUstream stream, unsigned long long* out) {
  return property(default_stream, stream, out, [out](const InContext&, const InStream& on) {
    *out = on.context->number << 32 | on.stream->id();
    return CUDA_SUCCESS;
  });
}

CUresult context(DefaultStream default_stream, CUstream stream, CUcontext* out) {
  return property(default_stream, stream, out, [out](const InContext& in, const InStream& on) {
    in.driver->contexts.each([&](CUcontext handle, const std::shared_ptr<Context>& each) {
      if (each == on.context) *out = handle;
    });
    return CUDA_SUCCESS;
  });
}

CUresult device(DefaultStream default_stream, CUstream stream, CUdevice* out) {
  return property(default_stream, stream, out, [out](const InContext&, const InStream& on) {
    *out = on.context->device;
    return CUDA_SUCCESS;
  });
}

CUresult host_function(DefaultStream default_stream, CUstream stream, CUhostFn function, void* user) {
  const InContext in;
  if (!in) return in.code;
  const InStream on(in, stream, default_stream);
  if (!on) return on.code;
  if (function == nullptr) return CUDA_ERROR_INVALID_VALUE;
  on.context->enqueue(on.stream, [function, user] { function(user); });
  return CUDA_SUCCESS;
}

// A callback runs also after a fault, which it is then told.
CUresult callback(DefaultStream default_stream, CUstream stream, CUstreamCallback function, void* user,
                  unsigned call_flags) {
  const InContext in;
  if (!in) return in.code;
  const InStream on(in, stream, default_stream);
  if (!on) return on.code;
  if (function == nullptr || call_flags != 0) return CUDA_ERROR_INVALID_VALUE;
  const auto work = [function, user, stream, context = std::weak_ptr<Context>(on.context)] {
    const auto alive = context.lock();
    function(stream, alive == nullptr ? CUDA_ERROR_CONTEXT_IS_DESTROYED : alive->fault(), user);
  };
  on.context->enqueue(on.stream, work, Context::Skip::never);
  return CUDA_SUCCESS;
}

// Streams are not captured here: no stream ever is.
CUresult is_capturing(DefaultStream default_stream, CUstream stream, CUstreamCaptureStatus* out) {
  return property(default_stream, stream, out, [out](const InContext&, const InStream&) {
    *out = CU_STREAM_CAPTURE_STATUS_NONE;
    return CUDA_SUCCESS;
  });
}

CUresult capture_info(DefaultStream default_stream, CUstream stream, CUstreamCaptureStatus* out) {
  return is_capturing(default_stream, stream, out);
}

}  // namespace

VCUDA_API cuStreamCreate(CUstream* phStream, unsigned int Flags) { return create(phStream, Flags, 0); }
VCUDA_API cuStreamCreateWithPriority(CUstream* phStream, unsigned int flags, int priority) {
  return create(phStream, flags, std::min(0, std::max(-5, priority)));
}

// What is queued is still done; the stream is gone after it.
VCUDA_API cuStreamDestroy_v2(CUstream hStream) {
  const InContext in;
  if (!in) return in.code;
  return in.driver->streams.remove(hStream) != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
VCUDA_API cuStreamDestroy(CUstream hStream) { return cuStreamDestroy_v2(hStream); }

VCUDA_TWINS(cuStreamQuery, cuStreamQuery_ptsz, query, (CUstream stream), stream)
VCUDA_TWINS(cuStreamSynchronize, cuStreamSynchronize_ptsz, synchronize, (CUstream stream), stream)
VCUDA_TWINS(cuStreamWaitEvent, cuStreamWaitEvent_ptsz, wait_event,
            (CUstream stream, CUevent event, unsigned int call_flags), stream, event, call_flags)
VCUDA_TWINS(cuStreamGetPriority, cuStreamGetPriority_ptsz, priority, (CUstream stream, int* out), stream, out)
VCUDA_TWINS(cuStreamGetFlags, cuStreamGetFlags_ptsz, flags, (CUstream stream, unsigned int* out), stream, out)
VCUDA_TWINS(cuStreamGetId, cuStreamGetId_ptsz, id, (CUstream stream, unsigned long long* out), stream, out)
VCUDA_TWINS(cuStreamGetCtx, cuStreamGetCtx_ptsz, context, (CUstream stream, CUcontext* out), stream, out)
VCUDA_TWINS(cuStreamGetDevice, cuStreamGetDevice_ptsz, device, (CUstream stream, CUdevice* out), stream, out)
VCUDA_TWINS(cuLaunchHostFunc, cuLaunchHostFunc_ptsz, host_function,
            (CUstream stream, CUhostFn function, void* user), stream, function, user)
VCUDA_TWINS(cuStreamAddCallback, cuStreamAddCallback_ptsz, callback,
            (CUstream stream, CUstreamCallback function, void* user, unsigned int call_flags), stream,
            function, user, call_flags)
VCUDA_TWINS(cuStreamIsCapturing, cuStreamIsCapturing_ptsz, is_capturing,
            (CUstream stream, CUstreamCaptureStatus* out), stream, out)
VCUDA_TWINS(cuStreamGetCaptureInfo, cuStreamGetCaptureInfo_ptsz, capture_info,
            (CUstream stream, CUstreamCaptureStatus* out, cuuint64_t*), stream, out)
VCUDA_TWINS(cuStreamGetCaptureInfo_v2, cuStreamGetCaptureInfo_v2_ptsz, capture_info,
            (CUstream stream, CUstreamCaptureStatus* out, cuuint64_t*, CUgraph*, const CUgraphNode**,
             size_t*),
            stream, out)
VCUDA_TWINS(cuStreamGetCaptureInfo_v3, cuStreamGetCaptureInfo_v3_ptsz, capture_info,
            (CUstream stream, CUstreamCaptureStatus* out, cuuint64_t*, CUgraph*, const CUgraphNode**,
             const CUgraphEdgeData**, size_t*),
            stream, out)

VCUDA_API cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode* mode) {
  // Nobody captures, so nobody is kept from anything: the mode is only remembered.
  thread_local CUstreamCaptureMode current = CU_STREAM_CAPTURE_MODE_GLOBAL;
  if (mode == nullptr) return CUDA_ERROR_INVALID_VALUE;
  std::swap(*mode, current);
  return CUDA_SUCCESS;
}
