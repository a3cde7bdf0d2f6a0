// See manifest.hpp.
#include "injector/manifest.hpp"

#include <algorithm>

#include "injector/json_patch.hpp"
#include "injector/pod.hpp"

namespace vcuda::injector {
namespace json = boost::json;

namespace {

struct Row {
  std::string_view group;  // of apiVersion, without the version; "*": any (a kind that moved between groups)
  std::string_view kind;
  std::string_view pointer;
};

// Deployment and its like were in extensions/ before apps/ (seed document 3 still is).
constexpr Row rows[] = {
    {"", "Pod", ""},
    {"", "PodTemplate", "/template"},
    {"", "ReplicationController", "/spec/template"},
    {"*", "Deployment", "/spec/template"},
    {"*", "ReplicaSet", "/spec/template"},
    {"*", "StatefulSet", "/spec/template"},
    {"*", "DaemonSet", "/spec/template"},
    {"batch", "Job", "/spec/template"},
    {"batch", "CronJob", "/spec/jobTemplate/spec/template"},
    {"kubeflow.org", "PyTorchJob", "/spec/pytorchReplicaSpecs/*/template"},
    {"kubeflow.org", "TFJob", "/spec/tfReplicaSpecs/*/template"},
    {"kubeflow.org", "MPIJob", "/spec/mpiReplicaSpecs/*/template"},
    {"batch.volcano.sh", "Job", "/spec/tasks/*/template"},
    {"ray.io", "RayCluster", "/spec/headGroupSpec/template"},
    {"ray.io", "RayCluster", "/spec/workerGroupSpecs/*/template"},
    {"argoproj.io", "Rollout", "/spec/template"},
};

// Lists of lists end somewhere.
constexpr int max_list_depth = 4;

void expand(const json::value& at, const std::vector<std::string>& tokens, std::size_t index,
            const std::string& pointer, std::vector<std::string>& into) {
  if (index == tokens.size()) {
    if (at.is_object()) into.push_back(pointer);
    return;
  }
  const std::string& token = tokens[index];
  const auto descend = [&](const json::value& next, std::string_view name) {
    expand(next, tokens, index + 1, pointer + "/" + escape_token(name), into);
  };
  if (token != "*") {
    if (const json::value* next = member(&at, token)) descend(*next, token);
  } else if (at.is_object()) {
    for (const auto& field : at.get_object()) descend(field.value(), field.key());
  } else if (at.is_array()) {
    for (std::size_t i = 0; i < at.get_array().size(); ++i) descend(at.get_array()[i], std::to_string(i));
  }
}

void collect(const json::value& object, const std::vector<std::string>& more, const std::string& prefix,
             int depth, std::vector<PodPlace>& into) {
  const std::string_view kind = string_of(member(&object, "kind")).value_or("");
  const std::string_view version = string_of(member(&object, "apiVersion")).value_or("");
  const std::string_view group =
      version.substr(0, version.find('/') == std::string_view::npos ? 0 : version.find('/'));
  const json::array* items = array_of(member(&object, "items"));
  if (kind.ends_with("List") && items != nullptr) {
    if (depth == 0) return;
    for (std::size_t i = 0; i < items->size(); ++i)
      collect((*items)[i], more, prefix + "/items/" + std::to_string(i), depth - 1, into);
    return;
  }
  std::vector<std::string> pointers;
  for (const Row& row : rows)
    if (kind == row.kind && (row.group == "*" || row.group == group))
      expand(object, *split_pointer(row.pointer), 0, "", pointers);
  for (const std::string& pointer : more)
    if (const auto tokens = split_pointer(pointer)) expand(object, *tokens, 0, "", pointers);
  std::vector<std::string> seen;
  for (const std::string& pointer : pointers) {
    if (std::find(seen.begin(), seen.end(), pointer) != seen.end()) continue;
    seen.push_back(pointer);
    const auto in = string_of(member(member(&object, "metadata"), "namespace"));
    into.push_back({prefix + pointer, title_of(object), std::string(in.value_or(""))});
  }
}

}  // namespace

bool is_kubernetes_object(const json::value& object) {
  return !string_of(member(&object, "apiVersion")).value_or("").empty() &&
         !string_of(member(&object, "kind")).value_or("").empty();
}

std::string title_of(const json::value& object) {
  std::string out(string_of(member(&object, "kind")).value_or("object"));
  const json::value* metadata = member(&object, "metadata");
  const auto in = string_of(member(metadata, "namespace"));
  const auto name = string_of(member(metadata, "name"));
  const auto generated = string_of(member(metadata, "generateName"));
  if (name || generated)
    out += " " + (in ? std::string(*in) + "/" : "") +
           (name ? std::string(*name) : std::string(*generated) + "*");
  return out;
}

std::vector<PodPlace> pods_of(const json::value& object, const std::vector<std::string>& more) {
  std::vector<PodPlace> out;
  collect(object, more, "", max_list_depth, out);
  return out;
}

}  // namespace vcuda::injector
