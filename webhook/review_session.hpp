// One TLS connection: handshake, then requests until one side has enough, each phase under its own deadline.
// For webhook/*.cpp alone. Knows nothing of pods, listeners or other connections.
#pragma once
#include "webhook/serving.hpp"

namespace vcuda::webhook {

// Serves `socket`, which belongs to worker.context, until it ends. Called from any thread; both must outlive
// it.
void serve_reviews(Serving& serving, Worker& worker, Socket socket);

// Closes the connections of `worker` that wait for a request. On the worker's thread.
void close_idle(Worker& worker);

}  // namespace vcuda::webhook
