#include "runtime-libs/server/call.hpp"

#include "runtime-libs/server/images.hpp"
#include "runtime-libs/server/thread_streams.hpp"

namespace vcuda::server {

CUresult Call::find_stream(std::uint64_t number, CUstream& real) {
  stream = number;
  if (number == api::stream_null || number == api::stream_legacy) {
    real = reinterpret_cast<CUstream>(number);
    return CUDA_SUCCESS;
  }
  if (number == api::stream_per_thread) return parts.thread_streams.find(header.thread, header.context, real);
  return find(number, real);
}

void Call::forget(std::uint64_t handle) {
  parts.handles.remove(handle);
  parts.images.drop(handle);
  if (api::kind_in(handle) == api::Kind::context) parts.thread_streams.forget_context(handle);
}

}  // namespace vcuda::server
