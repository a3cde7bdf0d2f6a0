// Tiled matrix multiplication in shared memory, float and double, with module variables and constant memory.
#include <cmath>
#include <cstdio>
#include <vector>

#include "check.hpp"

constexpr int tile = 16;
constexpr int size = 96;

__constant__ float scale[2] = {0.5f, 2.0f};
__device__ int launches = 40;

template <typename T>
__global__ void multiply(const T* a, const T* b, T* c) {
  __shared__ T left[tile][tile];
  __shared__ T right[tile][tile];
  const int row = blockIdx.y * tile + threadIdx.y;
  const int column = blockIdx.x * tile + threadIdx.x;
  T sum = 0;
  for (int step = 0; step < size; step += tile) {
    left[threadIdx.y][threadIdx.x] = a[row * size + step + threadIdx.x];
    right[threadIdx.y][threadIdx.x] = b[(step + threadIdx.y) * size + column];
    __syncthreads();
    for (int k = 0; k < tile; ++k) sum += left[threadIdx.y][k] * right[k][threadIdx.x];
    __syncthreads();
  }
  c[row * size + column] = sum * static_cast<T>(scale[0] * scale[1]);
  if (row == 0 && column == 0) atomicAdd(&launches, 1);
}

template <typename T>
int wrong_elements() {
  std::vector<T> a(size * size), b(size * size), c(size * size);
  for (int i = 0; i < size * size; ++i) {
    a[i] = static_cast<T>((i * 37) % 101 - 50) / 64;
    b[i] = static_cast<T>((i * 53) % 89 - 44) / 32;
  }
  T *d_a = nullptr, *d_b = nullptr, *d_c = nullptr;
  const size_t bytes = a.size() * sizeof(T);
  CHECK(cudaMalloc(&d_a, bytes));
  CHECK(cudaMalloc(&d_b, bytes));
  CHECK(cudaMalloc(&d_c, bytes));
  CHECK(cudaMemcpy(d_a, a.data(), bytes, cudaMemcpyHostToDevice));
  CHECK(cudaMemcpy(d_b, b.data(), bytes, cudaMemcpyHostToDevice));
  multiply<<<dim3(size / tile, size / tile), dim3(tile, tile)>>>(d_a, d_b, d_c);
  CHECK(cudaGetLastError());
  CHECK(cudaMemcpy(c.data(), d_c, bytes, cudaMemcpyDeviceToHost));
  int wrong = 0;
  for (int row = 0; row < size; ++row) {
    for (int column = 0; column < size; ++column) {
      T sum = 0;
      for (int k = 0; k < size; ++k) sum = std::fma(a[row * size + k], b[k * size + column], sum);
      wrong += c[row * size + column] != sum;
    }
  }
  CHECK(cudaFree(d_a));
  CHECK(cudaFree(d_b));
  CHECK(cudaFree(d_c));
  return wrong;
}

int main() {
  const int floats = wrong_elements<float>();
  const int doubles = wrong_elements<double>();
  int counted = 0;
  CHECK(cudaMemcpyFromSymbol(&counted, launches, sizeof counted));
  const float other[2] = {1.0f, 3.0f};
  CHECK(cudaMemcpyToSymbol(scale, other, sizeof other));
  const int with_other = wrong_elements<float>();
  if (floats != 0 || doubles != 0 || counted != 42 || with_other == 0) {
    std::fprintf(stderr,
                 "matmul: %d floats and %d doubles wrong, %d launches counted, %d wrong with another scale\n",
                 floats, doubles, counted, with_other);
    return EXIT_FAILURE;
  }
  std::printf("matmul %d x %d: Test PASSED\n", size, size);
  return EXIT_SUCCESS;
}
