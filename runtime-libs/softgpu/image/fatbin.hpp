// Finds the PTX text in what programs hand to cuModuleLoadData: the CUDA runtime's wrapper, a fatbin, PTX
// text. Layouts are those nvcc 11 to 13 write. Nothing here trusts a size: all of it may come from a hostile
// file.
#pragma once

#include "runtime-libs/api/driver_api.hpp"

#include <boost/system/result.hpp>
#include <cstddef>
#include <span>
#include <string>

namespace vcuda::softgpu {

// Why an image was not taken: the code for the caller and one sentence for stderr and the JIT's log.
struct LoadFailure {
  CUresult code = CUDA_ERROR_INVALID_IMAGE;
  std::string message;
};

template <typename T>
using LoadResult = boost::system::result<T, LoadFailure>;

// Returns the text of the PTX entry for the highest architecture not above compute_capability (121 for 12.1).
// CUDA_ERROR_INVALID_IMAGE if the fatbin is malformed, CUDA_ERROR_NO_BINARY_FOR_GPU if it has no such entry:
// the message then names the architectures it has.
LoadResult<std::string> ptx_in_fatbin(std::span<const std::byte> fatbin, unsigned compute_capability);

// The same for any image, of which only the start is known. The caller vouches that it is as long as it says
// itself.
LoadResult<std::string> ptx_in_image(const void* image, unsigned compute_capability);

}  // namespace vcuda::softgpu
