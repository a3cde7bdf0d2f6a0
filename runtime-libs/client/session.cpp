#include "runtime-libs/client/session.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>

#include "runtime-libs/client/old_glibc.hpp"
#include "runtime-libs/client/say.hpp"
#include "runtime-libs/transport/stream.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::client {
namespace {

constexpr std::size_t max_segments = 6;

// Larger requests are sent by their caller: copying them into the queue would cost more than the system call
// it saves.
constexpr std::size_t largest_queued = 4096;

// Requests that follow each other faster than this are a burst. About the time a small send takes on
// loopback, several times over: slower callers lose nothing by sending themselves.
constexpr std::int64_t burst_ns = 50'000;

std::int64_t now_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

class Lock {
 public:
  explicit Lock(pthread_mutex_t& mutex) : mutex_(mutex) { ::pthread_mutex_lock(&mutex_); }
  ~Lock() { ::pthread_mutex_unlock(&mutex_); }
  Lock(const Lock&) = delete;

 private:
  pthread_mutex_t& mutex_;
};

}  // namespace

bool Session::open(transport::Fd requests, transport::Fd replies, const char* server) {
  ahead_ = static_cast<std::byte*>(std::malloc(ahead_capacity));
  for (std::byte*& queue : queues_) queue = static_cast<std::byte*>(std::malloc(queue_capacity));
  if (!ahead_ || !queues_[0] || !queues_[1]) return false;
  requests_ = requests.release();
  replies_ = replies.release();
  server_ = server;
  state_.store(State::open, std::memory_order_release);
  return true;
}

void Session::abandon_in_child(bool forget) {
  if (state_.load() == State::closed) return;
  ::close(requests_);
  ::close(replies_);
  state_.store(forget ? State::closed : State::forked);
  if (!forget) return;
  for (pthread_mutex_t* mutex : {&wire_mutex_, &order_mutex_, &reply_mutex_})
    *mutex = PTHREAD_MUTEX_INITIALIZER;
  queued_ = changed_ = PTHREAD_COND_INITIALIZER;
  first_ = nullptr;
  last_ = &first_;
  reading_ = reader_started_ = sender_started_ = sender_idle_ = false;
  due_ = awaiting_ = 0;
  ahead_begin_ = ahead_end_ = queue_bytes_ = 0;
  next_sequence_ = 1;
}

bool Session::post(const Request& request, std::span<const Segment> body) {
  return send(request, body, nullptr, false);
}

bool Session::post(const Request& request, std::span<const Segment> body, Waiter& waiter) {
  waiter.due = false;
  statistics_.waits.fetch_add(1, std::memory_order_relaxed);
  if (send(request, body, &waiter, true)) return true;
  await(waiter);  // whoever reads may hold it at this very moment
  return false;
}

bool Session::post_due(const Request& request, std::span<const Segment> body, Segment into) {
  void* memory = std::malloc(sizeof(Waiter));
  if (!memory) return false;
  Waiter* waiter = new (memory) Waiter;
  waiter->due = true;
  waiter->into[0] = into;
  // Once noted, the waiter belongs to whoever reads; where the session is lost, `lose` has freed it with the
  // rest.
  return send(request, body, waiter, false) && start_reader();
}

bool Session::send(const Request& request, std::span<const Segment> body, Waiter* waiter, bool urgent) {
  iovec parts[max_segments + 2];
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < body.size(); ++i) {
    parts[i + 2] = {const_cast<void*>(body[i].data), body[i].bytes};
    bytes += body[i].bytes;
  }
  wire::RequestHeader header{};
  header.body_bytes = static_cast<std::uint32_t>(bytes);
  header.opcode = request.opcode;
  header.flags = static_cast<std::uint16_t>(request.flags | (waiter ? wire::wants_reply : 0));
  header.thread = request.thread;
  header.context = request.context;
  statistics_.calls.fetch_add(1, std::memory_order_relaxed);
  statistics_.bytes_sent.fetch_add(bytes + sizeof header, std::memory_order_relaxed);

  if (!urgent && bytes <= largest_queued) {
    Lock order(order_mutex_);
    const std::int64_t now = now_ns();
    const bool burst = queue_bytes_ > 0 || now - last_sent_ns_ < burst_ns;
    last_sent_ns_ = now;
    if (burst && !sender_started_) start_sender();
    if (burst && sender_started_ && queue_capacity - queue_bytes_ >= sizeof header + bytes) {
      header.sequence = next_sequence_;
      if (!note(waiter, header.sequence)) return false;
      ++next_sequence_;
      enqueue(header, body);
      if (sender_idle_) ::pthread_cond_signal(&queued_);
      return true;
    }
  }

  Lock wire(wire_mutex_);
  {
    Lock order(order_mutex_);
    header.sequence = next_sequence_;
    if (!note(waiter, header.sequence)) return false;
    ++next_sequence_;
    std::span<const std::byte> queued = take_queue();
    parts[0] = {const_cast<std::byte*>(queued.data()), queued.size()};
  }
  parts[1] = {&header, sizeof header};
  return write_parts(parts, body.size() + 2);
}

