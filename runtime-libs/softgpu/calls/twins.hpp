// Functions with a default stream come twice: name uses the NULL stream, name_ptds or name_ptsz the thread's
// own.
#pragma once

#include "runtime-libs/softgpu/driver/current.hpp"

// Defines both around inner(DefaultStream, args...).
#define VCUDA_TWINS(function, twin, inner, params, ...)                                 \
  VCUDA_API function params {                                                           \
    return inner(vcuda::softgpu::DefaultStream::legacy __VA_OPT__(, ) __VA_ARGS__);     \
  }                                                                                     \
  VCUDA_API twin params {                                                               \
    return inner(vcuda::softgpu::DefaultStream::per_thread __VA_OPT__(, ) __VA_ARGS__); \
  }
