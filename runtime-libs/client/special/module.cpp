// Modules and libraries: images travel in parts ahead of the load that names them; kernels come back with
// their layouts.
#include <cstdlib>

#include "runtime-libs/api/image.hpp"
#include "runtime-libs/api/requests.hpp"
#include "runtime-libs/client/allocations.hpp"
#include "runtime-libs/client/exported.hpp"
#include "runtime-libs/client/forward.hpp"
#include "runtime-libs/client/functions.hpp"
#include "runtime-libs/client/say.hpp"
#include "runtime-libs/wire/limits.hpp"

using namespace vcuda::client;
namespace api = vcuda::api;
namespace wire = vcuda::wire;

namespace {

// ---- images

CUresult send_image(const void* image, std::uint64_t id) {
  std::size_t bytes = api::image_bytes(image, wire::max_image_bytes);
  if (bytes == 0) return CUDA_ERROR_INVALID_IMAGE;
  for (std::size_t offset = 0; offset < bytes; offset += wire::chunk_bytes) {
    std::size_t here = bytes - offset < wire::chunk_bytes ? bytes - offset : wire::chunk_bytes;
    const std::uint64_t head[] = {id, bytes, offset};
    const Segment body[] = {{head, sizeof head}, {static_cast<const char*>(image) + offset, here}};
    if (CUresult failed = core().tell(api::row::image_part, body)) return failed;
  }
  return CUDA_SUCCESS;
}

// What a load needs at the worker: the parts' ids, and whether they are to be linked (a wrapper of version 2,
// whose first part is the linked result, possibly without code).
struct Sent {
  std::uint32_t linked = 0;
  std::uint32_t count = 0;
  std::uint64_t ids[64] = {};
};

CUresult send_images(const void* image, Sent& sent) {
  auto add = [&sent](const void* one) {
    if (sent.count == std::size(sent.ids)) {
      say("a program linked from more than %zu device objects is not supported by vcuda %s",
          std::size(sent.ids) - 1, VCUDA_VERSION);
      return CUDA_ERROR_NOT_SUPPORTED;
    }
    std::uint64_t id = core().mint(api::Kind::none);
    sent.ids[sent.count++] = id;
    return send_image(one, id);
  };
  api::FatbinWrapper wrapper;
  std::uint32_t magic = 0;
  const char first = *static_cast<const char*>(image);
  if (first == '\xB1') std::memcpy(&magic, image, sizeof magic);
  if (magic != api::wrapper_magic) return add(image);
  std::memcpy(&wrapper, image, sizeof wrapper);
  if (!wrapper.data) return CUDA_ERROR_INVALID_IMAGE;
  if (CUresult failed = add(wrapper.data)) return failed;
  if (wrapper.version != 2 || !wrapper.filename_or_parts) return CUDA_SUCCESS;
  sent.linked = 1;
  for (auto part = static_cast<const void* const*>(wrapper.filename_or_parts); *part; ++part)
    if (CUresult failed = add(*part)) return failed;
  return CUDA_SUCCESS;
}

// ---- JIT options: numbers travel, log buffers come back

constexpr std::size_t max_options = 32;
constexpr std::uint32_t max_log_bytes = 65536;

struct JitOptions {
  std::uint32_t count = 0;
  std::uint32_t log_bytes[2] = {};  // info, error: what the caller has room for
  std::uint32_t options[max_options] = {};
  std::uint64_t values[max_options] = {};
  char* logs[2] = {};
  void** size_slots[2] = {};
};

CUresult read_options(unsigned count, const CUjit_option* options, void** values, JitOptions& jit) {
  if (count && (!options || !values)) return CUDA_ERROR_INVALID_VALUE;
  for (unsigned i = 0; i < count; ++i) {
    auto number = reinterpret_cast<std::uint64_t>(values[i]);
    auto size = static_cast<std::uint32_t>(number < max_log_bytes ? number : max_log_bytes);
    switch (options[i]) {
      case CU_JIT_INFO_LOG_BUFFER:
        jit.logs[0] = static_cast<char*>(values[i]);
        break;
      case CU_JIT_ERROR_LOG_BUFFER:
        jit.logs[1] = static_cast<char*>(values[i]);
        break;
      case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES:
        jit.log_bytes[0] = size;
        jit.size_slots[0] = &values[i];
        break;
      case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
        jit.log_bytes[1] = size;
        jit.size_slots[1] = &values[i];
        break;
      case CU_JIT_GLOBAL_SYMBOL_NAMES:
      case CU_JIT_GLOBAL_SYMBOL_ADDRESSES:
      case CU_JIT_REFERENCED_KERNEL_NAMES:
      case CU_JIT_REFERENCED_VARIABLE_NAMES:
        say("the JIT option %d is not supported by vcuda %s", static_cast<int>(options[i]), VCUDA_VERSION);
        return CUDA_ERROR_NOT_SUPPORTED;
      default:
        if (jit.count == max_options) return CUDA_ERROR_INVALID_VALUE;
        jit.options[jit.count] = options[i];
        jit.values[jit.count++] = number;
    }
  }
  for (int k : {0, 1})
    if (!jit.logs[k]) jit.log_bytes[k] = 0;
  return CUDA_SUCCESS;
}

// Sends the images and the load. The answer's body holds both logs, whatever the result.
CUresult load(const api::HandRow& row, const void* image, JitOptions& jit, std::uint64_t minted) {
  Sent images;
  if (CUresult failed = send_images(image, images)) return failed;
  std::byte fixed[2048];
  wire::Writer writer(fixed);
  writer.put(minted);
  writer.put(images.linked);
  writer.put(images.count);
  writer.raw(images.ids, images.count * sizeof images.ids[0]);
  writer.raw(jit.log_bytes, sizeof jit.log_bytes);
  writer.put(jit.count);
  writer.raw(jit.options, jit.count * sizeof jit.options[0]);
  writer.raw(jit.values, jit.count * sizeof jit.values[0]);
  const Segment body[] = {{fixed, writer.size()}};

  std::uint32_t lengths[2] = {};
  const std::size_t room = jit.log_bytes[0] + jit.log_bytes[1];
  char* logs = room ? static_cast<char*>(std::malloc(room)) : nullptr;
  if (room && !logs) return CUDA_ERROR_OUT_OF_MEMORY;
  Waiter waiter;
  waiter.into[0] = {lengths, sizeof lengths};
  waiter.into[1] = {logs, room};
  CUresult result = core().ask(row, body, waiter);
  const bool fit = lengths[0] <= jit.log_bytes[0] && lengths[1] <= jit.log_bytes[1];
  if (fit && waiter.received == sizeof lengths + lengths[0] + lengths[1]) {
    const char* from = logs;
    for (int k : {0, 1}) {
      if (lengths[k]) std::memcpy(jit.logs[k], from, lengths[k]);
      if (jit.size_slots[k]) *jit.size_slots[k] = reinterpret_cast<void*>(std::uintptr_t{lengths[k]});
      from += lengths[k];
    }
  }
  std::free(logs);
  return result;
}

}  // namespace

