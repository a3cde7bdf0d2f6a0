// Writes a JSON tree as YAML the way people do: every style, comments, odd spacing. Must not know the
// injector, nor use a YAML library (it would write one style).
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "tests/laws/dice.hpp"

namespace vcuda::tests {

// The text of one document; which of the equivalent texts depends on `dice`.
std::string write_yaml(const boost::json::value& value, Dice& dice);

}  // namespace vcuda::tests
