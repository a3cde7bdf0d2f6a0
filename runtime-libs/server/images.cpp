#include "runtime-libs/server/images.hpp"

#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server {

CUresult Images::add_part(std::uint64_t id, std::uint64_t total, std::uint64_t offset,
                          std::span<const std::byte> bytes) {
  if (total == 0 || total > wire::max_image_bytes) return CUDA_ERROR_INVALID_IMAGE;
  std::lock_guard lock(mutex_);
  if (offset == 0) {
    if (held_bytes_ + total > max_session_bytes || arriving_.size() >= wire::max_images_per_load)
      return CUDA_ERROR_OUT_OF_MEMORY;
    auto [at, added] = arriving_.try_emplace(id, Arriving{std::make_shared<Image>(), total});
    if (!added) return CUDA_ERROR_UNKNOWN;
    held_bytes_ += total;
  }
  auto at = arriving_.find(id);
  if (at == arriving_.end() || at->second.total != total || at->second.image->size() != offset ||
      bytes.size() > total - offset)
    return CUDA_ERROR_UNKNOWN;
  // Grows with what really arrives, not with what was announced.
  at->second.image->insert(at->second.image->end(), bytes.begin(), bytes.end());
  return CUDA_SUCCESS;
}

std::shared_ptr<Images::Image> Images::take(std::uint64_t id) {
  std::lock_guard lock(mutex_);
  auto at = arriving_.find(id);
  if (at == arriving_.end() || at->second.image->size() != at->second.total) return nullptr;
  auto image = std::move(at->second.image);
  arriving_.erase(at);
  return image;
}

void Images::keep(std::uint64_t handle, std::vector<std::shared_ptr<Image>> images) {
  std::lock_guard lock(mutex_);
  kept_[handle] = std::move(images);
}

void Images::drop(std::uint64_t handle) {
  std::lock_guard lock(mutex_);
  auto at = kept_.find(handle);
  if (at == kept_.end()) return;
  for (const auto& image : at->second) held_bytes_ -= image->size();
  kept_.erase(at);
}

}  // namespace vcuda::server
