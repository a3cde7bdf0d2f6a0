// The fixed parts of hand-written rows, as both ends lay them out; what follows them in the body is said with each.
// A change here raises the row's revision in calls/*.def.
#pragma once
#include <cstdint>

namespace vcuda::api {

// cuDevicePrimaryCtx{Retain,Release,Reset,SetFlags}. Nothing follows.
struct PrimaryRequest {
  std::int32_t device;
  std::uint32_t flags;
  std::uint64_t handle;  // primary_context(device)
};
static_assert(sizeof(PrimaryRequest) == 16);

// cuMemcpy{HtoD,DtoH}{,Async}. The bytes follow on the way to the device.
struct CopyRequest {
  std::uint64_t device;
  std::uint64_t bytes;  // <= wire::chunk_bytes
  std::uint64_t stream;
};
static_assert(sizeof(CopyRequest) == 24);

// cuLaunchKernel, cuLaunchCooperativeKernel. The packed parameters follow.
struct LaunchRequest {
  std::uint64_t function;
  std::uint64_t stream;
  std::uint32_t grid[3];
  std::uint32_t block[3];
  std::uint32_t shared_bytes;
  std::uint32_t param_bytes;  // <= wire::max_kernel_params_bytes
};
static_assert(sizeof(LaunchRequest) == 48);

// cuModuleGetFunction, cuLibraryGetKernel. The name follows, without a NUL.
struct FunctionRequest {
  std::uint64_t parent;  // module or library
  std::uint64_t minted;
};
static_assert(sizeof(FunctionRequest) == 16);

}  // namespace vcuda::api
