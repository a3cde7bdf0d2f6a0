// cuda.h with every version of every function declared: the 634 symbols a libcuda.so.1 of CUDA 13.0 exports.
// Include this, never cuda.h itself, wherever rows of the table are read: the macro below has to come first,
// and with it the unversioned names are the first versions of each function (cuMemAlloc is the 32-bit one;
// cuMemAlloc_v2 is the usual).
#pragma once
#ifdef __cuda_cuda_h__
#error "cuda.h was included before runtime-libs/api/driver_api.hpp"
#endif
#define __CUDA_API_VERSION_INTERNAL 1
#include <cuda.h>