VCUDA_EXPORT CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned int numOptions,
                                         CUjit_option* options, void** optionValues) {
  if (CUresult refused = enter("cuModuleLoadData")) return refused;
  if (!module || !image) return CUDA_ERROR_INVALID_VALUE;
  if (!this_thread().current()) return CUDA_ERROR_INVALID_CONTEXT;
  JitOptions jit;
  if (CUresult failed = read_options(numOptions, options, optionValues, jit)) return failed;
  std::uint64_t minted = core().mint(api::Kind::module);
  CUresult result = load(api::row::cuModuleLoadData, image, jit, minted);
  if (result == CUDA_SUCCESS) *module = reinterpret_cast<CUmodule>(minted);
  return result;
}
VCUDA_EXPORT CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}
VCUDA_EXPORT CUresult cuModuleLoadFatBinary(CUmodule* module, const void* fatCubin) {
  return cuModuleLoadDataEx(module, fatCubin, 0, nullptr, nullptr);
}

// Library options concern host memory that this call has already copied, so none needs to travel.
VCUDA_EXPORT CUresult cuLibraryLoadData(CUlibrary* library, const void* code, CUjit_option* jitOptions,
                                        void** jitOptionsValues, unsigned int numJitOptions, CUlibraryOption*,
                                        void**, unsigned int) {
  if (CUresult refused = enter("cuLibraryLoadData")) return refused;
  if (!library || !code) return CUDA_ERROR_INVALID_VALUE;
  JitOptions jit;
  if (CUresult failed = read_options(numJitOptions, jitOptions, jitOptionsValues, jit)) return failed;
  std::uint64_t minted = core().mint(api::Kind::library);
  CUresult result = load(api::row::cuLibraryLoadData, code, jit, minted);
  if (result == CUDA_SUCCESS) *library = reinterpret_cast<CUlibrary>(minted);
  return result;
}

