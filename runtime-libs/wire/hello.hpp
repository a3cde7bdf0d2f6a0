// What is said before the first call. Three steps, on three connections:
//   1. register (9999):   RegisterRequest + credentials  ->  RegisterReply + message
//   2. data (9998, 9997): DataPreamble with the token, nothing back
//   3. the worker's first frame on the reply connection is the welcome (sequence 0): rows and a snapshot of
//   the devices
// Fixed-size parts are these structs; what follows them is bounded by wire/limits.hpp.
#pragma once
#include <cstdint>

namespace vcuda::wire {

inline constexpr std::uint32_t magic = 0x41445543;  // "CUDA", little-endian
// Raised when a frame header or one of these structs changes; rows of the table carry their own signature
// hashes.
inline constexpr std::uint16_t protocol_version = 1;

enum class SessionKind : std::uint16_t { cuda = 1, nvml = 2 };

struct RegisterRequest {
  std::uint32_t magic;
  std::uint16_t version;
  SessionKind kind;
  std::int32_t device;              // index on the server that the app shall see, -1 for all
  std::uint32_t process;            // the app's pid where the caller knows it, for the server's log
  std::uint32_t credentials_bytes;  // <= max_credentials_bytes; the bytes follow
};
static_assert(sizeof(RegisterRequest) == 20);

enum class RegisterOutcome : std::uint16_t { accepted = 0, refused = 1, version = 2, busy = 3 };

// 128 random bits. Whoever presents it on a data port within its lifetime is the session.
struct SessionToken {
  unsigned char bytes[16];
};

struct RegisterReply {
  std::uint32_t magic;
  std::uint16_t version;
  RegisterOutcome outcome;
  SessionToken token;
  std::uint16_t request_port;  // where to connect; the server's, as seen from itself
  std::uint16_t reply_port;
  std::uint32_t message_bytes;  // <= max_message_bytes; a sentence for the user, follows where refused
};
static_assert(sizeof(RegisterReply) == 32);

enum class DataRole : std::uint16_t { requests = 1, replies = 2 };

struct DataPreamble {
  std::uint32_t magic;
  std::uint16_t version;
  DataRole role;
  SessionToken token;
};
static_assert(sizeof(DataPreamble) == 24);

// What an app's library asks of the sidecar on its unix socket, and what it gets. On success two descriptors
// come with the answer (SCM_RIGHTS): the request connection, then the reply connection.
enum class SidecarAsk : std::uint16_t { session = 1, ready = 2 };

struct SidecarRequest {
  std::uint32_t magic;
  std::uint16_t version;
  SidecarAsk ask;
  SessionKind kind;
  std::uint16_t reserved;
  std::uint32_t process;
};
static_assert(sizeof(SidecarRequest) == 16);

struct SidecarReply {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint16_t ok;   // 1: descriptors attached (session), or a server answers (ready)
  char server[256];   // the server's address, for messages; NUL-terminated
  char message[512];  // why not, one sentence; NUL-terminated
};
static_assert(sizeof(SidecarReply) == 776);

// Deadlines. A program without a server must learn of it within 5 s: connecting and registering share one
// budget.
inline constexpr int connect_deadline_ms = 4000;
inline constexpr int sidecar_deadline_ms = 4500;   // the app waits a little longer than the sidecar tries
inline constexpr int welcome_deadline_ms = 60000;  // a real driver may take many seconds to initialise a card
inline constexpr int register_deadline_ms = 3000;  // the server's patience with a half-open registration
inline constexpr int token_lifetime_ms = 5000;     // from RegisterReply to both data connections

}  // namespace vcuda::wire
