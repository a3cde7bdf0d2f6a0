// A NVML session: asks the node's NVML library once what does not change, and again what does.
#pragma once
#include <string>

#include "runtime-libs/server/replies.hpp"
#include "runtime-libs/server/requests.hpp"

namespace vcuda::server {

// The library a server uses: `nvml` where it is named, else the neighbour of the driver it was given
// (libsoftgpu.so -> libsoftgpu-ml.so), else libnvidia-ml.so.1.
std::string nvml_path(const std::string& nvml, const std::string& driver);

// Loads the library, sends the welcome and serves until the client goes. The client sees the one `device`, as its CUDA
// sessions do, or all where it is -1. Returns the process's exit code.
int serve_nvml(const std::string& path, int device, Requests& requests, Replies& replies);

}  // namespace vcuda::server
