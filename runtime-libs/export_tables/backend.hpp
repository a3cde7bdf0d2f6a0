// What the private tables need to know of the driver library they stand in. The two libraries that serve them
// (the software GPU and the remoting client) each fill one Backend; this room knows neither.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace vcuda::export_tables {

// What names one device in the integrity digest: uuid as cuDeviceGetUuid gives it, the place on the PCI bus
// as CU_DEVICE_ATTRIBUTE_PCI_{DOMAIN,BUS,DEVICE}_ID give it.
struct DeviceIdentity {
  unsigned char uuid[16];
  int32_t pci_domain;
  int32_t pci_bus;
  int32_t pci_device;
};

// Receives one function of a module; user is handed through.
using VisitFunction = void (*)(void* user, CUfunction function);

// The driver behind the tables. Every member must be set, may be called from any thread at any time up to
// process exit (also after static destructors), and must not throw.
struct Backend {
  // Writes what cuDriverGetVersion answers.
  CUresult (*driver_version)(int* version);
  // Writes the number of devices; 0 before cuInit is no error.
  CUresult (*device_count)(int* count);
  // Writes the identity of device 0 <= device < count. CUDA_ERROR_INVALID_DEVICE otherwise.
  CUresult (*device_identity)(CUdevice device, DeviceIdentity* identity);
  // Writes the handle of the device's primary context without retaining or activating it.
  CUresult (*primary_context)(CUcontext* context, CUdevice device);
  // Returns the calling thread's current context, null if none.
  CUcontext (*current_context)();
  // Writes a number unique to the context for the life of the process; a null context has number 0.
  CUresult (*context_id)(CUcontext context, uint64_t* id);
  // Loads an image (cudart wrapper, fatbin, cubin or PTX text) into the current context.
  CUresult (*load_module)(CUmodule* module, const void* image);
  // Calls visit for each function of the module, in any order.
  CUresult (*enumerate_functions)(CUmodule module, VisitFunction visit, void* user);
};

}  // namespace vcuda::export_tables
