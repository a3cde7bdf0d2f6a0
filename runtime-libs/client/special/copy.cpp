// Copies between the app's memory and the device's. Large ones travel in chunks, a few of them in flight, so
// that the wire and the device work at the same time; sources are read before the call returns, so the app
// may reuse them.
#include "runtime-libs/api/requests.hpp"
#include "runtime-libs/client/allocations.hpp"
#include "runtime-libs/client/exported.hpp"
#include "runtime-libs/client/forward.hpp"
#include "runtime-libs/wire/limits.hpp"

using namespace vcuda::client;
namespace api = vcuda::api;
namespace wire = vcuda::wire;

namespace {

// Chunks of one synchronous copy that are under way at once.
constexpr std::size_t window = 4;

CUresult valid(const char* call, const void* host, CUdeviceptr device, std::size_t bytes) {
  if (CUresult refused = enter(call)) return refused;
  if (!this_thread().current()) return CUDA_ERROR_INVALID_CONTEXT;
  if (CUresult lost = core().fault()) return lost;
  if (bytes && (!host || !device)) return CUDA_ERROR_INVALID_VALUE;
  return CUDA_SUCCESS;
}

// Sends the chunks of a copy and waits for each; at most `window` are unanswered. `post` sends chunk number
// i.
template <class Post>
CUresult in_chunks(std::size_t bytes, Post&& post) {
  Session& session = core().session();
  Waiter waiters[window];
  const std::size_t chunks = (bytes + wire::chunk_bytes - 1) / wire::chunk_bytes;
  std::size_t sent = 0, answered = 0;
  CUresult result = CUDA_SUCCESS;
  while (answered < chunks) {
    // After a failure nothing more is sent, but what is under way is waited for: it points at this frame's
    // waiters.
    if (result != CUDA_SUCCESS && answered == sent) break;
    if (result == CUDA_SUCCESS && sent < chunks && sent - answered < window) {
      Waiter& waiter = waiters[sent % window];
      waiter = Waiter{};
      std::size_t offset = sent * wire::chunk_bytes;
      std::size_t here = bytes - offset < wire::chunk_bytes ? bytes - offset : wire::chunk_bytes;
      if (!post(offset, here, waiter)) {
        result = core().state();
        continue;
      }
      ++sent;
      continue;
    }
    Waiter& waiter = waiters[answered % window];
    if (!session.await(waiter)) waiter.result = core().state();
    if (result == CUDA_SUCCESS) result = core().note(static_cast<CUresult>(waiter.result));
    ++answered;
  }
  return result;
}

}  // namespace

VCUDA_EXPORT CUresult cuMemcpyHtoD_v2(CUdeviceptr dstDevice, const void* srcHost, size_t ByteCount) {
  if (CUresult refused = valid("cuMemcpyHtoD", srcHost, dstDevice, ByteCount)) return refused;
  if (!core().agrees(api::row::cuMemcpyHtoD_v2)) return CUDA_ERROR_NOT_SUPPORTED;
  const std::uint64_t stream = this_thread().default_stream();
  return in_chunks(ByteCount, [&](std::size_t offset, std::size_t here, Waiter& waiter) {
    api::CopyRequest head{dstDevice + offset, here, stream};
    const Segment body[] = {{&head, sizeof head}, {static_cast<const char*>(srcHost) + offset, here}};
    return core().session().post(core().request(api::row::cuMemcpyHtoD_v2), body, waiter);
  });
}

VCUDA_EXPORT CUresult cuMemcpyDtoH_v2(void* dstHost, CUdeviceptr srcDevice, size_t ByteCount) {
  if (CUresult refused = valid("cuMemcpyDtoH", dstHost, srcDevice, ByteCount)) return refused;
  if (!core().agrees(api::row::cuMemcpyDtoH_v2)) return CUDA_ERROR_NOT_SUPPORTED;
  const std::uint64_t stream = this_thread().default_stream();
  return in_chunks(ByteCount, [&](std::size_t offset, std::size_t here, Waiter& waiter) {
    api::CopyRequest head{srcDevice + offset, here, stream};
    waiter.into[0] = {static_cast<char*>(dstHost) + offset, here};
    const Segment body[] = {{&head, sizeof head}};
    return core().session().post(core().request(api::row::cuMemcpyDtoH_v2), body, waiter);
  });
}

