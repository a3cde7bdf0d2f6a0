// What is asked of kernels and functions: answered from the entry, whose attributes one request fills.
#include "runtime-libs/client/exported.hpp"
#include "runtime-libs/client/forward.hpp"
#include "runtime-libs/client/functions.hpp"

using namespace vcuda::client;

namespace {

CUresult attribute(int* pi, CUfunction_attribute attrib, const void* handle, const char* call) {
  if (CUresult refused = enter(call)) return refused;
  Function* function = find_function(handle);
  if (!function) return CUDA_ERROR_INVALID_HANDLE;
  if (!pi || attrib < 0 || attrib >= function_attributes_count) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult failed = know_attributes(*function)) return failed;
  if (function->attribute_results[attrib] != CUDA_SUCCESS)
    return static_cast<CUresult>(function->attribute_results[attrib]);
  *pi = function->attributes[attrib].load(std::memory_order_relaxed);
  return CUDA_SUCCESS;
}

// After the worker has set an attribute, what was fetched before is right again with the new value.
CUresult set(CUresult result, const void* handle, CUfunction_attribute attrib, int value) {
  Function* function = find_function(handle);
  if (result == CUDA_SUCCESS && function && attrib >= 0 && attrib < function_attributes_count &&
      function->attributes_known.load(std::memory_order_acquire))
    function->attributes[attrib].store(value, std::memory_order_relaxed);
  return result;
}

CUresult name_of(const char** name, const void* handle, const char* call) {
  if (CUresult refused = enter(call)) return refused;
  const Function* function = find_function(handle);
  if (!function) return CUDA_ERROR_INVALID_HANDLE;
  if (!name) return CUDA_ERROR_INVALID_VALUE;
  *name = function->name;
  return CUDA_SUCCESS;
}

CUresult param(const void* handle, size_t index, size_t* offset, size_t* size, const char* call) {
  if (CUresult refused = enter(call)) return refused;
  const Function* function = find_function(handle);
  if (!function) return CUDA_ERROR_INVALID_HANDLE;
  if (!offset || index >= function->param_count) return CUDA_ERROR_INVALID_VALUE;
  *offset = function->params[index].offset;
  if (size) *size = function->params[index].size;
  return CUDA_SUCCESS;
}

}  // namespace

VCUDA_EXPORT CUresult cuFuncGetAttribute(int* pi, CUfunction_attribute attrib, CUfunction hfunc) {
  return attribute(pi, attrib, hfunc, "cuFuncGetAttribute");
}
VCUDA_EXPORT CUresult cuKernelGetAttribute(int* pi, CUfunction_attribute attrib, CUkernel kernel, CUdevice) {
  return attribute(pi, attrib, kernel, "cuKernelGetAttribute");
}
VCUDA_EXPORT CUresult cuFuncSetAttribute(CUfunction hfunc, CUfunction_attribute attrib, int value) {
  return set(forward<&cuFuncSetAttribute>(hfunc, attrib, value), hfunc, attrib, value);
}
VCUDA_EXPORT CUresult cuKernelSetAttribute(CUfunction_attribute attrib, int val, CUkernel kernel,
                                           CUdevice dev) {
  return set(forward<&cuKernelSetAttribute>(attrib, val, kernel, dev), kernel, attrib, val);
}
VCUDA_EXPORT CUresult cuFuncGetName(const char** name, CUfunction hfunc) {
  return name_of(name, hfunc, "cuFuncGetName");
}
VCUDA_EXPORT CUresult cuKernelGetName(const char** name, CUkernel hfunc) {
  return name_of(name, hfunc, "cuKernelGetName");
}
VCUDA_EXPORT CUresult cuFuncGetParamInfo(CUfunction func, size_t paramIndex, size_t* paramOffset,
                                         size_t* paramSize) {
  return param(func, paramIndex, paramOffset, paramSize, "cuFuncGetParamInfo");
}
VCUDA_EXPORT CUresult cuKernelGetParamInfo(CUkernel kernel, size_t paramIndex, size_t* paramOffset,
                                           size_t* paramSize) {
  return param(kernel, paramIndex, paramOffset, paramSize, "cuKernelGetParamInfo");
}
