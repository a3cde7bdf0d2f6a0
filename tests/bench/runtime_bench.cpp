// What it costs to carry CUDA calls: each figure beside its raw baseline of the same run, on loopback, over a
// driver that does nothing. Usage: runtime_bench BUILD.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "runtime-libs/api/driver_api.hpp"
#include "tests/bench/raw_socket.hpp"

namespace {

using std::chrono::milliseconds;
using vcuda::bench::RawPeer;

void must(bool ok, const std::string& what) {
  if (ok) return;
  std::fprintf(stderr, "runtime_bench: %s\n", what.c_str());
  std::exit(1);
}

std::int64_t now_ns(clockid_t clock = CLOCK_MONOTONIC) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

// ---- the server, and libvcuda.so as a program finds it

class Server {
 public:
  Server(const std::string& vcuda, const std::string& driver) {
    std::string file = "/tmp/runtime_bench." + std::to_string(::getpid()) + ".ports";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execl(vcuda.c_str(), "vcuda", "--bind", "127.0.0.1", "-s", "0", "-r", "0", "-p", "0", "--log-level",
              "error", "--driver", driver.c_str(), "--port-file", file.c_str(), nullptr);
      ::_exit(127);
    }
    std::string line;
    for (int i = 0; i < 500 && !line.starts_with("register="); ++i) {
      std::this_thread::sleep_for(milliseconds(10));
      std::ifstream ports(file);
      std::getline(ports, line);
    }
    ::unlink(file.c_str());
    must(line.starts_with("register="), "the server did not start: " + vcuda);
    address_ = "127.0.0.1:" + line.substr(9);
  }
  ~Server() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  const std::string& address() const { return address_; }

 private:
  pid_t pid_;
  std::string address_;
};

void* library = nullptr;

template <auto F, class... A>
void call(const char* name, A... arguments) {
  static auto function = reinterpret_cast<decltype(F)>(::dlsym(library, name));
  CUresult result = function(arguments...);
  must(result == CUDA_SUCCESS, std::string(name) + " failed with " + std::to_string(result));
}
#define CU(f, ...) call<&::f>(#f __VA_OPT__(, ) __VA_ARGS__)

// ---- figures

struct Percentiles {
  double p50_us, p99_us;
};

template <class Body>
Percentiles time_each(int count, Body&& body) {
  for (int i = 0; i < count / 10; ++i) body();
  std::vector<std::int64_t> times;
  for (int i = 0; i < count; ++i) {
    std::int64_t start = now_ns();
    body();
    times.push_back(now_ns() - start);
  }
  std::ranges::sort(times);
  auto at = [&](double q) {
    return static_cast<double>(times[static_cast<std::size_t>(q * (count - 1))]) / 1000;
  };
  return {at(0.5), at(0.99)};
}

void print(const char* what, Percentiles p) {
  std::printf("  %-46s p50 %9.2f us   p99 %9.2f us\n", what, p.p50_us, p.p99_us);
}
void print(const char* what, Percentiles p, Percentiles baseline) {
  std::printf("  %-46s p50 %9.2f us   p99 %9.2f us   %.2f x baseline\n", what, p.p50_us, p.p99_us,
              p.p50_us / baseline.p50_us);
}

Percentiles round_trips() {
  constexpr int count = 10000;
  std::printf("round trips\n");
  Percentiles raw;
  {
    RawPeer peer(24, 16);
    raw = time_each(count, [&] { peer.exchange(); });
  }
  print("baseline: 24 B there, 16 B back over raw TCP", raw);
  Percentiles sync = time_each(count, [] { CU(cuStreamSynchronize, CUstream{}); });
  print("cuStreamSynchronize", sync, raw);
  CUdeviceptr memory = 0;
  int value = 0;
  CU(cuMemAlloc_v2, &memory, std::size_t{4096});
  print("cuMemcpyDtoH of 4 bytes",
        time_each(count, [&] { CU(cuMemcpyDtoH_v2, &value, memory, std::size_t{4}); }), raw);
  CU(cuMemFree_v2, memory);
  return sync;
}

