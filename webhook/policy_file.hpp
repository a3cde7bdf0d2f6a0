// The policy as a file: read, bounded, parsed. The only place where the webhook reads a policy from.
#pragma once
#include <string>

#include "injector/policy.hpp"
#include "webhook/failure.hpp"

namespace vcuda::webhook {

inline constexpr std::size_t max_policy_bytes = 1024 * 1024;  // a ConfigMap holds at most 1 MiB

// Reads and parses. file: not readable, too large. policy: not understood; the text begins with
// FILE:LINE:COLUMN.
Result<injector::Policy> load_policy(const std::string& path);

}  // namespace vcuda::webhook
