// The second port: /livez, /readyz and /metrics over plain HTTP. For webhook/*.cpp alone. Never shows
// anything of a pod.
#pragma once
#include "webhook/serving.hpp"

namespace vcuda::webhook {

// Accepts and serves until `acceptor` is closed. On the control thread.
Task<void> serve_status(const Serving& serving, Acceptor& acceptor);

}  // namespace vcuda::webhook
