// Read-only looks into a pod's tree. See pod.hpp.
#include "injector/pod.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace vcuda::injector {
namespace json = boost::json;

const json::value* member(const json::value* value, std::string_view key) {
  const json::object* object = object_of(value);
  return object ? object->if_contains(key) : nullptr;
}

const json::array* array_of(const json::value* value) { return value ? value->if_array() : nullptr; }
const json::object* object_of(const json::value* value) { return value ? value->if_object() : nullptr; }

std::optional<std::string_view> string_of(const json::value* value) {
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string_view(value->get_string());
}

std::string_view field_name(ContainerList list) {
  return list == ContainerList::containers ? "containers" : "initContainers";
}

std::string container_pointer(ContainerList list, std::size_t index) {
  return "/spec/" + std::string(field_name(list)) + "/" + std::to_string(index);
}

const json::array* containers_of(const json::value& pod, ContainerList list) {
  return array_of(member(member(&pod, "spec"), field_name(list)));
}

std::string_view name_of(const json::value& element) {
  return string_of(member(&element, "name")).value_or("");
}

std::optional<std::size_t> index_of(const json::array* list, std::string_view name) {
  if (list == nullptr) return std::nullopt;
  for (std::size_t i = 0; i < list->size(); ++i)
    if (name_of((*list)[i]) == name) return i;
  return std::nullopt;
}

namespace {

Metadatum metadatum(const json::value& pod, std::string_view map, std::string_view key) {
  const json::value* found = member(member(member(&pod, "metadata"), map), key);
  Metadatum out;
  out.text = string_of(found);
  out.not_a_string = found != nullptr && !out.text;
  return out;
}

bool requires_windows(const json::value& term) {
  const json::array* expressions = array_of(member(&term, "matchExpressions"));
  if (expressions == nullptr) return false;
  for (const json::value& expression : *expressions) {
    const auto key = string_of(member(&expression, "key"));
    const json::array* values = array_of(member(&expression, "values"));
    if ((key == "kubernetes.io/os" || key == "beta.kubernetes.io/os") &&
        string_of(member(&expression, "operator")) == "In" && values != nullptr && values->size() == 1 &&
        string_of(&values->front()) == "windows")
      return true;
  }
  return false;
}

// A quantity's amount, for comparing: "1", 1 and "1000m" are the same. NaN when it is not one.
double amount_of(const json::value& quantity) {
  struct Suffix {
    std::string_view text;
    double factor;
  };
  // https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
  static constexpr std::array suffixes = {Suffix{"Ki", 0x1p10}, Suffix{"Mi", 0x1p20}, Suffix{"Gi", 0x1p30},
                                          Suffix{"Ti", 0x1p40}, Suffix{"Pi", 0x1p50}, Suffix{"Ei", 0x1p60},
                                          Suffix{"n", 1e-9},    Suffix{"u", 1e-6},    Suffix{"m", 1e-3},
                                          Suffix{"k", 1e3},     Suffix{"M", 1e6},     Suffix{"G", 1e9},
                                          Suffix{"T", 1e12},    Suffix{"P", 1e15},    Suffix{"E", 1e18}};
  if (quantity.is_number()) return quantity.to_number<double>();
  std::string_view text = string_of(&quantity).value_or("");
  double factor = 1;
  for (const Suffix& suffix : suffixes) {
    if (!text.ends_with(suffix.text)) continue;
    factor = suffix.factor;
    text.remove_suffix(suffix.text.size());
    break;
  }
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    return std::numeric_limits<double>::quiet_NaN();
  return number * factor;
}

bool is_zero_or_absent(const json::value* quantity) {
  return quantity == nullptr || quantity->is_null() || amount_of(*quantity) == 0;
}

bool same_quantity(const json::value& a, const json::value& b) { return amount_of(a) == amount_of(b); }

// What cpu and memory of one container say about the class of its pod.
struct ContainerClass {
  bool best_effort = true;
  bool guaranteed = true;
};

ContainerClass class_of(const json::value& container) {
  const json::value* resources = member(&container, "resources");
  ContainerClass out;
  for (const std::string_view key : {"cpu", "memory"}) {
    const json::value* limit = member(member(resources, "limits"), key);
    const json::value* request = member(member(resources, "requests"), key);
    if (!is_zero_or_absent(limit) || !is_zero_or_absent(request)) out.best_effort = false;
    // An absent request takes the limit's value when the API server fills in defaults.
    if (is_zero_or_absent(limit) || (request != nullptr && !same_quantity(*limit, *request)))
      out.guaranteed = false;
  }
  return out;
}

}  // namespace

