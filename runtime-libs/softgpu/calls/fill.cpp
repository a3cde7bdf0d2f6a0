// Filling memory with a value of 8, 16 or 32 bits.
#include <algorithm>

#include "runtime-libs/api/driver_api.hpp"
#include "runtime-libs/softgpu/calls/twins.hpp"

using namespace vcuda::softgpu;

namespace {

template <typename T>
void fill_rows(CUdeviceptr start, size_t pitch, T value, size_t width, size_t height) {
  for (size_t y = 0; y < height; ++y) std::fill_n(reinterpret_cast<T*>(start + y * pitch), width, value);
}

// width counts elements. Rows of one height need no pitch.
template <typename T>
CUresult fill(DefaultStream default_stream, CUdeviceptr start, size_t pitch, T value, size_t width,
              size_t height, bool later, CUstream stream) {
  const InContext in;
  if (!in) return in.code;
  if (width == 0 || height == 0) return CUDA_SUCCESS;
  size_t row = 0;
  size_t bytes = 0;
  if (__builtin_mul_overflow(width, sizeof(T), &row) || (height > 1 && pitch < row) ||
      __builtin_mul_overflow(height - 1, pitch, &bytes) || __builtin_add_overflow(bytes, row, &bytes)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (start % sizeof(T) != 0 || pitch % sizeof(T) != 0 || !in.driver->allocations.find(start, bytes))
    return CUDA_ERROR_INVALID_VALUE;
  const InStream on(in, stream, default_stream);
  if (!on) return on.code;
  const auto work = [=] { fill_rows(start, pitch, value, width, height); };
  if (!later) return on.context->run(on.stream, work);
  on.context->enqueue(on.stream, work);
  return CUDA_SUCCESS;
}

template <typename T>
CUresult line(DefaultStream default_stream, CUdeviceptr start, T value, size_t n) {
  return fill<T>(default_stream, start, 0, value, n, 1, false, nullptr);
}
template <typename T>
CUresult line_later(DefaultStream default_stream, CUdeviceptr start, T value, size_t n, CUstream stream) {
  return fill<T>(default_stream, start, 0, value, n, 1, true, stream);
}
template <typename T>
CUresult plane(DefaultStream default_stream, CUdeviceptr start, size_t pitch, T value, size_t width,
               size_t height) {
  return fill<T>(default_stream, start, pitch, value, width, height, false, nullptr);
}
template <typename T>
CUresult plane_later(DefaultStream default_stream, CUdeviceptr start, size_t pitch, T value, size_t width,
                     size_t height, CUstream stream) {
  return fill<T>(default_stream, start, pitch, value, width, height, true, stream);
}

}  // namespace

VCUDA_TWINS(cuMemsetD8_v2, cuMemsetD8_v2_ptds, line<unsigned char>,
            (CUdeviceptr dst, unsigned char uc, size_t n), dst, uc, n)
VCUDA_TWINS(cuMemsetD16_v2, cuMemsetD16_v2_ptds, line<unsigned short>,
            (CUdeviceptr dst, unsigned short us, size_t n), dst, us, n)
VCUDA_TWINS(cuMemsetD32_v2, cuMemsetD32_v2_ptds, line<unsigned int>,
            (CUdeviceptr dst, unsigned int ui, size_t n), dst, ui, n)
VCUDA_TWINS(cuMemsetD8Async, cuMemsetD8Async_ptsz, line_later<unsigned char>,
            (CUdeviceptr dst, unsigned char uc, size_t n, CUstream stream), dst, uc, n, stream)
VCUDA_TWINS(cuMemsetD16Async, cuMemsetD16Async_ptsz, line_later<unsigned short>,
            (CUdeviceptr dst, unsigned short us, size_t n, CUstream stream), dst, us, n, stream)
VCUDA_TWINS(cuMemsetD32Async, cuMemsetD32Async_ptsz, line_later<unsigned int>,
            (CUdeviceptr dst, unsigned int ui, size_t n, CUstream stream), dst, ui, n, stream)
VCUDA_TWINS(cuMemsetD2D8_v2, cuMemsetD2D8_v2_ptds, plane<unsigned char>,
            (CUdeviceptr dst, size_t pitch, unsigned char uc, size_t width, size_t height), dst, pitch, uc,
            width, height)
VCUDA_TWINS(cuMemsetD2D16_v2, cuMemsetD2D16_v2_ptds, plane<unsigned short>,
            (CUdeviceptr dst, size_t pitch, unsigned short us, size_t width, size_t height), dst, pitch, us,
            width, height)
VCUDA_TWINS(cuMemsetD2D32_v2, cuMemsetD2D32_v2_ptds, plane<unsigned int>,
            (CUdeviceptr dst, size_t pitch, unsigned int ui, size_t width, size_t height), dst, pitch, ui,
            width, height)
VCUDA_TWINS(cuMemsetD2D8Async, cuMemsetD2D8Async_ptsz, plane_later<unsigned char>,
            (CUdeviceptr dst, size_t pitch, unsigned char uc, size_t width, size_t height, CUstream stream),
            dst, pitch, uc, width, height, stream)
VCUDA_TWINS(cuMemsetD2D16Async, cuMemsetD2D16Async_ptsz, plane_later<unsigned short>,
            (CUdeviceptr dst, size_t pitch, unsigned short us, size_t width, size_t height, CUstream stream),
            dst, pitch, us, width, height, stream)
VCUDA_TWINS(cuMemsetD2D32Async, cuMemsetD2D32Async_ptsz, plane_later<unsigned int>,
            (CUdeviceptr dst, size_t pitch, unsigned int ui, size_t width, size_t height, CUstream stream),
            dst, pitch, ui, width, height, stream)
