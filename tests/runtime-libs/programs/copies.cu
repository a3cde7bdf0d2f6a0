// Copies and fills in all their shapes: lines, rectangles, boxes, between host and device and within the device.
#include <cstdio>
#include <vector>

#include "check.hpp"

int fail(const char* what) {
  std::fprintf(stderr, "copies: %s\n", what);
  return EXIT_FAILURE;
}

int main() {
  constexpr int width = 37, height = 11, depth = 5;
  constexpr size_t row = width * sizeof(int);
  std::vector<int> flat(width * height * depth), back(flat.size());
  for (size_t i = 0; i < flat.size(); ++i) flat[i] = static_cast<int>(i * 2654435761u);

  void* rows = nullptr;
  size_t pitch = 0;
  CHECK(cudaMallocPitch(&rows, &pitch, row, height));
  CHECK(cudaMemcpy2D(rows, pitch, flat.data(), row, row, height, cudaMemcpyHostToDevice));
  CHECK(cudaMemcpy2D(back.data(), row, rows, pitch, row, height, cudaMemcpyDeviceToHost));
  for (int i = 0; i < width * height; ++i) {
    if (back[i] != flat[i]) return fail("a rectangle there and back differs");
  }
  CHECK(cudaMemset2D(static_cast<char*>(rows) + pitch, pitch, 0xab, row, 2));
  CHECK(cudaMemcpy2D(back.data(), row, rows, pitch, row, height, cudaMemcpyDeviceToHost));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const bool filled = y == 1 || y == 2;
      if (back[y * width + x] != (filled ? static_cast<int>(0xabababab) : flat[y * width + x]))
        return fail("a filled rectangle differs");
    }
  }

  cudaPitchedPtr box;
  CHECK(cudaMalloc3D(&box, make_cudaExtent(row, height, depth)));
  cudaMemcpy3DParms there = {};
  there.srcPtr = make_cudaPitchedPtr(flat.data(), row, width, height);
  there.dstPtr = box;
  there.extent = make_cudaExtent(row, height, depth);
  there.kind = cudaMemcpyHostToDevice;
  CHECK(cudaMemcpy3D(&there));
  cudaMemcpy3DParms and_back = {};
  and_back.srcPtr = box;
  and_back.dstPtr = make_cudaPitchedPtr(back.data(), row, width, height);
  and_back.extent = there.extent;
  and_back.kind = cudaMemcpyDeviceToHost;
  CHECK(cudaMemcpy3D(&and_back));
  if (back != flat) return fail("a box there and back differs");

  int* line = nullptr;
  CHECK(cudaMalloc(&line, 3 * flat.size() * sizeof(int)));
  const size_t bytes = flat.size() * sizeof(int);
  CHECK(cudaMemcpy(line, flat.data(), bytes, cudaMemcpyDefault));
  CHECK(cudaMemcpy(line + 2 * flat.size(), line, bytes, cudaMemcpyDeviceToDevice));
  CHECK(cudaMemset(line, 0, bytes));
  CHECK(cudaMemcpy(back.data(), line + 2 * flat.size(), bytes, cudaMemcpyDefault));
  if (back != flat) return fail("a copy within the device differs");
  cudaPointerAttributes attributes;
  CHECK(cudaPointerGetAttributes(&attributes, line + 1));
  if (attributes.type != cudaMemoryTypeDevice) return fail("a device pointer is not known as one");

  CHECK(cudaFree(rows));
  CHECK(cudaFree(box.ptr));
  CHECK(cudaFree(line));
  std::printf("copies of %zu elements: Test PASSED\n", flat.size());
  return EXIT_SUCCESS;
}
