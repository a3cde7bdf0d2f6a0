// Whole reads and writes on a connected stream socket, with a deadline. Blocking mode of the descriptor does
// not matter.
#pragma once
#include <sys/uio.h>
#include <cstddef>

#include "runtime-libs/transport/deadline.hpp"
#include "runtime-libs/wire/result.hpp"

namespace vcuda::transport {

// Waits until poll(2) reports `events` (or an error, which the next system call will name). Errors:
// timed_out, system.
Status wait_for(int fd, short events, Deadline deadline);

// Errors of all: closed, timed_out, system.
Status send_all(int fd, const void* bytes, std::size_t n, Deadline deadline);
Status receive_all(int fd, void* bytes, std::size_t n, Deadline deadline);

// One attempt to send parts[0..count), which are advanced past what was sent. The value is the bytes left (0:
// all gone); a full socket is no error.
Result<std::size_t> send_some(int fd, iovec* parts, std::size_t count);

}  // namespace vcuda::transport
