// Runs the blocks of one launch, one after another, on the calling thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime-libs/softgpu/exec/launch.hpp"
#include "runtime-libs/softgpu/exec/warp.hpp"

namespace vcuda::softgpu {

class BlockRunner {
 public:
  // The launch must outlive the runner. processor is what %smid says.
  BlockRunner(const Launch& launch, unsigned processor);

  // Runs the block with that number (x fastest). Returns its fault; code CUDA_SUCCESS if there was none.
  Fault run(uint64_t number);

 private:
  enum class Progress : uint8_t { finished, blocked, working };

  void fill_constants();
  void fill_special(const SpecialRow& row, Warp& warp);
  void start(uint64_t number);
  Progress run_warp(Warp& warp);
  bool choose(Warp& warp, uint32_t& threshold, bool fair);

  const Launch& launch_;
  const Kernel& kernel_;
  unsigned processor_;
  unsigned turn_ = 0;
  bool started_ = false;
  uint32_t block_index_[3] = {0, 0, 0};
  Block block_;
  std::vector<Warp> warps_;
  std::unique_ptr<std::byte[], void (*)(std::byte*)> registers_;
  std::unique_ptr<std::byte[], void (*)(std::byte*)> local_;
  std::unique_ptr<std::byte[], void (*)(std::byte*)> shared_;
};

}  // namespace vcuda::softgpu
