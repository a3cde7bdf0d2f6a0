// A policy from the text of a file, YAML or JSON. Reads no file: the caller did. In the library
// vcuda::injector_yaml, because the core does without a YAML parser.
#pragma once

#include <string_view>

#include "injector/policy.hpp"

namespace vcuda::injector {

// Parses `text`. Errors carry "LINE" or "LINE:COLUMN" as their place; the caller puts the file's name before
// it.
Result<Policy> parse_policy_text(std::string_view text);

}  // namespace vcuda::injector
