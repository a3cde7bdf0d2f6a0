// Adds two vectors and verifies every element: the first program anybody runs on a GPU. It prints what CUDA's sample of
// that name prints, so that people recognise it.
#include <cmath>
#include <cstdio>
#include <vector>

#include "check.hpp"

__global__ void vector_add(const float* a, const float* b, float* c, int count) {
  const int i = blockDim.x * blockIdx.x + threadIdx.x;
  if (i < count) c[i] = a[i] + b[i];
}

int main() {
  constexpr int count = 50000;
  constexpr size_t bytes = count * sizeof(float);
  std::printf("[Vector addition of %d elements]\n", count);

  std::vector<float> a(count), b(count), c(count);
  unsigned state = 12345;
  for (int i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    a[i] = static_cast<float>(state >> 8) / 16777216.0f;
    state = state * 1664525u + 1013904223u;
    b[i] = static_cast<float>(state >> 8) / 16777216.0f;
  }

  float *d_a = nullptr, *d_b = nullptr, *d_c = nullptr;
  CHECK(cudaMalloc(&d_a, bytes));
  CHECK(cudaMalloc(&d_b, bytes));
  CHECK(cudaMalloc(&d_c, bytes));
  std::printf("Copy input data from the host memory to the CUDA device\n");
  CHECK(cudaMemcpy(d_a, a.data(), bytes, cudaMemcpyHostToDevice));
  CHECK(cudaMemcpy(d_b, b.data(), bytes, cudaMemcpyHostToDevice));

  constexpr int threads = 256;
  constexpr int blocks = (count + threads - 1) / threads;
  std::printf("CUDA kernel launch with %d blocks of %d threads\n", blocks, threads);
  vector_add<<<blocks, threads>>>(d_a, d_b, d_c, count);
  CHECK(cudaGetLastError());

  std::printf("Copy output data from the CUDA device to the host memory\n");
  CHECK(cudaMemcpy(c.data(), d_c, bytes, cudaMemcpyDeviceToHost));
  for (int i = 0; i < count; ++i) {
    if (c[i] == a[i] + b[i]) continue;
    std::fprintf(stderr, "Result verification failed at element %d: %.9g + %.9g gave %.9g\n", i, a[i], b[i],
                 c[i]);
    return EXIT_FAILURE;
  }
  std::printf("Test PASSED\n");
  CHECK(cudaFree(d_a));
  CHECK(cudaFree(d_b));
  CHECK(cudaFree(d_c));
  std::printf("Done\n");
  return EXIT_SUCCESS;
}
