// Many threads, each with streams of its own: per-thread default streams, events between threads, threads that end, and a
// device that is reset and used again.
#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include "check.hpp"

__global__ void add(int* sum, int value) { atomicAdd(sum, value); }
__global__ void twice(int* value) { *value *= 2; }

int fail(const char* what) {
  std::fprintf(stderr, "threads: %s\n", what);
  return EXIT_FAILURE;
}

int read(const int* device) {
  int value = 0;
  CHECK(cudaMemcpy(&value, device, sizeof value, cudaMemcpyDeviceToHost));
  return value;
}

int main() {
  constexpr int workers = 12, rounds = 50;
  int* sum;
  CHECK(cudaMalloc(&sum, sizeof(int)));
  CHECK(cudaMemset(sum, 0, sizeof(int)));
  CHECK(cudaDeviceSynchronize());
  std::vector<std::thread> threads;
  for (int t = 1; t <= workers; ++t)
    threads.emplace_back([sum, t] {
      cudaStream_t stream;
      CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
      for (int i = 0; i < rounds; ++i) {
        add<<<1, 1, 0, i % 2 ? stream : cudaStreamPerThread>>>(sum, t);
        CHECK(cudaGetLastError());
        if (i % 10 == 9) CHECK(cudaStreamSynchronize(i % 2 ? stream : cudaStreamPerThread));
      }
      CHECK(cudaStreamSynchronize(stream));
      CHECK(cudaStreamSynchronize(cudaStreamPerThread));
      CHECK(cudaStreamDestroy(stream));
    });
  for (auto& thread : threads) thread.join();
  if (read(sum) != rounds * workers * (workers + 1) / 2) return fail("a launch was lost or done twice");

  // One thread records, the next waits on the device, in turn: the value passes through all of them in order.
  int* value;
  CHECK(cudaMalloc(&value, sizeof(int)));
  const int start = 3;
  CHECK(cudaMemcpy(value, &start, sizeof start, cudaMemcpyHostToDevice));
  cudaEvent_t before = nullptr;
  std::vector<cudaStream_t> streams(20);
  std::vector<cudaEvent_t> events(20);
  for (int i = 0; i < 20; ++i)
    std::thread([&, i] {
      CHECK(cudaStreamCreateWithFlags(&streams[i], cudaStreamNonBlocking));
      CHECK(cudaEventCreateWithFlags(&events[i], cudaEventDisableTiming));
      if (before) CHECK(cudaStreamWaitEvent(streams[i], before, 0));
      twice<<<1, 1, 0, streams[i]>>>(value);
      CHECK(cudaEventRecord(events[i], streams[i]));
      before = events[i];
    }).join();
  CHECK(cudaEventSynchronize(before));
  if (read(value) != start << 20) return fail("the threads' work did not pass in order");

  // Threads that come and go, each with its own default stream.
  for (int i = 0; i < 100; ++i)
    std::thread([sum] {
      add<<<1, 1, 0, cudaStreamPerThread>>>(sum, 1);
      CHECK(cudaStreamSynchronize(cudaStreamPerThread));
    }).join();
  if (read(sum) != rounds * workers * (workers + 1) / 2 + 100)
    return fail("a short thread's launch was lost");

  add<<<1, 1, 0, cudaStreamPerThread>>>(sum, 1);
  CHECK(cudaDeviceReset());
  CHECK(cudaMalloc(&sum, sizeof(int)));
  CHECK(cudaMemset(sum, 0, sizeof(int)));
  CHECK(cudaDeviceSynchronize());
  add<<<1, 1, 0, cudaStreamPerThread>>>(sum, 7);
  CHECK(cudaStreamSynchronize(cudaStreamPerThread));
  if (read(sum) != 7) return fail("the device did not work after its reset");
  std::printf("threads: Test PASSED\n");
}
