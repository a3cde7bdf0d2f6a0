// Whether a pod is injected, and how: the first of the injector's two pure functions (patch.hpp is the
// other). Must not do I/O, read a clock or an environment, or change the pod.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <variant>

#include "injector/plan.hpp"
#include "injector/policy.hpp"
#include "injector/reason.hpp"

namespace vcuda::injector {

enum class Operation { create, other };

// What the AdmissionReview knows beside the pod; the CLI leaves the defaults.
struct Request {
  Operation operation = Operation::create;
  std::string subresource;    // "" for the pod itself
  std::string pod_namespace;  // request.namespace: the pod's own may be empty at admission
};

struct Skip {
  Reason reason;
  std::string message;  // one sentence with the particulars
};
struct Inject {
  Plan plan;
};
struct Deny {
  Reason reason;
  std::string message;  // one sentence with the particulars and what to do
};
using Decision = std::variant<Skip, Inject, Deny>;

// Decides for one pod (or pod template: an object with metadata and spec). Never fails: a pod it cannot
// understand is a Deny if it asked for injection. A pod that was injected before is an Inject whose patch is
// empty, or repairs what is missing. Thread-safe; linear in the pod's size.
Decision decide(const boost::json::value& pod, const Request& request, const Policy& policy);

// Names of the annotations (the first also as a label) that users write.
inline constexpr char annotation_enabled[] = "tensor-fusion.ai/enabled";  // "true" | "false"
inline constexpr char annotation_inject_container[] = "tensor-fusion.ai/inject-container";  // "a,b" | "*"
inline constexpr char annotation_server[] = "tensor-fusion.ai/server";  // HOST[:REGISTER_PORT]
inline constexpr char annotation_sidecar[] =
    "tensor-fusion.ai/sidecar";  // "auto" | "native" | "classic" | "none"
inline constexpr char annotation_preload_order[] = "tensor-fusion.ai/preload-order";  // "first" | "last"
// What the injector writes (see status.hpp).
inline constexpr char annotation_status[] = "tensor-fusion.ai/status";

}  // namespace vcuda::injector
