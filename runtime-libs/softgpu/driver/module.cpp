#include "runtime-libs/softgpu/driver/module.hpp"

#include <algorithm>
#include <cstring>

#include "runtime-libs/softgpu/device/attributes.hpp"
#include "runtime-libs/softgpu/driver/driver.hpp"

namespace vcuda::softgpu {
namespace {

bool in_memory(const ptx::Variable& variable) {
  return variable.space == ptx::Space::global || variable.space == ptx::Space::constant;
}

// Room between variables, so that running out of one does not lead straight into the next.
constexpr uint64_t gap = 256;

}  // namespace

FunctionSettings::FunctionSettings() : max_dynamic_shared_bytes(shared_bytes_per_block) {}

LoadResult<void> Module::place_variables() {
  uint64_t bytes = 0;
  std::vector<uint64_t> offsets;
  for (const ptx::Variable& variable : program_->syntax.variables) {
    if (!in_memory(variable)) continue;
    const uint64_t alignment = std::max(variable.alignment, 16u);
    bytes = (bytes + alignment - 1) / alignment * alignment;
    offsets.push_back(bytes);
    bytes += variable.size + gap;
    if (bytes > driver()->devices[device_]->profile.memory_bytes) break;
  }
  if (bytes == 0) return {};
  const auto memory = driver()->devices[device_]->memory.allocate(bytes);
  if (!memory) return LoadFailure{CUDA_ERROR_OUT_OF_MEMORY, "no memory for the module's variables"};
  memory_ = *memory;
  size_t next = 0;
  for (const ptx::Variable& variable : program_->syntax.variables) {
    if (!in_memory(variable)) continue;
    const Global global{memory_ + offsets[next++], variable.size, variable.is_managed};
    globals_.emplace(variable.name, global);
    if (variable.size == 0) continue;
    Allocation allocation;
    allocation.begin = global.address;
    allocation.size = global.size;
    allocation.kind = MemoryKind::module;
    allocation.device = device_;
    allocation.context_id = context_number_;
    allocation.is_read_only = variable.space == ptx::Space::constant;
    driver()->allocations.add(allocation);
  }
  for (const ptx::Variable& variable : program_->syntax.variables) {
    if (in_memory(variable)) fill(variable, globals_.find(variable.name)->second.address);
  }
  return {};
}

void Module::fill(const ptx::Variable& variable, uint64_t address) const {
  for (const ptx::Initializer& initializer : variable.initializers) {
    uint64_t bits = initializer.bits;
    if (const auto symbol = globals_.find(initializer.symbol); symbol != globals_.end())
      bits += symbol->second.address;
    std::memcpy(reinterpret_cast<void*>(address + initializer.offset), &bits, initializer.size);
  }
}

LoadResult<std::shared_ptr<Module>> Module::make(
    std::shared_ptr<const Program> program, const std::shared_ptr<Context>& context,
    const std::vector<std::shared_ptr<FunctionSettings>>& settings) {
  const std::shared_ptr<Module> module(new Module);
  module->program_ = std::move(program);
  module->context_ = context;
  module->context_number_ = context->number;
  module->device_ = context->device;
  if (auto placed = module->place_variables(); !placed) return placed.error();
  for (const auto& kernel : module->program_->kernels) {
    LoadedKernel loaded{kernel, kernel->constants};
    for (Constant& constant : loaded.constants) {
      if (!constant.symbol.empty()) constant.bits += module->globals_.find(constant.symbol)->second.address;
    }
    module->kernels_.push_back(std::move(loaded));
    module->settings_.push_back(settings.empty() ? std::make_shared<FunctionSettings>()
                                                 : settings[module->settings_.size()]);
  }
  module->handles_.resize(module->kernels_.size(), nullptr);
  return module;
}

Module::~Module() {
  if (memory_ == 0) return;
  for (const auto& [name, global] : globals_) {
    if (global.size != 0) driver()->allocations.remove(global.address);
  }
  driver()->devices[device_]->memory.free(memory_);
}

std::optional<Global> Module::global(std::string_view name) const {
  const auto found = globals_.find(name);
  return found == globals_.end() ? std::nullopt : std::optional(found->second);
}

CUfunction Module::function(const std::shared_ptr<Module>& self, int number) {
  const std::scoped_lock hold(lock_);
  CUfunction& handle = handles_[number];
  if (handle == nullptr) {
    auto function = std::make_shared<Function>();
    function->module = self;
    function->context = context_;
    function->number = number;
    function->code = kernels_[number];
    function->settings = settings_[number];
    handle = driver()->functions.add(std::move(function));
  }
  return handle;
}

Library::Library(std::shared_ptr<const Program> program, int devices) : program_(std::move(program)) {
  for (int device = 0; device < devices; ++device) {
    auto& of_device = settings_.emplace_back();
    for (size_t i = 0; i < program_->kernels.size(); ++i)
      of_device.push_back(std::make_shared<FunctionSettings>());
  }
  kernels_.resize(program_->kernels.size(), nullptr);
}

LoadResult<CUmodule> Library::module_in(const std::shared_ptr<Context>& context) {
  const std::scoped_lock hold(lock_);
  const auto known = modules_.find(context->number);
  // A reset of the context took its modules away.
  if (known != modules_.end() && driver()->modules.find(known->second) != nullptr) return known->second;
  auto module = Module::make(program_, context, settings_[context->device]);
  if (!module) return module.error();
  return modules_[context->number] = driver()->modules.add(std::move(*module));
}

CUkernel Library::kernel(const std::shared_ptr<Library>& self, CUlibrary handle, int number) {
  const std::scoped_lock hold(lock_);
  CUkernel& kernel = kernels_[number];
  if (kernel == nullptr)
    kernel = driver()->kernels.add(std::make_shared<LibraryKernel>(LibraryKernel{self, handle, number}));
  return kernel;
}

void Library::unload() {
  const std::scoped_lock hold(lock_);
  for (const auto& [context, handle] : modules_) {
    const auto module = driver()->modules.remove(handle);
    if (module == nullptr) continue;
    driver()->functions.remove_if([&](const Function& function) { return function.module.lock() == module; });
  }
  for (const CUkernel kernel : kernels_) {
    if (kernel != nullptr) driver()->kernels.remove(kernel);
  }
}

}  // namespace vcuda::softgpu
