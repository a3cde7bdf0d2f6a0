// Whether the fields we edit have the types Kubernetes gives them, so that nothing after this needs to ask
// again. A part of decide(); must not judge values.
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "injector/target.hpp"

namespace vcuda::injector {

// Lists of the spec are lists of named objects, names are unique. Refusal: malformed_pod, with the field's
// path.
OrRefusal<void> check_shape(const boost::json::value& pod);

// The same for the fields of a container we edit: env, volumeMounts, resources. `pointer` is where it stands.
OrRefusal<void> check_target_shape(const boost::json::value& container, const std::string& pointer);

}  // namespace vcuda::injector
