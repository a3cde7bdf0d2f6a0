// Every size and every wait of the serving path, named, with its default. Values only. Tests and the command
// line change copies of these structs; nothing else in webhook/ holds a number of this kind.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace vcuda::webhook {

// The API server caps an object at 3 MiB; a review of an update carries two, plus its envelope.
inline constexpr std::uint64_t max_body_bytes = 7 * 1024 * 1024;
inline constexpr std::uint32_t max_header_bytes = 64 * 1024;
// The deepest of 1,564 real workloads is 13 deep, managedFields about 16, and the review adds 2.
inline constexpr std::size_t max_json_depth = 64;
// A request.uid is a UUID (36 characters); it is echoed and logged.
inline constexpr std::size_t max_uid_length = 128;
// About 70 KiB each for TLS buffers, so about 70 MiB at worst, beside the bodies; the API server keeps 25 a
// host.
inline constexpr std::size_t max_connections = 1024;
// Of all requests together, from the header's end to the answer's: without it, connections times body_bytes
// would be 7 GiB. A thread parses one body at a time. Requests beyond it get a 503.
inline constexpr std::uint64_t max_body_bytes_in_flight = 64 * 1024 * 1024;
// The API server's `?timeout=` is not read: the limits above and the injector's (injector/shape.hpp) keep any
// one review far below the shortest timeout it can have, one second.
// What is read and thrown away after a refusal so that the client gets to read it; then the connection is
// cut.
inline constexpr std::size_t max_discarded_bytes = 16 * 1024 * 1024;

struct Limits {
  std::uint64_t body_bytes = max_body_bytes;
  std::uint32_t header_bytes = max_header_bytes;
  std::size_t connections = max_connections;
  std::uint64_t body_bytes_in_flight = max_body_bytes_in_flight;
};

struct Deadlines {
  std::chrono::milliseconds handshake{5'000};
  std::chrono::milliseconds header{5'000};  // from a request's first byte
  std::chrono::milliseconds body{10'000};
  std::chrono::milliseconds write{10'000};
  // Until a request's first byte, the first request's too: a client may connect in advance.
  // Above the 90 s after which the API server drops an idle connection, so that it is the one who closes.
  std::chrono::milliseconds idle{120'000};
  std::chrono::milliseconds goodbye{1'000};  // for the peer's half of a TLS close
};

// How a drain proceeds: not ready at once, deaf after `delay`, done after at most `timeout` more.
struct Drain {
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds timeout{10'000};
};

}  // namespace vcuda::webhook
