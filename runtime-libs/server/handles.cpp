#include "runtime-libs/server/handles.hpp"

namespace vcuda::server {

CUresult Handles::find(api::Kind kind, std::uint64_t handle, void*& object) const {
  object = nullptr;
  if (api::kind_in(handle) != kind)
    return kind == api::Kind::context ? CUDA_ERROR_INVALID_CONTEXT : CUDA_ERROR_INVALID_HANDLE;
  std::lock_guard lock(mutex_);
  const auto& table = tables_[static_cast<std::size_t>(kind)];
  auto found = table.find(handle);
  if (found == table.end())
    return kind == api::Kind::context ? CUDA_ERROR_INVALID_CONTEXT : CUDA_ERROR_INVALID_HANDLE;
  object = found->second.object;
  return found->second.creation;
}

CUresult Handles::add(api::Kind kind, std::uint64_t handle, Entry entry) {
  if (api::kind_in(handle) != kind) return CUDA_ERROR_INVALID_HANDLE;
  std::lock_guard lock(mutex_);
  auto& table = tables_[static_cast<std::size_t>(kind)];
  if (table.size() >= max_entries) return CUDA_ERROR_OUT_OF_MEMORY;
  return table.try_emplace(handle, entry).second ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

bool Handles::is_kernel(std::uint64_t handle) const {
  std::lock_guard lock(mutex_);
  const auto& table = tables_[static_cast<std::size_t>(api::Kind::function)];
  auto found = table.find(handle);
  return found != table.end() && found->second.kernel;
}

void Handles::remove(std::uint64_t handle) {
  auto kind = static_cast<std::size_t>(api::kind_in(handle));
  if (kind >= tables_.size()) return;
  std::lock_guard lock(mutex_);
  tables_[kind].erase(handle);
}

}  // namespace vcuda::server
