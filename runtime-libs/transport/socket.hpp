// Sockets: connecting with a deadline, listening, and passing descriptors over a unix socket. All descriptors
// are close-on-exec; TCP sockets get TCP_NODELAY. Knows nothing of frames.
#pragma once
#include <cstddef>
#include <cstdint>

#include "runtime-libs/transport/deadline.hpp"
#include "runtime-libs/transport/fd.hpp"
#include "runtime-libs/wire/result.hpp"

namespace vcuda::transport {

// Connects to host:port; tries every address of the name within the one deadline.
// Errors: unresolved, timed_out, system.
Result<Fd> connect_tcp(const char* host, std::uint16_t port, Deadline deadline);

// Listens on a numeric address; port 0 lets the system choose (see local_port). Errors: unresolved, system.
Result<Fd> listen_tcp(const char* address, std::uint16_t port);

// A path, or "@name" for the abstract namespace. Errors: too_large (path beyond sun_path), timed_out, system.
Result<Fd> connect_unix(const char* path, Deadline deadline);

// As above; an existing socket file is replaced, and the new one may be connected to by any user.
Result<Fd> listen_unix(const char* path);

// Waits for a connection. Errors: timed_out, system.
Result<Fd> accept_one(int listener, Deadline deadline);

std::uint16_t local_port(int fd);

// The other end's address in numbers, for a second connection to the very same host. False where it has none,
// or the buffer is too small (46 bytes hold any).
bool peer_address(int fd, char* text, std::size_t capacity);

// Sends `bytes` with `count` (<= 4) descriptors attached. Errors: timed_out, closed, system.
Status send_with_descriptors(int fd, const void* bytes, std::size_t n, const int* descriptors, int count,
                             Deadline deadline);

// Receives exactly n bytes and up to `count` (<= 4) descriptors that came with them; those not received stay
// -1.
Status receive_with_descriptors(int fd, void* bytes, std::size_t n, Fd* descriptors, int count,
                                Deadline deadline);

}  // namespace vcuda::transport
