// The inverse of an injection, read from the status annotation that patch() left in the pod.
// Must not guess: what the status does not list as added stays.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "injector/result.hpp"

namespace vcuda::injector {

// Returns the RFC 6902 operations that give the original pod back; empty when the pod carries no status.
// Elements are found by name, so containers and volumes that others added meanwhile stay.
// Error: the status is unreadable, or what it lists was changed so that no original can be given back.
Result<boost::json::array> undo(const boost::json::value& pod);

}  // namespace vcuda::injector
