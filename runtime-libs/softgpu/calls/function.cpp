// Functions and kernels: names, attributes, parameter layouts.
#include "runtime-libs/softgpu/calls/function.hpp"

#include <algorithm>

#include "runtime-libs/api/driver_api.hpp"
#include "runtime-libs/softgpu/device/attributes.hpp"

namespace vcuda::softgpu {
namespace {

// Registers live in host memory and are never short. What is told stays below the number with which the
// largest block still fits NVIDIA's register file, so that programs that do the sum themselves come to the
// same end.
constexpr uint32_t told_registers = registers_per_multiprocessor / max_threads_per_block;

int max_threads(const Kernel& kernel) {
  const uint32_t* bound = kernel.required_threads[0] != 0 ? kernel.required_threads : kernel.max_threads;
  if (bound[0] == 0) return max_threads_per_block;
  return static_cast<int>(
      std::min<uint64_t>(max_threads_per_block, uint64_t{bound[0]} * bound[1] * bound[2]));
}

}  // namespace

OfFunction::OfFunction(CUfunction named) : function_handle(named) {
  if (code != CUDA_SUCCESS) return;
  if (kind_of(named) == HandleKind::kernel) {
    const auto kernel = driver->kernels.find(reinterpret_cast<CUkernel>(named));
    const auto library = kernel == nullptr ? nullptr : kernel->library.lock();
    code = CUDA_ERROR_INVALID_HANDLE;
    if (library == nullptr) return;
    const auto loaded = library->module_in(context);
    if (!loaded) {
      say("cannot load: " + loaded.error().message);
      code = loaded.error().code;
      return;
    }
    const auto module = driver->modules.find(*loaded);
    if (module == nullptr) return;
    function_handle = module->function(module, kernel->number);
  }
  function = driver->functions.find(function_handle);
  code = function == nullptr ? CUDA_ERROR_INVALID_HANDLE : CUDA_SUCCESS;
}

CUresult function_attribute(const Kernel& kernel, const FunctionSettings& settings,
                            const DeviceProfile& device, CUfunction_attribute attribute, int* value) {
  switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
      *value = max_threads(kernel);
      break;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
      *value = static_cast<int>(kernel.shared_bytes);
      break;
    case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
      *value = static_cast<int>(kernel.constant_bytes);
      break;
    case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
      *value = static_cast<int>(kernel.local_bytes);
      break;
    case CU_FUNC_ATTRIBUTE_NUM_REGS:
      *value = static_cast<int>(std::min(kernel.register_count, told_registers));
      break;
    case CU_FUNC_ATTRIBUTE_PTX_VERSION:
      *value = static_cast<int>(kernel.target);
      break;
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
      *value = static_cast<int>(device.capability());
      break;
    case CU_FUNC_ATTRIBUTE_CACHE_MODE_CA:
      *value = 0;
      break;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: {
      // Until it is set, what is left of the 48 KiB that every block may have.
      const int room = static_cast<int>(shared_bytes_per_block) - static_cast<int>(kernel.shared_bytes);
      const int set = settings.max_dynamic_shared_bytes;
      *value = set == static_cast<int>(shared_bytes_per_block) ? std::max(0, room) : set;
      break;
    }
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
      *value = settings.carveout;
      break;
    case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
      *value = settings.non_portable_cluster;
      break;
    case CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
      *value = settings.cluster_policy;
      break;
    case CU_FUNC_ATTRIBUTE_CLUSTER_SIZE_MUST_BE_SET:
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH:
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT:
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH:
      *value = 0;
      break;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
  return CUDA_SUCCESS;
}

CUresult set_function_attribute(const Kernel& kernel, FunctionSettings& settings,
                                CUfunction_attribute attribute, int value) {
  switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
      if (value < 0 ||
          value > static_cast<int>(shared_bytes_per_block_optin) - static_cast<int>(kernel.shared_bytes)) {
        return CUDA_ERROR_INVALID_VALUE;
      }
      settings.max_dynamic_shared_bytes = value;
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
      if (value < -1 || value > 100) return CUDA_ERROR_INVALID_VALUE;
      settings.carveout = value;
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
      settings.non_portable_cluster = value;
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
      settings.cluster_policy = value;
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

}  // namespace vcuda::softgpu

using namespace vcuda::softgpu;

namespace {

// A CUkernel apart from any context.
struct OfKernel : InDriver {
  explicit OfKernel(CUkernel named) {
    if (code != CUDA_SUCCESS) return;
    kernel = driver->kernels.find(named);
    if (kernel != nullptr) library = kernel->library.lock();
    if (library == nullptr) code = CUDA_ERROR_INVALID_HANDLE;
  }
  const Kernel& decoded() const { return *library->program().kernels[kernel->number]; }

