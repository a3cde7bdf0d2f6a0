// What the webhook answers to one request, and the refusals that are no review. Values only: the serving code
// knows answers without knowing what a review, a pod or a policy is (admission.hpp makes them from those).
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace vcuda::webhook {

// What became of one request, for metrics and logs.
enum class Outcome {
  injected,   // a patch was sent
  unchanged,  // the pod has everything already
  skipped,    // allowed untouched
  denied,     // refused with a reason for the user
  invalid,    // not an AdmissionReview we understand: no review went back
  failed      // our fault
};
std::string_view name(Outcome outcome);

struct Answer {
  unsigned status = 200;  // of HTTP
  std::string body;       // JSON
  Outcome outcome = Outcome::invalid;
  std::string_view reason;     // from a fixed set, static storage: fit for a metric's label
  std::string uid;             // request.uid; empty when it could not be read
  std::string pod_namespace;   // request.namespace, likewise
  std::size_t operations = 0;  // in the patch
};

// The body of every refusal that is not a review: {"error": TEXT}.
std::string error_body(std::string_view text);

// An answer that says `text` under `status`, with the given label.
Answer refusal(unsigned status, std::string_view reason, std::string_view text);

}  // namespace vcuda::webhook
