// The driver as a whole: cuInit, versions, names of errors, how symbols and private tables are found.
#include <cstring>

#include "runtime-libs/api/driver_api.hpp"
#include "runtime-libs/export_tables/export_tables.hpp"
#include "runtime-libs/export_tables/proc_address.hpp"
#include "runtime-libs/softgpu/calls/symbols.hpp"
#include "runtime-libs/softgpu/driver/current.hpp"

namespace vcuda::softgpu {
namespace {

struct ErrorText {
  CUresult code;
  const char* name;
  const char* sentence;
};
constexpr ErrorText error_texts[] = {
#define ERROR(code, sentence) {code, #code, sentence},
#include "runtime-libs/api/errors.def"
#undef ERROR
};

const ErrorText* text_of(CUresult code) {
  for (const ErrorText& text : error_texts) {
    if (text.code == code) return &text;
  }
  return nullptr;
}

// What the private tables know of this driver. They may be asked for before cuInit: answers are then those of
// a driver without devices.
const export_tables::Backend tables_backend = {
    cuDriverGetVersion,
    [](int* count) {
      *count = driver() == nullptr ? 0 : static_cast<int>(driver()->devices.size());
      return CUDA_SUCCESS;
    },
    [](CUdevice number, export_tables::DeviceIdentity* identity) {
      const Device* device = driver() == nullptr ? nullptr : driver()->device(number);
      if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
      std::memcpy(identity->uuid, device->profile.uuid, sizeof identity->uuid);
      identity->pci_domain = device->profile.pci_domain;
      identity->pci_bus = device->profile.pci_bus;
      identity->pci_device = device->profile.pci_device;
      return CUDA_SUCCESS;
    },
    [](CUcontext* context, CUdevice number) {
      if (driver() == nullptr) return CUDA_ERROR_NOT_INITIALIZED;
      const Device* device = driver()->device(number);
      if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
      *context = device->primary;
      return CUDA_SUCCESS;
    },
    [] { return context_stack().top(); },
    [](CUcontext handle, uint64_t* id) {
      if (driver() == nullptr) return CUDA_ERROR_NOT_INITIALIZED;
      const auto context = driver()->contexts.find(handle);
      if (handle != nullptr && context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
      *id = context == nullptr ? 0 : context->number;
      return CUDA_SUCCESS;
    },
    [](CUmodule* module, const void* image) { return cuModuleLoadData(module, image); },
    [](CUmodule handle, export_tables::VisitFunction visit, void* user) {
      if (driver() == nullptr) return CUDA_ERROR_NOT_INITIALIZED;
      const auto module = driver()->modules.find(handle);
      if (module == nullptr) return CUDA_ERROR_INVALID_HANDLE;
      for (int i = 0; i < static_cast<int>(module->program().kernels.size()); ++i)
        visit(user, module->function(module, i));
      return CUDA_SUCCESS;
    },
};

}  // namespace
}  // namespace vcuda::softgpu

using namespace vcuda::softgpu;

VCUDA_API cuInit(unsigned int Flags) {
  if (Flags != 0) return CUDA_ERROR_INVALID_VALUE;
  return start_driver();
}

VCUDA_API cuDriverGetVersion(int* driverVersion) {
  if (driverVersion == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *driverVersion = cuda_version;
  return CUDA_SUCCESS;
}

VCUDA_API cuGetErrorName(CUresult error, const char** pStr) {
  if (pStr == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const ErrorText* text = text_of(error);
  *pStr = text != nullptr ? text->name : nullptr;
  return text != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

VCUDA_API cuGetErrorString(CUresult error, const char** pStr) {
  if (pStr == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const ErrorText* text = text_of(error);
  *pStr = text != nullptr ? text->sentence : nullptr;
  return text != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

VCUDA_API cuGetProcAddress_v2(const char* symbol, void** pfn, int cudaVersion, cuuint64_t flags,
                              CUdriverProcAddressQueryResult* symbolStatus) {
  namespace tables = vcuda::export_tables;
  if (symbol == nullptr || pfn == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *pfn = nullptr;
  const tables::ProcMatch match =
      tables::find_proc(symbol, cudaVersion, flags, [](size_t, const char*) { return true; });
  if (match.status == tables::ProcStatus::invalid_flags) return CUDA_ERROR_INVALID_VALUE;
  CUdriverProcAddressQueryResult status = CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
  if (match.status == tables::ProcStatus::found) {
    *pfn = symbol_address(match.row);
    status = CU_GET_PROC_ADDRESS_SUCCESS;
  } else if (match.status == tables::ProcStatus::version_not_sufficient) {
    status = CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT;
  }
  if (symbolStatus != nullptr) *symbolStatus = status;
  return CUDA_SUCCESS;
}

VCUDA_API cuGetProcAddress(const char* symbol, void** pfn, int cudaVersion, cuuint64_t flags) {
  return cuGetProcAddress_v2(symbol, pfn, cudaVersion, flags, nullptr);
}

VCUDA_API cuGetExportTable(const void** ppExportTable, const CUuuid* pExportTableId) {
  vcuda::export_tables::serve(tables_backend);
  return vcuda::export_tables::export_table(ppExportTable, pExportTableId);
}

VCUDA_API cuModuleGetLoadingMode(CUmoduleLoadingMode* mode) {
  if (mode == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *mode = CU_MODULE_LAZY_LOADING;
  return CUDA_SUCCESS;
}

VCUDA_API cuProfilerStart() { return CUDA_SUCCESS; }
VCUDA_API cuProfilerStop() { return CUDA_SUCCESS; }