VCUDA_EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dstDevice, const void* srcHost, size_t ByteCount,
                                           CUstream hStream) {
  if (CUresult refused = valid("cuMemcpyHtoDAsync", srcHost, dstDevice, ByteCount)) return refused;
  if (!core().agrees(api::row::cuMemcpyHtoDAsync_v2)) return CUDA_ERROR_NOT_SUPPORTED;
  const std::uint64_t stream = stream_on_wire(hStream);
  for (std::size_t offset = 0; offset < ByteCount; offset += wire::chunk_bytes) {
    std::size_t here = ByteCount - offset < wire::chunk_bytes ? ByteCount - offset : wire::chunk_bytes;
    api::CopyRequest head{dstDevice + offset, here, stream};
    const Segment body[] = {{&head, sizeof head}, {static_cast<const char*>(srcHost) + offset, here}};
    if (CUresult failed = core().tell(api::row::cuMemcpyHtoDAsync_v2, body)) return failed;
  }
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuMemcpyDtoHAsync_v2(void* dstHost, CUdeviceptr srcDevice, size_t ByteCount,
                                           CUstream hStream) {
  if (CUresult refused = valid("cuMemcpyDtoHAsync", dstHost, srcDevice, ByteCount)) return refused;
  if (!core().agrees(api::row::cuMemcpyDtoHAsync_v2)) return CUDA_ERROR_NOT_SUPPORTED;
  const std::uint64_t stream = stream_on_wire(hStream);
  // Memory that CUDA did not page-lock may be gone when the program goes on (a stack frame, a vector): as NVIDIA's driver
  // does, the call then returns with the data. Page-locked memory is the program's promise to keep it.
  Allocation target;
  if (!find_allocation(reinterpret_cast<std::uint64_t>(dstHost), target) || target.place == Place::device)
    return in_chunks(ByteCount, [&](std::size_t offset, std::size_t here, Waiter& waiter) {
      api::CopyRequest head{srcDevice + offset, here, stream};
      waiter.into[0] = {static_cast<char*>(dstHost) + offset, here};
      const Segment body[] = {{&head, sizeof head}};
      return core().session().post(core().request(api::row::cuMemcpyDtoHAsync_v2), body, waiter);
    });
  for (std::size_t offset = 0; offset < ByteCount; offset += wire::chunk_bytes) {
    std::size_t here = ByteCount - offset < wire::chunk_bytes ? ByteCount - offset : wire::chunk_bytes;
    api::CopyRequest head{srcDevice + offset, here, stream};
    const Segment body[] = {{&head, sizeof head}};
    if (!core().session().post_due(core().request(api::row::cuMemcpyDtoHAsync_v2), body,
                                   {static_cast<char*>(dstHost) + offset, here}))
      return core().session().alive() ? CUDA_ERROR_OUT_OF_MEMORY : core().state();
  }
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuMemcpyDtoD_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount) {
  return forward<&cuMemcpyDtoD_v2>(dstDevice, srcDevice, ByteCount);
}
VCUDA_EXPORT CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount,
                                           CUstream hStream) {
  return forward<&cuMemcpyDtoDAsync_v2>(dstDevice, srcDevice, ByteCount, hStream);
}
VCUDA_EXPORT CUresult cuMemcpyDtoD_v2_ptds(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount) {
  return cuMemcpyDtoDAsync_v2(dstDevice, srcDevice, ByteCount, CU_STREAM_PER_THREAD);
}

namespace {

// With unified addresses the caller does not say which side a pointer is on; the map of allocations does.
bool on_device(CUdeviceptr address) {
  Allocation found;
  return find_allocation(address, found) && found.place == Place::device;
}
void* host(CUdeviceptr address) { return reinterpret_cast<void*>(address); }

}  // namespace

VCUDA_EXPORT CUresult cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t ByteCount) {
  const bool to_device = on_device(dst), from_device = on_device(src);
  if (to_device && from_device)
    return this_thread().default_stream() ? cuMemcpyDtoD_v2_ptds(dst, src, ByteCount)
                                          : cuMemcpyDtoD_v2(dst, src, ByteCount);
  if (to_device) return cuMemcpyHtoD_v2(dst, host(src), ByteCount);
  if (from_device) return cuMemcpyDtoH_v2(host(dst), src, ByteCount);
  if (CUresult done = cuCtxSynchronize()) return done;
  std::memmove(host(dst), host(src), ByteCount);
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuMemcpyAsync(CUdeviceptr dst, CUdeviceptr src, size_t ByteCount, CUstream hStream) {
  const bool to_device = on_device(dst), from_device = on_device(src);
  if (to_device && from_device) return cuMemcpyDtoDAsync_v2(dst, src, ByteCount, hStream);
  if (to_device) return cuMemcpyHtoDAsync_v2(dst, host(src), ByteCount, hStream);
  if (from_device) return cuMemcpyDtoHAsync_v2(host(dst), src, ByteCount, hStream);
  // Host to host in stream order: wait for the stream, then copy.
  if (CUresult done = cuStreamSynchronize(hStream)) return done;
  std::memmove(host(dst), host(src), ByteCount);
  return CUDA_SUCCESS;
}
