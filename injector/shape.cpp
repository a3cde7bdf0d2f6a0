// Types of the fields we edit. See shape.hpp.
#include "injector/shape.hpp"

#include <set>

#include "injector/environment.hpp"
#include "injector/pod.hpp"
#include "runtime-libs/contract/contract.hpp"

namespace vcuda::injector {
namespace json = boost::json;

namespace {

OrRefusal<void> malformed(std::string path, std::string what) {
  return Refusal{Reason::malformed_pod, std::move(path) + " " + std::move(what)};
}

bool absent(const json::value* value) { return value == nullptr || value->is_null(); }

// Absent, null, or a list of objects that each have the string `key`.
OrRefusal<void> check_list(const json::value* value, const std::string& path, std::string_view key) {
  if (absent(value)) return {};
  const json::array* list = value->if_array();
  if (list == nullptr) return malformed(path, "is not a list");
  for (std::size_t i = 0; i < list->size(); ++i)
    if (string_of(member(&(*list)[i], key)).value_or("").empty())
      return malformed(path + "/" + std::to_string(i), "has no " + std::string(key));
  return {};
}

OrRefusal<void> check_map(const json::value* value, const std::string& path) {
  if (absent(value) || value->is_object()) return {};
  return malformed(path, "is not a map");
}

// Values of LD_PRELOAD and LD_LIBRARY_PATH, which are taken apart and merged: strings that are not too long.
OrRefusal<void> check_search_list(const json::value& entry, const std::string& path) {
  const std::string_view name = name_of(entry);
  const json::value* value = member(&entry, "value");
  const bool preload = name == contract::env_preload;
  if ((!preload && name != contract::env_library_path) || absent(value)) return {};
  if (!value->is_string())
    return malformed(path, "gives " + std::string(name) + " a value that is not a string");
  const std::string_view text = value->get_string();
  if (text.size() <= max_search_list_bytes) return {};
  // A value that our merge made of one that was not too long.
  if (text.size() <= max_search_list_bytes + max_search_list_growth_bytes &&
      (preload ? merge_preload(text, PreloadOrder::first) : merge_library_path(text)) == text)
    return {};
  return malformed(
      path, "gives " + std::string(name) + " more than " + std::to_string(max_search_list_bytes) + " bytes");
}

}  // namespace

OrRefusal<void> check_shape(const json::value& pod) {
  const json::value* spec = member(&pod, "spec");
  if (object_of(spec) == nullptr) return malformed("/spec", "is missing or not a map");
  for (const char* field : {"containers", "initContainers", "volumes", "imagePullSecrets"})
    if (auto done = check_list(member(spec, field), std::string("/spec/") + field, "name"); !done)
      return done;
  const json::array* containers = containers_of(pod, ContainerList::containers);
  if (containers == nullptr || containers->empty())
    return malformed("/spec/containers", "is missing or empty");
  const json::array* init = containers_of(pod, ContainerList::init_containers);
  if (containers->size() + (init ? init->size() : 0) > max_containers)
    return malformed("/spec/containers", "has more than " + std::to_string(max_containers) + " containers");
  std::set<std::string_view> names;
  for (const ContainerList list : {ContainerList::init_containers, ContainerList::containers})
    if (const json::array* each = containers_of(pod, list))
      for (const json::value& container : *each)
        if (!names.insert(name_of(container)).second)
          return malformed("/spec/" + std::string(field_name(list)),
                           "has the name '" + std::string(name_of(container)) + "' twice");
  return check_map(member(member(&pod, "metadata"), "annotations"), "/metadata/annotations");
}

OrRefusal<void> check_target_shape(const json::value& container, const std::string& pointer) {
  const std::string path = pointer.substr(0, pointer.rfind('/') + 1) + std::string(name_of(container));
  if (auto done = check_list(member(&container, "env"), path + "/env", "name"); !done) return done;
  if (const json::array* env = array_of(member(&container, "env")))
    for (const json::value& entry : *env)
      if (auto done = check_search_list(entry, path + "/env"); !done) return done;
  if (auto done = check_list(member(&container, "volumeMounts"), path + "/volumeMounts", "mountPath"); !done)
    return done;
  const json::value* resources = member(&container, "resources");
  if (auto done = check_map(resources, path + "/resources"); !done) return done;
  for (const char* kind : {"limits", "requests"}) {
    const json::value* amounts = member(resources, kind);
    if (auto done = check_map(amounts, path + "/resources/" + kind); !done) return done;
    if (object_of(amounts) != nullptr && object_of(amounts)->size() > max_resource_names)
      return malformed(path + "/resources/" + kind,
                       "has more than " + std::to_string(max_resource_names) + " names");
  }
  return {};
}

}  // namespace vcuda::injector
