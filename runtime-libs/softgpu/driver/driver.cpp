#include "runtime-libs/softgpu/driver/driver.hpp"

#include <pthread.h>

#include <cstdio>

#include "runtime-libs/export_tables/context_storage.hpp"

namespace vcuda::softgpu {
namespace {

std::mutex start_lock;
std::atomic<Driver*> running{nullptr};
std::atomic<bool> forked{false};

}  // namespace

Driver* driver() { return running.load(std::memory_order_acquire); }

void say(const std::string& line) { fprintf(stderr, "vcuda softgpu: %s\n", line.c_str()); }

CUresult start_driver() {
  const std::scoped_lock hold(start_lock);
  if (driver() != nullptr) return CUDA_SUCCESS;
  // The threads of the parent's driver do not exist here, and its locks may be held by them for ever.
  if (forked) return CUDA_ERROR_NOT_INITIALIZED;
  const auto profiles = profiles_from_environment();
  if (!profiles) {
    say(profiles.error().message);
    return CUDA_ERROR_INVALID_VALUE;
  }
  auto made = std::make_unique<Driver>();
  for (const DeviceProfile& profile : *profiles) {
    const auto primary = std::make_shared<Context>(profile.index, 0, true, made->next_number());
    made->devices.push_back(std::make_unique<Device>(profile, made->contexts.add(primary)));
    if (!made->devices.back()->memory.reserved()) {
      say("the addresses of device memory (from 0x200000000000 on) are taken in this process");
      return CUDA_ERROR_OPERATING_SYSTEM;
    }
  }
  pthread_atfork(nullptr, nullptr, [] {
    forked = true;
    running = nullptr;
  });
  running.store(made.release(), std::memory_order_release);
  return CUDA_SUCCESS;
}

Device* Driver::device(CUdevice number) {
  return number >= 0 && static_cast<size_t>(number) < devices.size() ? devices[number].get() : nullptr;
}

void Driver::empty(CUcontext handle, const std::shared_ptr<Context>& context) {
  export_tables::storage_context_gone(handle);
  context->shut_down();
  const auto of_context = [&](const auto& object) {
    const auto owner = object.context();
    return owner == nullptr || owner == context;
  };
  streams.remove_if(of_context);
  functions.remove_if([&](const Function& function) {
    const auto owner = function.context.lock();
    return owner == nullptr || owner == context;
  });
  events.remove_if([&](const Event& event) {
    const auto owner = event.context.lock();
    return owner == nullptr || owner == context;
  });
  modules.remove_if(of_context);
  std::vector<Allocation> left;
  allocations.each([&](const Allocation& allocation) {
    if (allocation.context_id == context->number) left.push_back(allocation);
  });
  for (const Allocation& allocation : left) {
    if (allocation.kind == MemoryKind::module) continue;
    allocations.remove(allocation.begin);
    if (allocation.kind == MemoryKind::device || allocation.kind == MemoryKind::managed) {
      devices[allocation.device]->memory.free(allocation.begin);
    }
  }
}

}  // namespace vcuda::softgpu
