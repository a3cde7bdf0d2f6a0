// Modules and libraries: a program made ready in a context, with memory for its variables.
#pragma once

#include "runtime-libs/api/driver_api.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime-libs/softgpu/exec/launch.hpp"
#include "runtime-libs/softgpu/image/program.hpp"

namespace vcuda::softgpu {

class Context;
class Module;

// What cuFuncSetAttribute and cuKernelSetAttribute change. Shared by a CUkernel and its CUfunctions of a
// device.
struct FunctionSettings {
  std::atomic<int> max_dynamic_shared_bytes;
  std::atomic<int> carveout{-1};
  std::atomic<int> non_portable_cluster{0};
  std::atomic<int> cluster_policy{0};
  FunctionSettings();
};

// A kernel in a context: what a CUfunction stands for.
struct Function {
  std::weak_ptr<Module> module;
  std::weak_ptr<Context> context;
  int number = 0;
  LoadedKernel code;
  std::shared_ptr<FunctionSettings> settings;
};

// A variable of a module in a context.
struct Global {
  uint64_t address = 0;
  uint64_t size = 0;
  bool managed = false;
};

class Module {
 public:
  // Gives the program's variables memory on the context's device and fills it. CUDA_ERROR_OUT_OF_MEMORY if
  // there is none. settings has one entry a kernel, or is empty for fresh ones.
  static LoadResult<std::shared_ptr<Module>> make(
      std::shared_ptr<const Program> program, const std::shared_ptr<Context>& context,
      const std::vector<std::shared_ptr<FunctionSettings>>& settings);
  ~Module();

  const Program& program() const { return *program_; }
  std::shared_ptr<Context> context() const { return context_.lock(); }
  uint64_t context_number() const { return context_number_; }
  std::optional<Global> global(std::string_view name) const;
  // The handle of the kernel with that number; the same each time.
  CUfunction function(const std::shared_ptr<Module>& self, int number);

 private:
  Module() = default;
  LoadResult<void> place_variables();
  void fill(const ptx::Variable& variable, uint64_t address) const;

  std::shared_ptr<const Program> program_;
  std::weak_ptr<Context> context_;
  uint64_t context_number_ = 0;
  int device_ = 0;
  uint64_t memory_ = 0;  // all variables lie in one allocation; 0 if there are none
  std::map<std::string, Global, std::less<>> globals_;
  std::vector<LoadedKernel> kernels_;
  std::vector<std::shared_ptr<FunctionSettings>> settings_;
  std::mutex lock_;
  std::vector<CUfunction> handles_;  // guarded by lock_
};

// A library is loaded once and becomes a module in each context that uses it.
class Library {
 public:
  explicit Library(std::shared_ptr<const Program> program, int devices);

  const Program& program() const { return *program_; }
  // The library's module in the context, made at first use.
  LoadResult<CUmodule> module_in(const std::shared_ptr<Context>& context);
  const std::shared_ptr<FunctionSettings>& settings(int device, int number) const {
    return settings_[device][number];
  }
  CUkernel kernel(const std::shared_ptr<Library>& self, CUlibrary handle, int number);
  // Takes out the handles of its modules and kernels.
  void unload();

 private:
  std::shared_ptr<const Program> program_;
  std::vector<std::vector<std::shared_ptr<FunctionSettings>>> settings_;  // by device, by kernel
  std::mutex lock_;
  std::map<uint64_t, CUmodule> modules_;  // by context number; guarded by lock_
  std::vector<CUkernel> kernels_;         // guarded by lock_
};

// What a CUkernel stands for.
struct LibraryKernel {
  std::weak_ptr<Library> library;
  CUlibrary library_handle = nullptr;
  int number = 0;
};

}  // namespace vcuda::softgpu
