// libutilities.so: the functions of libnvidia-ml.so.1 that programs on a remote GPU need. What is not here is
// not exported, so a program that looks for it by name is told the truth.
#include <cstdio>
#include <cstring>

#include "runtime-libs/nvml/core.hpp"

#define NVML_EXPORT extern "C" __attribute__((visibility("default")))

using vcuda::nvml::core;
using vcuda::nvml::Device;

namespace {

nvmlReturn_t copy_text(const char* text, char* buffer, unsigned length) {
  if (!buffer) return NVML_ERROR_INVALID_ARGUMENT;
  std::size_t bytes = std::strlen(text) + 1;
  if (bytes > length) return NVML_ERROR_INSUFFICIENT_SIZE;
  std::memcpy(buffer, text, bytes);
  return NVML_SUCCESS;
}

// The device behind a handle, or why there is none.
nvmlReturn_t find(nvmlDevice_t handle, const Device*& device, unsigned& index) {
  if (nvmlReturn_t not_ready = core().state()) return not_ready;
  device = core().device(handle, index);
  return device ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

template <class Matches>
nvmlReturn_t first_device(nvmlDevice_t* out, Matches matches) {
  if (nvmlReturn_t not_ready = core().state()) return not_ready;
  if (!out) return NVML_ERROR_INVALID_ARGUMENT;
  for (unsigned i = 0; i < core().device_count(); ++i) {
    const Device* device = core().device(i);
    if (!matches(*device)) continue;
    *out = reinterpret_cast<nvmlDevice_t>(const_cast<Device*>(device));
    return NVML_SUCCESS;
  }
  return NVML_ERROR_NOT_FOUND;
}

}  // namespace

NVML_EXPORT nvmlReturn_t nvmlInit_v2() { return core().init(); }
NVML_EXPORT nvmlReturn_t nvmlInit() { return core().init(); }
NVML_EXPORT nvmlReturn_t nvmlInitWithFlags(unsigned int) { return core().init(); }
NVML_EXPORT nvmlReturn_t nvmlShutdown() { return core().shutdown(); }

NVML_EXPORT const char* nvmlErrorString(nvmlReturn_t result) { return nvml_error_text(result); }

NVML_EXPORT nvmlReturn_t nvmlSystemGetDriverVersion(char* version, unsigned int length) {
  if (nvmlReturn_t not_ready = core().state()) return not_ready;
  return copy_text(core().driver_version(), version, length);
}
NVML_EXPORT nvmlReturn_t nvmlSystemGetNVMLVersion(char* version, unsigned int length) {
  if (nvmlReturn_t not_ready = core().state()) return not_ready;
  return copy_text(core().nvml_version(), version, length);
}
NVML_EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int* version) {
  if (nvmlReturn_t not_ready = core().state()) return not_ready;
  if (!version) return NVML_ERROR_INVALID_ARGUMENT;
  *version = core().cuda_driver_version();
  return NVML_SUCCESS;
}
NVML_EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion(int* version) {
  return nvmlSystemGetCudaDriverVersion_v2(version);
}

NVML_EXPORT nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int* count) {
  if (nvmlReturn_t not_ready = core().state()) return not_ready;
  if (!count) return NVML_ERROR_INVALID_ARGUMENT;
  *count = core().device_count();
  return NVML_SUCCESS;
}
NVML_EXPORT nvmlReturn_t nvmlDeviceGetCount(unsigned int* count) { return nvmlDeviceGetCount_v2(count); }

NVML_EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t* device) {
  if (nvmlReturn_t not_ready = core().state()) return not_ready;
  const Device* found = core().device(index);
  if (!device || !found) return NVML_ERROR_INVALID_ARGUMENT;
  *device = reinterpret_cast<nvmlDevice_t>(const_cast<Device*>(found));
  return NVML_SUCCESS;
}
NVML_EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex(unsigned int index, nvmlDevice_t* device) {
  return nvmlDeviceGetHandleByIndex_v2(index, device);
}
NVML_EXPORT nvmlReturn_t nvmlDeviceGetHandleByUUID(const char* uuid, nvmlDevice_t* device) {
  if (!uuid) return NVML_ERROR_INVALID_ARGUMENT;
  return first_device(device, [uuid](const Device& d) { return std::strcmp(d.uuid, uuid) == 0; });
}
NVML_EXPORT nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char* pciBusId, nvmlDevice_t* device) {
  // domain:bus:device.function, with a domain of four or eight digits.
  unsigned domain = 0, bus = 0, slot = 0, function = 0;
  if (!pciBusId || std::sscanf(pciBusId, "%x:%x:%x.%x", &domain, &bus, &slot, &function) < 3)
    return NVML_ERROR_INVALID_ARGUMENT;
  return first_device(device, [=](const Device& d) {
    return d.pci.domain == domain && d.pci.bus == bus && d.pci.device == slot;
  });
}
NVML_EXPORT nvmlReturn_t nvmlDeviceGetHandleByPciBusId(const char* pciBusId, nvmlDevice_t* device) {
  return nvmlDeviceGetHandleByPciBusId_v2(pciBusId, device);
}

NVML_EXPORT nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char* name, unsigned int length) {
  const Device* found;
  unsigned index;
  if (nvmlReturn_t wrong = find(device, found, index)) return wrong;
  return copy_text(found->name, name, length);
}
NVML_EXPORT nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char* uuid, unsigned int length) {
  const Device* found;
  unsigned index;
  if (nvmlReturn_t wrong = find(device, found, index)) return wrong;
  return copy_text(found->uuid, uuid, length);
}
NVML_EXPORT nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int* out) {
  const Device* found;
  unsigned index;
  if (nvmlReturn_t wrong = find(device, found, index)) return wrong;
  if (!out) return NVML_ERROR_INVALID_ARGUMENT;
  *out = index;
  return NVML_SUCCESS;
}
NVML_EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t* pci) {
  const Device* found;
  unsigned index;
  if (nvmlReturn_t wrong = find(device, found, index)) return wrong;
  if (!pci) return NVML_ERROR_INVALID_ARGUMENT;
  *pci = found->pci;
  return NVML_SUCCESS;
}
NVML_EXPORT nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int* major, int* minor) {
  const Device* found;
  unsigned index;
  if (nvmlReturn_t wrong = find(device, found, index)) return wrong;
  if (!major || !minor) return NVML_ERROR_INVALID_ARGUMENT;
  *major = found->major;
  *minor = found->minor;
  return NVML_SUCCESS;
}

NVML_EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t* memory) {
  const Device* found;
  unsigned index;
  vcuda::api::NvmlMemory now{};
  if (nvmlReturn_t wrong = find(device, found, index)) return wrong;
  if (!memory) return NVML_ERROR_INVALID_ARGUMENT;
  if (nvmlReturn_t wrong = core().memory(index, now)) return wrong;
  // The first version has no word for reserved memory and counts it as used.
  *memory = {now.total, now.free, now.used + now.reserved};
  return NVML_SUCCESS;
}
NVML_EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t* memory) {
  const Device* found;
  unsigned index;
  vcuda::api::NvmlMemory now{};
  if (nvmlReturn_t wrong = find(device, found, index)) return wrong;
  if (!memory) return NVML_ERROR_INVALID_ARGUMENT;
  if (memory->version != nvml_memory_v2) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
  if (nvmlReturn_t wrong = core().memory(index, now)) return wrong;
  *memory = {nvml_memory_v2, now.total, now.reserved, now.free, now.used};
  return NVML_SUCCESS;
}
