// JSON for people: two blanks a level, numbers as short as they can be written exactly.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace vcuda::injector {

// The text of `value` over several lines, without a line break at its end.
std::string pretty(const boost::json::value& value, std::size_t indentation = 0);

}  // namespace vcuda::injector
