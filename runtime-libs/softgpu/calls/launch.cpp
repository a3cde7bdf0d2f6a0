// Launches.
#include <algorithm>
#include <cstring>
#include <optional>

#include "runtime-libs/api/driver_api.hpp"
#include "runtime-libs/softgpu/calls/function.hpp"
#include "runtime-libs/softgpu/calls/twins.hpp"
#include "runtime-libs/softgpu/device/attributes.hpp"
#include "runtime-libs/softgpu/exec/grid.hpp"
#include "runtime-libs/softgpu/ptx/limits.hpp"

using namespace vcuda::softgpu;

namespace {

struct Shape {
  unsigned grid[3];
  unsigned block[3];
  unsigned shared_bytes;
};

// What a launch on NVIDIA's driver fails for at once.
CUresult check(const Shape& shape, const Kernel& kernel, const FunctionSettings& settings,
               const DeviceProfile& device) {
  for (int i = 0; i < 3; ++i) {
    if (shape.grid[i] == 0 || shape.grid[i] > max_grid_dim[i]) return CUDA_ERROR_INVALID_VALUE;
    if (shape.block[i] == 0 || shape.block[i] > max_block_dim[i]) return CUDA_ERROR_INVALID_VALUE;
  }
  int most = 0;
  function_attribute(kernel, settings, device, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, &most);
  const uint64_t threads = uint64_t{shape.block[0]} * shape.block[1] * shape.block[2];
  if (threads > static_cast<uint64_t>(most)) return CUDA_ERROR_INVALID_VALUE;
  if (kernel.required_threads[0] != 0 && !std::equal(shape.block, shape.block + 3, kernel.required_threads)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  int dynamic = 0;
  function_attribute(kernel, settings, device, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, &dynamic);
  return shape.shared_bytes > static_cast<unsigned>(std::max(0, dynamic)) ? CUDA_ERROR_INVALID_VALUE
                                                                          : CUDA_SUCCESS;
}

// One buffer from an array of pointers to the parameters.
std::optional<std::vector<std::byte>> gather(const Kernel& kernel, void** pointers) {
  std::vector<std::byte> buffer(kernel.parameter_bytes);
  if (kernel.parameters.empty()) return buffer;
  if (pointers == nullptr) return std::nullopt;
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    if (pointers[i] == nullptr) return std::nullopt;
    std::memcpy(buffer.data() + kernel.parameters[i].offset, pointers[i], kernel.parameters[i].size);
  }
  return buffer;
}

// One buffer as the caller made it: pairs of a tag and a value, ended by CU_LAUNCH_PARAM_END.
std::optional<std::vector<std::byte>> from_extra(const Kernel& kernel, void** extra) {
  const std::byte* data = nullptr;
  const size_t* size = nullptr;
  constexpr int most_pairs = 8;
  for (int i = 0; i < most_pairs && extra[0] != CU_LAUNCH_PARAM_END; ++i, extra += 2) {
    if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER) data = static_cast<const std::byte*>(extra[1]);
    if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE) size = static_cast<const size_t*>(extra[1]);
  }
  if (data == nullptr || size == nullptr || *size < kernel.parameter_bytes ||
      *size > ptx::max_parameter_bytes)
    return std::nullopt;
  return std::vector<std::byte>(data, data + kernel.parameter_bytes);
}

