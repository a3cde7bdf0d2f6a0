// Events.
#include "runtime-libs/api/driver_api.hpp"
#include "runtime-libs/softgpu/calls/twins.hpp"

using namespace vcuda::softgpu;

namespace {

struct OfEvent : InContext {
  explicit OfEvent(CUevent named) {
    if (code != CUDA_SUCCESS) return;
    event = driver->events.find(named);
    if (event == nullptr) code = CUDA_ERROR_INVALID_HANDLE;
  }
  std::shared_ptr<Event> event;
};

CUresult record(DefaultStream default_stream, CUevent named, CUstream stream) {
  const OfEvent of(named);
  if (!of) return of.code;
  const InStream on(of, stream, default_stream);
  if (!on) return on.code;
  if (of.event->context.lock() != on.context) return CUDA_ERROR_INVALID_HANDLE;
  const auto mark = std::make_shared<Mark>();
  {
    const std::scoped_lock hold(of.event->lock);
    of.event->latest = mark;
  }
  // Reached also after a fault: whoever waits must not wait for ever.
  on.context->enqueue(
      on.stream, [mark] { mark->reach(); }, Context::Skip::never);
  return CUDA_SUCCESS;
}

CUresult record_with_flags(DefaultStream default_stream, CUevent named, CUstream stream, unsigned flags) {
  if ((flags & ~static_cast<unsigned>(CU_EVENT_RECORD_EXTERNAL)) != 0) return CUDA_ERROR_INVALID_VALUE;
  return record(default_stream, named, stream);
}

}  // namespace

VCUDA_API cuEventCreate(CUevent* phEvent, unsigned int Flags) {
  const InContext in;
  if (!in) return in.code;
  constexpr unsigned known = CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING;
  if ((Flags & CU_EVENT_INTERPROCESS) != 0) return CUDA_ERROR_NOT_SUPPORTED;
  if (phEvent == nullptr || (Flags & ~known) != 0) return CUDA_ERROR_INVALID_VALUE;
  auto event = std::make_shared<Event>();
  event->flags = Flags;
  event->context = in.context;
  *phEvent = in.driver->events.add(std::move(event));
  return CUDA_SUCCESS;
}

VCUDA_API cuEventDestroy_v2(CUevent hEvent) {
  const InContext in;
  if (!in) return in.code;
  return in.driver->events.remove(hEvent) != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
VCUDA_API cuEventDestroy(CUevent hEvent) { return cuEventDestroy_v2(hEvent); }

VCUDA_TWINS(cuEventRecord, cuEventRecord_ptsz, record, (CUevent event, CUstream stream), event, stream)
VCUDA_TWINS(cuEventRecordWithFlags, cuEventRecordWithFlags_ptsz, record_with_flags,
            (CUevent event, CUstream stream, unsigned int flags), event, stream, flags)

VCUDA_API cuEventQuery(CUevent hEvent) {
  const OfEvent of(hEvent);
  if (!of) return of.code;
  const auto mark = of.event->mark();
  if (mark != nullptr && !mark->reached()) return CUDA_ERROR_NOT_READY;
  return of.context->fault();
}

VCUDA_API cuEventSynchronize(CUevent hEvent) {
  const OfEvent of(hEvent);
  if (!of) return of.code;
  if (const auto mark = of.event->mark(); mark != nullptr) mark->wait();
  return of.context->fault();
}

VCUDA_API cuEventElapsedTime_v2(float* pMilliseconds, CUevent hStart, CUevent hEnd) {
  const OfEvent start(hStart);
  if (!start) return start.code;
  const OfEvent end(hEnd);
  if (!end) return end.code;
  if (pMilliseconds == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (((start.event->flags | end.event->flags) & CU_EVENT_DISABLE_TIMING) != 0)
    return CUDA_ERROR_INVALID_HANDLE;
  const auto from = start.event->mark();
  const auto to = end.event->mark();
  if (from == nullptr || to == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  const auto began = from->time();
  const auto ended = to->time();
  if (!began || !ended) return CUDA_ERROR_NOT_READY;
  *pMilliseconds = std::chrono::duration<float, std::milli>(*ended - *began).count();
  return CUDA_SUCCESS;
}

VCUDA_API cuEventElapsedTime(float* pMilliseconds, CUevent hStart, CUevent hEnd) {
  return cuEventElapsedTime_v2(pMilliseconds, hStart, hEnd);
}
