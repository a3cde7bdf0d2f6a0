#include "webhook/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>

namespace vcuda::webhook {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

// A review takes tens of microseconds; a second is the API server's patience at its shortest setting.
const Histogram::BucketBoundaries duration_buckets = {50e-6, 100e-6, 250e-6, 500e-6, 1e-3,   2.5e-3, 5e-3,
                                                      10e-3, 25e-3,  50e-3,  100e-3, 250e-3, 500e-3, 1.0};
const Histogram::BucketBoundaries body_buckets = {1 << 10,  2 << 10,   4 << 10, 8 << 10, 16 << 10,
                                                  64 << 10, 256 << 10, 1 << 20, 7 << 20};

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;
  Family<Counter>& requests = BuildCounter()
                                  .Name("vcuda_webhook_requests_total")
                                  .Help("Requests answered, by what became of them and why.")
                                  .Register(registry);
  Histogram& duration = BuildHistogram()
                            .Name("vcuda_webhook_review_duration_seconds")
                            .Help("From a request's last byte to its answer, ready to be sent.")
                            .Register(registry)
                            .Add({}, duration_buckets);
  Histogram& body = BuildHistogram()
                        .Name("vcuda_webhook_body_bytes")
                        .Help("Size of request bodies.")
                        .Register(registry)
                        .Add({}, body_buckets);
  Counter& operations = BuildCounter()
                            .Name("vcuda_webhook_patch_operations_total")
                            .Help("JSON Patch operations sent.")
                            .Register(registry)
                            .Add({});
  Gauge& in_flight = BuildGauge()
                         .Name("vcuda_webhook_requests_in_flight")
                         .Help("Requests whose header has arrived and whose answer is not written yet.")
                         .Register(registry)
                         .Add({});
  Family<Counter>& handshakes = BuildCounter()
                                    .Name("vcuda_webhook_tls_handshakes_total")
                                    .Help("Completed TLS handshakes; resumed ones cost no signature.")
                                    .Register(registry);
  Counter& full_handshakes = handshakes.Add({{"resumed", "false"}});
  Counter& resumed_handshakes = handshakes.Add({{"resumed", "true"}});
  Gauge& connections =
      BuildGauge().Name("vcuda_webhook_connections").Help("Open connections.").Register(registry).Add({});
  Family<Counter>& closed = BuildCounter()
                                .Name("vcuda_webhook_connections_closed_total")
                                .Help("Connections that ended, by cause.")
                                .Register(registry);
  std::array<Counter*, ending_count> endings{};
  Counter& refused = BuildCounter()
                         .Name("vcuda_webhook_connections_refused_total")
                         .Help("Connections closed at once because of the connection limit.")
                         .Register(registry)
                         .Add({});
  Gauge& expiry = BuildGauge()
                      .Name("vcuda_webhook_certificate_expiry_timestamp_seconds")
                      .Help("When the serving certificate ends.")
                      .Register(registry)
                      .Add({});
  Gauge& build = BuildGauge()
                     .Name("vcuda_webhook_build_info")
                     .Help("Always 1; the version is the label.")
                     .Register(registry)
                     .Add({{"version", VCUDA_VERSION}});
};

std::string_view name(Ending ending) {
  switch (ending) {
    case Ending::by_client:
      return "by_client";
    case Ending::after_answer:
      return "after_answer";
    case Ending::after_refusal:
      return "after_refusal";
    case Ending::handshake_failed:
      return "handshake_failed";
    case Ending::handshake_timeout:
      return "handshake_timeout";
    case Ending::header_timeout:
      return "header_timeout";
    case Ending::body_timeout:
      return "body_timeout";
    case Ending::write_timeout:
      return "write_timeout";
    case Ending::idle_timeout:
      return "idle_timeout";
    case Ending::broken:
      return "broken";
    case Ending::drained:
      return "drained";
  }
  return "broken";
}

Metrics::Metrics() : families_(std::make_unique<Families>()) {
  families_->build.Set(1);
  // All endings exist from the start, so that a first occurrence is visible as a rise from 0.
  for (std::size_t i = 0; i < ending_count; ++i)
    families_->endings[i] = &families_->closed.Add({{"cause", std::string(name(static_cast<Ending>(i)))}});
}
Metrics::~Metrics() = default;

void Metrics::answered(const Answer& answer, std::chrono::nanoseconds duration, std::size_t body_bytes) {
  families_->requests
      .Add({{"outcome", std::string(name(answer.outcome))}, {"reason", std::string(answer.reason)}})
      .Increment();
  families_->duration.Observe(std::chrono::duration<double>(duration).count());
  families_->body.Observe(static_cast<double>(body_bytes));
  if (answer.operations > 0) families_->operations.Increment(static_cast<double>(answer.operations));
}

void Metrics::request_began() { families_->in_flight.Increment(); }
void Metrics::request_ended() { families_->in_flight.Decrement(); }
void Metrics::handshake_done(bool resumed) {
  (resumed ? families_->resumed_handshakes : families_->full_handshakes).Increment();
}
void Metrics::connection_opened() { families_->connections.Increment(); }
void Metrics::connection_ended(Ending ending) {
  families_->connections.Decrement();
  families_->endings[static_cast<std::size_t>(ending)]->Increment();
}
void Metrics::connection_refused() { families_->refused.Increment(); }
void Metrics::certificate_expires(std::chrono::system_clock::time_point when) {
  families_->expiry.Set(static_cast<double>(std::chrono::system_clock::to_time_t(when)));
}

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace vcuda::webhook
