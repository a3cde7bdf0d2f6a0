// A session's beginning, as its client sees it: register with the server, then open the two data connections
// with the token it gave. Used by the sidecar for its apps, and by the libraries themselves where
// VCUDA_SERVER names a server.
#pragma once
#include <cstdint>

#include "runtime-libs/transport/deadline.hpp"
#include "runtime-libs/transport/fd.hpp"
#include "runtime-libs/wire/hello.hpp"
#include "runtime-libs/wire/result.hpp"

namespace vcuda::transport {

struct ServerAddress {
  const char* host;
  std::uint16_t register_port;
  std::uint16_t request_port;  // 0: as the server says
  std::uint16_t reply_port;    // 0: as the server says
};

struct Connections {
  Fd control;   // the registration; the session does not end with it
  Fd requests;  // app -> worker
  Fd replies;   // worker -> app
};

// Errors: those of connect_tcp; closed, malformed, version; refused, with the server's sentence in `message`
// (of max_message_bytes + 1 bytes, always NUL-terminated).
Result<Connections> register_session(const ServerAddress& server, const wire::RegisterRequest& request,
                                     const void* credentials, Deadline deadline, char* message);

}  // namespace vcuda::transport
