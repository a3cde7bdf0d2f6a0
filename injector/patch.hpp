// A plan turned into an RFC 6902 JSON Patch: the second of the injector's two pure functions.
// Must not decide anything: what is in the plan is done, and only to the owned paths below.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "injector/plan.hpp"

namespace vcuda::injector {

// Returns the operations, in a fixed order, that carry out `plan` on `pod`; empty when the pod already has
// everything. `pod` must be the tree decide() made the plan from; anything else is a bug and throws
// std::logic_error. Thread-safe.
//
// Owned paths, relative to the pod:
//   /spec/{initContainers,containers}/TARGET/{env,volumeMounts} and /resources/{limits,requests}/GPU-KEY
//   (removed) /spec/volumes, /spec/initContainers (prepended), /spec/containers (appended),
//   /spec/imagePullSecrets /metadata/annotations/tensor-fusion.ai~1status
boost::json::array patch(const boost::json::value& pod, const Plan& plan);

}  // namespace vcuda::injector
