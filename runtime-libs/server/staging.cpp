#include "runtime-libs/server/staging.hpp"

#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server {

void* Staging::lend() {
  std::unique_lock lock(mutex_);
  if (free_.empty() && made_ < max_buffers) {
    void* buffer = nullptr;
    // Portable: whichever context of the session copies next may use it.
    if (driver_.call<&::cuMemHostAlloc>(&buffer, wire::chunk_bytes,
                                        static_cast<unsigned>(CU_MEMHOSTALLOC_PORTABLE)) == CUDA_SUCCESS) {
      ++made_;
      return buffer;
    }
    if (made_ == 0) return nullptr;
  }
  returned_.wait(lock, [this] { return !free_.empty(); });
  void* buffer = free_.back();
  free_.pop_back();
  return buffer;
}

void Staging::give_back(void* buffer) {
  {
    std::lock_guard lock(mutex_);
    free_.push_back(buffer);
  }
  returned_.notify_one();
}

}  // namespace vcuda::server
