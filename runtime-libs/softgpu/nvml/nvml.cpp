// libnvidia-ml.so.1 for the software GPUs: what there is, told as NVML tells it. Their memory is each
// process's own, so NVML, which looks from outside, sees all of it free.
#include "runtime-libs/api/nvml_abi.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "runtime-libs/softgpu/device/profile.hpp"

using vcuda::softgpu::DeviceProfile;

namespace {

// NVML counts initialisations; the C ABI has no object to hang this on.
std::mutex lock;
unsigned initialised = 0;                       // guarded by lock
std::vector<DeviceProfile>* devices = nullptr;  // made once, never destroyed: handles point into it

nvmlReturn_t initialise() {
  const std::scoped_lock hold(lock);
  if (devices == nullptr) {
    auto profiles = vcuda::softgpu::profiles_from_environment();
    if (!profiles) {
      fprintf(stderr, "vcuda softgpu: %s\n", profiles.error().message.c_str());
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    devices = new std::vector<DeviceProfile>(std::move(*profiles));
  }
  ++initialised;
  return NVML_SUCCESS;
}

bool is_up() {
  const std::scoped_lock hold(lock);
  return initialised > 0;
}

nvmlDevice_t handle_of(const DeviceProfile& device) {
  return reinterpret_cast<nvmlDevice_t>(const_cast<DeviceProfile*>(&device));
}

// The device behind a handle, null for any other pointer.
const DeviceProfile* device_of(nvmlDevice_t handle) {
  for (const DeviceProfile& device : *devices) {
    if (handle_of(device) == handle) return &device;
  }
  return nullptr;
}

nvmlReturn_t copy_text(const std::string& text, char* out, unsigned room) {
  if (out == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  if (room < text.size() + 1) return NVML_ERROR_INSUFFICIENT_SIZE;
  std::memcpy(out, text.c_str(), text.size() + 1);
  return NVML_SUCCESS;
}

// Calls read(const DeviceProfile&) for a good handle.
template <typename Read>
nvmlReturn_t of_device(nvmlDevice_t handle, const void* out, Read read) {
  if (!is_up()) return NVML_ERROR_UNINITIALIZED;
  const DeviceProfile* device = device_of(handle);
  if (device == nullptr || out == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  return read(*device);
}

}  // namespace

#define VCUDA_NVML extern "C" nvmlReturn_t

VCUDA_NVML nvmlInit_v2() { return initialise(); }
VCUDA_NVML nvmlInit() { return initialise(); }
VCUDA_NVML nvmlInitWithFlags(unsigned) { return initialise(); }

VCUDA_NVML nvmlShutdown() {
  const std::scoped_lock hold(lock);
  if (initialised == 0) return NVML_ERROR_UNINITIALIZED;
  --initialised;
  return NVML_SUCCESS;
}

extern "C" const char* nvmlErrorString(nvmlReturn_t result) { return nvml_error_text(result); }

VCUDA_NVML nvmlSystemGetDriverVersion(char* version, unsigned length) {
  if (!is_up()) return NVML_ERROR_UNINITIALIZED;
  return copy_text(vcuda::softgpu::driver_release, version, length);
}

VCUDA_NVML nvmlSystemGetNVMLVersion(char* version, unsigned length) {
  if (!is_up()) return NVML_ERROR_UNINITIALIZED;
  return copy_text("13." + std::string(vcuda::softgpu::driver_release), version, length);
}

VCUDA_NVML nvmlSystemGetCudaDriverVersion_v2(int* version) {
  if (version == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  *version = vcuda::softgpu::cuda_version;
  return NVML_SUCCESS;
}
VCUDA_NVML nvmlSystemGetCudaDriverVersion(int* version) { return nvmlSystemGetCudaDriverVersion_v2(version); }

VCUDA_NVML nvmlDeviceGetCount_v2(unsigned* count) {
  if (!is_up()) return NVML_ERROR_UNINITIALIZED;
  if (count == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  *count = static_cast<unsigned>(devices->size());
  return NVML_SUCCESS;
}
VCUDA_NVML nvmlDeviceGetCount(unsigned* count) { return nvmlDeviceGetCount_v2(count); }

VCUDA_NVML nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t* device) {
  if (!is_up()) return NVML_ERROR_UNINITIALIZED;
  if (device == nullptr || index >= devices->size()) return NVML_ERROR_INVALID_ARGUMENT;
  *device = handle_of((*devices)[index]);
  return NVML_SUCCESS;
}
VCUDA_NVML nvmlDeviceGetHandleByIndex(unsigned index, nvmlDevice_t* device) {
  return nvmlDeviceGetHandleByIndex_v2(index, device);
}

VCUDA_NVML nvmlDeviceGetHandleByUUID(const char* uuid, nvmlDevice_t* device) {
  if (!is_up()) return NVML_ERROR_UNINITIALIZED;
  if (uuid == nullptr || device == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  for (const DeviceProfile& each : *devices) {
    if (vcuda::softgpu::uuid_text(each) != uuid) continue;
    *device = handle_of(each);
    return NVML_SUCCESS;
  }
  return NVML_ERROR_NOT_FOUND;
}

VCUDA_NVML nvmlDeviceGetHandleByPciBusId_v2(const char* bus_id, nvmlDevice_t* device) {
  if (!is_up()) return NVML_ERROR_UNINITIALIZED;
  if (bus_id == nullptr || device == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  for (const DeviceProfile& each : *devices) {
    const std::string short_form = vcuda::softgpu::pci_bus_id(each);
    if (short_form != bus_id && "0000" + short_form != bus_id) continue;
    *device = handle_of(each);
    return NVML_SUCCESS;
  }
  return NVML_ERROR_NOT_FOUND;
}

VCUDA_NVML nvmlDeviceGetName(nvmlDevice_t handle, char* name, unsigned length) {
  return of_device(handle, name,
                   [=](const DeviceProfile& device) { return copy_text(device.name, name, length); });
}

VCUDA_NVML nvmlDeviceGetUUID(nvmlDevice_t handle, char* uuid, unsigned length) {
  return of_device(handle, uuid, [=](const DeviceProfile& device) {
    return copy_text(vcuda::softgpu::uuid_text(device), uuid, length);
  });
}

VCUDA_NVML nvmlDeviceGetIndex(nvmlDevice_t handle, unsigned* index) {
  return of_device(handle, index, [=](const DeviceProfile& device) {
    *index = static_cast<unsigned>(device.index);
    return NVML_SUCCESS;
  });
}

VCUDA_NVML nvmlDeviceGetMemoryInfo(nvmlDevice_t handle, nvmlMemory_t* memory) {
  return of_device(handle, memory, [=](const DeviceProfile& device) {
    *memory = {device.memory_bytes, device.memory_bytes, 0};
    return NVML_SUCCESS;
  });
}

VCUDA_NVML nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t handle, nvmlMemory_v2_t* memory) {
  return of_device(handle, memory, [=](const DeviceProfile& device) {
    if (memory->version != nvml_memory_v2) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    *memory = {nvml_memory_v2, device.memory_bytes, 0, device.memory_bytes, 0};
    return NVML_SUCCESS;
  });
}

VCUDA_NVML nvmlDeviceGetPciInfo_v3(nvmlDevice_t handle, nvmlPciInfo_t* pci) {
  return of_device(handle, pci, [=](const DeviceProfile& device) {
    const std::string id = vcuda::softgpu::pci_bus_id(device);
    *pci = {};
    std::memcpy(pci->busIdLegacy, id.c_str(), std::min(id.size() + 1, sizeof pci->busIdLegacy));
    const std::string long_form = "0000" + id;
    std::memcpy(pci->busId, long_form.c_str(), std::min(long_form.size() + 1, sizeof pci->busId));
    pci->domain = static_cast<unsigned>(device.pci_domain);
    pci->bus = static_cast<unsigned>(device.pci_bus);
    pci->device = static_cast<unsigned>(device.pci_device);
    return NVML_SUCCESS;
  });
}

VCUDA_NVML nvmlDeviceGetCudaComputeCapability(nvmlDevice_t handle, int* major, int* minor) {
  return of_device(handle, major, [=](const DeviceProfile& device) {
    if (minor == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
    *major = static_cast<int>(device.capability_major);
    *minor = static_cast<int>(device.capability_minor);
    return NVML_SUCCESS;
  });
}
