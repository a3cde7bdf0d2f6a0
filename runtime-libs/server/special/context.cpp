// Primary contexts: the client numbers them by device, so that it can name one before it exists.
#include "runtime-libs/api/requests.hpp"
#include "runtime-libs/server/rows.hpp"
#include "runtime-libs/server/thread_streams.hpp"

namespace vcuda::server::special {
namespace {

bool read(Call& call, api::PrimaryRequest& request) {
  request = call.args.get<api::PrimaryRequest>();
  return call.args.ok() && call.args.left() == 0 && request.handle == api::primary_context(request.device);
}

}  // namespace

CUresult cuDevicePrimaryCtxRetain(Call& call) {
  api::PrimaryRequest request;
  if (!read(call, request)) return CUDA_ERROR_UNKNOWN;
  CUcontext context = nullptr;
  CUresult result = call.driver().call<&::cuDevicePrimaryCtxRetain>(&context, request.device);
  if (result != CUDA_SUCCESS) return result;
  return call.parts.handles.add(request.handle, context, result);
}

CUresult cuDevicePrimaryCtxRelease_v2(Call& call) {
  api::PrimaryRequest request;
  if (!read(call, request)) return CUDA_ERROR_UNKNOWN;
  CUresult result = call.driver().call<&::cuDevicePrimaryCtxRelease_v2>(request.device);
  if (result == CUDA_SUCCESS) call.forget(request.handle);
  return result;
}

CUresult cuDevicePrimaryCtxReset_v2(Call& call) {
  api::PrimaryRequest request;
  if (!read(call, request)) return CUDA_ERROR_UNKNOWN;
  CUresult result = call.driver().call<&::cuDevicePrimaryCtxReset_v2>(request.device);
  if (result == CUDA_SUCCESS) call.parts.thread_streams.forget_context(request.handle);
  return result;
}

CUresult cuDevicePrimaryCtxSetFlags_v2(Call& call) {
  api::PrimaryRequest request;
  if (!read(call, request)) return CUDA_ERROR_UNKNOWN;
  return call.driver().call<&::cuDevicePrimaryCtxSetFlags_v2>(request.device, request.flags);
}

CUresult thread_exit(Call& call) {
  call.parts.thread_streams.forget(call.header.thread);
  return CUDA_SUCCESS;
}

}  // namespace vcuda::server::special