bool Session::note(Waiter* waiter, std::uint32_t sequence) {
  Lock lock(reply_mutex_);
  if (!alive()) {
    if (waiter && waiter->due) std::free(waiter);
    return false;
  }
  if (!waiter) return true;
  waiter->sequence = sequence;
  waiter->next = nullptr;
  *last_ = waiter;
  last_ = &waiter->next;
  if (waiter->due) ++due_;
  return true;
}

void Session::enqueue(const wire::RequestHeader& header, std::span<const Segment> body) {
  std::byte* at = queues_[filling_] + queue_bytes_;
  std::memcpy(at, &header, sizeof header);
  at += sizeof header;
  for (const Segment& segment : body) {
    if (segment.bytes) std::memcpy(at, segment.data, segment.bytes);
    at += segment.bytes;
  }
  queue_bytes_ = static_cast<std::size_t>(at - queues_[filling_]);
}

std::span<const std::byte> Session::take_queue() {
  std::span<const std::byte> queued(queues_[filling_], queue_bytes_);
  filling_ = 1 - filling_;
  queue_bytes_ = 0;
  return queued;
}

void Session::start_sender() { sender_started_ = start_detached_thread(&Session::run_sender, this); }

void* Session::run_sender(void* self) {
  auto* session = static_cast<Session*>(self);
  while (session->alive()) {
    ::pthread_mutex_lock(&session->order_mutex_);
    while (session->queue_bytes_ == 0 && session->alive()) {
      session->sender_idle_ = true;
      ::pthread_cond_wait(&session->queued_, &session->order_mutex_);
      session->sender_idle_ = false;
    }
    ::pthread_mutex_unlock(&session->order_mutex_);
    Lock wire(session->wire_mutex_);
    iovec part;
    {
      Lock order(session->order_mutex_);
      std::span<const std::byte> queued = session->take_queue();
      part = {const_cast<std::byte*>(queued.data()), queued.size()};
    }
    if (part.iov_len) session->write_parts(&part, 1);
  }
  return nullptr;
}

// While the socket is full, replies are read here if nobody else reads them: the worker may be unable to go
// on until they are.
bool Session::write_parts(iovec* parts, std::size_t count) {
  for (;;) {
    Result<std::size_t> left = transport::send_some(requests_, parts, count);
    if (!left) {
      lose(left.failure());
      return false;
    }
    if (*left == 0) return true;
    pollfd ready[2] = {{requests_, POLLOUT, 0}, {-1, POLLIN, 0}};
    bool reader = false;
    {
      Lock lock(reply_mutex_);
      if (!alive()) return false;
      if (!reading_) reading_ = reader = true;
    }
    if (reader) ready[1].fd = replies_;
    int n = ::poll(ready, 2, wire::silence_limit_ms);
    bool read_ok = true;
    if (reader) {
      if (n > 0 && ready[1].revents) read_ok = read_one();
      Lock lock(reply_mutex_);
      reading_ = false;
      ::pthread_cond_broadcast(&changed_);
    }
    if (!read_ok) return false;
    if (n == 0 && reader) {  // neither room nor a heartbeat
      lose({Error::timed_out});
      return false;
    }
  }
}

bool Session::await(Waiter& waiter) {
  ::pthread_mutex_lock(&reply_mutex_);
  ++awaiting_;
  while (!waiter.done && (alive() || waiter.filling)) {
    if (reading_ || waiter.filling) {
      ::pthread_cond_wait(&changed_, &reply_mutex_);
      continue;
    }
    reading_ = true;
    ::pthread_mutex_unlock(&reply_mutex_);
    read_one();
    ::pthread_mutex_lock(&reply_mutex_);
    reading_ = false;
    if (awaiting_ > 1 || due_) ::pthread_cond_broadcast(&changed_);
  }
  --awaiting_;
  bool done = waiter.done;
  ::pthread_mutex_unlock(&reply_mutex_);
  return done;
}

