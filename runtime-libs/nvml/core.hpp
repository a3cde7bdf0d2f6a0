// What the NVML library knows: one session of its own, opened at nvmlInit, and the snapshot that came with
// it. As in the CUDA library, the C ABI leaves no place for this but a process-wide object, constructed at
// compile time.
#pragma once
#include <pthread.h>
#include <cstdint>

#include "runtime-libs/api/nvml_abi.hpp"
#include "runtime-libs/api/nvml_wire.hpp"
#include "runtime-libs/client/session.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::nvml {

struct Device {
  const char* name;
  const char* uuid;
  nvmlPciInfo_t pci;
  std::int32_t major;
  std::int32_t minor;
};

class Core {
 public:
  // Opens the session if that has not been tried, and counts the initialisations.
  // NVML_ERROR_DRIVER_NOT_LOADED where no server was reached (said once on stderr).
  nvmlReturn_t init();
  nvmlReturn_t shutdown();
  void abandon_in_child();

  // NVML_SUCCESS, NVML_ERROR_UNINITIALIZED, or NVML_ERROR_GPU_IS_LOST where the session was lost.
  nvmlReturn_t state() const;

  const char* driver_version() const { return driver_version_; }
  const char* nvml_version() const { return nvml_version_; }
  int cuda_driver_version() const { return cuda_driver_version_; }
  unsigned device_count() const { return device_count_; }

  // A device handle is the device's entry here; anything else is none (nullptr).
  const Device* device(unsigned index) const { return index < device_count_ ? &devices_[index] : nullptr; }
  const Device* device(nvmlDevice_t handle, unsigned& index) const;

  nvmlReturn_t memory(unsigned index, api::NvmlMemory& memory);

 private:
  nvmlReturn_t connect();
  bool parse(const void* body, std::size_t bytes);

  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  int initialisations_ = 0;
  bool tried_ = false;
  bool hooked_ = false;  // into fork
  nvmlReturn_t outcome_ = NVML_ERROR_UNINITIALIZED;
  client::Session session_;
  char server_[256] = {};
  int control_ = -1;
  const char* message_ = "";
  const char* driver_version_ = "";
  const char* nvml_version_ = "";
  int cuda_driver_version_ = 0;
  Device devices_[wire::max_devices] = {};
  unsigned device_count_ = 0;
};

Core& core();

}  // namespace vcuda::nvml