void launches(Percentiles sync) {
  constexpr int bursts = 200, burst = 512;
  CUmodule module;
  CUfunction kernel;
  CUdeviceptr started = 0, nowhere = 0;
  std::uint64_t length = 0;
  CU(cuModuleLoadData, &module, ".version 9.0");
  CU(cuModuleGetFunction, &kernel, module, "kernel");
  CU(cuMemAlloc_v2, &started, sizeof(std::int64_t));
  void* quiet[] = {&nowhere, &nowhere, &nowhere, &nowhere, &length};
  void* timed[] = {&started, &nowhere, &nowhere, &nowhere, &length};
  auto launch = [&](void** params) {
    CU(cuLaunchKernel, kernel, 1u, 1u, 1u, 32u, 1u, 1u, 0u, CUstream{}, params, static_cast<void**>(nullptr));
  };
  launch(quiet);
  std::printf("launches (5 parameters)\n");

  std::int64_t cpu = 0, wall = 0;
  for (int i = 0; i < bursts; ++i) {
    std::int64_t cpu_start = now_ns(CLOCK_THREAD_CPUTIME_ID), wall_start = now_ns();
    for (int k = 0; k < burst; ++k) launch(quiet);
    cpu += now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_start;
    wall += now_ns() - wall_start;
    CU(cuStreamSynchronize, CUstream{});
  }
  std::printf("  %-46s %13.2f us   (%.2f us elapsed)\n", "caller's CPU a launch, bursts of 512",
              cpu / 1e3 / bursts / burst, wall / 1e3 / bursts / burst);

  constexpr int sustained = 200000;
  std::int64_t start = now_ns();
  for (int i = 0; i < sustained; ++i) launch(quiet);
  CU(cuStreamSynchronize, CUstream{});
  std::printf("  %-46s %13.0f launches/s\n", "sustained, until all were started",
              sustained * 1e9 / static_cast<double>(now_ns() - start));

  // One launch and then nothing: how long until the driver is called? The launch itself notes the time.
  std::vector<double> delays;
  for (int i = 0; i < 500; ++i) {
    std::this_thread::sleep_for(milliseconds(2));
    std::int64_t before = now_ns(), at = 0;
    launch(timed);
    std::this_thread::sleep_for(milliseconds(2));
    CU(cuMemcpyDtoH_v2, &at, started, sizeof at);
    delays.push_back(static_cast<double>(at - before) / 1000);
  }
  std::ranges::sort(delays);
  must(delays.front() > 0, "a lone launch had not started after 2 ms");
  std::printf("  %-46s p50 %9.2f us   p99 %9.2f us   (a wait: p50 %.2f us)\n", "a lone launch starts after",
              delays[250], delays[495], sync.p50_us);
  CU(cuMemFree_v2, started);
}

void copies() {
  std::printf("copies\n");
  for (std::size_t bytes : {std::size_t{64} << 10, std::size_t{4} << 20, std::size_t{256} << 20}) {
    const int count = bytes > (std::size_t{100} << 20) ? 8 : bytes > (1u << 20) ? 200 : 2000;
    std::vector<char> host(bytes, 1);
    CUdeviceptr device = 0;
    CU(cuMemAlloc_v2, &device, bytes);
    Percentiles raw_up, raw_down;
    {
      RawPeer peer(bytes, 1);
      raw_up = time_each(count, [&] { peer.exchange(); });
    }
    {
      RawPeer peer(1, bytes);
      raw_down = time_each(count, [&] { peer.exchange(); });
    }
    Percentiles up =
        time_each(count, [&] { CU(cuMemcpyHtoD_v2, device, static_cast<const void*>(host.data()), bytes); });
    Percentiles down =
        time_each(count, [&] { CU(cuMemcpyDtoH_v2, static_cast<void*>(host.data()), device, bytes); });
    auto rate = [bytes](Percentiles p) { return static_cast<double>(bytes) / p.p50_us / 1073.741824; };
    std::printf(
        "  %9zu KiB  host to device %6.2f GiB/s, raw socket %6.2f (%3.0f %%)   device to host %6.2f GiB/s, "
        "raw socket "
        "%6.2f (%3.0f %%)\n",
        bytes >> 10, rate(up), rate(raw_up), 100 * rate(up) / rate(raw_up), rate(down), rate(raw_down),
        100 * rate(down) / rate(raw_down));
    CU(cuMemFree_v2, device);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const char* build = argc == 2 ? argv[1] : ::getenv("VCUDA_BUILD");
  must(build, "usage: runtime_bench BUILD (or VCUDA_BUILD in the environment)");
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::string at(build);
  Server server(at + "/bin/vcuda", at + "/lib/libnull_driver.so");
  ::setenv("VCUDA_SERVER", server.address().c_str(), 1);
  library = ::dlopen((at + "/lib/libvcuda.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  must(library, "cannot load libvcuda.so");
  CUcontext context;
  CU(cuInit, 0u);
  CU(cuDevicePrimaryCtxRetain, &context, 0);
  CU(cuCtxSetCurrent, context);
  Percentiles sync = round_trips();
  launches(sync);
  copies();
}
