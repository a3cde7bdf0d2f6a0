// One session: reads requests in their order and starts each in that order. Quick calls run on the reading
// thread; calls that may block run on a thread of their client thread. Runs in a process of its own.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>

#include "runtime-libs/server/driver.hpp"
#include "runtime-libs/server/executor.hpp"
#include "runtime-libs/server/handles.hpp"
#include "runtime-libs/server/images.hpp"
#include "runtime-libs/server/latches.hpp"
#include "runtime-libs/server/replies.hpp"
#include "runtime-libs/server/requests.hpp"
#include "runtime-libs/server/rows.hpp"
#include "runtime-libs/server/staging.hpp"
#include "runtime-libs/server/thread_streams.hpp"

namespace vcuda::server {

struct SessionFigures {
  std::uint64_t calls = 0;
  std::uint64_t waits = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

class Worker {
 public:
  // `abandoned` is called, from a thread of the worker's own, where the client has gone while `run` cannot notice it: a
  // call of the client blocks the reading thread.
  Worker(const Driver& driver, transport::Fd requests, transport::Fd replies,
         std::function<void(const SessionFigures&)> abandoned = {});

  Replies& replies() { return replies_; }

  // Serves until the client goes. The value says why it ended; Error::closed is the usual end.
  Failure run();

  SessionFigures figures() const;

 private:
  // False where the client has more calls under way than any client of ours.
  bool dispatch(const Row& row, const Frame& frame);
  void execute(const Row& row, const wire::RequestHeader& header, std::span<const std::byte> body,
               Bytes& answer, Executor* executor);
  CUresult perform(const Row& row, Call& call);
  Executor& executor_of(std::uint32_t thread);
  bool must_queue(const Row& row, const Frame& frame);
  void say_alive(std::stop_token stop);

  const Driver& driver_;
  Requests requests_;
  Replies replies_;
  Handles handles_;
  Staging uploads_;
  Staging downloads_;
  Images images_;
  ThreadStreams thread_streams_;
  Latches latches_;
  SessionParts parts_;

  std::array<const Row*, 2048> row_of_{};
  std::unordered_map<std::uint32_t, std::unique_ptr<Executor>> executors_;
  Bytes answer_;  // of calls on the reading thread
  std::function<void(const SessionFigures&)> abandoned_;
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<std::uint64_t> waits_{0};
  std::atomic<int> busy_{0};  // calls being carried out now, and deliveries under way
  std::jthread heart_;        // last: it ends first
};

}  // namespace vcuda::server
