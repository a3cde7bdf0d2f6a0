// Modules and libraries: loading, unloading, what is in them.
#include <fstream>
#include <iterator>
#include <new>
#include <string>

#include "runtime-libs/api/driver_api.hpp"
#include "runtime-libs/softgpu/calls/jit_options.hpp"
#include "runtime-libs/softgpu/driver/current.hpp"

using namespace vcuda::softgpu;

namespace {

using Programs = LoadResult<std::shared_ptr<const Program>>;

Programs load(const void* image, unsigned capability) {
  try {
    return load_program(image, capability);
  } catch (const std::bad_alloc&) {
    return LoadFailure{CUDA_ERROR_OUT_OF_MEMORY, "the host has no memory to load the image"};
  }
}

CUresult refuse(const LoadFailure& failure, unsigned count = 0, const CUjit_option* options = nullptr,
                void** values = nullptr) {
  say("cannot load: " + failure.message);
  write_logs(failure.message, count, options, values);
  return failure.code;
}

CUresult load_module(CUmodule* module, const void* image, unsigned count, const CUjit_option* options,
                     void** values) {
  const InContext in;
  if (!in) return in.code;
  if (module == nullptr || image == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const auto program = load(image, in.device->profile.capability());
  if (!program) return refuse(program.error(), count, options, values);
  auto made = Module::make(*program, in.context, {});
  if (!made) return refuse(made.error(), count, options, values);
  *module = in.driver->modules.add(std::move(*made));
  write_logs({}, count, options, values);
  return CUDA_SUCCESS;
}

// Reads a file that cuModuleLoad or cuLibraryLoadFromFile names.
bool read_file(const char* name, std::string& content) {
  std::ifstream file(name, std::ios::binary);
  if (!file) return false;
  content.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  // A text ends in NUL for whoever reads it as an image; a header cut short must not be read beyond.
  constexpr size_t header_room = 64;
  content.append(header_room, '\0');
  return true;
}

struct OfModule : InContext {
  explicit OfModule(CUmodule named) {
    if (code != CUDA_SUCCESS) return;
    module = driver->modules.find(named);
    if (module == nullptr) code = CUDA_ERROR_INVALID_HANDLE;
  }
  std::shared_ptr<Module> module;
};

struct OfLibrary : InDriver {
  explicit OfLibrary(CUlibrary named) {
    if (code != CUDA_SUCCESS) return;
    library = driver->libraries.find(named);
    if (library == nullptr) code = CUDA_ERROR_INVALID_HANDLE;
  }
  std::shared_ptr<Library> library;
};

// A library in the current context.
struct OfLibraryHere : InContext {
  explicit OfLibraryHere(CUlibrary named) {
    if (code != CUDA_SUCCESS) return;
    library = driver->libraries.find(named);
    if (library == nullptr) {
      code = CUDA_ERROR_INVALID_HANDLE;
      return;
    }
    const auto loaded = library->module_in(context);
    if (!loaded) {
      code = refuse(loaded.error());
      return;
    }
    module_handle = *loaded;
    module = driver->modules.find(*loaded);
    if (module == nullptr) code = CUDA_ERROR_INVALID_HANDLE;
  }
  std::shared_ptr<Library> library;
  CUmodule module_handle = nullptr;
  std::shared_ptr<Module> module;
};

CUresult library_variable(CUlibrary named, const char* name, bool managed, CUdeviceptr* address,
                          size_t* bytes) {
  const OfLibraryHere of(named);
  if (!of) return of.code;
  if (name == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const auto global = of.module->global(name);
  if (!global || global->managed != managed) return CUDA_ERROR_NOT_FOUND;
  if (address != nullptr) *address = global->address;
  if (bytes != nullptr) *bytes = global->size;
  return CUDA_SUCCESS;
}

void synchronize_if_alive(const std::shared_ptr<Context>& context) {
  if (context != nullptr) context->synchronize();
}

}  // namespace

VCUDA_API cuModuleLoadData(CUmodule* module, const void* image) {
  return load_module(module, image, 0, nullptr, nullptr);
}

VCUDA_API cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned int numOptions,
                             CUjit_option* options, void** optionValues) {
  return load_module(module, image, numOptions, options, optionValues);
}

VCUDA_API cuModuleLoadFatBinary(CUmodule* module, const void* fatCubin) {
  return load_module(module, fatCubin, 0, nullptr, nullptr);
}

VCUDA_API cuModuleLoad(CUmodule* module, const char* fname) {
  std::string content;
  if (fname == nullptr || !read_file(fname, content)) return CUDA_ERROR_FILE_NOT_FOUND;
  return load_module(module, content.data(), 0, nullptr, nullptr);
}

VCUDA_API cuModuleUnload(CUmodule hmod) {
  const OfModule of(hmod);
  if (!of) return of.code;
  synchronize_if_alive(of.module->context());
  of.driver->modules.remove(hmod);
  of.driver->functions.remove_if(
      [&](const Function& function) { return function.module.lock() == of.module; });
  return CUDA_SUCCESS;
}

VCUDA_API cuModuleGetFunction(CUfunction* hfunc, CUmodule hmod, const char* name) {
  const OfModule of(hmod);
  if (!of) return of.code;
  if (hfunc == nullptr || name == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const int number = of.module->program().kernel_number(name);
  if (number < 0) return CUDA_ERROR_NOT_FOUND;
  *hfunc = of.module->function(of.module, number);
  return CUDA_SUCCESS;
}

VCUDA_API cuModuleGetFunctionCount(unsigned int* count, CUmodule mod) {
  const OfModule of(mod);
  if (!of) return of.code;
  if (count == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *count = static_cast<unsigned>(of.module->program().kernels.size());
  return CUDA_SUCCESS;
}

VCUDA_API cuModuleEnumerateFunctions(CUfunction* functions, unsigned int numFunctions, CUmodule mod) {
  const OfModule of(mod);
  if (!of) return of.code;
  if (functions == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const auto count = std::min<size_t>(numFunctions, of.module->program().kernels.size());
  for (size_t i = 0; i < count; ++i) functions[i] = of.module->function(of.module, static_cast<int>(i));
  return CUDA_SUCCESS;
}

VCUDA_API cuModuleGetGlobal_v2(CUdeviceptr* dptr, size_t* bytes, CUmodule hmod, const char* name) {
  const OfModule of(hmod);
  if (!of) return of.code;
  if (name == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const auto global = of.module->global(name);
  if (!global) return CUDA_ERROR_NOT_FOUND;
  if (dptr != nullptr) *dptr = global->address;
  if (bytes != nullptr) *bytes = global->size;
  return CUDA_SUCCESS;
}

VCUDA_API cuLibraryLoadData(CUlibrary* library, const void* code, CUjit_option* jitOptions,
                            void** jitOptionsValues, unsigned int numJitOptions, CUlibraryOption*, void**,
                            unsigned int) {
  const InDriver in;
  if (!in) return in.code;
  if (library == nullptr || code == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const auto program = load(code, in.driver->devices[0]->profile.capability());
  if (!program) return refuse(program.error(), numJitOptions, jitOptions, jitOptionsValues);
  *library = in.driver->libraries.add(
      std::make_shared<Library>(*program, static_cast<int>(in.driver->devices.size())));
  write_logs({}, numJitOptions, jitOptions, jitOptionsValues);
  return CUDA_SUCCESS;
}

VCUDA_API cuLibraryLoadFromFile(CUlibrary* library, const char* fileName, CUjit_option* jitOptions,
                                void** jitOptionsValues, unsigned int numJitOptions, CUlibraryOption* options,
                                void** values, unsigned int count) {
  std::string content;
  if (fileName == nullptr || !read_file(fileName, content)) return CUDA_ERROR_FILE_NOT_FOUND;
  return cuLibraryLoadData(library, content.data(), jitOptions, jitOptionsValues, numJitOptions, options,
                           values, count);
}

VCUDA_API cuLibraryUnload(CUlibrary library) {
  const OfLibrary of(library);
  if (!of) return of.code;
  of.driver->contexts.each(
      [](CUcontext, const std::shared_ptr<Context>& context) { context->synchronize(); });
  of.library->unload();
  of.driver->libraries.remove(library);
  return CUDA_SUCCESS;
}

VCUDA_API cuLibraryGetModule(CUmodule* pMod, CUlibrary library) {
  const OfLibraryHere of(library);
  if (!of) return of.code;
  if (pMod == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *pMod = of.module_handle;
  return CUDA_SUCCESS;
}

VCUDA_API cuLibraryGetKernel(CUkernel* pKernel, CUlibrary library, const char* name) {
  const OfLibrary of(library);
  if (!of) return of.code;
  if (pKernel == nullptr || name == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const int number = of.library->program().kernel_number(name);
  if (number < 0) return CUDA_ERROR_NOT_FOUND;
  *pKernel = of.library->kernel(of.library, library, number);
  return CUDA_SUCCESS;
}

VCUDA_API cuLibraryGetKernelCount(unsigned int* count, CUlibrary lib) {
  const OfLibrary of(lib);
  if (!of) return of.code;
  if (count == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *count = static_cast<unsigned>(of.library->program().kernels.size());
  return CUDA_SUCCESS;
}

VCUDA_API cuLibraryEnumerateKernels(CUkernel* kernels, unsigned int numKernels, CUlibrary lib) {
  const OfLibrary of(lib);
  if (!of) return of.code;
  if (kernels == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const auto count = std::min<size_t>(numKernels, of.library->program().kernels.size());
  for (size_t i = 0; i < count; ++i) kernels[i] = of.library->kernel(of.library, lib, static_cast<int>(i));
  return CUDA_SUCCESS;
}

VCUDA_API cuLibraryGetGlobal(CUdeviceptr* dptr, size_t* bytes, CUlibrary library, const char* name) {
  return library_variable(library, name, false, dptr, bytes);
}

VCUDA_API cuLibraryGetManaged(CUdeviceptr* dptr, size_t* bytes, CUlibrary library, const char* name) {
  return library_variable(library, name, true, dptr, bytes);
}
