// Kernel parameters of every size and alignment: what a launch packs must be what the kernel reads.
#include <cstdio>
#include <cstring>

#include "check.hpp"

struct Mixed {
  int a;
  double b;
  char c;
};

struct Large {
  unsigned words[500];
};

__global__ void small(char a, double b, Mixed c, double* out, short d, float4 e, const float* in) {
  *out = a + b + c.a + c.b + c.c + d + e.x + e.y * 10 + e.z * 100 + e.w * 1000 + *in;
}

__global__ void large(Large words, unsigned char last, unsigned long long* out) {
  unsigned long long sum = last;
  for (int i = 0; i < 500; ++i) sum = sum * 31 + words.words[i];
  *out = sum;
}

__global__ void none() {}

int main() {
  double* d_out = nullptr;
  float* d_in = nullptr;
  unsigned long long* d_sum = nullptr;
  CHECK(cudaMalloc(&d_out, sizeof(double)));
  CHECK(cudaMalloc(&d_in, sizeof(float)));
  CHECK(cudaMalloc(&d_sum, sizeof(unsigned long long)));
  const float in = 0.25f;
  CHECK(cudaMemcpy(d_in, &in, sizeof in, cudaMemcpyHostToDevice));

  none<<<3, 5>>>();
  CHECK(cudaGetLastError());
  small<<<1, 1>>>(-7, 1.5, {1000, 0.125, 3}, d_out, -300, {1, 2, 3, 4}, d_in);
  CHECK(cudaGetLastError());
  double out = 0;
  CHECK(cudaMemcpy(&out, d_out, sizeof out, cudaMemcpyDeviceToHost));
  const double expected = -7 + 1.5 + 1000 + 0.125 + 3 - 300 + 1 + 20 + 300 + 4000 + 0.25;

  Large words;
  unsigned long long expected_sum = 200;
  for (int i = 0; i < 500; ++i) {
    words.words[i] = 2654435761u * (i + 1);
    expected_sum = expected_sum * 31 + words.words[i];
  }
  large<<<1, 1>>>(words, 200, d_sum);
  CHECK(cudaGetLastError());
  unsigned long long sum = 0;
  CHECK(cudaMemcpy(&sum, d_sum, sizeof sum, cudaMemcpyDeviceToHost));
  if (out != expected || sum != expected_sum) {
    std::fprintf(stderr, "params: %.6f and %llu, expected %.6f and %llu\n", out, sum, expected, expected_sum);
    return EXIT_FAILURE;
  }
  std::printf("params: %.3f %llu, Test PASSED\n", out, sum);
  return EXIT_SUCCESS;
}
