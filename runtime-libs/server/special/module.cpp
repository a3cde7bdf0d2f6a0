// Modules and libraries: images come in parts, loads name them, functions go back with the layout of their
// parameters.
#include <algorithm>
#include <cstring>
#include <string>

#include "runtime-libs/api/image.hpp"
#include "runtime-libs/api/requests.hpp"
#include "runtime-libs/server/images.hpp"
#include "runtime-libs/server/rows.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server::special {
namespace {

constexpr std::uint32_t max_options = 32;
constexpr std::uint32_t max_log_bytes = 65536;

// The JIT options whose value is a number. Any other is a pointer into the worker, which no client may choose.
bool is_number(CUjit_option option) {
  switch (option) {
    case CU_JIT_MAX_REGISTERS:
    case CU_JIT_THREADS_PER_BLOCK:
    case CU_JIT_OPTIMIZATION_LEVEL:
    case CU_JIT_TARGET_FROM_CUCONTEXT:
    case CU_JIT_TARGET:
    case CU_JIT_FALLBACK_STRATEGY:
    case CU_JIT_GENERATE_DEBUG_INFO:
    case CU_JIT_LOG_VERBOSE:
    case CU_JIT_GENERATE_LINE_INFO:
    case CU_JIT_CACHE_MODE:
    case CU_JIT_POSITION_INDEPENDENT_CODE:
    case CU_JIT_MIN_CTA_PER_SM:
    case CU_JIT_MAX_THREADS_PER_BLOCK:
    case CU_JIT_OVERRIDE_DIRECTIVE_VALUES:
      return true;
    default:
      return false;
  }
}

struct Load {
  std::uint64_t minted = 0;
  std::vector<Images::Image> images;
  std::vector<const void*> parts;
  api::FatbinWrapper wrapper{};
  const void* code = nullptr;

  std::string logs[2];
  std::vector<CUjit_option> options;
  std::vector<void*> values;
};

CUresult read(Call& call, Load& load) {
  load.minted = call.args.get<std::uint64_t>();
  auto linked = call.args.get<std::uint32_t>();
  auto count = call.args.get<std::uint32_t>();
  if (count == 0 || count > wire::max_images_per_load) return CUDA_ERROR_UNKNOWN;
  for (std::uint32_t i = 0; i < count; ++i) {
    Images::Image image = call.parts.images.take(call.args.get<std::uint64_t>());
    if (image.empty() || api::image_bytes(image.data(), image.size()) != image.size())
      return CUDA_ERROR_INVALID_IMAGE;
    load.images.push_back(std::move(image));
  }
  std::uint32_t log_bytes[2] = {call.args.get<std::uint32_t>(), call.args.get<std::uint32_t>()};
  auto options = call.args.get<std::uint32_t>();
  if (!call.args.ok() || options > max_options || log_bytes[0] > max_log_bytes ||
      log_bytes[1] > max_log_bytes)
    return CUDA_ERROR_UNKNOWN;
  for (std::uint32_t i = 0; i < options; ++i)
    load.options.push_back(static_cast<CUjit_option>(call.args.get<std::uint32_t>()));
  for (std::uint32_t i = 0; i < options; ++i)
    load.values.push_back(reinterpret_cast<void*>(call.args.get<std::uint64_t>()));
  if (!call.args.ok() || call.args.left() != 0) return CUDA_ERROR_UNKNOWN;
  if (!std::ranges::all_of(load.options, is_number)) return CUDA_ERROR_INVALID_VALUE;

  constexpr CUjit_option buffers[2][2] = {{CU_JIT_INFO_LOG_BUFFER, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES},
                                          {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES}};
  for (int k : {0, 1}) {
    load.logs[k].resize(log_bytes[k]);
    if (log_bytes[k] == 0) continue;
    load.options.insert(load.options.end(), {buffers[k][0], buffers[k][1]});
    load.values.push_back(load.logs[k].data());
    load.values.push_back(reinterpret_cast<void*>(std::uintptr_t{log_bytes[k]}));
  }

  load.code = load.images[0].data();
  if (linked) {
    for (std::size_t i = 1; i < load.images.size(); ++i) load.parts.push_back(load.images[i].data());
    load.parts.push_back(nullptr);
    load.wrapper = {api::wrapper_magic, 2, load.images[0].data(), load.parts.data()};
    load.code = &load.wrapper;
  }
  return CUDA_SUCCESS;
}

// The logs go back whatever the result; the images stay while the driver may read them.
template <class T>
CUresult finish(Call& call, Load& load, T object, CUresult result) {
  for (auto& log : load.logs) {
    const std::size_t room = log.size();
    log.resize(::strnlen(log.data(), room));
    if (!log.empty() && log.size() < room) log.push_back('\0');  // the client gave room for no more
    call.put(static_cast<std::uint32_t>(log.size()));
  }
  for (const auto& log : load.logs) call.answer.append(log.data(), log.size());
  if (result != CUDA_SUCCESS) return result;
  call.parts.images.keep(load.minted, std::move(load.images));
  return call.parts.handles.add(load.minted, object, result);
}

}  // namespace

