// What the software GPUs of this process are: read once from the environment, the same for the driver and for
// NVML.
//   VCUDA_SOFTGPU_DEVICES             how many, 1 to 16 (1)
//   VCUDA_SOFTGPU_MEMORY_MIB          memory of each, 16 to 524288 (4096)
//   VCUDA_SOFTGPU_COMPUTE_CAPABILITY  such as 9.0 (12.1, so that any PTX of CUDA 13.0 is eligible)
//   VCUDA_SOFTGPU_MULTIPROCESSORS     1 to 1024 (8)
#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace vcuda::softgpu {

constexpr int max_devices = 16;

struct DeviceProfile {
  int index = 0;
  std::string name;
  unsigned char uuid[16] = {};
  unsigned capability_major = 0;
  unsigned capability_minor = 0;
  unsigned multiprocessors = 0;
  uint64_t memory_bytes = 0;
  int pci_domain = 0;
  int pci_bus = 0;
  int pci_device = 0;

  unsigned capability() const { return capability_major * 10 + capability_minor; }
};

struct ProfileFailure {
  std::string message;
};

// Fails with one sentence that names the variable and what it may be.
boost::system::result<std::vector<DeviceProfile>, ProfileFailure> profiles_from_environment();

// "0000:01:00.0" as CUDA writes it.
std::string pci_bus_id(const DeviceProfile& device);

// "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" as NVML writes it.
std::string uuid_text(const DeviceProfile& device);

// The release of NVIDIA's driver the software GPU stands for: the first for CUDA 13.0.
constexpr char driver_release[] = "580.65.06";
constexpr int cuda_version = 13000;

}  // namespace vcuda::softgpu
