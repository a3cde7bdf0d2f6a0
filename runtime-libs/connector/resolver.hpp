// Finds a server's address by its name, by a deadline: getaddrinfo itself knows none, and a name server that
// does not answer would hold a program for many times the time it is promised an error in.
#pragma once
#include <string>

#include "runtime-libs/transport/deadline.hpp"
#include "runtime-libs/wire/result.hpp"

namespace vcuda::connector {

// The first address of the name, in numbers; a numeric host comes back as it is. Errors: unresolved,
// timed_out.
Result<std::string> resolve(const std::string& host, transport::Deadline deadline);

}  // namespace vcuda::connector