CUresult launch(DefaultStream default_stream, CUfunction named, const Shape& shape, CUstream stream,
                void** pointers, void** extra) {
  const OfFunction of(named);
  if (!of) return of.code;
  const InStream on(of, stream, default_stream);
  if (!on) return on.code;
  if (of.function->context.lock() != on.context) return CUDA_ERROR_INVALID_HANDLE;
  const Kernel& kernel = *of.function->code.kernel;
  if (pointers != nullptr && extra != nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (const CUresult result = check(shape, kernel, *of.function->settings, of.device->profile);
      result != CUDA_SUCCESS)
    return result;
  auto parameters = extra != nullptr ? from_extra(kernel, extra) : gather(kernel, pointers);
  if (!parameters) return CUDA_ERROR_INVALID_VALUE;

  auto launch = std::make_shared<Launch>();
  launch->code = of.function->code;
  std::copy_n(shape.grid, 3, launch->grid);
  std::copy_n(shape.block, 3, launch->block);
  launch->dynamic_shared_bytes = shape.shared_bytes;
  launch->parameters = std::move(*parameters);
  launch->memory = &of.driver->allocations;
  launch->cancelled = &on.context->cancelled();
  launch->number = of.driver->next_number();
  launch->multiprocessors = of.device->profile.multiprocessors;
  on.context->enqueue(on.stream, [launch, context = on.context.get()] {
    const Fault fault = run_grid(*launch);
    if (fault.code == CUDA_SUCCESS) return;
    // A context that goes away takes its kernels with it: that is no fault of theirs.
    if (fault.code != CUDA_ERROR_CONTEXT_IS_DESTROYED) say(describe(*launch->code.kernel, fault));
    context->set_fault(fault.code);
  });
  return CUDA_SUCCESS;
}

CUresult launch_plain(DefaultStream default_stream, CUfunction f, unsigned gx, unsigned gy, unsigned gz,
                      unsigned bx, unsigned by, unsigned bz, unsigned shared_bytes, CUstream stream,
                      void** pointers, void** extra) {
  return launch(default_stream, f, {{gx, gy, gz}, {bx, by, bz}, shared_bytes}, stream, pointers, extra);
}

// Attributes that ask for what the software GPU does not do are refused, those that only advise are taken.
CUresult check_attributes(const CUlaunchConfig& config) {
  if (config.numAttrs != 0 && config.attrs == nullptr) return CUDA_ERROR_INVALID_VALUE;
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    const CUlaunchAttribute& attribute = config.attrs[i];
    const auto& cluster = attribute.value.clusterDim;
    bool refused = false;
    switch (attribute.id) {
      case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
        refused = attribute.value.cooperative != 0;
        break;
      case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
        refused = uint64_t{cluster.x} * cluster.y * cluster.z > 1;
        break;
      case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT:
      case CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT:
      case CU_LAUNCH_ATTRIBUTE_DEVICE_UPDATABLE_KERNEL_NODE:
        refused = true;
        break;
      default:
        break;
    }
    if (!refused) continue;
    say("launch attribute " + std::to_string(static_cast<int>(attribute.id)) + " is not supported");
    return CUDA_ERROR_NOT_SUPPORTED;
  }
  return CUDA_SUCCESS;
}

CUresult launch_configured(DefaultStream default_stream, const CUlaunchConfig* config, CUfunction f,
                           void** pointers, void** extra) {
  if (config == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (const CUresult result = check_attributes(*config); result != CUDA_SUCCESS) return result;
  const Shape shape = {{config->gridDimX, config->gridDimY, config->gridDimZ},
                       {config->blockDimX, config->blockDimY, config->blockDimZ},
                       config->sharedMemBytes};
  return launch(default_stream, f, shape, config->hStream, pointers, extra);
}

// How many blocks fit a multiprocessor, by threads, blocks and shared memory. Registers are never short here.
int blocks_that_fit(const Kernel& kernel, int block_size, size_t dynamic_shared) {
  const unsigned threads = (static_cast<unsigned>(block_size) + 31) / 32 * 32;
  const size_t shared = kernel.shared_bytes + dynamic_shared + reserved_shared_bytes_per_block;
  const unsigned by_threads = max_threads_per_multiprocessor / threads;
  const auto by_shared = static_cast<unsigned>(shared_bytes_per_multiprocessor / shared);
  return static_cast<int>(std::min({by_threads, max_blocks_per_multiprocessor, by_shared}));
}

bool fits_function(const OfFunction& of, int block_size) {
  int most = 0;
  function_attribute(*of.function->code.kernel, *of.function->settings, of.device->profile,
                     CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, &most);
  return block_size > 0 && block_size <= most;
}

}  // namespace