VCUDA_EXPORT CUresult cuModuleUnload(CUmodule hmod) { return forward<&cuModuleUnload>(hmod); }
VCUDA_EXPORT CUresult cuLibraryUnload(CUlibrary library) { return forward<&cuLibraryUnload>(library); }

namespace {

// ---- functions and globals

// Asks for a function of a module, or a kernel of a library, by name.
CUresult get_function(const api::HandRow& row, std::uint64_t parent, const char* name, Function*& function) {
  const std::size_t length = std::strlen(name);
  if (length > wire::max_name_bytes) return CUDA_ERROR_INVALID_VALUE;
  // The handle names the client's entry, which needs the layout that comes with the answer; so the number is
  // asked for first and the entry made of it afterwards.
  constexpr std::size_t capacity = wire::max_kernel_params * sizeof(ParamLayout);
  auto* layout = static_cast<ParamLayout*>(std::malloc(capacity));
  if (!layout) return CUDA_ERROR_OUT_OF_MEMORY;
  const std::uint64_t minted = reserve_function();
  const api::FunctionRequest head{parent, minted};
  const Segment body[] = {{&head, sizeof head}, {name, length}};
  Waiter waiter;
  waiter.into[0] = {layout, capacity};
  CUresult result = core().ask(row, body, waiter);
  if (result == CUDA_SUCCESS) {
    function =
        add_function(minted, name, layout, static_cast<std::uint32_t>(waiter.received / sizeof(ParamLayout)));
    if (!function) result = CUDA_ERROR_OUT_OF_MEMORY;
  }
  std::free(layout);
  return result;
}

}  // namespace

VCUDA_EXPORT CUresult cuModuleGetFunction(CUfunction* hfunc, CUmodule hmod, const char* name) {
  if (CUresult refused = enter("cuModuleGetFunction")) return refused;
  if (!hfunc || !name) return CUDA_ERROR_INVALID_VALUE;
  Function* function = nullptr;
  CUresult result =
      get_function(api::row::cuModuleGetFunction, reinterpret_cast<std::uint64_t>(hmod), name, function);
  if (result == CUDA_SUCCESS) *hfunc = reinterpret_cast<CUfunction>(function->handle);
  return result;
}

VCUDA_EXPORT CUresult cuLibraryGetKernel(CUkernel* pKernel, CUlibrary library, const char* name) {
  if (CUresult refused = enter("cuLibraryGetKernel")) return refused;
  if (!pKernel || !name) return CUDA_ERROR_INVALID_VALUE;
  Function* function = nullptr;
  CUresult result =
      get_function(api::row::cuLibraryGetKernel, reinterpret_cast<std::uint64_t>(library), name, function);
  if (result == CUDA_SUCCESS) *pKernel = reinterpret_cast<CUkernel>(function->handle);
  return result;
}

VCUDA_EXPORT CUresult cuKernelGetFunction(CUfunction* pFunc, CUkernel kernel) {
  const Function* known = find_function(kernel);
  if (!known) return CUDA_ERROR_INVALID_HANDLE;
  CUresult result = forward<&cuKernelGetFunction>(pFunc, kernel);
  if (result != CUDA_SUCCESS) return result;
  Function* function =
      add_function(reinterpret_cast<std::uint64_t>(*pFunc), known->name, known->params, known->param_count);
  return function ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

namespace {

CUresult remember_global(CUresult result, const CUdeviceptr* dptr, const size_t* bytes) {
  if (result != CUDA_SUCCESS || !dptr || !bytes) return result;
  Allocation known;
  if (find_allocation(*dptr, known)) return result;  // asked for before
  bool added = add_allocation({*dptr, *bytes, this_thread().current(), 0, 0, Place::device});
  return added ? result : CUDA_ERROR_OUT_OF_MEMORY;
}

}  // namespace

VCUDA_EXPORT CUresult cuModuleGetGlobal_v2(CUdeviceptr* dptr, size_t* bytes, CUmodule hmod,
                                           const char* name) {
  return remember_global(forward<&cuModuleGetGlobal_v2>(dptr, bytes, hmod, name), dptr, bytes);
}
VCUDA_EXPORT CUresult cuLibraryGetGlobal(CUdeviceptr* dptr, size_t* bytes, CUlibrary library,
                                         const char* name) {
  return remember_global(forward<&cuLibraryGetGlobal>(dptr, bytes, library, name), dptr, bytes);
}
VCUDA_EXPORT CUresult cuLibraryGetManaged(CUdeviceptr* dptr, size_t* bytes, CUlibrary library,
                                          const char* name) {
  return remember_global(forward<&cuLibraryGetManaged>(dptr, bytes, library, name), dptr, bytes);
}
