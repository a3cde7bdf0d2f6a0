// Handles of the driver API: numbers that are looked up, never addresses. A wrong one is an error, and none
// is used twice.
#pragma once

#include "runtime-libs/api/driver_api.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

namespace vcuda::softgpu {

// What a handle stands for; told from the handle itself, because a CUkernel may be given for a CUfunction.
enum class HandleKind : uint8_t { context = 1, stream, event, module, library, function, kernel };

// Bits 40-46 hold the kind: below 2^47, and no small number that cuda.h gives a meaning (CU_STREAM_LEGACY).
constexpr int handle_kind_shift = 40;

template <typename Handle>
HandleKind kind_of(Handle handle) {
  return static_cast<HandleKind>(reinterpret_cast<uintptr_t>(handle) >> handle_kind_shift & 0x7f);
}

// Thread-safe.
template <typename Handle, typename Object, HandleKind kind>
class HandleTable {
 public:
  Handle add(std::shared_ptr<Object> object) {
    const uint64_t number = next_.fetch_add(1, std::memory_order_relaxed);
    const auto handle =
        reinterpret_cast<Handle>(uint64_t{static_cast<uint8_t>(kind)} << handle_kind_shift | number << 4);
    const std::unique_lock hold(lock_);
    objects_.emplace(handle, std::move(object));
    return handle;
  }

  // Returns null for a handle that is not there.
  std::shared_ptr<Object> find(Handle handle) const {
    const std::shared_lock hold(lock_);
    const auto found = objects_.find(handle);
    return found == objects_.end() ? nullptr : found->second;
  }

  std::shared_ptr<Object> remove(Handle handle) {
    const std::unique_lock hold(lock_);
    const auto found = objects_.find(handle);
    if (found == objects_.end()) return nullptr;
    std::shared_ptr<Object> object = std::move(found->second);
    objects_.erase(found);
    return object;
  }

  // Takes out all objects for which goes(object) holds.
  template <typename Goes>
  void remove_if(Goes goes) {
    const std::unique_lock hold(lock_);
    std::erase_if(objects_, [&](const auto& entry) { return goes(*entry.second); });
  }

  // Calls visit(handle, object) for each.
  template <typename Visit>
  void each(Visit visit) const {
    const std::shared_lock hold(lock_);
    for (const auto& [handle, object] : objects_) visit(handle, object);
  }

 private:
  std::atomic<uint64_t> next_{1};
  mutable std::shared_mutex lock_;
  std::unordered_map<Handle, std::shared_ptr<Object>> objects_;
};

}  // namespace vcuda::softgpu
