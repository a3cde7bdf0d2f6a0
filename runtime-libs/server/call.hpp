// One request as a handler sees it: its header, its bytes, the session's objects, and room for the answer.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime-libs/server/bytes.hpp"
#include "runtime-libs/server/driver.hpp"
#include "runtime-libs/server/handles.hpp"
#include "runtime-libs/server/replies.hpp"
#include "runtime-libs/server/staging.hpp"
#include "runtime-libs/wire/cursor.hpp"
#include "runtime-libs/wire/frame.hpp"

namespace vcuda::server {

class Images;
class ThreadStreams;

// What every handler of a session shares.
struct SessionParts {
  const Driver& driver;
  Handles& handles;
  Replies& replies;
  Staging& uploads;    // of copies to the device
  Staging& downloads;  // of copies from it: neither direction can starve the other
  Images& images;
  ThreadStreams& thread_streams;
  std::atomic<int>&
      busy;  // calls and deliveries under way: while there are any, the client hears that this worker lives
};

struct Call {
  SessionParts& parts;
  const wire::RequestHeader& header;
  wire::Reader args;
  Bytes& answer;             // the reply's body
  bool answered = false;     // a `deliver` handler that will send its reply itself sets this
  std::uint64_t stream = 0;  // the stream the call named, for latches

  const Driver& driver() const { return parts.driver; }

  template <class T>
  CUresult find(std::uint64_t handle, T& object) const {
    return parts.handles.find(handle, object);
  }

  // The driver's stream for a number that travelled: null and legacy as they are, per-thread as the client
  // thread's own.
  CUresult find_stream(std::uint64_t number, CUstream& real);

  // The object behind a handle is gone, and with it what only it needed.
  void forget(std::uint64_t handle);

  template <class T>
  void put(const T& value) {
    answer.append(&value, sizeof value);
  }
};

// Answers CUDA_ERROR_UNKNOWN for a request whose bytes contradict its row.
using Handler = CUresult (*)(Call&);

}  // namespace vcuda::server
