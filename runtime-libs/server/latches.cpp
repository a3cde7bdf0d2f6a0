#include "runtime-libs/server/latches.hpp"

#include <algorithm>

namespace vcuda::server {

void Latches::add(const Failure& failure) {
  std::lock_guard lock(mutex_);
  bool known = std::ranges::any_of(failures_, [&](const Failure& f) { return f.thread == failure.thread; });
  if (!known && failures_.size() < max_failures) failures_.push_back(failure);
}

template <class Matches>
CUresult Latches::take(Matches matches) {
  std::lock_guard lock(mutex_);
  auto found = std::ranges::find_if(failures_, matches);
  if (found == failures_.end()) return CUDA_SUCCESS;
  CUresult result = found->result;
  failures_.erase(found);
  return result;
}

CUresult Latches::take_for_thread(std::uint32_t thread) {
  return take([thread](const Failure& f) { return f.thread == thread; });
}

CUresult Latches::take_for_sync(std::uint32_t thread, std::uint64_t stream, std::uint64_t context) {
  return take([=](const Failure& f) {
    return f.thread == thread || (f.context == context && (stream == 0 || f.stream == stream));
  });
}

}  // namespace vcuda::server
