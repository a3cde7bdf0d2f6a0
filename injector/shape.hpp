// Whether the fields we edit have the types Kubernetes gives them, so that nothing after this needs to ask
// again. A part of decide(); must not judge values.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <string>

#include "injector/target.hpp"

namespace vcuda::injector {

// More than any pod has: an object of etcd's 1.5 MiB holds a few thousand containers at most, nodes run 110
// pods. The limits keep every look through the lists cheap, whatever is sent.
inline constexpr std::size_t max_containers = 1024;
inline constexpr std::size_t max_resource_names = 64;
// Of an LD_PRELOAD or LD_LIBRARY_PATH: half of what one string of an environment may hold (execve(2),
// MAX_ARG_STRLEN).
inline constexpr std::size_t max_search_list_bytes = 64 * 1024;
// What our merge may add to a value of that size, so that an injected pod is not refused the next time.
inline constexpr std::size_t max_search_list_growth_bytes = 256;

// Lists of the spec are lists of named objects, names are unique, and not more than max_containers.
// Refusal: malformed_pod, with the field's
// path.
OrRefusal<void> check_shape(const boost::json::value& pod);

// The same for the fields of a container we edit: env (search lists not longer than max_search_list_bytes),
// volumeMounts, resources (not more than max_resource_names). `pointer` is where it stands.
OrRefusal<void> check_target_shape(const boost::json::value& container, const std::string& pointer);

}  // namespace vcuda::injector
