// Reads the golden files of tests/golden and expands their shorthands ("$copier", {"$with": ...}).
// Must not know what the injector answers.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

namespace vcuda::tests {

// The whole text of a file; aborts with its name when it cannot be read.
std::string read_text(const std::string& path);

// A JSON file of tests/golden, shorthands expanded.
boost::json::value golden(const std::string& name);

// Names (without ".json") of the cases: every file but parts and refusals.
std::vector<std::string> golden_cases();

}  // namespace vcuda::tests
