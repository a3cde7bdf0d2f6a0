// Devices and the driver itself: answered from the snapshot, nothing travels.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "runtime-libs/client/core.hpp"
#include "runtime-libs/client/exported.hpp"

using vcuda::client::core;
using vcuda::client::DeviceSnapshot;
using vcuda::client::enter;

namespace {

// The device's snapshot, or why there is none.
CUresult device_of(CUdevice dev, const char* call, const DeviceSnapshot*& device) {
  if (CUresult refused = enter(call)) return refused;
  device = core().snapshot().device(dev);
  return device ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

}  // namespace

VCUDA_EXPORT CUresult cuInit(unsigned int Flags) {
  if (Flags != 0) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult refused = core().connect()) return refused;
  core().set_initialised();
  return enter("cuInit");
}

VCUDA_EXPORT CUresult cuDriverGetVersion(int* driverVersion) {
  if (!driverVersion) return CUDA_ERROR_INVALID_VALUE;
  // Without a server the version of this library's own interface: the program then comes as far as cuInit and
  // hears the truth there, instead of the runtime's "insufficient driver".
  *driverVersion = core().connect() == CUDA_SUCCESS ? core().snapshot().driver_version() : CUDA_VERSION;
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuDeviceGetCount(int* count) {
  if (CUresult refused = enter("cuDeviceGetCount")) return refused;
  if (!count) return CUDA_ERROR_INVALID_VALUE;
  *count = core().snapshot().device_count();
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  const DeviceSnapshot* found;
  if (CUresult refused = device_of(ordinal, "cuDeviceGet", found)) return refused;
  if (!device) return CUDA_ERROR_INVALID_VALUE;
  *device = ordinal;
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuDeviceGetName(char* name, int len, CUdevice dev) {
  const DeviceSnapshot* device;
  if (CUresult refused = device_of(dev, "cuDeviceGetName", device)) return refused;
  if (!name || len < 1) return CUDA_ERROR_INVALID_VALUE;
  std::snprintf(name, static_cast<std::size_t>(len), "%s", device->name);
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuDeviceGetUuid_v2(CUuuid* uuid, CUdevice dev) {
  const DeviceSnapshot* device;
  if (CUresult refused = device_of(dev, "cuDeviceGetUuid", device)) return refused;
  if (!uuid) return CUDA_ERROR_INVALID_VALUE;
  std::memcpy(uuid->bytes, device->uuid, sizeof device->uuid);
  return CUDA_SUCCESS;
}
VCUDA_EXPORT CUresult cuDeviceGetUuid(CUuuid* uuid, CUdevice dev) { return cuDeviceGetUuid_v2(uuid, dev); }

VCUDA_EXPORT CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice dev) {
  const DeviceSnapshot* device;
  if (CUresult refused = device_of(dev, "cuDeviceTotalMem", device)) return refused;
  if (!bytes) return CUDA_ERROR_INVALID_VALUE;
  *bytes = device->total_bytes;
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuDeviceGetAttribute(int* pi, CUdevice_attribute attrib, CUdevice dev) {
  const DeviceSnapshot* device;
  if (CUresult refused = device_of(dev, "cuDeviceGetAttribute", device)) return refused;
  if (!pi || !device->attribute(attrib, *pi)) return CUDA_ERROR_INVALID_VALUE;
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuDeviceComputeCapability(int* major, int* minor, CUdevice dev) {
  if (!major || !minor) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult refused = cuDeviceGetAttribute(major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, dev))
    return refused;
  return cuDeviceGetAttribute(minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, dev);
}

VCUDA_EXPORT CUresult cuDeviceGetProperties(CUdevprop* prop, CUdevice dev) {
  const DeviceSnapshot* device;
  if (CUresult refused = device_of(dev, "cuDeviceGetProperties", device)) return refused;
  if (!prop) return CUDA_ERROR_INVALID_VALUE;
  auto get = [&](CUdevice_attribute which) {
    int value = 0;
    device->attribute(which, value);
    return value;
  };
  prop->maxThreadsPerBlock = get(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
  prop->maxThreadsDim[0] = get(CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X);
  prop->maxThreadsDim[1] = get(CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y);
  prop->maxThreadsDim[2] = get(CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z);
  prop->maxGridSize[0] = get(CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X);
  prop->maxGridSize[1] = get(CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y);
  prop->maxGridSize[2] = get(CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z);
  prop->sharedMemPerBlock = get(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK);
  prop->totalConstantMemory = get(CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY);
  prop->SIMDWidth = get(CU_DEVICE_ATTRIBUTE_WARP_SIZE);
  prop->memPitch = get(CU_DEVICE_ATTRIBUTE_MAX_PITCH);
  prop->regsPerBlock = get(CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK);
  prop->clockRate = get(CU_DEVICE_ATTRIBUTE_CLOCK_RATE);
  prop->textureAlign = get(CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT);
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuDeviceGetPCIBusId(char* pciBusId, int len, CUdevice dev) {
  const DeviceSnapshot* device;
  if (CUresult refused = device_of(dev, "cuDeviceGetPCIBusId", device)) return refused;
  if (!pciBusId || len < 1) return CUDA_ERROR_INVALID_VALUE;
  std::snprintf(pciBusId, static_cast<std::size_t>(len), "%s", device->pci_bus_id);
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuDeviceGetByPCIBusId(CUdevice* dev, const char* pciBusId) {
  if (CUresult refused = enter("cuDeviceGetByPCIBusId")) return refused;
  if (!dev || !pciBusId) return CUDA_ERROR_INVALID_VALUE;
  // [domain:]bus:device[.function], hexadecimal.
  auto parse = [](const char* text, unsigned(&part)[4]) {
    part[0] = part[3] = 0;
    return std::sscanf(text, "%x:%x:%x.%x", &part[0], &part[1], &part[2], &part[3]) >= 3 ||
           (part[0] = 0, std::sscanf(text, "%x:%x.%x", &part[1], &part[2], &part[3]) >= 2);
  };
  unsigned wanted[4], here[4];
  if (!parse(pciBusId, wanted)) return CUDA_ERROR_INVALID_VALUE;
  for (int i = 0; i < core().snapshot().device_count(); ++i) {
    if (!parse(core().snapshot().device(i)->pci_bus_id, here) || !std::equal(wanted, wanted + 4, here))
      continue;
    *dev = i;
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_INVALID_DEVICE;
}

// Peer copies between devices of one session are not carried yet, so the truthful answer is no.
VCUDA_EXPORT CUresult cuDeviceCanAccessPeer(int* canAccessPeer, CUdevice dev, CUdevice peerDev) {
  const DeviceSnapshot *one, *other;
  if (CUresult refused = device_of(dev, "cuDeviceCanAccessPeer", one)) return refused;
  if (CUresult refused = device_of(peerDev, "cuDeviceCanAccessPeer", other)) return refused;
  if (!canAccessPeer) return CUDA_ERROR_INVALID_VALUE;
  *canAccessPeer = 0;
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuModuleGetLoadingMode(CUmoduleLoadingMode* mode) {
  if (CUresult refused = enter("cuModuleGetLoadingMode")) return refused;
  if (!mode) return CUDA_ERROR_INVALID_VALUE;
  // libcuda reads this variable in the app's process; EAGER there must be EAGER here.
  const char* wish = ::getenv("CUDA_MODULE_LOADING");
  if (wish && std::strcmp(wish, "EAGER") == 0)
    *mode = CU_MODULE_EAGER_LOADING;
  else if (wish && std::strcmp(wish, "LAZY") == 0)
    *mode = CU_MODULE_LAZY_LOADING;
  else
    *mode = static_cast<CUmoduleLoadingMode>(core().snapshot().loading_mode());
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuGetErrorName(CUresult error, const char** pStr) {
  if (!pStr) return CUDA_ERROR_INVALID_VALUE;
  switch (error) {
#define ERROR(name, sentence) \
  case name:                  \
    *pStr = #name;            \
    return CUDA_SUCCESS;
#include "runtime-libs/api/errors.def"
#undef ERROR
  }
  *pStr = nullptr;
  return CUDA_ERROR_INVALID_VALUE;
}

VCUDA_EXPORT CUresult cuGetErrorString(CUresult error, const char** pStr) {
  if (!pStr) return CUDA_ERROR_INVALID_VALUE;
  switch (error) {
#define ERROR(name, sentence) \
  case name:                  \
    *pStr = sentence;         \
    return CUDA_SUCCESS;
#include "runtime-libs/api/errors.def"
#undef ERROR
  }
  *pStr = nullptr;
  return CUDA_ERROR_INVALID_VALUE;
}
