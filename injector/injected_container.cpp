// What goes into the pod. See injected_container.hpp.
#include "injector/injected_container.hpp"

#include <boost/json/array.hpp>
#include <string>

#include "injector/pod.hpp"
#include "runtime-libs/contract/contract.hpp"

namespace vcuda::injector {
namespace json = boost::json;

namespace {

// Any id but 0 will do; 65532 is the "nonroot" of distroless images.
constexpr std::int64_t user_id = 65532;
// The probe runs once a second and the sidecar has this many seconds to reach its server before it is
// restarted.
constexpr std::int64_t startup_failures = 120;
// Connecting is bounded by the probe itself; this only keeps a stuck one from lasting.
constexpr std::int64_t startup_timeout_s = 5;

json::object amounts(const Resources& resources) {
  return {{"cpu", resources.cpu}, {"memory", resources.memory}};
}

void put_resources(json::object& container, ResourceShape shape, const Resources& resources) {
  if (shape == ResourceShape::nothing) return;
  json::object out;
  if (shape == ResourceShape::requests_and_limits) out.emplace("limits", amounts(resources));
  out.emplace("requests", amounts(resources));
  container.emplace("resources", std::move(out));
}

// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and a read-only root
// beside it.
json::object restricted_context() {
  return {{"allowPrivilegeEscalation", false},
          {"capabilities", json::object{{"drop", json::array{"ALL"}}}},
          {"readOnlyRootFilesystem", true},
          {"runAsNonRoot", true},
          {"runAsUser", user_id},
          {"seccompProfile", json::object{{"type", "RuntimeDefault"}}}};
}

json::object container(const Plan& plan, std::string_view name, json::array command,
                       const Resources& resources) {
  json::object out;
  out.emplace("name", name);
  out.emplace("image", plan.client_image);
  out.emplace("imagePullPolicy", plan.image_pull_policy);
  out.emplace("command", std::move(command));
  put_resources(out, plan.resource_shape, resources);
  out.emplace("securityContext", restricted_context());
  out.emplace("volumeMounts", json::array{json::object{{"mountPath", contract::target_mount_path},
                                                       {"name", contract::volume_name}}});
  return out;
}

// What tells the elements of a list apart: mounts by path, everything else by name.
std::string_view identity(const json::value& element) {
  if (const auto path = string_of(member(&element, "mountPath"))) return *path;
  return name_of(element);
}

bool covers_list(const json::array& existing, const json::array& wanted) {
  if (wanted.empty() || !wanted.front().is_object()) return existing == wanted;
  for (const json::value& one : wanted) {
    bool found = false;
    for (const json::value& other : existing)
      found = found || (identity(other) == identity(one) && covers(other, one));
    if (!found) return false;
  }
  return true;
}

}  // namespace

json::object copier_container(const Plan& plan) {
  return container(plan, contract::init_container_name,
                   json::array{contract::sidecar_name, "install", contract::target_mount_path},
                   plan.copier_resources);
}

json::object sidecar_container(const Plan& plan) {
  // vcuda-client NODE SERVER PROTOCOL SEND-PORT RECEIVE-PORT REGISTER-PORT GPU
  json::array command{contract::sidecar_name,
                      "0",
                      plan.server,
                      "native",
                      std::to_string(plan.request_port),
                      std::to_string(plan.reply_port),
                      std::to_string(plan.register_port),
                      "0"};
  json::object out = container(plan, contract::sidecar_name, std::move(command), plan.sidecar_resources);
  if (plan.sidecar == SidecarMode::native) {
    out.emplace("restartPolicy", "Always");
    out.emplace(
        "startupProbe",
        json::object{{"exec", json::object{{"command", json::array{contract::sidecar_name, "--ready"}}}},
                     {"failureThreshold", startup_failures},
                     {"periodSeconds", 1},
                     {"timeoutSeconds", startup_timeout_s}});
  }
  return out;
}

json::object volume(const Plan& plan) {
  return {{"emptyDir", json::object{{"sizeLimit", plan.volume_size_limit}}}, {"name", contract::volume_name}};
}

json::object app_mount() {
  return {{"mountPath", contract::app_mount_path}, {"name", contract::volume_name}, {"readOnly", true}};
}

bool covers(const json::value& existing, const json::value& wanted) {
  if (wanted.is_object()) {
    if (!existing.is_object()) return false;
    for (const auto& field : wanted.get_object()) {
      if (field.key() == "resources") continue;
      const json::value* found = existing.get_object().if_contains(field.key());
      if (found == nullptr || !covers(*found, field.value())) return false;
    }
    return true;
  }
  if (wanted.is_array()) return existing.is_array() && covers_list(existing.get_array(), wanted.get_array());
  return existing == wanted;
}

}  // namespace vcuda::injector