CUresult image_part(Call& call) {
  auto id = call.args.get<std::uint64_t>();
  auto total = call.args.get<std::uint64_t>();
  auto offset = call.args.get<std::uint64_t>();
  std::size_t bytes = call.args.left();
  const std::byte* at = call.args.take(bytes);
  if (!call.args.ok()) return CUDA_ERROR_UNKNOWN;
  return call.parts.images.add_part(id, total, offset, {at, bytes});
}

CUresult cuModuleLoadData(Call& call) {
  Load load;
  if (CUresult wrong = read(call, load)) return wrong;
  CUmodule module = nullptr;
  CUresult result = call.driver().call<&::cuModuleLoadDataEx>(&module, load.code,
                                                              static_cast<unsigned>(load.options.size()),
                                                              load.options.data(), load.values.data());
  return finish(call, load, module, result);
}

CUresult cuLibraryLoadData(Call& call) {
  Load load;
  if (CUresult wrong = read(call, load)) return wrong;
  CUlibrary library = nullptr;
  // The image lives until the unload, so the driver need not copy it.
  CUlibraryOption option = CU_LIBRARY_BINARY_IS_PRESERVED;
  void* value = reinterpret_cast<void*>(std::uintptr_t{1});
  const bool preserved = load.parts.empty();
  CUresult result = call.driver().call<&::cuLibraryLoadData>(
      &library, load.code, load.options.data(), load.values.data(),
      static_cast<unsigned>(load.options.size()), preserved ? &option : nullptr, preserved ? &value : nullptr,
      preserved ? 1u : 0u);
  return finish(call, load, library, result);
}

namespace {

// The name and the handle a get-function request carries.
struct GetFunction {
  api::FunctionRequest head;
  std::string name;
};

bool read(Call& call, GetFunction& get) {
  get.head = call.args.get<api::FunctionRequest>();
  std::size_t length = call.args.left();
  if (!call.args.ok() || length > wire::max_name_bytes) return false;
  get.name.assign(reinterpret_cast<const char*>(call.args.take(length)), length);
  return true;
}

// Asks the driver for each parameter until it says there are no more.
template <auto ParamInfo, class T>
CUresult put_layout(Call& call, T function) {
  for (std::size_t i = 0; i < wire::max_kernel_params; ++i) {
    std::size_t offset = 0, size = 0;
    CUresult result = call.driver().call<ParamInfo>(function, i, &offset, &size);
    if (result == CUDA_ERROR_INVALID_VALUE) return CUDA_SUCCESS;
    if (result != CUDA_SUCCESS) return result;
    call.put(static_cast<std::uint32_t>(offset));
    call.put(static_cast<std::uint32_t>(size));
  }
  return CUDA_ERROR_INVALID_IMAGE;
}

}  // namespace

CUresult cuModuleGetFunction(Call& call) {
  GetFunction get;
  CUmodule module;
  CUfunction function = nullptr;
  if (!read(call, get)) return CUDA_ERROR_UNKNOWN;
  if (CUresult wrong = call.find(get.head.parent, module)) return wrong;
  if (CUresult wrong = call.driver().call<&::cuModuleGetFunction>(&function, module, get.name.c_str()))
    return wrong;
  if (CUresult wrong = put_layout<&::cuFuncGetParamInfo>(call, function)) return wrong;
  return call.parts.handles.add(get.head.minted, function, CUDA_SUCCESS);
}

CUresult cuLibraryGetKernel(Call& call) {
  GetFunction get;
  CUlibrary library;
  CUkernel kernel = nullptr;
  if (!read(call, get)) return CUDA_ERROR_UNKNOWN;
  if (CUresult wrong = call.find(get.head.parent, library)) return wrong;
  if (CUresult wrong = call.driver().call<&::cuLibraryGetKernel>(&kernel, library, get.name.c_str()))
    return wrong;
  if (CUresult wrong = put_layout<&::cuKernelGetParamInfo>(call, kernel)) return wrong;
  return call.parts.handles.add(get.head.minted, kernel, CUDA_SUCCESS);
}

CUresult function_attributes(Call& call) {
  CUfunction function;
  auto handle = call.args.get<std::uint64_t>();
  if (!call.args.ok() || call.args.left() != 0) return CUDA_ERROR_UNKNOWN;
  if (CUresult wrong = call.find(handle, function)) return wrong;
  const bool kernel = call.parts.handles.is_kernel(handle);
  CUdevice device = 0;
  if (kernel)
    if (CUresult wrong = call.driver().call<&::cuCtxGetDevice>(&device)) return wrong;
  std::int32_t values[2][CU_FUNC_ATTRIBUTE_MAX] = {};
  for (int i = 0; i < CU_FUNC_ATTRIBUTE_MAX; ++i) {
    auto which = static_cast<CUfunction_attribute>(i);
    values[1][i] = kernel ? call.driver().call<&::cuKernelGetAttribute>(
                                &values[0][i], which, reinterpret_cast<CUkernel>(function), device)
                          : call.driver().call<&::cuFuncGetAttribute>(&values[0][i], which, function);
  }
  // The first attribute fails only with the function itself.
  if (values[1][CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK] != CUDA_SUCCESS)
    return static_cast<CUresult>(values[1][CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK]);
  call.put(values);
  return CUDA_SUCCESS;
}

}  // namespace vcuda::server::special
