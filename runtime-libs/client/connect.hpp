// How a library in an app reaches its server: through the sidecar's unix socket, or directly where
// VCUDA_SERVER says so.
#pragma once
#include <cstddef>
#include <cstdint>

#include "runtime-libs/transport/fd.hpp"
#include "runtime-libs/wire/hello.hpp"
#include "runtime-libs/wire/result.hpp"

namespace vcuda::client {

struct Reached {
  transport::Fd control;  // the registration or the sidecar's socket; kept open for the session's life
  transport::Fd requests;
  transport::Fd replies;
  char server[256] = {};  // the server's address, for messages
};

// Says on stderr, in one line with the address, why there is no session where there is none.
// Takes at most wire::sidecar_deadline_ms; with VCUDA_SERVER=NAME, what the system's resolver takes for the name on top.
Result<Reached> reach_server(wire::SessionKind kind);

// The worker's first frame: its result and its body (malloc'ed, the caller's).
struct Greeting {
  std::int32_t result = 0;
  void* body = nullptr;
  std::size_t bytes = 0;
};

// Waits for it, at most wire::welcome_deadline_ms. Errors: closed, timed_out, malformed, no_memory, system.
Result<Greeting> receive_greeting(int replies);

}  // namespace vcuda::client
