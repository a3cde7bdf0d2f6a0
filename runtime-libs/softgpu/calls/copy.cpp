// Copies. Host and device are one memory here; what differs is who waits for whom.
#include <cstring>
#include <memory>
#include <vector>

#include "runtime-libs/api/driver_api.hpp"
#include "runtime-libs/softgpu/calls/twins.hpp"

using namespace vcuda::softgpu;

namespace {

void* pointer(CUdeviceptr address) { return reinterpret_cast<void*>(address); }

// Whether all of it is memory CUDA knows, which a CUdeviceptr must be.
bool is_known(const InContext& in, CUdeviceptr address, size_t bytes) {
  return in.driver->allocations.find(address, bytes).has_value();
}
bool is_known(const InContext& in, const void* address, size_t bytes) {
  return is_known(in, reinterpret_cast<CUdeviceptr>(address), bytes);
}

CUresult copy_now(DefaultStream default_stream, const InContext& in, void* to, const void* from,
                  size_t bytes) {
  const InStream on(in, nullptr, default_stream);
  if (!on) return on.code;
  return on.context->run(on.stream, [=] { std::memmove(to, from, bytes); });
}

// As CUDA has it: a source in pageable memory may be reused when the call returns, a destination in pageable
// memory is complete when it returns; between memory CUDA knows the copy happens later.
CUresult copy_later(DefaultStream default_stream, const InContext& in, void* to, const void* from,
                    size_t bytes, CUstream stream) {
  const InStream on(in, stream, default_stream);
  if (!on) return on.code;
  if (!is_known(in, to, bytes)) return on.context->run(on.stream, [=] { std::memmove(to, from, bytes); });
  if (is_known(in, from, bytes)) {
    on.context->enqueue(on.stream, [=] { std::memmove(to, from, bytes); });
    return CUDA_SUCCESS;
  }
  const auto* start = static_cast<const std::byte*>(from);
  auto snapshot = std::make_shared<std::vector<std::byte>>(start, start + bytes);
  on.context->enqueue(on.stream, [to, snapshot = std::move(snapshot)] {
    std::memcpy(to, snapshot->data(), snapshot->size());
  });
  return CUDA_SUCCESS;
}

CUresult to_device(DefaultStream default_stream, CUdeviceptr to, const void* from, size_t bytes) {
  const InContext in;
  if (!in) return in.code;
  if (bytes == 0) return CUDA_SUCCESS;
  if (from == nullptr || !is_known(in, to, bytes)) return CUDA_ERROR_INVALID_VALUE;
  return copy_now(default_stream, in, pointer(to), from, bytes);
}

CUresult to_host(DefaultStream default_stream, void* to, CUdeviceptr from, size_t bytes) {
  const InContext in;
  if (!in) return in.code;
  if (bytes == 0) return CUDA_SUCCESS;
  if (to == nullptr || !is_known(in, from, bytes)) return CUDA_ERROR_INVALID_VALUE;
  return copy_now(default_stream, in, to, pointer(from), bytes);
}

CUresult between_devices(DefaultStream default_stream, CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  const InContext in;
  if (!in) return in.code;
  if (bytes == 0) return CUDA_SUCCESS;
  if (!is_known(in, to, bytes) || !is_known(in, from, bytes)) return CUDA_ERROR_INVALID_VALUE;
  return copy_now(default_stream, in, pointer(to), pointer(from), bytes);
}

CUresult anywhere(DefaultStream default_stream, CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  const InContext in;
  if (!in) return in.code;
  if (bytes == 0) return CUDA_SUCCESS;
  if (to == 0 || from == 0) return CUDA_ERROR_INVALID_VALUE;
  return copy_now(default_stream, in, pointer(to), pointer(from), bytes);
}

CUresult to_device_later(DefaultStream default_stream, CUdeviceptr to, const void* from, size_t bytes,
                         CUstream stream) {
  const InContext in;
  if (!in) return in.code;
  if (bytes == 0) return CUDA_SUCCESS;
  if (from == nullptr || !is_known(in, to, bytes)) return CUDA_ERROR_INVALID_VALUE;
  return copy_later(default_stream, in, pointer(to), from, bytes, stream);
}

CUresult to_host_later(DefaultStream default_stream, void* to, CUdeviceptr from, size_t bytes,
                       CUstream stream) {
  const InContext in;
  if (!in) return in.code;
  if (bytes == 0) return CUDA_SUCCESS;
  if (to == nullptr || !is_known(in, from, bytes)) return CUDA_ERROR_INVALID_VALUE;
  return copy_later(default_stream, in, to, pointer(from), bytes, stream);
}

CUresult between_devices_later(DefaultStream default_stream, CUdeviceptr to, CUdeviceptr from, size_t bytes,
                               CUstream stream) {
  const InContext in;
  if (!in) return in.code;
  if (bytes == 0) return CUDA_SUCCESS;
  if (!is_known(in, to, bytes) || !is_known(in, from, bytes)) return CUDA_ERROR_INVALID_VALUE;
  return copy_later(default_stream, in, pointer(to), pointer(from), bytes, stream);
}

CUresult anywhere_later(DefaultStream default_stream, CUdeviceptr to, CUdeviceptr from, size_t bytes,
                        CUstream stream) {
  const InContext in;
  if (!in) return in.code;
  if (bytes == 0) return CUDA_SUCCESS;
  if (to == 0 || from == 0) return CUDA_ERROR_INVALID_VALUE;
  return copy_later(default_stream, in, pointer(to), pointer(from), bytes, stream);
}

CUresult between_contexts(DefaultStream default_stream, CUdeviceptr to, CUcontext, CUdeviceptr from,
                          CUcontext, size_t bytes) {
  return between_devices(default_stream, to, from, bytes);
}
CUresult between_contexts_later(DefaultStream default_stream, CUdeviceptr to, CUcontext, CUdeviceptr from,
                                CUcontext, size_t bytes, CUstream stream) {
  return between_devices_later(default_stream, to, from, bytes, stream);
}

}  // namespace

