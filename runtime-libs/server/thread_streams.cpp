#include "runtime-libs/server/thread_streams.hpp"

namespace vcuda::server {

CUresult ThreadStreams::find(std::uint32_t thread, std::uint64_t context, CUstream& stream) {
  std::lock_guard lock(mutex_);
  auto [at, added] = streams_.try_emplace({thread, context}, nullptr);
  if (added) {
    CUresult made = driver_.call<&::cuStreamCreate>(&at->second, static_cast<unsigned>(CU_STREAM_DEFAULT));
    if (made != CUDA_SUCCESS) {
      streams_.erase(at);
      return made;
    }
  }
  stream = at->second;
  return CUDA_SUCCESS;
}

void ThreadStreams::forget(std::uint32_t thread) {
  std::lock_guard lock(mutex_);
  auto begin = streams_.lower_bound({thread, 0});
  auto end = streams_.lower_bound({thread + 1, 0});
  for (auto at = begin; at != end; ++at) driver_.call<&::cuStreamDestroy_v2>(at->second);
  streams_.erase(begin, end);
}

void ThreadStreams::forget_context(std::uint64_t context) {
  std::lock_guard lock(mutex_);
  // The driver destroyed them with their context.
  std::erase_if(streams_, [context](const auto& entry) { return entry.first.second == context; });
}

}  // namespace vcuda::server
