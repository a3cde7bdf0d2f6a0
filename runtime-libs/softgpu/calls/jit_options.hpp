// The options a program gives when it loads an image: of those only the log buffers mean something here.
#pragma once

#include "runtime-libs/api/driver_api.hpp"

#include <string>

namespace vcuda::softgpu {

// Writes why loading failed (empty: it did not) into the error log buffer, if the options name one, and how long it is
// where they ask for it; the information log is always empty.
void write_logs(const std::string& error, unsigned count, const CUjit_option* options, void** values);

}  // namespace vcuda::softgpu
