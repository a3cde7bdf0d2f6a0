#include "runtime-libs/server/images.hpp"

#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server {

CUresult Images::add_part(std::uint64_t id, std::uint64_t total, std::uint64_t offset,
                          std::span<const std::byte> bytes) {
  if (total == 0 || total > wire::max_image_bytes) return CUDA_ERROR_INVALID_IMAGE;
  std::lock_guard lock(mutex_);
  if (offset == 0) {
    if (arriving_.contains(id)) return CUDA_ERROR_UNKNOWN;
    std::lock_guard held_lock(held_->mutex);
    if (held_->bytes + total > max_session_bytes || arriving_.size() >= wire::max_images_per_load)
      return CUDA_ERROR_OUT_OF_MEMORY;
    held_->bytes += total;
    auto give_back = [held = held_, total](std::vector<std::byte>* memory) {
      delete memory;
      std::lock_guard last(held->mutex);
      held->bytes -= total;
    };
    arriving_.emplace(id, Arriving{{new std::vector<std::byte>, give_back}, total});
  }
  auto at = arriving_.find(id);
  if (at == arriving_.end() || at->second.total != total || at->second.bytes->size() != offset ||
      bytes.size() > total - offset)
    return CUDA_ERROR_UNKNOWN;
  // Grows with what really arrives, not with what was announced.
  at->second.bytes->insert(at->second.bytes->end(), bytes.begin(), bytes.end());
  return CUDA_SUCCESS;
}

Images::Image Images::take(std::uint64_t id) {
  std::lock_guard lock(mutex_);
  auto at = arriving_.find(id);
  if (at == arriving_.end() || at->second.bytes->size() != at->second.total) return {};
  Image image(std::move(at->second.bytes));
  arriving_.erase(at);
  return image;
}

void Images::keep(std::uint64_t handle, std::vector<Image> images) {
  std::lock_guard lock(mutex_);
  kept_[handle] = std::move(images);
}

void Images::drop(std::uint64_t handle) {
  std::lock_guard lock(mutex_);
  kept_.erase(handle);
}

}  // namespace vcuda::server