Metadatum annotation_of(const json::value& pod, std::string_view key) {
  return metadatum(pod, "annotations", key);
}
Metadatum label_of(const json::value& pod, std::string_view key) { return metadatum(pod, "labels", key); }

bool is_for_windows(const json::value& pod) {
  const json::value* spec = member(&pod, "spec");
  if (string_of(member(member(spec, "os"), "name")) == "windows") return true;
  const json::value* selector = member(spec, "nodeSelector");
  for (const std::string_view key : {"kubernetes.io/os", "beta.kubernetes.io/os"})
    if (string_of(member(selector, key)) == "windows") return true;
  const json::value* affinity = member(member(spec, "affinity"), "nodeAffinity");
  const json::array* terms = array_of(
      member(member(affinity, "requiredDuringSchedulingIgnoredDuringExecution"), "nodeSelectorTerms"));
  // Terms are alternatives: only a pod that can go nowhere else is one for Windows.
  return terms != nullptr && !terms->empty() && std::all_of(terms->begin(), terms->end(), requires_windows);
}

ResourceShape shape_for(const json::value& pod, const std::vector<std::string_view>& ours) {
  const json::value* own = member(member(&pod, "spec"), "resources");
  for (const std::string_view kind : {"limits", "requests"})
    if (const json::object* amounts = object_of(member(own, kind)); amounts != nullptr && !amounts->empty())
      return ResourceShape::nothing;
  ContainerClass all;
  for (const ContainerList list : {ContainerList::init_containers, ContainerList::containers}) {
    const json::array* containers = containers_of(pod, list);
    if (containers == nullptr) continue;
    for (const json::value& container : *containers) {
      if (std::find(ours.begin(), ours.end(), name_of(container)) != ours.end()) continue;
      const ContainerClass one = class_of(container);
      all.best_effort = all.best_effort && one.best_effort;
      all.guaranteed = all.guaranteed && one.guaranteed;
    }
  }
  if (all.best_effort) return ResourceShape::nothing;
  return all.guaranteed ? ResourceShape::requests_and_limits : ResourceShape::requests;
}

bool matches_any(std::string_view name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    if (pattern.ends_with('*'))
      return name.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
    return name == pattern;
  });
}

bool asks_for_gpu(const json::value& container, const std::vector<std::string>& patterns) {
  for (const std::string_view kind : {"limits", "requests"})
    if (const json::object* amounts = object_of(member(member(&container, "resources"), kind)))
      for (const auto& amount : *amounts)
        if (matches_any(amount.key(), patterns)) return true;
  return false;
}

std::vector<std::string> gpu_resources_of(const json::value& container,
                                          const std::vector<std::string>& patterns) {
  std::vector<std::string> found;
  for (const std::string_view kind : {"limits", "requests"}) {
    const json::object* amounts = object_of(member(member(&container, "resources"), kind));
    if (amounts == nullptr) continue;
    for (const auto& amount : *amounts) {
      std::string key(amount.key());
      if (matches_any(key, patterns) && std::find(found.begin(), found.end(), key) == found.end())
        found.push_back(std::move(key));
    }
  }
  return found;
}

}  // namespace vcuda::injector
