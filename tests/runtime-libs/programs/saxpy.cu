// y = a * x + y with a grid-stride loop, timed with events; the device fuses, so the host does too.
#include <cmath>
#include <cstdio>
#include <vector>

#include "check.hpp"

__global__ void saxpy(int count, float a, const float* x, float* y) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x)
    y[i] = a * x[i] + y[i];
}

int main() {
  constexpr int count = 100003;
  constexpr float a = 2.5f;
  std::vector<float> x(count), y(count), result(count);
  for (int i = 0; i < count; ++i) {
    x[i] = static_cast<float>(i % 1000) * 0.37f;
    y[i] = static_cast<float>(i % 77) - 38.0f;
  }
  float *d_x = nullptr, *d_y = nullptr;
  CHECK(cudaMalloc(&d_x, count * sizeof(float)));
  CHECK(cudaMalloc(&d_y, count * sizeof(float)));
  CHECK(cudaMemcpy(d_x, x.data(), count * sizeof(float), cudaMemcpyHostToDevice));
  CHECK(cudaMemcpy(d_y, y.data(), count * sizeof(float), cudaMemcpyHostToDevice));
  cudaEvent_t start, stop;
  CHECK(cudaEventCreate(&start));
  CHECK(cudaEventCreate(&stop));
  CHECK(cudaEventRecord(start));
  saxpy<<<64, 128>>>(count, a, d_x, d_y);
  CHECK(cudaGetLastError());
  CHECK(cudaEventRecord(stop));
  CHECK(cudaEventSynchronize(stop));
  float milliseconds = -1;
  CHECK(cudaEventElapsedTime(&milliseconds, start, stop));
  CHECK(cudaMemcpy(result.data(), d_y, count * sizeof(float), cudaMemcpyDeviceToHost));
  int wrong = 0;
  for (int i = 0; i < count; ++i) wrong += result[i] != std::fma(a, x[i], y[i]);
  if (wrong != 0 || milliseconds < 0) {
    std::fprintf(stderr, "saxpy: %d of %d elements are wrong, %.3f ms\n", wrong, count, milliseconds);
    return EXIT_FAILURE;
  }
  CHECK(cudaFree(d_x));
  CHECK(cudaFree(d_y));
  std::printf("saxpy of %d elements: Test PASSED\n", count);
  return EXIT_SUCCESS;
}
