// A function as calls name it: a CUfunction, or a CUkernel in the current context, which stock cudart 13
// passes alike.
#pragma once

#include <memory>

#include "runtime-libs/softgpu/driver/current.hpp"

namespace vcuda::softgpu {

// CUDA_ERROR_INVALID_HANDLE for a handle that is none of both.
struct OfFunction : InContext {
  explicit OfFunction(CUfunction named);

  CUfunction function_handle = nullptr;
  std::shared_ptr<Function> function;
};

// The function's attribute as cuFuncGetAttribute tells it. CUDA_ERROR_INVALID_VALUE for an unknown one.
CUresult function_attribute(const Kernel& kernel, const FunctionSettings& settings,
                            const DeviceProfile& device, CUfunction_attribute attribute, int* value);
// CUDA_ERROR_INVALID_VALUE for one that cannot be set or a value out of range.
CUresult set_function_attribute(const Kernel& kernel, FunctionSettings& settings,
                                CUfunction_attribute attribute, int value);

}  // namespace vcuda::softgpu
