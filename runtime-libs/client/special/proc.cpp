// How programs find functions: cuGetProcAddress answers from the map of names and versions, cuGetExportTable
// from the private tables.
#include <cstring>

#include "runtime-libs/client/contexts.hpp"
#include "runtime-libs/client/core.hpp"
#include "runtime-libs/client/exported.hpp"
#include "runtime-libs/contract/contract.hpp"
#include "runtime-libs/export_tables/export_tables.hpp"
#include "runtime-libs/export_tables/proc_address.hpp"

using namespace vcuda::client;
namespace api = vcuda::api;
namespace tables = vcuda::export_tables;

// cudaProfiler.h's two calls, found by name alone. They switch an attached profiler on and off; none can
// attach to this library, and without one the driver's answer is success.
static CUresult cuProfilerStart() { return CUDA_SUCCESS; }
static CUresult cuProfilerStop() { return CUDA_SUCCESS; }

namespace {

using Address = void (*)();

Address address_of(std::size_t row) {
  static constexpr auto as_address = [](auto* function) { return reinterpret_cast<Address>(function); };
#define PROC(base, variant, version, symbol) \
  case __COUNTER__ - first:                  \
    return as_address(&::symbol);
  constexpr int first = __COUNTER__ + 1;
  switch (row) {
#include "runtime-libs/export_tables/proc_map.def"
  }
#undef PROC
  return nullptr;
}

// Whether a function is answered here whatever the server's driver exports.
bool is_local(const char* symbol) {
  static constexpr const char* locals[] = {
#define CALL(...)
#define WRAP(...)
#define SPECIAL(...)
#define LOCAL(f) #f,
#define TWIN(...)
#define OLD(...)
#define ABSENT(...)
#include "runtime-libs/api/calls/all.def"
#undef CALL
#undef WRAP
#undef SPECIAL
#undef LOCAL
#undef TWIN
#undef OLD
#undef ABSENT
  };
  for (const char* local : locals)
    if (std::strcmp(local, symbol) == 0) return true;
  return false;
}

bool supported(std::size_t, const char* symbol) {
  // Without a server every name is found, so that the program comes as far as cuInit and hears the reason
  // there.
  if (core().connect() != CUDA_SUCCESS) return true;
  return core().snapshot().has_symbol(symbol) || is_local(symbol);
}

CUresult find(const char* symbol, void** pfn, int cudaVersion, cuuint64_t flags,
              CUdriverProcAddressQueryResult* status) {
  if (!symbol || !pfn) return CUDA_ERROR_INVALID_VALUE;
  *pfn = nullptr;
  tables::ProcMatch match = tables::find_proc(symbol, cudaVersion, flags, &supported);
  switch (match.status) {
    case tables::ProcStatus::invalid_flags:
      return CUDA_ERROR_INVALID_VALUE;
    case tables::ProcStatus::found:
      *pfn = reinterpret_cast<void*>(address_of(match.row));
      if (status) *status = CU_GET_PROC_ADDRESS_SUCCESS;
      break;
    case tables::ProcStatus::not_found:
      if (status) *status = CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
      break;
    case tables::ProcStatus::version_not_sufficient:
      if (status) *status = CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT;
      break;
  }
  return CUDA_SUCCESS;
}

// The driver behind the private tables, as this library knows it.
CUresult identity(CUdevice device, tables::DeviceIdentity* identity) {
  const DeviceSnapshot* snapshot = core().snapshot().device(device);
  if (!snapshot) return CUDA_ERROR_INVALID_DEVICE;
  std::memcpy(identity->uuid, snapshot->uuid, sizeof identity->uuid);
  identity->pci_domain = identity->pci_bus = identity->pci_device = 0;
  snapshot->attribute(CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID, identity->pci_domain);
  snapshot->attribute(CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, identity->pci_bus);
  snapshot->attribute(CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID, identity->pci_device);
  return CUDA_SUCCESS;
}

CUresult count_devices(int* count) {
  *count = core().snapshot().device_count();
  return CUDA_SUCCESS;
}

CUresult primary(CUcontext* context, CUdevice device) {
  if (!core().snapshot().device(device)) return CUDA_ERROR_INVALID_DEVICE;
  *context = reinterpret_cast<CUcontext>(api::primary_context(device));
  return CUDA_SUCCESS;
}

CUcontext current() { return this_thread().current(); }

CUresult context_number(CUcontext context, std::uint64_t* id) {
  *id = api::number_in(reinterpret_cast<std::uint64_t>(context));
  return CUDA_SUCCESS;
}

// cuFFT and CUPTI ask for it; enumerating needs a request of its own.
CUresult enumerate(CUmodule, tables::VisitFunction, void*) {
  static std::atomic<bool> said{false};
  return refuse("enumerating a module's functions through a private table", said);
}

constexpr tables::Backend backend{&cuDriverGetVersion, &count_devices,    &identity, &primary, &current,
                                  &context_number,     &cuModuleLoadData, &enumerate};

}  // namespace

VCUDA_EXPORT CUresult cuGetProcAddress_v2(const char* symbol, void** pfn, int cudaVersion, cuuint64_t flags,
                                          CUdriverProcAddressQueryResult* symbolStatus) {
  return find(symbol, pfn, cudaVersion, flags, symbolStatus);
}
VCUDA_EXPORT CUresult cuGetProcAddress(const char* symbol, void** pfn, int cudaVersion, cuuint64_t flags) {
  return find(symbol, pfn, cudaVersion, flags, nullptr);
}

VCUDA_EXPORT CUresult cuGetExportTable(const void** ppExportTable, const CUuuid* pExportTableId) {
  static constexpr const char* client_library[] = {"vcuda", VCUDA_VERSION};
  if (ppExportTable && pExportTableId &&
      std::memcmp(pExportTableId->bytes, vcuda::contract::client_library_id, sizeof pExportTableId->bytes) ==
          0) {
    *ppExportTable = client_library;
    return CUDA_SUCCESS;
  }
  tables::serve(backend);
  return tables::export_table(ppExportTable, pExportTableId);
}