VCUDA_TWINS(cuMemcpyHtoD_v2, cuMemcpyHtoD_v2_ptds, to_device, (CUdeviceptr dst, const void* src, size_t n),
            dst, src, n)
VCUDA_TWINS(cuMemcpyDtoH_v2, cuMemcpyDtoH_v2_ptds, to_host, (void* dst, CUdeviceptr src, size_t n), dst, src,
            n)
VCUDA_TWINS(cuMemcpyDtoD_v2, cuMemcpyDtoD_v2_ptds, between_devices,
            (CUdeviceptr dst, CUdeviceptr src, size_t n), dst, src, n)
VCUDA_TWINS(cuMemcpy, cuMemcpy_ptds, anywhere, (CUdeviceptr dst, CUdeviceptr src, size_t n), dst, src, n)
VCUDA_TWINS(cuMemcpyPeer, cuMemcpyPeer_ptds, between_contexts,
            (CUdeviceptr dst, CUcontext to, CUdeviceptr src, CUcontext from, size_t n), dst, to, src, from, n)
VCUDA_TWINS(cuMemcpyHtoDAsync_v2, cuMemcpyHtoDAsync_v2_ptsz, to_device_later,
            (CUdeviceptr dst, const void* src, size_t n, CUstream stream), dst, src, n, stream)
VCUDA_TWINS(cuMemcpyDtoHAsync_v2, cuMemcpyDtoHAsync_v2_ptsz, to_host_later,
            (void* dst, CUdeviceptr src, size_t n, CUstream stream), dst, src, n, stream)
VCUDA_TWINS(cuMemcpyDtoDAsync_v2, cuMemcpyDtoDAsync_v2_ptsz, between_devices_later,
            (CUdeviceptr dst, CUdeviceptr src, size_t n, CUstream stream), dst, src, n, stream)
VCUDA_TWINS(cuMemcpyAsync, cuMemcpyAsync_ptsz, anywhere_later,
            (CUdeviceptr dst, CUdeviceptr src, size_t n, CUstream stream), dst, src, n, stream)
VCUDA_TWINS(cuMemcpyPeerAsync, cuMemcpyPeerAsync_ptsz, between_contexts_later,
            (CUdeviceptr dst, CUcontext to, CUdeviceptr src, CUcontext from, size_t n, CUstream stream), dst,
            to, src, from, n, stream)
