// Starting and reaping the processes that call the driver. The parent never does: what a session leaks the
// system frees, and its crash stays its own.
#pragma once
#include <sys/types.h>
#include <boost/system/result.hpp>
#include <string>
#include <vector>

namespace vcuda::server {

// Descriptors a worker finds its connections at.
inline constexpr int worker_requests_fd = 3;
inline constexpr int worker_replies_fd = 4;

// Executes this very program with `arguments`, the two connections at their descriptors, standard input from
// /dev/null, and nothing else open. `environment` entries (NAME=value) are added. Returns the pid.
boost::system::result<pid_t> start_worker(const std::vector<std::string>& arguments,
                                          const std::vector<std::string>& environment, int requests,
                                          int replies);

// Called first in a worker: dies with its parent, gains no privileges, leaves no core with an app's data.
// `parent` is the pid of the server that started it.
void confine_worker(pid_t parent);

}  // namespace vcuda::server
