// What of the user's is in the way of what we add: names, paths, variables. A part of decide().
// Must not know how any of it is added.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "injector/plan.hpp"
#include "injector/status.hpp"
#include "injector/target.hpp"

namespace vcuda::injector {

// A volume of our name that is no emptyDir. Refusal: volume_taken.
OrRefusal<void> check_volume(const boost::json::value& pod);

// A container of one of our names that we neither added (`status`, may be null) nor would add just so.
// Refusal: container_taken.
OrRefusal<void> check_containers(const boost::json::value& pod, const Status* status, const Plan& plan);

// A mount or device at, above or below our path. Refusal: mount_taken.
OrRefusal<void> check_mounts(const boost::json::value& container);

// A valueFrom that must be kept under another name needs that name to be free. Refusal: environment_taken.
OrRefusal<void> check_environment(const boost::json::value& container);

// GPU resources of two vendors in one container. Refusal: mixed_gpu_resources.
OrRefusal<void> check_resources(const boost::json::value& container,
                                const std::vector<std::string>& patterns);

}  // namespace vcuda::injector
