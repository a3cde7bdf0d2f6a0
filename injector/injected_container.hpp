// The two containers and the volume we add, as JSON. Pure functions of a plan.
// Must not know the pod they go into.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "injector/plan.hpp"

namespace vcuda::injector {

// Copies the libraries of the client image into the volume: `vcuda-client install /target/lib/vcuda`, no
// shell.
boost::json::object copier_container(const Plan& plan);

// The sidecar, with the seed's positional command line. With SidecarMode::native it has what makes an init
// container a sidecar: restartPolicy Always and a startup probe, so that the app starts connected.
boost::json::object sidecar_container(const Plan& plan);

// The emptyDir that both and the app mount.
boost::json::object volume(const Plan& plan);

// The app's mount of it.
boost::json::object app_mount();

// Whether `existing` already is `wanted`: every field of `wanted` is there with the same value; what the API
// server or another webhook put beside it does not count, nor do resources (a LimitRange may set them).
bool covers(const boost::json::value& existing, const boost::json::value& wanted);

}  // namespace vcuda::injector
