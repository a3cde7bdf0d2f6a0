// Copies of rectangles and boxes between host and device memory. Arrays are not supported.
#include <cstring>

#include "runtime-libs/api/driver_api.hpp"
#include "runtime-libs/softgpu/calls/twins.hpp"

using namespace vcuda::softgpu;

namespace {

// One side of a copy: where its first byte lies and how far apart its rows and slices are.
struct Side {
  std::byte* start = nullptr;
  size_t pitch = 0;
  size_t slice = 0;
};

struct Box {
  Side to;
  Side from;
  size_t width = 0;  // bytes
  size_t height = 0;
  size_t depth = 1;
};

constexpr size_t max_pitch = 0x7fffffff;

bool multiply(size_t a, size_t b, size_t& out) { return !__builtin_mul_overflow(a, b, &out); }

// Bytes from the first to the one after the last.
bool extent(const Box& box, const Side& side, size_t& bytes) {
  size_t slices = 0;
  size_t rows = 0;
  return multiply(box.depth - 1, side.slice, slices) && multiply(box.height - 1, side.pitch, rows) &&
         !__builtin_add_overflow(slices, rows, &bytes) && !__builtin_add_overflow(bytes, box.width, &bytes);
}

CUresult place(const InContext& in, const Box& box, const Side& side, CUmemorytype type) {
  size_t bytes = 0;
  if (side.start == nullptr || !extent(box, side, bytes)) return CUDA_ERROR_INVALID_VALUE;
  if (type == CU_MEMORYTYPE_DEVICE &&
      !in.driver->allocations.find(reinterpret_cast<CUdeviceptr>(side.start), bytes)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  return CUDA_SUCCESS;
}

void copy(const Box& box) {
  for (size_t z = 0; z < box.depth; ++z) {
    for (size_t y = 0; y < box.height; ++y) {
      std::memmove(box.to.start + z * box.to.slice + y * box.to.pitch,
                   box.from.start + z * box.from.slice + y * box.from.pitch, box.width);
    }
  }
}

CUresult side_of(CUmemorytype type, const void* host, CUdeviceptr device, size_t x, size_t y, size_t z,
                 size_t pitch, size_t height, size_t width, Side& out) {
  if (type == CU_MEMORYTYPE_ARRAY) {
    say("copies to and from arrays are not supported");
    return CUDA_ERROR_NOT_SUPPORTED;
  }
  if (type != CU_MEMORYTYPE_HOST && type != CU_MEMORYTYPE_DEVICE && type != CU_MEMORYTYPE_UNIFIED)
    return CUDA_ERROR_INVALID_VALUE;
  const auto base = type == CU_MEMORYTYPE_HOST ? reinterpret_cast<CUdeviceptr>(host) : device;
  out.pitch = pitch != 0 ? pitch : x + width;
  if (out.pitch < x + width || out.pitch > max_pitch || !multiply(out.pitch, height, out.slice))
    return CUDA_ERROR_INVALID_VALUE;
  out.start = reinterpret_cast<std::byte*>(base + x + y * out.pitch + z * out.slice);
  return base == 0 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

// Host memory that CUDA does not know must be read before, or written before, an asynchronous call returns.
CUresult perform(DefaultStream default_stream, const Box& box, CUmemorytype to, CUmemorytype from, bool later,
                 CUstream stream) {
  const InContext in;
  if (!in) return in.code;
  if (const CUresult result = place(in, box, box.to, to); result != CUDA_SUCCESS) return result;
  if (const CUresult result = place(in, box, box.from, from); result != CUDA_SUCCESS) return result;
  const InStream on(in, stream, default_stream);
  if (!on) return on.code;
  const auto known = [&](const Side& side) {
    size_t bytes = 0;
    return extent(box, side, bytes) &&
           in.driver->allocations.find(reinterpret_cast<CUdeviceptr>(side.start), bytes);
  };
  if (!later || !known(box.to) || !known(box.from)) return on.context->run(on.stream, [&] { copy(box); });
  on.context->enqueue(on.stream, [box] { copy(box); });
  return CUDA_SUCCESS;
}

CUresult rectangle(DefaultStream default_stream, const CUDA_MEMCPY2D_v2* copy2d, bool later,
                   CUstream stream) {
  if (copy2d == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (copy2d->WidthInBytes == 0 || copy2d->Height == 0) return CUDA_SUCCESS;
  Box box;
  box.width = copy2d->WidthInBytes;
  box.height = copy2d->Height;
  CUresult result = side_of(copy2d->dstMemoryType, copy2d->dstHost, copy2d->dstDevice, copy2d->dstXInBytes,
                            copy2d->dstY, 0, copy2d->dstPitch, box.height, box.width, box.to);
  if (result != CUDA_SUCCESS) return result;
  result = side_of(copy2d->srcMemoryType, copy2d->srcHost, copy2d->srcDevice, copy2d->srcXInBytes,
                   copy2d->srcY, 0, copy2d->srcPitch, box.height, box.width, box.from);
  if (result != CUDA_SUCCESS) return result;
  return perform(default_stream, box, copy2d->dstMemoryType, copy2d->srcMemoryType, later, stream);
}

CUresult rectangle_now(DefaultStream default_stream, const CUDA_MEMCPY2D_v2* copy2d) {
  return rectangle(default_stream, copy2d, false, nullptr);
}
CUresult rectangle_later(DefaultStream default_stream, const CUDA_MEMCPY2D_v2* copy2d, CUstream stream) {
  return rectangle(default_stream, copy2d, true, stream);
}

CUresult box_copy(DefaultStream default_stream, const CUDA_MEMCPY3D_v2* copy3d, bool later, CUstream stream) {
  if (copy3d == nullptr || copy3d->srcLOD != 0 || copy3d->dstLOD != 0) return CUDA_ERROR_INVALID_VALUE;
  if (copy3d->WidthInBytes == 0 || copy3d->Height == 0 || copy3d->Depth == 0) return CUDA_SUCCESS;
  Box box;
  box.width = copy3d->WidthInBytes;
  box.height = copy3d->Height;
  box.depth = copy3d->Depth;
  const size_t to_height = copy3d->dstHeight != 0 ? copy3d->dstHeight : copy3d->dstY + box.height;
  const size_t from_height = copy3d->srcHeight != 0 ? copy3d->srcHeight : copy3d->srcY + box.height;
  CUresult result = side_of(copy3d->dstMemoryType, copy3d->dstHost, copy3d->dstDevice, copy3d->dstXInBytes,
                            copy3d->dstY, copy3d->dstZ, copy3d->dstPitch, to_height, box.width, box.to);
  if (result != CUDA_SUCCESS) return result;
  result = side_of(copy3d->srcMemoryType, copy3d->srcHost, copy3d->srcDevice, copy3d->srcXInBytes,
                   copy3d->srcY, copy3d->srcZ, copy3d->srcPitch, from_height, box.width, box.from);
  if (result != CUDA_SUCCESS) return result;
  return perform(default_stream, box, copy3d->dstMemoryType, copy3d->srcMemoryType, later, stream);
}

CUresult box_now(DefaultStream default_stream, const CUDA_MEMCPY3D_v2* copy3d) {
  return box_copy(default_stream, copy3d, false, nullptr);
}
CUresult box_later(DefaultStream default_stream, const CUDA_MEMCPY3D_v2* copy3d, CUstream stream) {
  return box_copy(default_stream, copy3d, true, stream);
}

}  // namespace

VCUDA_TWINS(cuMemcpy2D_v2, cuMemcpy2D_v2_ptds, rectangle_now, (const CUDA_MEMCPY2D_v2* pCopy), pCopy)
VCUDA_TWINS(cuMemcpy2DUnaligned_v2, cuMemcpy2DUnaligned_v2_ptds, rectangle_now,
            (const CUDA_MEMCPY2D_v2* pCopy), pCopy)
VCUDA_TWINS(cuMemcpy2DAsync_v2, cuMemcpy2DAsync_v2_ptsz, rectangle_later,
            (const CUDA_MEMCPY2D_v2* pCopy, CUstream stream), pCopy, stream)
VCUDA_TWINS(cuMemcpy3D_v2, cuMemcpy3D_v2_ptds, box_now, (const CUDA_MEMCPY3D_v2* pCopy), pCopy)
VCUDA_TWINS(cuMemcpy3DAsync_v2, cuMemcpy3DAsync_v2_ptsz, box_later,
            (const CUDA_MEMCPY3D_v2* pCopy, CUstream stream), pCopy, stream)