VCUDA_TWINS(cuLaunchKernel, cuLaunchKernel_ptsz, launch_plain,
            (CUfunction f, unsigned int gridDimX, unsigned int gridDimY, unsigned int gridDimZ,
             unsigned int blockDimX, unsigned int blockDimY, unsigned int blockDimZ,
             unsigned int sharedMemBytes, CUstream hStream, void** kernelParams, void** extra),
            f, gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ, sharedMemBytes, hStream,
            kernelParams, extra)
VCUDA_TWINS(cuLaunchKernelEx, cuLaunchKernelEx_ptsz, launch_configured,
            (const CUlaunchConfig* config, CUfunction f, void** kernelParams, void** extra), config, f,
            kernelParams, extra)

VCUDA_API cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* numBlocks, CUfunction func, int blockSize,
                                                               size_t dynamicSMemSize, unsigned int) {
  const OfFunction of(func);
  if (!of) return of.code;
  if (numBlocks == nullptr || !fits_function(of, blockSize)) return CUDA_ERROR_INVALID_VALUE;
  *numBlocks = blocks_that_fit(*of.function->code.kernel, blockSize, dynamicSMemSize);
  return CUDA_SUCCESS;
}

VCUDA_API cuOccupancyMaxActiveBlocksPerMultiprocessor(int* numBlocks, CUfunction func, int blockSize,
                                                      size_t dynamicSMemSize) {
  return cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(numBlocks, func, blockSize, dynamicSMemSize, 0);
}

// The largest block among those with which most threads of a multiprocessor are in use.
VCUDA_API cuOccupancyMaxPotentialBlockSizeWithFlags(int* minGridSize, int* blockSize, CUfunction func,
                                                    CUoccupancyB2DSize blockSizeToDynamicSMemSize,
                                                    size_t dynamicSMemSize, int blockSizeLimit,
                                                    unsigned int) {
  const OfFunction of(func);
  if (!of) return of.code;
  if (minGridSize == nullptr || blockSize == nullptr) return CUDA_ERROR_INVALID_VALUE;
  int best_threads = 0;
  const int limit = blockSizeLimit > 0 ? blockSizeLimit : static_cast<int>(max_threads_per_block);
  for (int size = 32 * ((std::min<int>(limit, max_threads_per_block) + 31) / 32); size >= 32; size -= 32) {
    const int tried = std::min(size, limit);
    if (!fits_function(of, tried)) continue;
    const size_t dynamic =
        blockSizeToDynamicSMemSize != nullptr ? blockSizeToDynamicSMemSize(tried) : dynamicSMemSize;
    const int blocks = blocks_that_fit(*of.function->code.kernel, tried, dynamic);
    if (blocks * tried <= best_threads) continue;
    best_threads = blocks * tried;
    *blockSize = tried;
    *minGridSize = blocks * static_cast<int>(of.device->profile.multiprocessors);
  }
  return best_threads > 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

VCUDA_API cuOccupancyMaxPotentialBlockSize(int* minGridSize, int* blockSize, CUfunction func,
                                           CUoccupancyB2DSize blockSizeToDynamicSMemSize,
                                           size_t dynamicSMemSize, int blockSizeLimit) {
  return cuOccupancyMaxPotentialBlockSizeWithFlags(minGridSize, blockSize, func, blockSizeToDynamicSMemSize,
                                                   dynamicSMemSize, blockSizeLimit, 0);
}

VCUDA_API cuOccupancyAvailableDynamicSMemPerBlock(size_t* dynamicSmemSize, CUfunction func, int numBlocks,
                                                  int blockSize) {
  const OfFunction of(func);
  if (!of) return of.code;
  if (dynamicSmemSize == nullptr || numBlocks <= 0 || !fits_function(of, blockSize))
    return CUDA_ERROR_INVALID_VALUE;
  const size_t taken = of.function->code.kernel->shared_bytes + reserved_shared_bytes_per_block;
  const size_t each = std::min<size_t>(shared_bytes_per_multiprocessor / static_cast<size_t>(numBlocks),
                                       shared_bytes_per_block_optin + reserved_shared_bytes_per_block);
  *dynamicSmemSize = each > taken ? each - taken : 0;
  return CUDA_SUCCESS;
}
