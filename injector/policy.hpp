// The operator's choices: everything the injector knows that is not in the pod. A plain value, made once at
// start by whoever reads files, passed to decide(). The chart renders it; the webhook and the CLI read it
// with --policy FILE. Must not know where it came from.
#pragma once

#include <boost/json/value.hpp>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "injector/result.hpp"
#include "runtime-libs/contract/contract.hpp"

namespace vcuda::injector {

// How the app reaches the GPU server. `automatic` (spelled "auto") becomes one of the others in decide().
enum class SidecarMode {
  automatic,
  native,   // init container with restartPolicy Always: starts before the app, ends after it (Kubernetes
            // >= 1.29)
  classic,  // one more container: works everywhere, but keeps a Job's pod from ending
  none      // no sidecar: the library connects by itself (VCUDA_SERVER)
};

// What opts a pod in: tensor-fusion.ai/enabled as an annotation, a label, or either.
enum class Trigger { annotation, label, both };

struct KubernetesVersion {
  unsigned major = 0;
  unsigned minor = 0;
  auto operator<=>(const KubernetesVersion&) const = default;
};

// Kubernetes quantities of one injected container ("10m", "32Mi").
struct Resources {
  std::string cpu;
  std::string memory;
};

struct Policy {
  // The GPU server: HOST or HOST:REGISTER_PORT (server_address.hpp). Empty: only pods with tensor-fusion.ai/server are
  // injected.
  std::string server;
  std::uint16_t request_port = contract::request_port;
  std::uint16_t reply_port = contract::reply_port;
  std::uint16_t register_port = contract::register_port;

  // One image holds the copier, the libraries and the sidecar.
  std::string client_image = "vcuda-client:" VCUDA_VERSION;
  std::string image_pull_policy = "IfNotPresent";
  std::vector<std::string> image_pull_secrets;

  SidecarMode sidecar = SidecarMode::automatic;
  // A pod that is meant to end gets no sidecar where native ones do not exist; false: it is denied instead.
  bool allow_none = true;
  // Absent: the cluster is taken to have native sidecars.
  std::optional<KubernetesVersion> cluster_version;

  // Used as requests (= limits on Guaranteed pods, nothing on BestEffort ones, so that the pod's class
  // stays).
  Resources copier_resources = {"10m", "32Mi"};
  Resources sidecar_resources = {"50m", "64Mi"};
  std::string volume_size_limit = "256Mi";

  Trigger trigger = Trigger::both;
  // Taken as the app's container, in this order, when the pod's annotations name none.
  std::vector<std::string> default_containers = {"app"};
  // Resource names that ask for a GPU; a trailing "*" stands for any rest. Taken away from injected
  // containers.
  std::vector<std::string> gpu_resources = {"nvidia.com/gpu", "huawei.com/vgpu-*", "aliyun.com/gpu-mem"};
  // Pods here are never touched.
  std::vector<std::string> excluded_namespaces = {"kube-system", "kube-public", "kube-node-lease"};
};

// Reads a policy from a JSON tree; what the document leaves out keeps the default above. Errors name their
// place as a JSON pointer: unknown key, wrong type, value out of range. (Text, JSON or YAML:
// injector/policy_text.hpp.)
//
//   server: vcuda-server.vcuda.svc        ports: {request: 9998, reply: 9997, register: 9999}
//   image: REF   imagePullPolicy: Always|IfNotPresent|Never   imagePullSecrets: [NAME]
//   sidecar: {mode: auto|native|classic|none, allowNone: true}   clusterVersion: "1.30"
//   resources: {copier: {cpu: 10m, memory: 32Mi}, sidecar: {cpu: 50m, memory: 64Mi}}   volume: {sizeLimit:
//   256Mi} trigger: annotation|label|both   defaultContainers: [app]   gpuResources: [nvidia.com/gpu]
//   excludedNamespaces: [kube-system]
Result<Policy> parse_policy(const boost::json::value& document);

// The spelling of a mode in policies and annotations: "auto", "native", "classic", "none".
std::string_view to_string(SidecarMode mode);
std::optional<SidecarMode> parse_sidecar_mode(std::string_view text);

}  // namespace vcuda::injector
