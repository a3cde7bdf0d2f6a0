// The options a program gives when it loads an image: of those only the log buffers mean something here.
#pragma once

#include "runtime-libs/api/driver_api.hpp"

#include <string>

namespace vcuda::softgpu {

// Writes why loading failed into the error log buffer, if the options name one, and its length where they ask
// for it.
void write_error_log(const std::string& message, unsigned count, const CUjit_option* options,
                     void* const* values);

// Tells the options that nothing was logged.
void clear_logs(unsigned count, const CUjit_option* options, void** values);

}  // namespace vcuda::softgpu
