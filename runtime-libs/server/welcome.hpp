// The worker's first frame: the rows it serves and what its driver says of its devices. Layout:
// api/welcome.hpp.
#pragma once
#include <string>
#include <vector>

#include "runtime-libs/server/driver.hpp"

namespace vcuda::server {

struct Welcome {
  CUresult result;     // cuInit's
  std::string reason;  // where it is not CUDA_SUCCESS
  std::vector<std::byte> body;
};

// Initialises the driver and asks it everything a client answers by itself.
Welcome make_welcome(const Driver& driver);

// A welcome that only says why there is no session.
Welcome refuse_welcome(CUresult result, const std::string& reason);

}  // namespace vcuda::server
