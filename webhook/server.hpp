// The webhook's two listeners: reviews over TLS, and health and metrics over plain HTTP. Owns its threads.
// Hides Asio and Beast. Knows nothing of pods: what a body means is the handler's business.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "webhook/answer.hpp"
#include "webhook/certificate.hpp"
#include "webhook/failure.hpp"
#include "webhook/limits.hpp"
#include "webhook/log.hpp"

namespace vcuda::webhook {

// Turns the body of a POST to review_path into its answer. Called from several threads at once.
using Handler = std::function<Answer(std::string_view body)>;

struct ServerOptions {
  std::string listen = "0.0.0.0:8443";         // ADDRESS:PORT, [ADDRESS]:PORT for IPv6; port 0: any free one
  std::string status_listen = "0.0.0.0:8080";  // likewise
  unsigned threads = 0;                        // for reviews; 0: one a core, at most max_default_threads
  Limits limits;
  Deadlines deadlines;
  Drain drain;
};
inline constexpr unsigned max_default_threads = 4;
inline constexpr unsigned max_threads = 64;

class Server {
 public:
  // Binds both ports and starts serving. `log` must outlive the server.
  // address: an address does not parse. listen: it cannot be bound.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options,
                                               std::shared_ptr<ServingCertificate> certificate,
                                               Handler handler, Log& log);
  // Stops at once; call drain() first to be polite.
  ~Server();

  std::uint16_t review_port() const;
  std::uint16_t status_port() const;

  // Turns /readyz to 503, waits Drain::delay, closes the listener and idle connections, and lets requests in
  // flight finish for at most Drain::timeout. Blocks until then; returns how many connections it had to cut.
  // Call once.
  std::size_t drain();

 private:
  class Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace vcuda::webhook
