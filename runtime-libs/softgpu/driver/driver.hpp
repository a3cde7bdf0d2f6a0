// The driver library's state. The C ABI has no object to hang it on, so there is one for the process; it is
// made by cuInit and never destroyed, because the CUDA runtime calls in after static destructors have run.
#pragma once

#include "runtime-libs/api/driver_api.hpp"

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime-libs/softgpu/device/profile.hpp"
#include "runtime-libs/softgpu/driver/context.hpp"
#include "runtime-libs/softgpu/driver/event.hpp"
#include "runtime-libs/softgpu/driver/handles.hpp"
#include "runtime-libs/softgpu/driver/module.hpp"
#include "runtime-libs/softgpu/driver/stream.hpp"
#include "runtime-libs/softgpu/memory/allocation_map.hpp"
#include "runtime-libs/softgpu/memory/device_memory.hpp"

namespace vcuda::softgpu {

struct Device {
  Device(const DeviceProfile& of, CUcontext primary_handle)
      : profile(of), memory(of.index, of.memory_bytes), primary(primary_handle) {}

  const DeviceProfile profile;
  DeviceMemory memory;
  const CUcontext primary;  // handle of the primary context, which exists from the start
  std::mutex lock;
  unsigned retained = 0;  // guarded by lock
};

class Driver {
 public:
  std::vector<std::unique_ptr<Device>> devices;
  AllocationMap allocations;
  HandleTable<CUcontext, Context, HandleKind::context> contexts;
  HandleTable<CUstream, Stream, HandleKind::stream> streams;
  HandleTable<CUevent, Event, HandleKind::event> events;
  HandleTable<CUmodule, Module, HandleKind::module> modules;
  HandleTable<CUlibrary, Library, HandleKind::library> libraries;
  HandleTable<CUfunction, Function, HandleKind::function> functions;
  HandleTable<CUkernel, LibraryKernel, HandleKind::kernel> kernels;

  // Null for a number that is no device.
  Device* device(CUdevice number);
  // Shuts the context down and frees all that is its own; a handle of it stays only for a primary one.
  void empty(CUcontext handle, const std::shared_ptr<Context>& context);
  uint64_t next_number() { return next_number_.fetch_add(1, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> next_number_{1};
};

// Makes the driver if there is none: cuInit. CUDA_ERROR_INVALID_VALUE (said on stderr) for a setting that is
// wrong, CUDA_ERROR_OPERATING_SYSTEM if the device addresses are taken.
CUresult start_driver();
// The driver, null before start_driver succeeded and in a child that was forked after it.
Driver* driver();

// One line on stderr, "vcuda softgpu: ...".
void say(const std::string& line);

}  // namespace vcuda::softgpu
