// Launches. Parameters are packed into one buffer by the kernel's layout; what the device would refuse at
// once natively is refused here at once, because the launch itself is not waited for.
#include <cstdlib>

#include "runtime-libs/api/requests.hpp"
#include "runtime-libs/client/contexts.hpp"
#include "runtime-libs/client/exported.hpp"
#include "runtime-libs/client/forward.hpp"
#include "runtime-libs/client/functions.hpp"
#include "runtime-libs/client/say.hpp"
#include "runtime-libs/wire/limits.hpp"

using namespace vcuda::client;
namespace api = vcuda::api;
namespace wire = vcuda::wire;

namespace {

int device_limit(const DeviceSnapshot& device, CUdevice_attribute which) {
  int value = 0;
  return device.attribute(which, value) ? value : 0;
}

// What cuLaunchKernel checks before it queues anything.
CUresult check_shape(Function& function, const api::LaunchRequest& launch) {
  CUcontext context = this_thread().current();
  ContextFacts facts;
  if (!context || !find_context(context, facts)) return CUDA_ERROR_INVALID_CONTEXT;
  const DeviceSnapshot& device = *core().snapshot().device(facts.device);
  static constexpr CUdevice_attribute grid_limits[] = {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X,
                                                       CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y,
                                                       CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z};
  static constexpr CUdevice_attribute block_limits[] = {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X,
                                                        CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y,
                                                        CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z};
  std::uint64_t threads = 1;
  for (int i = 0; i < 3; ++i) {
    if (launch.grid[i] == 0 ||
        launch.grid[i] > static_cast<std::uint32_t>(device_limit(device, grid_limits[i])))
      return CUDA_ERROR_INVALID_VALUE;
    if (launch.block[i] == 0 ||
        launch.block[i] > static_cast<std::uint32_t>(device_limit(device, block_limits[i])))
      return CUDA_ERROR_INVALID_VALUE;
    threads *= launch.block[i];
  }
  // Another handle of the same kernel may have raised its limits since they were fetched: ask again before refusing.
  for (bool fresh : {false, true}) {
    if (fresh) function.attributes_known.store(false);
    if (CUresult failed = know_attributes(function)) return failed;
    auto own = [&function](CUfunction_attribute which) {
      return static_cast<std::uint64_t>(function.attributes[which].load(std::memory_order_relaxed));
    };
    const bool threads_fit = threads <= own(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
    if (threads_fit && launch.shared_bytes <= own(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES))
      return CUDA_SUCCESS;
    if (fresh && !threads_fit)
      return threads > static_cast<std::uint64_t>(
                           device_limit(device, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK))
                 ? CUDA_ERROR_INVALID_VALUE
                 : CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
  }
  return CUDA_ERROR_INVALID_VALUE;
}

// The caller's own buffer, where it gave one instead of an array of parameters.
CUresult read_extra(void** extra, const void*& buffer, std::size_t& bytes) {
  buffer = nullptr;
  bytes = 0;
  const std::size_t* size = nullptr;
  for (; *extra != CU_LAUNCH_PARAM_END; extra += 2) {
    if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER)
      buffer = extra[1];
    else if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE)
      size = static_cast<const std::size_t*>(extra[1]);
    else
      return CUDA_ERROR_INVALID_VALUE;
  }
  if (size) bytes = *size;
  return (bytes && !buffer) || bytes > wire::max_kernel_params_bytes ? CUDA_ERROR_INVALID_VALUE
                                                                     : CUDA_SUCCESS;
}

