// Streams, events, asynchronous copies from pinned memory, order across streams, the legacy default stream.
#include <cstdio>

#include "check.hpp"

__global__ void scale(float* data, int count, float factor) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) data[i] *= factor;
}

__global__ void add_one(int* value) { *value += 1; }

int fail(const char* what) {
  std::fprintf(stderr, "streams: %s\n", what);
  return EXIT_FAILURE;
}

int main() {
  constexpr int parts = 4;
  constexpr int count = 1 << 16;
  constexpr size_t bytes = count * sizeof(float);
  cudaStream_t streams[parts];
  float* host[parts];
  float* device[parts];
  for (int i = 0; i < parts; ++i) {
    CHECK(cudaStreamCreateWithFlags(&streams[i], i % 2 == 0 ? cudaStreamNonBlocking : cudaStreamDefault));
    CHECK(cudaMallocHost(&host[i], bytes));
    CHECK(cudaMalloc(&device[i], bytes));
    for (int k = 0; k < count; ++k) host[i][k] = static_cast<float>(k % 251 + i);
  }
  for (int i = 0; i < parts; ++i) {
    CHECK(cudaMemcpyAsync(device[i], host[i], bytes, cudaMemcpyHostToDevice, streams[i]));
    scale<<<count / 256, 256, 0, streams[i]>>>(device[i], count, 2.0f + i);
    CHECK(cudaGetLastError());
    CHECK(cudaMemcpyAsync(host[i], device[i], bytes, cudaMemcpyDeviceToHost, streams[i]));
  }
  for (int i = 0; i < parts; ++i) {
    CHECK(cudaStreamSynchronize(streams[i]));
    CHECK(cudaStreamQuery(streams[i]));
    for (int k = 0; k < count; ++k) {
      if (host[i][k] != static_cast<float>(k % 251 + i) * (2.0f + i))
        return fail("a stream's result is wrong");
    }
  }

  // A chain that hops from stream to stream with events; only the order makes the sum come out.
  int* value = nullptr;
  CHECK(cudaMalloc(&value, sizeof(int)));
  CHECK(cudaMemset(value, 0, sizeof(int)));
  CHECK(cudaDeviceSynchronize());
  cudaEvent_t hop;
  CHECK(cudaEventCreateWithFlags(&hop, cudaEventDisableTiming));
  constexpr int hops = 200;
  for (int i = 0; i < hops; ++i) {
    add_one<<<1, 1, 0, streams[i % parts]>>>(value);
    CHECK(cudaGetLastError());
    CHECK(cudaEventRecord(hop, streams[i % parts]));
    CHECK(cudaStreamWaitEvent(streams[(i + 1) % parts], hop, 0));
  }
  CHECK(cudaStreamSynchronize(streams[hops % parts]));
  int result = 0;
  CHECK(cudaMemcpy(&result, value, sizeof(int), cudaMemcpyDeviceToHost));
  if (result != hops) return fail("streams that wait for each other's events ran out of order");

  // The NULL stream waits for blocking streams and they for it.
  for (int i = 0; i < 50; ++i) {
    add_one<<<1, 1, 0, streams[1]>>>(value);
    add_one<<<1, 1>>>(value);
    add_one<<<1, 1, 0, streams[3]>>>(value);
    // Two blocking streams are ordered by the NULL stream between them alone.
    add_one<<<1, 1>>>(value);
  }
  CHECK(cudaGetLastError());
  CHECK(cudaMemcpy(&result, value, sizeof(int), cudaMemcpyDeviceToHost));
  if (result != hops + 200) return fail("the default stream and blocking streams ran out of order");

  CHECK(cudaFree(value));
  CHECK(cudaEventDestroy(hop));
  for (int i = 0; i < parts; ++i) {
    CHECK(cudaStreamDestroy(streams[i]));
    CHECK(cudaFreeHost(host[i]));
    CHECK(cudaFree(device[i]));
  }
  std::printf("streams: %d streams, %d hops, Test PASSED\n", parts, hops);
  return EXIT_SUCCESS;
}
