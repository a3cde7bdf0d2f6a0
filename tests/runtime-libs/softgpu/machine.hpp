// Runs PTX kernels on the machine alone: no driver, no streams, memory from the test.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "runtime-libs/softgpu/exec/grid.hpp"
#include "runtime-libs/softgpu/image/program.hpp"

namespace vcuda::softgpu {

// Header of a module nvcc would write.
inline const std::string module_head = ".version 9.0\n.target sm_75\n.address_size 64\n";

class Machine {
 public:
  explicit Machine(const std::string& ptx) {
    auto loaded = program_of(ptx);
    if (!loaded) {
      ADD_FAILURE() << loaded.error().message;
      return;
    }
    program_ = *loaded;
  }

  // Makes elements reachable for kernels and returns their address.
  template <typename T>
  uint64_t reach(std::vector<T>& elements, bool read_only = false) {
    Allocation allocation;
    allocation.begin = reinterpret_cast<uint64_t>(elements.data());
    allocation.size = elements.size() * sizeof(T);
    allocation.is_read_only = read_only;
    EXPECT_TRUE(memory_.add(allocation));
    return allocation.begin;
  }

  // Runs the kernel; the arguments have the sizes of its parameters.
  template <typename... Arguments>
  Fault run(const std::string& name, unsigned blocks, unsigned threads, Arguments... arguments) {
    Launch launch;
    launch.grid[0] = blocks;
    launch.block[0] = threads;
    return run_shaped(name, launch, arguments...);
  }

  template <typename... Arguments>
  Fault run_shaped(const std::string& name, Launch& launch, Arguments... arguments) {
    const int number = program_ == nullptr ? -1 : program_->kernel_number(name);
    if (number < 0) {
      ADD_FAILURE() << "no kernel " << name;
      return {CUDA_ERROR_NOT_FOUND, "no kernel", 0, 0};
    }
    launch.code.kernel = program_->kernels[number];
    launch.code.constants = launch.code.kernel->constants;
    launch.memory = &memory_;
    launch.parameters.resize(launch.code.kernel->parameter_bytes);
    size_t next = 0;
    const auto put = [&](const auto& argument) {
      const KernelParameter& parameter = launch.code.kernel->parameters.at(next++);
      EXPECT_EQ(parameter.size, sizeof argument);
      std::memcpy(launch.parameters.data() + parameter.offset, &argument, sizeof argument);
    };
    (put(arguments), ...);
    return run_grid(launch);
  }

 private:
  std::shared_ptr<const Program> program_;
  AllocationMap memory_;
};

}  // namespace vcuda::softgpu
