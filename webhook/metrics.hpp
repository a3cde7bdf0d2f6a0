// What the webhook counts, in the words of its callers, and the text Prometheus scrapes. Hides
// prometheus-cpp. All functions are safe from any thread.
#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "webhook/answer.hpp"

namespace vcuda::webhook {

// Why a connection ended. The names are a label's values.
enum class Ending {
  by_client,          // it closed between requests
  after_answer,       // it, or HTTP/1.0, asked for it, or we are draining
  after_refusal,      // the rest of a refused request is not read
  handshake_failed,   // no TLS, or none that we speak
  handshake_timeout,  // the deadlines, each by its name
  header_timeout,
  body_timeout,
  write_timeout,
  idle_timeout,
  broken,  // reset or cut in the middle of a request
  drained  // idle when the server closed
};
inline constexpr std::size_t ending_count = static_cast<std::size_t>(Ending::drained) + 1;
std::string_view name(Ending ending);

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // One request answered: `duration` from its last byte read to its answer ready, `body_bytes` as received.
  void answered(const Answer& answer, std::chrono::nanoseconds duration, std::size_t body_bytes);
  void request_began();  // its header is complete
  void request_ended();  // its answer is written, or the connection lost
  void handshake_done(bool resumed);
  void connection_opened();
  void connection_ended(Ending ending);
  void connection_refused();  // above the cap
  void certificate_expires(std::chrono::system_clock::time_point when);

  // The text exposition format, version 0.0.4.
  std::string text() const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace vcuda::webhook
