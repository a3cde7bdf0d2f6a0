// See collision.hpp.
#include "injector/collision.hpp"

#include <algorithm>

#include "injector/environment.hpp"
#include "injector/injected_container.hpp"
#include "injector/pod.hpp"
#include "runtime-libs/contract/contract.hpp"

namespace vcuda::injector {
namespace json = boost::json;

namespace {

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

bool lists(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A container with our name must be one that we added, or be what we would add.
OrRefusal<void> check_container(const json::value& pod, ContainerList list,
                                const std::vector<std::string>& added, const json::object* wanted,
                                std::string_view name) {
  const json::array* containers = containers_of(pod, list);
  const auto index = index_of(containers, name);
  if (!index || (wanted != nullptr && (lists(added, name) || covers((*containers)[*index], *wanted))))
    return {};
  return Refusal{Reason::container_taken, "the pod has its own " + quoted(name) + " in " +
                                              std::string(field_name(list)) + "; rename or remove it"};
}

// "/lib/vcuda/" and "//lib/./vcuda" as the path they are: no trailing slash, no empty or "." parts.
std::string normal(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    if (!part.empty() && part != ".") out += "/" + std::string(part);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return out;
}

bool is_inside(const std::string& path, const std::string& folder) { return path.starts_with(folder + "/"); }

std::string vendor_of(std::string_view resource) {
  return std::string(resource.substr(0, resource.find('/')));
}

}  // namespace

OrRefusal<void> check_volume(const json::value& pod) {
  const json::array* volumes = array_of(member(member(&pod, "spec"), "volumes"));
  const auto index = index_of(volumes, contract::volume_name);
  if (index && object_of(member(&(*volumes)[*index], "emptyDir")) == nullptr)
    return Refusal{Reason::volume_taken, std::string("the volume ") + contract::volume_name +
                                             " exists and is no emptyDir; rename it"};
  return {};
}

OrRefusal<void> check_containers(const json::value& pod, const Status* status, const Plan& plan) {
  static const Status nothing;
  const Status& known = status ? *status : nothing;
  const json::object copier = copier_container(plan);
  const json::object sidecar = sidecar_container(plan);
  using enum ContainerList;
  const struct {
    ContainerList list;
    const std::vector<std::string>& added;
    const json::object* wanted;
    std::string_view name;
  } checks[] = {
      {init_containers, known.init_containers, &copier, contract::init_container_name},
      {containers, known.containers, nullptr, contract::init_container_name},
      {init_containers, known.init_containers, plan.sidecar == SidecarMode::native ? &sidecar : nullptr,
       contract::sidecar_name},
      {containers, known.containers, plan.sidecar == SidecarMode::classic ? &sidecar : nullptr,
       contract::sidecar_name},
  };
  for (const auto& check : checks)
    if (auto done = check_container(pod, check.list, check.added, check.wanted, check.name); !done)
      return done;
  return {};
}

OrRefusal<void> check_mounts(const json::value& container) {
  static const std::string ours = contract::app_mount_path;
  const auto clash = [&](std::string_view text) {
    return Refusal{Reason::mount_taken, "container " + quoted(name_of(container)) + " mounts " +
                                            std::string(text) + ", which is at, above or below our " + ours +
                                            "; move it"};
  };
  if (const json::array* mounts = array_of(member(&container, "volumeMounts")))
    for (const json::value& mount : *mounts) {
      const std::string_view text = string_of(member(&mount, "mountPath")).value_or("");
      const std::string path = normal(text);
      const bool same = path == ours;
      if (same && string_of(member(&mount, "name")) == contract::volume_name && text == ours &&
          member(&mount, "subPath") == nullptr && member(&mount, "subPathExpr") == nullptr)
        continue;
      if (same || is_inside(path, ours) || is_inside(ours, path)) return clash(text);
    }
  if (const json::array* devices = array_of(member(&container, "volumeDevices")))
    for (const json::value& device : *devices) {
      const std::string_view text = string_of(member(&device, "devicePath")).value_or("");
      if (normal(text) == ours || is_inside(normal(text), ours)) return clash(text);
    }
  return {};
}

OrRefusal<void> check_environment(const json::value& container) {
  const json::array* env = array_of(member(&container, "env"));
  if (env == nullptr) return {};
  for (const std::string_view variable : {contract::env_library_path, contract::env_preload}) {
    const json::value* last = nullptr;
    for (const json::value& entry : *env)
      if (name_of(entry) == variable) last = &entry;
    const json::value* source = member(last, "valueFrom");
    if (source != nullptr && !source->is_null() && index_of(env, original_name(variable)))
      return Refusal{Reason::environment_taken, "container " + quoted(name_of(container)) + " sets " +
                                                    original_name(variable) +
                                                    ", under which the valueFrom of " +
                                                    std::string(variable) + " would be kept; rename it"};
  }
  return {};
}

OrRefusal<void> check_resources(const json::value& container, const std::vector<std::string>& patterns) {
  const auto found = gpu_resources_of(container, patterns);
  for (const std::string& other : found)
    if (vendor_of(other) != vendor_of(found.front()))
      return Refusal{Reason::mixed_gpu_resources, "container " + quoted(name_of(container)) + " asks for " +
                                                      found.front() + " and for " + other + "; keep one"};
  return {};
}

}  // namespace vcuda::injector
