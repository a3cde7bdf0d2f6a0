#include "runtime-libs/server/staging.hpp"

namespace vcuda::server {

void* Staging::lend(std::size_t bytes) {
  std::unique_lock lock(mutex_);
  Size& size = size_for(bytes);
  if (size.free.empty() && size.made < size.most) {
    ++size.made;
    lock.unlock();  // the driver may be busy in a thread that wants to give one back
    void* buffer = nullptr;
    // Portable: whichever context of the session copies next may use it.
    CUresult made =
        driver_.call<&::cuMemHostAlloc>(&buffer, size.bytes, static_cast<unsigned>(CU_MEMHOSTALLOC_PORTABLE));
    if (made == CUDA_SUCCESS) return buffer;
    lock.lock();
    --size.made;
    if (size.made == 0) return nullptr;
  }
  returned_.wait(lock, [&size] { return !size.free.empty(); });
  void* buffer = size.free.back();
  size.free.pop_back();
  return buffer;
}

void Staging::give_back(void* buffer, std::size_t bytes) {
  {
    std::lock_guard lock(mutex_);
    size_for(bytes).free.push_back(buffer);
  }
  returned_.notify_all();
}

bool Staging::would_wait(std::size_t bytes) {
  std::lock_guard lock(mutex_);
  const Size& size = size_for(bytes);
  return size.free.empty() && size.made >= size.most;
}

}  // namespace vcuda::server