CUresult launch(const api::HandRow& row, CUfunction f, api::LaunchRequest head, void** params, void** extra) {
  if (CUresult refused = enter(row.name.data())) return refused;
  Function* function = find_function(f);
  if (!function) return CUDA_ERROR_INVALID_HANDLE;
  if (params && extra) return CUDA_ERROR_INVALID_VALUE;
  if (!params && !extra && function->param_count) return CUDA_ERROR_INVALID_VALUE;
  if (function->param_bytes > wire::max_kernel_params_bytes) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult refused = check_shape(*function, head)) return refused;
  head.function = function->handle;

  constexpr std::size_t usual_bytes = 4096;
  alignas(16) std::byte usual[usual_bytes];
  const void* buffer = usual;
  std::size_t bytes = function->param_bytes;
  void* large = nullptr;
  if (extra) {
    if (CUresult wrong = read_extra(extra, buffer, bytes)) return wrong;
  } else {
    if (bytes > usual_bytes && !(large = std::malloc(bytes))) return CUDA_ERROR_OUT_OF_MEMORY;
    auto* packed = static_cast<std::byte*>(large ? large : usual);
    std::memset(packed, 0, bytes);
    for (std::uint32_t i = 0; i < function->param_count; ++i)
      std::memcpy(packed + function->params[i].offset, params[i], function->params[i].size);
    buffer = packed;
  }
  head.param_bytes = static_cast<std::uint32_t>(bytes);
  const Segment body[] = {{&head, sizeof head}, {buffer, bytes}};
  CUresult result = core().tell(row, body);
  std::free(large);
  return result;
}

}  // namespace

VCUDA_EXPORT CUresult cuLaunchKernel(CUfunction f, unsigned int gridDimX, unsigned int gridDimY,
                                     unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY,
                                     unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream,
                                     void** kernelParams, void** extra) {
  return launch(api::row::cuLaunchKernel, f,
                {0,
                 stream_on_wire(hStream),
                 {gridDimX, gridDimY, gridDimZ},
                 {blockDimX, blockDimY, blockDimZ},
                 sharedMemBytes,
                 0},
                kernelParams, extra);
}

VCUDA_EXPORT CUresult cuLaunchCooperativeKernel(CUfunction f, unsigned int gridDimX, unsigned int gridDimY,
                                                unsigned int gridDimZ, unsigned int blockDimX,
                                                unsigned int blockDimY, unsigned int blockDimZ,
                                                unsigned int sharedMemBytes, CUstream hStream,
                                                void** kernelParams) {
  return launch(api::row::cuLaunchCooperativeKernel, f,
                {0,
                 stream_on_wire(hStream),
                 {gridDimX, gridDimY, gridDimZ},
                 {blockDimX, blockDimY, blockDimZ},
                 sharedMemBytes,
                 0},
                kernelParams, nullptr);
}

VCUDA_EXPORT CUresult cuLaunchKernelEx(const CUlaunchConfig* config, CUfunction f, void** kernelParams,
                                       void** extra) {
  if (!config) return CUDA_ERROR_INVALID_VALUE;
  const api::HandRow* row = &api::row::cuLaunchKernel;
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    const CUlaunchAttribute& attribute = config->attrs[i];
    if (attribute.id == CU_LAUNCH_ATTRIBUTE_IGNORE) continue;
    if (attribute.id == CU_LAUNCH_ATTRIBUTE_COOPERATIVE) {
      if (attribute.value.cooperative) row = &api::row::cuLaunchCooperativeKernel;
      continue;
    }
    static std::atomic<bool> said{false};
    if (!said.exchange(true))
      say("cuLaunchKernelEx with launch attribute %d is not supported by vcuda %s",
          static_cast<int>(attribute.id), VCUDA_VERSION);
    return CUDA_ERROR_NOT_SUPPORTED;
  }
  if (extra && row == &api::row::cuLaunchCooperativeKernel) return CUDA_ERROR_INVALID_VALUE;
  return launch(*row, f,
                {0,
                 stream_on_wire(config->hStream),
                 {config->gridDimX, config->gridDimY, config->gridDimZ},
                 {config->blockDimX, config->blockDimY, config->blockDimZ},
                 config->sharedMemBytes,
                 0},
                kernelParams, extra);
}
