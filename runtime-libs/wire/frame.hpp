// The two frame headers of a session. Requests flow from the app to the worker in one total order; replies
// flow back and name the request they answer. A body follows each header directly.
#pragma once
#include <cstdint>

namespace vcuda::wire {

// request flags
inline constexpr std::uint16_t wants_reply = 1;  // the caller waits, or data is due (rows `wait`, `deliver`)

struct RequestHeader {
  std::uint32_t body_bytes;  // <= max_body_bytes
  std::uint16_t opcode;      // a row of the table
  std::uint16_t flags;
  std::uint32_t thread;    // the client thread, numbered from 1 in order of first use
  std::uint32_t sequence;  // counts requests; wraps
  std::uint64_t context;   // handle of the context current to that thread, 0 for none
};
static_assert(sizeof(RequestHeader) == 24);

// reply flags
inline constexpr std::uint32_t heartbeat = 1;  // no request is answered: the worker lives and works

struct ReplyHeader {
  std::uint32_t body_bytes;  // <= max_body_bytes
  std::uint32_t sequence;    // of the request answered
  std::int32_t result;       // a CUresult (or nvmlReturn_t in a NVML session)
  std::uint32_t flags;
};
static_assert(sizeof(ReplyHeader) == 16);

// How long a waiting client hears nothing before it gives the worker up, and how often a busy worker says it
// lives.
inline constexpr int silence_limit_ms = 30000;
inline constexpr int heartbeat_ms = 5000;

}  // namespace vcuda::wire
