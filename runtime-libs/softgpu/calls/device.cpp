// Devices: what there is and what it can do.
#include <algorithm>
#include <cstring>

#include "runtime-libs/api/driver_api.hpp"
#include "runtime-libs/softgpu/device/attributes.hpp"
#include "runtime-libs/softgpu/driver/current.hpp"

using namespace vcuda::softgpu;

namespace {

struct OfDevice : InDriver {
  OfDevice(CUdevice number, const void* out) {
    if (code != CUDA_SUCCESS) return;
    device = driver->device(number);
    if (out == nullptr) code = CUDA_ERROR_INVALID_VALUE;
    if (device == nullptr) code = CUDA_ERROR_INVALID_DEVICE;
  }
  Device* device = nullptr;
};

// Copies the text and its NUL as far as there is room, always ending in NUL.
CUresult copy_text(char* out, int room, const std::string& text) {
  if (room <= 0) return CUDA_ERROR_INVALID_VALUE;
  const size_t length = std::min(text.size(), static_cast<size_t>(room) - 1);
  std::memcpy(out, text.data(), length);
  out[length] = '\0';
  return CUDA_SUCCESS;
}

}  // namespace

VCUDA_API cuDeviceGet(CUdevice* device, int ordinal) {
  const OfDevice of(ordinal, device);
  if (!of) return of.code;
  *device = ordinal;
  return CUDA_SUCCESS;
}

VCUDA_API cuDeviceGetCount(int* count) {
  const InDriver in;
  if (!in) return in.code;
  if (count == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *count = static_cast<int>(in.driver->devices.size());
  return CUDA_SUCCESS;
}

VCUDA_API cuDeviceGetName(char* name, int len, CUdevice dev) {
  const OfDevice of(dev, name);
  if (!of) return of.code;
  return copy_text(name, len, of.device->profile.name);
}

VCUDA_API cuDeviceGetUuid(CUuuid* uuid, CUdevice dev) {
  const OfDevice of(dev, uuid);
  if (!of) return of.code;
  std::memcpy(uuid->bytes, of.device->profile.uuid, sizeof uuid->bytes);
  return CUDA_SUCCESS;
}

VCUDA_API cuDeviceGetUuid_v2(CUuuid* uuid, CUdevice dev) { return cuDeviceGetUuid(uuid, dev); }

VCUDA_API cuDeviceTotalMem_v2(size_t* bytes, CUdevice dev) {
  const OfDevice of(dev, bytes);
  if (!of) return of.code;
  *bytes = of.device->profile.memory_bytes;
  return CUDA_SUCCESS;
}

VCUDA_API cuDeviceGetAttribute(int* pi, CUdevice_attribute attrib, CUdevice dev) {
  const OfDevice of(dev, pi);
  if (!of) return of.code;
  const auto value = attribute_of(of.device->profile, attrib);
  if (!value) return CUDA_ERROR_INVALID_VALUE;
  *pi = *value;
  return CUDA_SUCCESS;
}

VCUDA_API cuDeviceComputeCapability(int* major, int* minor, CUdevice dev) {
  const OfDevice of(dev, major);
  if (!of) return of.code;
  if (minor == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *major = static_cast<int>(of.device->profile.capability_major);
  *minor = static_cast<int>(of.device->profile.capability_minor);
  return CUDA_SUCCESS;
}

VCUDA_API cuDeviceGetProperties(CUdevprop* prop, CUdevice dev) {
  const OfDevice of(dev, prop);
  if (!of) return of.code;
  *prop = {};
  prop->maxThreadsPerBlock = max_threads_per_block;
  for (int i = 0; i < 3; ++i) {
    prop->maxThreadsDim[i] = static_cast<int>(max_block_dim[i]);
    prop->maxGridSize[i] = static_cast<int>(max_grid_dim[i]);
  }
  prop->sharedMemPerBlock = shared_bytes_per_block;
  prop->totalConstantMemory = 65536;
  prop->SIMDWidth = 32;
  prop->memPitch = 0x7fffffff;
  prop->regsPerBlock = registers_per_multiprocessor;
  prop->clockRate = 1000000;
  prop->textureAlign = 512;
  return CUDA_SUCCESS;
}

VCUDA_API cuDeviceGetPCIBusId(char* pciBusId, int len, CUdevice dev) {
  const OfDevice of(dev, pciBusId);
  if (!of) return of.code;
  return copy_text(pciBusId, len, pci_bus_id(of.device->profile));
}

VCUDA_API cuDeviceGetByPCIBusId(CUdevice* dev, const char* pciBusId) {
  const InDriver in;
  if (!in) return in.code;
  if (dev == nullptr || pciBusId == nullptr) return CUDA_ERROR_INVALID_VALUE;
  for (const auto& device : in.driver->devices) {
    const std::string full = pci_bus_id(device->profile);
    if (full == pciBusId || full.substr(0, full.size() - 2) == pciBusId || full.substr(5) == pciBusId) {
      *dev = device->profile.index;
      return CUDA_SUCCESS;
    }
  }
  return CUDA_ERROR_INVALID_DEVICE;
}

VCUDA_API cuDeviceCanAccessPeer(int* canAccessPeer, CUdevice dev, CUdevice peerDev) {
  const OfDevice of(dev, canAccessPeer);
  if (!of) return of.code;
  if (of.driver->device(peerDev) == nullptr) return CUDA_ERROR_INVALID_DEVICE;
  *canAccessPeer = 0;
  return CUDA_SUCCESS;
}
