// Host functions and callbacks in streams: each called once, in order, after what was queued before it.
#include <cstdio>
#include <vector>

#include "check.hpp"

__global__ void set(int* value, int to) { *value = to; }

struct Seen {
  const int* value;
  std::vector<int> values;
  cudaError_t status = cudaErrorUnknown;
};

void CUDART_CB look(void* user) {
  auto* seen = static_cast<Seen*>(user);
  seen->values.push_back(*seen->value);
}

void CUDART_CB look_at_status(cudaStream_t, cudaError_t status, void* user) {
  look(user);
  static_cast<Seen*>(user)->status = status;
}

int main() {
  constexpr int rounds = 20;
  cudaStream_t stream;
  CHECK(cudaStreamCreate(&stream));
  int* value = nullptr;
  CHECK(cudaMallocHost(&value, sizeof(int)));
  Seen seen{value, {}};
  std::vector<int> expected;
  for (int i = 1; i <= rounds; ++i) {
    set<<<1, 1, 0, stream>>>(value, i);
    CHECK(cudaGetLastError());
    CHECK(cudaLaunchHostFunc(stream, look, &seen));
    expected.push_back(i);
  }
  CHECK(cudaStreamAddCallback(stream, look_at_status, &seen, 0));
  expected.push_back(rounds);
  CHECK(cudaStreamSynchronize(stream));
  if (seen.values != expected || seen.status != cudaSuccess) {
    std::fprintf(stderr, "callbacks: %zu of %zu calls, status %s\n", seen.values.size(), expected.size(),
                 cudaGetErrorName(seen.status));
    return EXIT_FAILURE;
  }
  CHECK(cudaFreeHost(value));
  CHECK(cudaStreamDestroy(stream));
  std::printf("callbacks: %d rounds, Test PASSED\n", rounds);
  return EXIT_SUCCESS;
}
