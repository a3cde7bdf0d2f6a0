#include "runtime-libs/server/body_buffers.hpp"

#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server {

BodyBuffers::Lease BodyBuffers::lend() {
  Memory memory;
  {
    std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      memory = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!memory) memory = std::make_unique_for_overwrite<std::byte[]>(wire::max_body_bytes);
  return Lease(memory.release(), GiveBack{this});
}

void BodyBuffers::give_back(Memory memory) {
  std::lock_guard lock(mutex_);
  if (free_.size() < max_kept) free_.push_back(std::move(memory));
}

}  // namespace vcuda::server
