// Launches: the parameters arrive packed, and go to the driver as one buffer.
#include <cstring>

#include "runtime-libs/api/requests.hpp"
#include "runtime-libs/server/rows.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server::special {
namespace {

struct Launch {
  api::LaunchRequest head;
  CUfunction function;
  CUstream stream;
  alignas(16) std::byte params[wire::max_kernel_params_bytes];
};

CUresult read(Call& call, Launch& launch) {
  launch.head = call.args.get<api::LaunchRequest>();
  if (launch.head.param_bytes > sizeof launch.params) return CUDA_ERROR_UNKNOWN;
  const std::byte* params = call.args.take(launch.head.param_bytes);
  if (!call.args.ok() || call.args.left() != 0) return CUDA_ERROR_UNKNOWN;
  std::memcpy(launch.params, params, launch.head.param_bytes);
  if (CUresult wrong = call.find(launch.head.function, launch.function)) return wrong;
  return call.find_stream(launch.head.stream, launch.stream);
}

}  // namespace

CUresult cuLaunchKernel(Call& call) {
  Launch launch;
  if (CUresult wrong = read(call, launch)) return wrong;
  const api::LaunchRequest& h = launch.head;
  std::size_t bytes = h.param_bytes;
  void* extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, launch.params, CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes,
                   CU_LAUNCH_PARAM_END};
  return call.driver().call<&::cuLaunchKernel>(launch.function, h.grid[0], h.grid[1], h.grid[2], h.block[0],
                                               h.block[1], h.block[2], h.shared_bytes, launch.stream, nullptr,
                                               bytes ? extra : nullptr);
}

// This entry takes no buffer, so the driver's own layout gives back the array of parameters.
CUresult cuLaunchCooperativeKernel(Call& call) {
  Launch launch;
  if (CUresult wrong = read(call, launch)) return wrong;
  const api::LaunchRequest& h = launch.head;
  const bool kernel = call.parts.handles.is_kernel(h.function);
  std::vector<void*> params;
  for (std::size_t i = 0; i < wire::max_kernel_params; ++i) {
    std::size_t offset = 0, size = 0;
    CUresult known = kernel ? call.driver().call<&::cuKernelGetParamInfo>(
                                  reinterpret_cast<CUkernel>(launch.function), i, &offset, &size)
                            : call.driver().call<&::cuFuncGetParamInfo>(launch.function, i, &offset, &size);
    if (known != CUDA_SUCCESS) break;
    if (offset + size > h.param_bytes) return CUDA_ERROR_UNKNOWN;
    params.push_back(launch.params + offset);
  }
  return call.driver().call<&::cuLaunchCooperativeKernel>(launch.function, h.grid[0], h.grid[1], h.grid[2],
                                                          h.block[0], h.block[1], h.block[2], h.shared_bytes,
                                                          launch.stream, params.data());
}

}  // namespace vcuda::server::special
