// Container choice. See target.hpp.
#include "injector/target.hpp"

#include <algorithm>
#include <unordered_map>

#include "injector/decide.hpp"
#include "injector/pod.hpp"
#include "injector/shape.hpp"
#include "runtime-libs/contract/contract.hpp"

namespace vcuda::injector {
namespace json = boost::json;

namespace {

// What other injectors add beside the app: never the app.
bool is_foreign_sidecar(std::string_view name) {
  return name == "istio-proxy" || name == "linkerd-proxy" || name == "daprd" || name == "vault-agent" ||
         name.starts_with("datadog-");
}

bool is_candidate(std::string_view name) {
  return name != contract::sidecar_name && !is_foreign_sidecar(name);
}

std::vector<std::string> candidates(const json::value& pod) {
  std::vector<std::string> names;
  for (const json::value& container : *containers_of(pod, ContainerList::containers))
    if (is_candidate(name_of(container))) names.emplace_back(name_of(container));
  return names;
}

std::string listed(const json::value& pod) {
  std::string out;
  for (const ContainerList list : {ContainerList::containers, ContainerList::init_containers}) {
    const json::array* containers = containers_of(pod, list);
    if (containers == nullptr) continue;
    for (const json::value& container : *containers)
      out += (out.empty() ? "" : ", ") + std::string(name_of(container));
  }
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::vector<Target> as_targets(const std::vector<std::string>& names) {
  std::vector<Target> targets;
  for (const std::string& one : names) targets.push_back({ContainerList::containers, one});
  return targets;
}

// Every container's list and place, in the pod's order with init containers first. Names are unique
// (check_shape).
struct Place {
  ContainerList list;
  std::size_t rank;
};
using Places = std::unordered_map<std::string_view, Place>;

Places places_in(const json::value& pod) {
  Places places;
  for (const ContainerList list : {ContainerList::init_containers, ContainerList::containers}) {
    const json::array* containers = containers_of(pod, list);
    if (containers == nullptr) continue;
    for (const json::value& container : *containers)
      places.emplace(name_of(container), Place{list, places.size()});
  }
  return places;
}

void sort_by_place(const Places& places, std::vector<Target>& targets) {
  std::sort(targets.begin(), targets.end(), [&](const Target& a, const Target& b) {
    return places.at(a.name).rank < places.at(b.name).rank;
  });
}

OrRefusal<std::vector<Target>> named(const json::value& pod, std::string_view value) {
  if (trim(value) == "*") return as_targets(candidates(pod));
  const Places places = places_in(pod);
  std::vector<Target> targets;
  std::string_view rest = value;
  std::size_t names = 0;
  for (bool more = true; more;) {
    if (++names > max_containers)
      return Refusal{Reason::bad_annotation, std::string(annotation_inject_container) + " has more than " +
                                                 std::to_string(max_containers) + " names"};
    const std::size_t comma = rest.find(',');
    const std::string name(trim(rest.substr(0, comma)));
    more = comma != std::string_view::npos;
    if (more) rest.remove_prefix(comma + 1);
    if (name.empty())
      return Refusal{Reason::bad_annotation,
                     std::string(annotation_inject_container) +
                         " has an empty name; expected container names separated by ',', or \"*\""};
    const auto place = places.find(name);
    if (place == places.end())
      return Refusal{Reason::unknown_container, std::string(annotation_inject_container) + " names '" + name +
                                                    "', the pod's containers are: " + listed(pod)};
    if (name == contract::sidecar_name || name == contract::init_container_name)
      return Refusal{Reason::bad_annotation, std::string(annotation_inject_container) + " names '" + name +
                                                 "', which is the injector's own container"};
    targets.push_back({place->second.list, name});
  }
  sort_by_place(places, targets);
  const auto same = [](const Target& a, const Target& b) { return a.name == b.name; };
  targets.erase(std::unique(targets.begin(), targets.end(), same), targets.end());
  return targets;
}

}  // namespace

OrRefusal<std::vector<Target>> choose_targets(const json::value& pod, const Policy& policy,
                                              const Status* status) {
  if (const auto value = annotation_of(pod, annotation_inject_container).text) {
    auto targets = named(pod, *value);
    if (targets && targets->empty())
      return Refusal{Reason::no_container, "the pod has no container but sidecars: " + listed(pod)};
    return targets;
  }
  const json::array* containers = containers_of(pod, ContainerList::containers);
  if (status != nullptr) {
    const Places places = places_in(pod);
    std::vector<Target> targets;
    for (const ContainerStatus& each : status->targets)
      if (const auto place = places.find(each.target.name);
          place != places.end() && place->second.list == each.target.list)
        targets.push_back(each.target);
    sort_by_place(places, targets);
    if (!targets.empty()) return targets;
  }
  if (const auto value = annotation_of(pod, annotation_default_container).text)
    if (index_of(containers, *value)) return as_targets({std::string(*value)});
  for (const std::string& name : policy.default_containers)
    if (index_of(containers, name)) return as_targets({name});

  const std::vector<std::string> possible = candidates(pod);
  std::vector<std::string> with_gpu;
  for (const json::value& container : *containers)
    if (is_candidate(name_of(container)) && asks_for_gpu(container, policy.gpu_resources))
      with_gpu.emplace_back(name_of(container));
  if (!with_gpu.empty()) return as_targets(with_gpu);
  if (possible.size() == 1) return as_targets(possible);
  return Refusal{Reason::no_container, "none of the containers is known to be the app: " + listed(pod) +
                                           "; name it with the annotation " + annotation_inject_container};
}

}  // namespace vcuda::injector
