// Which containers of a pod will use the GPU. A part of decide().
// Must not know what will be done to them.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "injector/plan.hpp"
#include "injector/policy.hpp"
#include "injector/reason.hpp"
#include "injector/status.hpp"

namespace vcuda::injector {

inline constexpr char annotation_default_container[] = "kubectl.kubernetes.io/default-container";

// A refusal with its particulars, before it becomes a Deny.
struct Refusal {
  Reason reason;
  std::string message;
};
template <class T>
using OrRefusal = boost::system::result<T, Refusal>;
[[noreturn]] inline void throw_exception_from_error(const Refusal& refusal, const boost::source_location&) {
  throw std::runtime_error(refusal.message);
}

// Chooses, first rule that says something: the inject-container annotation; those of an earlier injection
// (`status`); kubectl.kubernetes.io/default-container, if it names one; the policy's default names; those that ask for a GPU
// resource; the only one. Containers we added, and the known sidecars of other injectors, are taken only when
// named. Refusals: bad_annotation, unknown_container, no_container.
OrRefusal<std::vector<Target>> choose_targets(const boost::json::value& pod, const Policy& policy,
                                              const Status* status);

}  // namespace vcuda::injector
