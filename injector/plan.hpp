// What decide() settled for one pod and patch() carries out: every choice resolved, nothing left to look up.
// A plain value; must not refer to the pod or the policy it came from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "injector/policy.hpp"

namespace vcuda::injector {

// The list a container stands in.
enum class ContainerList { containers, init_containers };

// A container that will use the GPU.
struct Target {
  ContainerList list = ContainerList::containers;
  std::string name;
};

// How the injected containers ask for resources without changing the pod's QoS class.
enum class ResourceShape { nothing, requests, requests_and_limits };

// Where our libraries stand among the user's in LD_PRELOAD.
enum class PreloadOrder { first, last };

struct Plan {
  std::vector<Target> targets;                // in the pod's order, init containers first; never empty
  SidecarMode sidecar = SidecarMode::native;  // never automatic
  PreloadOrder preload_order = PreloadOrder::first;
  std::string server;  // host, without port; a bare IPv6 address has no brackets
  std::uint16_t request_port = 0;
  std::uint16_t reply_port = 0;
  std::uint16_t register_port = 0;
  std::string client_image;
  std::string image_pull_policy;
  std::vector<std::string> image_pull_secrets;
  ResourceShape resource_shape = ResourceShape::nothing;
  Resources copier_resources;
  Resources sidecar_resources;
  std::string volume_size_limit;
  std::vector<std::string> gpu_resources;
  // Sentences for the user (AdmissionReview warnings, the CLI's stderr): what will be done and may surprise.
  std::vector<std::string> warnings;
};

}  // namespace vcuda::injector
