// The attributes a software GPU tells: what it really does, and for sizes that only describe silicon, those
// of an NVIDIA GPU of the same compute capability.
#pragma once

#include "runtime-libs/api/driver_api.hpp"

#include <optional>

#include "runtime-libs/softgpu/device/profile.hpp"

namespace vcuda::softgpu {

constexpr unsigned max_threads_per_block = 1024;
constexpr unsigned max_block_dim[3] = {1024, 1024, 64};
constexpr unsigned max_grid_dim[3] = {0x7fffffff, 65535, 65535};
constexpr unsigned max_threads_per_multiprocessor = 1536;
constexpr unsigned max_blocks_per_multiprocessor = 24;
constexpr unsigned registers_per_multiprocessor = 65536;
constexpr unsigned shared_bytes_per_block = 48 << 10;
constexpr unsigned shared_bytes_per_block_optin = 99 << 10;
constexpr unsigned shared_bytes_per_multiprocessor = 100 << 10;
constexpr unsigned reserved_shared_bytes_per_block = 1 << 10;

// Returns the attribute's value; nullopt for a number cuda.h 13.0 does not define.
std::optional<int> attribute_of(const DeviceProfile& device, CUdevice_attribute attribute);

}  // namespace vcuda::softgpu
