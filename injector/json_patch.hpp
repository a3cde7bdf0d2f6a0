// RFC 6901 pointers and an RFC 6902 applier for add, remove and replace: the operations the injector writes.
// Must not know pods.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "injector/result.hpp"

namespace vcuda::injector {

// Escapes one reference token ("~" to "~0", then "/" to "~1"; RFC 6901 section 3).
std::string escape_token(std::string_view token);

// Splits a pointer into unescaped tokens. Error: does not start with "/" (the empty pointer is the whole
// document).
Result<std::vector<std::string>> split_pointer(std::string_view pointer);

// Returns the value at `pointer`, or null.
const boost::json::value* find(const boost::json::value& document, std::string_view pointer);

// Applies one operation ("add", "remove", "replace", "test") in place. Errors: unknown operation, missing
// path, index out of range, failed test; `document` is then unchanged.
Result<void> apply_operation(boost::json::value& document, const boost::json::value& operation);

// Applies a whole patch to a copy. Error: the first operation that fails, with its index as place.
Result<boost::json::value> apply_patch(boost::json::value document, const boost::json::array& patch);

// Returns `patch` with `prefix` put before every path: operations on a pod become operations on the workload
// around it.
boost::json::array prefix_patch(boost::json::array patch, std::string_view prefix);

}  // namespace vcuda::injector
