// Asynchronous copies that nobody waits for, as many as a pipeline may hold, behind a kernel that only another thread's
// copy lets go on: whatever carries the calls, no call may hold up the other thread's.
#include <cstdio>
#include <thread>
#include <vector>

#include "check.hpp"

__global__ void wait_for(volatile int* flag) {
  while (*flag == 0) {
  }
}

__global__ void number(int* out, int count) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) out[i] = 3 * i + 1;
}

int fail(const char* what) {
  std::fprintf(stderr, "pipelined_copies: %s\n", what);
  return EXIT_FAILURE;
}

int main() {
  constexpr int count = 1600;  // more than the runtime keeps page-locked buffers for
  int *flag, *numbers, *pinned, *one;
  cudaStream_t blocked, releasing;
  CHECK(cudaMalloc(&flag, sizeof(int)));
  CHECK(cudaMalloc(&numbers, count * sizeof(int)));
  CHECK(cudaMallocHost(&pinned, count * sizeof(int)));
  CHECK(cudaMallocHost(&one, sizeof(int)));
  CHECK(cudaStreamCreateWithFlags(&blocked, cudaStreamNonBlocking));
  CHECK(cudaStreamCreateWithFlags(&releasing, cudaStreamNonBlocking));
  CHECK(cudaMemset(flag, 0, sizeof(int)));
  number<<<(count + 255) / 256, 256>>>(numbers, count);
  CHECK(cudaDeviceSynchronize());

  wait_for<<<1, 1, 0, blocked>>>(flag);
  CHECK(cudaGetLastError());
  for (int i = 0; i < count; ++i)
    CHECK(cudaMemcpyAsync(pinned + i, numbers + i, sizeof(int), cudaMemcpyDeviceToHost, blocked));
  std::thread release([&] {
    *one = 1;
    CHECK(cudaMemcpyAsync(flag, one, sizeof(int), cudaMemcpyHostToDevice, releasing));
    CHECK(cudaStreamSynchronize(releasing));
  });
  CHECK(cudaStreamSynchronize(blocked));
  release.join();
  for (int i = 0; i < count; ++i)
    if (pinned[i] != 3 * i + 1) return fail("a pinned copy did not arrive with the synchronise");

  // Into memory CUDA knows nothing of, the data is there when the call returns.
  for (int round = 0; round < 50; ++round) {
    std::vector<int> pageable(count, -1);
    CHECK(cudaMemcpyAsync(pageable.data(), numbers, count * sizeof(int), cudaMemcpyDeviceToHost, blocked));
    if (pageable[count - 1] != 3 * (count - 1) + 1) return fail("a pageable copy returned without its data");
  }

  // A source may be reused as soon as the call returns.
  std::vector<int> source(count);
  for (int round = 0; round < 20; ++round) {
    for (int& value : source) value = round;
    CHECK(cudaMemcpyAsync(numbers, source.data(), count * sizeof(int), cudaMemcpyHostToDevice, blocked));
    for (int& value : source) value = -1;
    CHECK(cudaMemcpyAsync(pinned, numbers, count * sizeof(int), cudaMemcpyDeviceToHost, blocked));
    CHECK(cudaStreamSynchronize(blocked));
    if (pinned[0] != round || pinned[count - 1] != round)
      return fail("a source was read after the call had returned");
  }

  // Larger than any chunk, both ways, with a tail.
  const size_t bytes = (size_t{9} << 20) + 12345;
  std::vector<unsigned char> large(bytes), back(bytes);
  for (size_t i = 0; i < bytes; ++i) large[i] = static_cast<unsigned char>(i * 2654435761u >> 13);
  unsigned char* device;
  CHECK(cudaMalloc(&device, bytes));
  CHECK(cudaMemcpy(device, large.data(), bytes, cudaMemcpyHostToDevice));
  CHECK(cudaMemcpy(back.data(), device, bytes, cudaMemcpyDeviceToHost));
  if (large != back) return fail("a large copy came back different");
  CHECK(cudaMemcpyAsync(device, back.data(), bytes, cudaMemcpyDefault, releasing));
  std::fill(back.begin(), back.end(), 0);
  CHECK(cudaMemcpyAsync(back.data(), device, bytes, cudaMemcpyDefault, releasing));
  if (large != back) return fail("a large asynchronous copy came back different");

  CHECK(cudaFreeHost(pinned));
  CHECK(cudaFreeHost(one));
  std::printf("pipelined_copies: Test PASSED\n");
}