  std::shared_ptr<LibraryKernel> kernel;
  std::shared_ptr<Library> library;
};

// The CUDA runtime passes a CUkernel here too.
struct OfEither : InDriver {
  explicit OfEither(CUfunction named) {
    if (code != CUDA_SUCCESS) return;
    if (kind_of(named) == HandleKind::kernel) {
      const OfKernel of(reinterpret_cast<CUkernel>(named));
      code = of.code;
      if (code == CUDA_SUCCESS) kernel = of.library->program().kernels[of.kernel->number];
      return;
    }
    const auto function = driver->functions.find(named);
    if (function == nullptr) code = CUDA_ERROR_INVALID_HANDLE;
    if (function != nullptr) kernel = function->code.kernel;
  }
  std::shared_ptr<const Kernel> kernel;
};

CUresult parameter(const Kernel& kernel, size_t index, size_t* offset, size_t* size) {
  if (offset == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (index >= kernel.parameters.size()) return CUDA_ERROR_INVALID_VALUE;
  *offset = kernel.parameters[index].offset;
  if (size != nullptr) *size = kernel.parameters[index].size;
  return CUDA_SUCCESS;
}

}  // namespace

VCUDA_API cuFuncGetAttribute(int* pi, CUfunction_attribute attrib, CUfunction hfunc) {
  const OfFunction of(hfunc);
  if (!of) return of.code;
  if (pi == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return function_attribute(*of.function->code.kernel, *of.function->settings, of.device->profile, attrib,
                            pi);
}

VCUDA_API cuFuncSetAttribute(CUfunction hfunc, CUfunction_attribute attrib, int value) {
  const OfFunction of(hfunc);
  if (!of) return of.code;
  return set_function_attribute(*of.function->code.kernel, *of.function->settings, attrib, value);
}

VCUDA_API cuFuncSetCacheConfig(CUfunction hfunc, CUfunc_cache) { return OfFunction(hfunc).code; }
VCUDA_API cuFuncSetSharedMemConfig(CUfunction hfunc, CUsharedconfig) { return OfFunction(hfunc).code; }

VCUDA_API cuFuncGetName(const char** name, CUfunction hfunc) {
  const OfEither of(hfunc);
  if (!of) return of.code;
  if (name == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *name = of.kernel->name.c_str();
  return CUDA_SUCCESS;
}

VCUDA_API cuFuncGetModule(CUmodule* hmod, CUfunction hfunc) {
  const OfFunction of(hfunc);
  if (!of) return of.code;
  if (hmod == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const auto wanted = of.function->module.lock();
  CUmodule found = nullptr;
  of.driver->modules.each([&](CUmodule handle, const std::shared_ptr<Module>& module) {
    if (module == wanted) found = handle;
  });
  *hmod = found;
  return found != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

VCUDA_API cuFuncGetParamInfo(CUfunction func, size_t paramIndex, size_t* paramOffset, size_t* paramSize) {
  const OfEither of(func);
  if (!of) return of.code;
  return parameter(*of.kernel, paramIndex, paramOffset, paramSize);
}

// Kernels are decoded when their image is loaded: lazy loading has nothing left to do.
VCUDA_API cuFuncIsLoaded(CUfunctionLoadingState* state, CUfunction function) {
  const OfFunction of(function);
  if (!of) return of.code;
  if (state == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *state = CU_FUNCTION_LOADING_STATE_LOADED;
  return CUDA_SUCCESS;
}

VCUDA_API cuFuncLoad(CUfunction function) { return OfFunction(function).code; }

VCUDA_API cuKernelGetFunction(CUfunction* pFunc, CUkernel kernel) {
  const OfFunction of(reinterpret_cast<CUfunction>(kernel));
  if (!of) return of.code;
  if (pFunc == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *pFunc = of.function_handle;
  return CUDA_SUCCESS;
}

VCUDA_API cuKernelGetLibrary(CUlibrary* pLib, CUkernel kernel) {
  const OfKernel of(kernel);
  if (!of) return of.code;
  if (pLib == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *pLib = of.kernel->library_handle;
  return CUDA_SUCCESS;
}

VCUDA_API cuKernelGetAttribute(int* pi, CUfunction_attribute attrib, CUkernel kernel, CUdevice dev) {
  const OfKernel of(kernel);
  if (!of) return of.code;
  const Device* device = of.driver->device(dev);
  if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
  if (pi == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return function_attribute(of.decoded(), *of.library->settings(dev, of.kernel->number), device->profile,
                            attrib, pi);
}

VCUDA_API cuKernelSetAttribute(CUfunction_attribute attrib, int val, CUkernel kernel, CUdevice dev) {
  const OfKernel of(kernel);
  if (!of) return of.code;
  if (of.driver->device(dev) == nullptr) return CUDA_ERROR_INVALID_DEVICE;
  return set_function_attribute(of.decoded(), *of.library->settings(dev, of.kernel->number), attrib, val);
}

VCUDA_API cuKernelSetCacheConfig(CUkernel kernel, CUfunc_cache, CUdevice) { return OfKernel(kernel).code; }

VCUDA_API cuKernelGetName(const char** name, CUkernel hfunc) {
  const OfKernel of(hfunc);
  if (!of) return of.code;
  if (name == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *name = of.decoded().name.c_str();
  return CUDA_SUCCESS;
}

VCUDA_API cuKernelGetParamInfo(CUkernel kernel, size_t paramIndex, size_t* paramOffset, size_t* paramSize) {
  const OfKernel of(kernel);
  if (!of) return of.code;
  return parameter(of.decoded(), paramIndex, paramOffset, paramSize);
}
