// One launch as the machine runs it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime-libs/softgpu/exec/kernel.hpp"

namespace vcuda::softgpu {

// A kernel whose module variables have got their addresses: what a context runs.
struct LoadedKernel {
  std::shared_ptr<const Kernel> kernel;
  std::vector<Constant> constants;  // kernel->constants with the addresses added
};

struct Launch {
  LoadedKernel code;
  uint32_t grid[3] = {1, 1, 1};
  uint32_t block[3] = {1, 1, 1};
  uint32_t dynamic_shared_bytes = 0;
  std::vector<std::byte> parameters;
  const AllocationMap* memory = nullptr;
  const std::atomic<bool>* cancelled = nullptr;  // set when the context goes; null where nobody can
  uint64_t number = 0;                           // %gridid
  uint32_t multiprocessors = 1;                  // %nsmid

  unsigned threads_per_block() const { return block[0] * block[1] * block[2]; }
  uint64_t blocks() const { return uint64_t{grid[0]} * grid[1] * grid[2]; }
};

}  // namespace vcuda::softgpu
