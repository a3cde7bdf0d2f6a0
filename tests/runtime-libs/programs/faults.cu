// What goes wrong, and how a program hears of it: at once where the launch itself is wrong, at the next wait where the
// kernel is, and ever after where the context is lost. Prints what it was told; the same everywhere.
#include <cstdio>

#include "check.hpp"

__global__ void touch(int* at) { *at = 1; }
__global__ void heavy(int* at) {
  extern __shared__ int shared[];
  shared[threadIdx.x] = threadIdx.x;
  *at = shared[0];
}

void tell(const char* what, cudaError_t error) { std::printf("%-48s %s\n", what, cudaGetErrorName(error)); }

int main() {
  int *memory, *pinned;
  CHECK(cudaMalloc(&memory, sizeof(int)));
  CHECK(cudaMallocHost(&pinned, sizeof(int)));

  touch<<<1, 4096>>>(memory);
  tell("too many threads a block", cudaGetLastError());
  touch<<<0, 1>>>(memory);
  tell("an empty grid", cudaGetLastError());
  heavy<<<1, 32, 512 << 20>>>(memory);
  tell("more shared memory than there is", cudaGetLastError());
  touch<<<1, 1>>>(memory);
  tell("a launch after those", cudaGetLastError());
  tell("and its end", cudaDeviceSynchronize());

  tell("a free of what was never allocated", cudaFree(reinterpret_cast<void*>(0x1234)));
  cudaGetLastError();
  tell("a stream that is none", cudaStreamSynchronize(reinterpret_cast<cudaStream_t>(0x7fff12345678)));
  cudaGetLastError();
  void* much = nullptr;
  tell("more memory than there is", cudaMalloc(&much, size_t{1} << 50));
  cudaGetLastError();
  tell("and the next allocation", cudaMalloc(&much, 64));

  touch<<<1, 1>>>(reinterpret_cast<int*>(0x10));
  tell("a launch that will fault", cudaGetLastError());
  tell("the wait for it", cudaDeviceSynchronize());
  cudaGetLastError();
  tell("an allocation afterwards", cudaMalloc(&much, 64));
  tell("a copy afterwards", cudaMemcpy(pinned, memory, sizeof(int), cudaMemcpyDeviceToHost));
  tell("an asynchronous copy afterwards",
       cudaMemcpyAsync(pinned, memory, sizeof(int), cudaMemcpyDeviceToHost));
  tell("the wait for that", cudaDeviceSynchronize());
}
