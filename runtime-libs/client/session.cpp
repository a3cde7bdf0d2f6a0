#include "runtime-libs/client/session.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime-libs/client/old_glibc.hpp"
#include "runtime-libs/client/say.hpp"
#include "runtime-libs/transport/stream.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::client {
namespace {

constexpr std::size_t max_segments = 6;

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
  if (!ahead_) return false;
  requests_ = requests.release();
  replies_ = replies.release();
  server_ = server;
  state_.store(State::open, std::memory_order_release);
  return true;
}

void Session::abandon_in_child() {
  if (state_.load() != State::open) return;
  state_.store(State::forked);
  ::close(requests_);
  ::close(replies_);
}

bool Session::post(const Request& request, std::span<const Segment> body) { return send(request, body, nullptr); }

bool Session::post(const Request& request, std::span<const Segment> body, Waiter& waiter) {
  waiter.due = false;
  statistics_.waits.fetch_add(1, std::memory_order_relaxed);
  return send(request, body, &waiter);
}

bool Session::post_due(const Request& request, std::span<const Segment> body, Segment into) {
  void* memory = std::malloc(sizeof(Waiter));
  if (!memory) return false;
  Waiter* waiter = new (memory) Waiter;
  waiter->due = true;
  waiter->into[0] = into;
  // Once sent, the waiter belongs to whoever reads; where sending failed, `lose` has freed it with the rest.
  return send(request, body, waiter) && start_reader();
}

bool Session::send(const Request& request, std::span<const Segment> body, Waiter* waiter) {
  iovec parts[max_segments + 1];
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < body.size(); ++i) {
    parts[i + 1] = {const_cast<void*>(body[i].data), body[i].bytes};
    bytes += body[i].bytes;
  }
  wire::RequestHeader header{};
  header.body_bytes = static_cast<std::uint32_t>(bytes);
  header.opcode = request.opcode;
  header.flags = static_cast<std::uint16_t>(request.flags | (waiter ? wire::wants_reply : 0));
  header.thread = request.thread;
  header.context = request.context;
  parts[0] = {&header, sizeof header};

  Lock order(send_mutex_);
  header.sequence = next_sequence_++;
  {
    Lock lock(reply_mutex_);
    if (!alive()) {
      if (waiter && waiter->due) std::free(waiter);
      return false;
    }
    if (waiter) {
      waiter->sequence = header.sequence;
      waiter->next = nullptr;
      *last_ = waiter;
      last_ = &waiter->next;
      if (waiter->due) ++due_;
    }
  }
  statistics_.calls.fetch_add(1, std::memory_order_relaxed);
  statistics_.bytes_sent.fetch_add(bytes + sizeof header, std::memory_order_relaxed);
  return write_frame(parts, body.size() + 1);
}

// While the socket is full, replies are read here if nobody else reads them: the worker may be unable to go on until
// they are.
bool Session::write_frame(iovec* parts, std::size_t count) {
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
  while (!waiter.done && alive()) {
    if (reading_) {
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
    // Large pieces go straight to where they belong; small ones are read ahead, several replies a system call.
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
    --due_;
    std::free(waiter);
  } else {
    waiter->done = ok;
  }
  return ok;
}

// Ends the session for everybody. The first reason is the one that is told.
void Session::lose(Failure failure) {
  Lock lock(reply_mutex_);
  if (!alive()) return;
  state_.store(State::lost, std::memory_order_release);
  say("lost the GPU server %s: %s; every further CUDA call of this process fails", server_, describe(failure));
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
