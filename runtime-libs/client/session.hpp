// One session with a worker: requests leave in one total order, replies come back and find who waits for
// them. Shared by the CUDA and the NVML library; knows frames, not calls.
//
// Threads: every member may be called from any thread. Whoever waits reads for all; a reading thread of its
// own starts with the first data that is due while nobody waits. No call waits longer than
// wire::silence_limit_ms for a sign of life.
//
// A small request nobody waits for is sent at once where the wire is idle; within a burst it is queued, and a
// sending thread of its own carries the queue away. A request somebody waits for takes the queue with it, so
// it is never delayed.
#pragma once
#include <pthread.h>
#include <sys/uio.h>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime-libs/transport/fd.hpp"
#include "runtime-libs/wire/frame.hpp"
#include "runtime-libs/wire/result.hpp"

namespace vcuda::client {

struct Segment {
  const void* data;
  std::size_t bytes;
};

// Where the body of a reply goes: up to two places, filled in order. Lives until done (await has returned,
// or, for a `Due` one, until the session has filled it and freed it).
struct Waiter {
  Segment into[2] = {};
  std::int32_t result = 0;
  std::uint32_t received = 0;  // bytes of body that were filled in

  // private to Session
  std::uint32_t sequence = 0;
  bool done = false;
  bool filling = false;  // whoever reads writes into it now: it must stay, whatever becomes of the session
  bool due = false;      // allocated by the session itself; nobody awaits it
  Waiter* next = nullptr;
};

struct Request {
  std::uint16_t opcode;
  std::uint16_t flags = 0;
  std::uint32_t thread;
  std::uint64_t context;
};

struct Statistics {
  std::atomic<std::uint64_t> calls{0};
  std::atomic<std::uint64_t> waits{0};
  std::atomic<std::uint64_t> bytes_sent{0};
  std::atomic<std::uint64_t> bytes_received{0};
};

class Session {
 public:
  // Takes the two data connections. `server` is the address, for messages; it must outlive the session.
  // False where memory is exhausted.
  bool open(transport::Fd requests, transport::Fd replies, const char* server);

  // Sends a request nobody answers.
  bool post(const Request& request, std::span<const Segment> body);
  // Sends a request and notes who waits; `await` must follow. False where the session is lost (nothing to
  // await).
  bool post(const Request& request, std::span<const Segment> body, Waiter& waiter);
  // Sends a request whose answer fills `into` some time later, without anybody waiting for it.
  bool post_due(const Request& request, std::span<const Segment> body, Segment into);

  // Waits until the reply is in. False where the session was lost.
  bool await(Waiter& waiter);

  // The session is usable: opened, not lost, and this is not the child of a fork.
  bool alive() const { return state_.load(std::memory_order_acquire) == State::open; }
  bool forked() const { return state_.load(std::memory_order_acquire) == State::forked; }

  // After fork, in the child: the connections belong to the parent. With `forget` the session may be opened anew, else it
  // stays unusable. Takes no lock: whoever held one is not here.
  void abandon_in_child(bool forget);

  // Waits until every delivery has arrived. False where the session was lost.
  bool await_due();
  // How many deliveries have not arrived yet.
  unsigned due();

  const Statistics& statistics() const { return statistics_; }

 private:
  enum class State : int { closed, open, lost, forked };

  bool send(const Request& request, std::span<const Segment> body, Waiter* waiter, bool urgent);
  // Puts the frame into the queue, which has room for it. The caller holds order_mutex_.
  void enqueue(const wire::RequestHeader& header, std::span<const Segment> body);
  // What was queued; the other buffer is filled from now on. The caller holds wire_mutex_ until it has sent
  // the bytes, and order_mutex_.
  std::span<const std::byte> take_queue();
  // Notes who waits. False where the session is not alive. The caller holds order_mutex_.
  bool note(Waiter* waiter, std::uint32_t sequence);
  bool write_parts(iovec* parts, std::size_t count);
  void start_sender();
  static void* run_sender(void* session);
  // Reads one reply and completes its waiter. Called by whoever holds `reading_`.
  bool read_one();
  bool receive(void* bytes, std::size_t n);
  bool discard(std::size_t n);
  void lose(Failure failure);
  bool start_reader();
  static void* run_reader(void* session);

  std::atomic<State> state_{State::closed};
  // Plain numbers: the session lives as long as the process and must have no destructor.
  int requests_ = -1;
  int replies_ = -1;
  const char* server_ = "";

  // Locked in this order: the wire, the order of requests, the replies.
  pthread_mutex_t wire_mutex_ = PTHREAD_MUTEX_INITIALIZER;  // who writes to the socket

  pthread_mutex_t order_mutex_ = PTHREAD_MUTEX_INITIALIZER;  // the order of requests, and the queue
  pthread_cond_t queued_ = PTHREAD_COND_INITIALIZER;
  std::uint32_t next_sequence_ = 1;
  static constexpr std::size_t queue_capacity = 65536;
  std::byte* queues_[2] = {};  // one is filled while the other is sent
  int filling_ = 0;
  std::size_t queue_bytes_ = 0;
  std::int64_t last_sent_ns_ = 0;
  bool sender_started_ = false;
  bool sender_idle_ = false;

  pthread_mutex_t reply_mutex_ = PTHREAD_MUTEX_INITIALIZER;  // everything below
  pthread_cond_t changed_ = PTHREAD_COND_INITIALIZER;
  Waiter* first_ = nullptr;  // in the order of sending
  Waiter** last_ = &first_;
  bool reading_ = false;
  bool reader_started_ = false;
  unsigned due_ = 0;
  unsigned awaiting_ = 0;

  // Bytes received ahead; touched only by whoever holds `reading_`.
  static constexpr std::size_t ahead_capacity = 65536;
  std::byte* ahead_ = nullptr;
  std::size_t ahead_begin_ = 0;
  std::size_t ahead_end_ = 0;

  Statistics statistics_;
};

}  // namespace vcuda::client