bool Session::receive(void* bytes, std::size_t n) {
  auto* at = static_cast<std::byte*>(bytes);
  while (n > 0) {
    std::size_t ahead = ahead_end_ - ahead_begin_;
    if (ahead > 0) {
      std::size_t here = ahead < n ? ahead : n;
      std::memcpy(at, ahead_ + ahead_begin_, here);
      ahead_begin_ += here;
      at += here;
      n -= here;
      continue;
    }
    // Large pieces go straight to where they belong; small ones are read ahead, several replies a system
    // call.
    bool direct = n >= ahead_capacity / 2;
    void* target = direct ? static_cast<void*>(at) : ahead_;
    ssize_t got = ::recv(replies_, target, direct ? n : ahead_capacity, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {
      Status ready =
          transport::wait_for(replies_, POLLIN, transport::Deadline::in_ms(wire::silence_limit_ms));
      if (ready) continue;
      lose(ready.failure());
      return false;
    }
    if (got <= 0) {
      lose(got == 0 || errno == ECONNRESET ? Failure{Error::closed} : Failure{Error::system, errno});
      return false;
    }
    statistics_.bytes_received.fetch_add(static_cast<std::size_t>(got), std::memory_order_relaxed);
    if (direct) {
      at += got;
      n -= static_cast<std::size_t>(got);
    } else {
      ahead_begin_ = 0;
      ahead_end_ = static_cast<std::size_t>(got);
    }
  }
  return true;
}

bool Session::discard(std::size_t n) {
  std::byte sink[1024];
  while (n > 0) {
    std::size_t here = n < sizeof sink ? n : sizeof sink;
    if (!receive(sink, here)) return false;
    n -= here;
  }
  return true;
}

bool Session::read_one() {
  wire::ReplyHeader header{};
  if (!receive(&header, sizeof header)) return false;
  if (header.body_bytes > wire::max_body_bytes) {
    lose({Error::too_large});
    return false;
  }
  if (header.flags & wire::heartbeat) return discard(header.body_bytes);

  Waiter* waiter = nullptr;
  {
    Lock lock(reply_mutex_);
    Waiter** link = &first_;
    while (*link && (*link)->sequence != header.sequence) link = &(*link)->next;
    waiter = *link;
    if (waiter) {
      *link = waiter->next;
      if (last_ == &waiter->next) last_ = link;
      waiter->filling = true;
    }
  }
  if (!waiter) {
    lose({Error::malformed});
    return false;
  }
  std::size_t left = header.body_bytes;
  waiter->received = 0;
  bool ok = true;
  for (const Segment& into : waiter->into) {
    std::size_t here = left < into.bytes ? left : into.bytes;
    ok = ok && receive(const_cast<void*>(into.data), here);
    waiter->received += static_cast<std::uint32_t>(here);
    left -= here;
  }
  ok = ok && discard(left);
  waiter->result = header.result;
  Lock lock(reply_mutex_);
  if (waiter->due) {
    if (due_) --due_;
    std::free(waiter);
  } else {
    waiter->filling = false;
    waiter->done = ok;
    if (!ok) ::pthread_cond_broadcast(&changed_);
  }
  return ok;
}

// Ends the session for everybody. The first reason is the one that is told.
void Session::lose(Failure failure) {
  Lock lock(reply_mutex_);
  if (!alive()) return;
  state_.store(State::lost, std::memory_order_release);
  say("lost the GPU server %s: %s; every further CUDA call of this process fails", server_,
      describe(failure));
  for (Waiter* w = first_; w;) {
    Waiter* next = w->next;
    if (w->due) std::free(w);
    w = next;
  }
  first_ = nullptr;
  last_ = &first_;
  due_ = 0;
  ::shutdown(requests_, SHUT_RDWR);
  ::shutdown(replies_, SHUT_RDWR);
  ::pthread_cond_broadcast(&changed_);
  // Without order_mutex_, which may not be taken here: at worst the sending thread sleeps on in a session that is over.
  ::pthread_cond_broadcast(&queued_);
}

bool Session::await_due() {
  ::pthread_mutex_lock(&reply_mutex_);
  ++awaiting_;
  while (due_ > 0 && alive()) {
    if (reading_) {
      ::pthread_cond_wait(&changed_, &reply_mutex_);
      continue;
    }
    reading_ = true;
    ::pthread_mutex_unlock(&reply_mutex_);
    read_one();
    ::pthread_mutex_lock(&reply_mutex_);
    reading_ = false;
    ::pthread_cond_broadcast(&changed_);
  }
  --awaiting_;
  const bool arrived = alive();
  ::pthread_mutex_unlock(&reply_mutex_);
  return arrived;
}

unsigned Session::due() {
  Lock lock(reply_mutex_);
  return due_;
}

bool Session::start_reader() {
  Lock lock(reply_mutex_);
  if (reader_started_) {
    ::pthread_cond_broadcast(&changed_);
    return true;
  }
  reader_started_ = start_detached_thread(&Session::run_reader, this);
  if (!reader_started_) say("cannot start a thread to receive data; it arrives when the program next waits");
  return true;
}

void* Session::run_reader(void* self) {
  auto* session = static_cast<Session*>(self);
  ::pthread_mutex_lock(&session->reply_mutex_);
  while (session->alive()) {
    if (session->due_ == 0 || session->awaiting_ > 0 || session->reading_) {
      ::pthread_cond_wait(&session->changed_, &session->reply_mutex_);
      continue;
    }
    session->reading_ = true;
    ::pthread_mutex_unlock(&session->reply_mutex_);
    session->read_one();
    ::pthread_mutex_lock(&session->reply_mutex_);
    session->reading_ = false;
    ::pthread_cond_broadcast(&session->changed_);
  }
  ::pthread_mutex_unlock(&session->reply_mutex_);
  return nullptr;
}

}  // namespace vcuda::client
