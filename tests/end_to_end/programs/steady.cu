// steady STEPS PAUSE_MS: a program that lives for a while. Each step adds one on the device to every element,
// copies the result back and checks it, then says so. The first CUDA error ends it with the error's name and
// exit code 1.
#include <cuda_runtime.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

__global__ void add_one(int* values, int count) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) values[i] += 1;
}

static void require(cudaError_t result, const char* what) {
  if (result == cudaSuccess) return;
  std::printf("CUDA error at %s: %s: %s\n", what, cudaGetErrorName(result), cudaGetErrorString(result));
  std::exit(1);
}

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  const int steps = argc > 1 ? std::atoi(argv[1]) : 3;
  const int pause_ms = argc > 2 ? std::atoi(argv[2]) : 0;
  constexpr int count = 4096;
  std::vector<int> values(count);
  int* on_device = nullptr;
  require(cudaMalloc(&on_device, count * sizeof(int)), "cudaMalloc");
  require(cudaMemset(on_device, 0, count * sizeof(int)), "cudaMemset");
  for (int step = 1; step <= steps; ++step) {
    add_one<<<count / 256, 256>>>(on_device, count);
    require(cudaGetLastError(), "launch");
    require(cudaMemcpy(values.data(), on_device, count * sizeof(int), cudaMemcpyDeviceToHost), "cudaMemcpy");
    for (int value : values) {
      if (value == step) continue;
      std::printf("wrong result: %d in step %d\n", value, step);
      return 2;
    }
    std::printf("step %d\n", step);
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
  }
  require(cudaFree(on_device), "cudaFree");
  std::printf("steady to the end\n");
  return 0;
}
