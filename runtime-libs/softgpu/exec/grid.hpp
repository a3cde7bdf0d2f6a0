// Runs whole launches: the blocks of a grid spread over the processors of the host.
#pragma once

#include "runtime-libs/softgpu/exec/launch.hpp"

namespace vcuda::softgpu {

// Runs all blocks of the launch and returns when they are done, with the first fault there was. Launches may
// run at the same time from several threads; the calling thread works too, so that each goes on whatever the
// others do.
Fault run_grid(const Launch& launch);

}  // namespace vcuda::softgpu
