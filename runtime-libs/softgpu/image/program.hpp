// A module as loaded from an image: its text, its variables and its kernels, decoded. Immutable, shared by
// all contexts.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime-libs/softgpu/exec/kernel.hpp"
#include "runtime-libs/softgpu/image/fatbin.hpp"
#include "runtime-libs/softgpu/ptx/syntax.hpp"

namespace vcuda::softgpu {

struct Program {
  std::string text;
  ptx::Syntax syntax;  // its names point into text
  std::vector<std::shared_ptr<const Kernel>> kernels;

  Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Returns the number of the kernel, -1 if there is none of that name.
  int kernel_number(std::string_view name) const;
};

// Loads any image the driver API takes. Besides what ptx_in_image gives: CUDA_ERROR_INVALID_PTX for PTX that
// is wrong or asks for an instruction the software GPU lacks; the message names the line.
LoadResult<std::shared_ptr<const Program>> load_program(const void* image, unsigned compute_capability);

// The same for PTX text.
LoadResult<std::shared_ptr<const Program>> program_of(std::string text);

}  // namespace vcuda::softgpu
