// Sums integers and floats in shared memory with barriers, statically and dynamically sized, and with warp shuffles;
// then a histogram with atomics.
#include <cstdio>
#include <vector>

#include "check.hpp"

constexpr int block_size = 256;

__global__ void sum_static(const int* in, int count, int* out) {
  __shared__ int partial[block_size];
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  partial[threadIdx.x] = i < count ? in[i] : 0;
  __syncthreads();
  for (int step = blockDim.x / 2; step > 0; step >>= 1) {
    if (threadIdx.x < step) partial[threadIdx.x] += partial[threadIdx.x + step];
    __syncthreads();
  }
  if (threadIdx.x == 0) out[blockIdx.x] = partial[0];
}

__global__ void sum_dynamic(const double* in, int count, double* out) {
  extern __shared__ double dynamic[];
  double sum = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) sum += in[i];
  dynamic[threadIdx.x] = sum;
  __syncthreads();
  for (int step = blockDim.x / 2; step > 0; step /= 2) {
    if (threadIdx.x < step) dynamic[threadIdx.x] += dynamic[threadIdx.x + step];
    __syncthreads();
  }
  if (threadIdx.x == 0) out[blockIdx.x] = dynamic[0];
}

__global__ void sum_shuffled(const int* in, int count, int* out) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  int value = i < count ? in[i] : 0;
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_down_sync(0xffffffffu, value, offset);
  if (threadIdx.x % 32 == 0) atomicAdd(out, value);
}

__global__ void histogram(const int* in, int count, unsigned* bins) {
  __shared__ unsigned local[16];
  if (threadIdx.x < 16) local[threadIdx.x] = 0;
  __syncthreads();
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) atomicAdd(&local[in[i] & 15], 1u);
  __syncthreads();
  if (threadIdx.x < 16) atomicAdd(&bins[threadIdx.x], local[threadIdx.x]);
}

int main() {
  constexpr int count = 40009;
  constexpr int blocks = (count + block_size - 1) / block_size;
  std::vector<int> in(count);
  std::vector<double> reals(count);
  long long expected = 0;
  double expected_real = 0;
  std::vector<unsigned> expected_bins(16);
  for (int i = 0; i < count; ++i) {
    in[i] = (i * 7919) % 1013 - 500;
    reals[i] = in[i] * 0.25;  // quarters: every order of adding gives the same sum
    expected += in[i];
    expected_real += reals[i];
    ++expected_bins[in[i] & 15];
  }
  int *d_in = nullptr, *d_out = nullptr;
  double *d_reals = nullptr, *d_sums = nullptr;
  unsigned* d_bins = nullptr;
  CHECK(cudaMalloc(&d_in, count * sizeof(int)));
  CHECK(cudaMalloc(&d_out, blocks * sizeof(int)));
  CHECK(cudaMalloc(&d_reals, count * sizeof(double)));
  CHECK(cudaMalloc(&d_sums, blocks * sizeof(double)));
  CHECK(cudaMalloc(&d_bins, 16 * sizeof(unsigned)));
  CHECK(cudaMemcpy(d_in, in.data(), count * sizeof(int), cudaMemcpyHostToDevice));
  CHECK(cudaMemcpy(d_reals, reals.data(), count * sizeof(double), cudaMemcpyHostToDevice));

  sum_static<<<blocks, block_size>>>(d_in, count, d_out);
  CHECK(cudaGetLastError());
  std::vector<int> partial(blocks);
  CHECK(cudaMemcpy(partial.data(), d_out, blocks * sizeof(int), cudaMemcpyDeviceToHost));
  long long sum = 0;
  for (const int each : partial) sum += each;

  sum_dynamic<<<32, block_size, block_size * sizeof(double)>>>(d_reals, count, d_sums);
  CHECK(cudaGetLastError());
  std::vector<double> sums(32);
  CHECK(cudaMemcpy(sums.data(), d_sums, 32 * sizeof(double), cudaMemcpyDeviceToHost));
  double real_sum = 0;
  for (const double each : sums) real_sum += each;

  CHECK(cudaMemset(d_out, 0, sizeof(int)));
  sum_shuffled<<<blocks, block_size>>>(d_in, count, d_out);
  CHECK(cudaGetLastError());
  int shuffled = 0;
  CHECK(cudaMemcpy(&shuffled, d_out, sizeof(int), cudaMemcpyDeviceToHost));

  CHECK(cudaMemset(d_bins, 0, 16 * sizeof(unsigned)));
  histogram<<<blocks, block_size>>>(d_in, count, d_bins);
  CHECK(cudaGetLastError());
  std::vector<unsigned> bins(16);
  CHECK(cudaMemcpy(bins.data(), d_bins, 16 * sizeof(unsigned), cudaMemcpyDeviceToHost));

  if (sum != expected || real_sum != expected_real || shuffled != expected || bins != expected_bins) {
    std::fprintf(stderr, "reduction: %lld %.2f %d, expected %lld %.2f; histogram %s\n", sum, real_sum,
                 shuffled, expected, expected_real, bins == expected_bins ? "right" : "wrong");
    return EXIT_FAILURE;
  }
  std::printf("reduction of %d elements: %lld %.2f, Test PASSED\n", count, sum, real_sum);
  return EXIT_SUCCESS;
}
