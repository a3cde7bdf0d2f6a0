// What all connections of one server share, and what one of its threads owns. For webhook/*.cpp alone.
#pragma once
#include <atomic>
#include <memory>
#include <unordered_set>

#include "webhook/metrics.hpp"
#include "webhook/server.hpp"
#include "webhook/sockets.hpp"

namespace vcuda::webhook {

// Read by all threads; only the atomics change after the start.
struct Serving {
  Handler handler;
  std::shared_ptr<ServingCertificate> certificate;
  Limits limits;
  Deadlines deadlines;
  Log& log;
  Metrics metrics{};
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> connections{0};
  std::atomic<std::uint64_t> body_bytes_in_flight{0};
};

class ReviewSession;

// One thread's event loop and its connections. A connection lives its whole life on one worker, so nothing of
// it is ever shared between threads.
struct Worker {
  std::unordered_set<ReviewSession*> sessions;  // touched on the worker's thread alone; outlives `context`
  std::atomic<std::size_t> connections{0};  // read by the acceptor, which gives new ones to the least busy
  asio::io_context context{1};
};

}  // namespace vcuda::webhook
