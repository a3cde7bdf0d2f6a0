// See pod_maker.hpp.
#include "tests/laws/pod_maker.hpp"

#include <boost/json/array.hpp>
#include <limits>
#include <string>

namespace vcuda::tests {
namespace json = boost::json;

namespace {

using Text = const char*;

// Puts nothing, null, an empty list or the given one at `key`.
void put_list(Dice& dice, json::object& into, const char* key, json::array list) {
  switch (dice.below(6)) {
    case 0:
      return;
    case 1:
      into.emplace(key, nullptr);
      return;
    case 2:
      into.emplace(key, json::array());
      return;
    default:
      into.emplace(key, std::move(list));
  }
}

json::string odd_text(Dice& dice) {
  return json::string(dice.of<Text>({"plain",
                                     "",
                                     " leading",
                                     "trailing ",
                                     "a: b",
                                     "# no comment",
                                     "it's",
                                     "\"quoted\"",
                                     "two\nlines\n",
                                     "tab\there",
                                     "yes",
                                     "0x10",
                                     "1e3",
                                     "~",
                                     "null",
                                     "- dash",
                                     "{}",
                                     "[x",
                                     "\xC3\xA4\xE4\xB8\xAD\xF0\x9F\x98\x80",
                                     "%x",
                                     "@y",
                                     "`z",
                                     "&a",
                                     "*b",
                                     "!c",
                                     "|",
                                     ">",
                                     "back\\slash",
                                     "$(HOME)/x",
                                     "trailing\n\n",
                                     "\nfirst",
                                     "x # y",
                                     "a,b",
                                     "2024-01-01"}));
}

json::object variable(const char* name, json::string value) {
  return {{"name", name}, {"value", std::move(value)}};
}

json::object variable_from(Dice& dice, const char* name) {
  if (dice.one_in(2))
    return {{"name", name}, {"valueFrom", json::object{{"fieldRef", {{"fieldPath", "metadata.name"}}}}}};
  return {{"valueFrom", json::object{{"configMapKeyRef", {{"name", "c"}, {"key", "k"}, {"optional", true}}}}},
          {"name", name}};
}

void add_search_list(Dice& dice, json::array& env, const char* name, std::initializer_list<Text> values) {
  for (std::size_t times = dice.of<std::size_t>({0, 0, 1, 1, 2}); times > 0; --times) {
    if (dice.one_in(6)) {
      env.push_back(variable_from(dice, name));
    } else if (dice.one_in(8)) {
      env.push_back(json::object{{"name", name}});
    } else {
      env.push_back(variable(name, dice.of(values)));
    }
    if (dice.one_in(3)) env.push_back(variable("OTHER", odd_text(dice)));
  }
}

json::array make_env(Dice& dice) {
  json::array env;
  if (dice.one_in(2)) env.push_back(variable("FIRST", odd_text(dice)));
  add_search_list(
      dice, env, "LD_PRELOAD",
      {"", "/opt/a.so", "/opt/a.so:/opt/b.so", "/opt/a.so /opt/b.so", " /x.so::/y.so ", "/opt/a.so:/opt/a.so",
       "/lib/vcuda/libvcuda.so", "/opt/a.so:/lib/vcuda/libvcuda.so:/lib/vcuda/libutilities.so",
       "$ORIGIN/../x.so:$(FIRST)"});
  add_search_list(dice, env, "LD_LIBRARY_PATH",
                  {"", "/opt/lib", "/a::/b", ":/a", "/lib/vcuda", "/x:/lib/vcuda/:/y", "$(FIRST)"});
  if (dice.one_in(4)) add_search_list(dice, env, "NVIDIA_VISIBLE_DEVICES", {"all", "void", "GPU-1234", ""});
  if (dice.one_in(4)) add_search_list(dice, env, "DISABLE_ADDMM_CUDA_LT", {"0", "1"});
  if (dice.one_in(8)) env.push_back(variable("VCUDA_SERVER", "mine:1"));
  return env;
}

json::object make_resources(Dice& dice, std::size_t shape) {
  json::object limits, requests;
  if (shape == 1) {  // guaranteed
    limits = {{"cpu", dice.of<Text>({"1", "500m"})}, {"memory", "1Gi"}};
    if (dice.one_in(2)) requests = limits;
  } else if (shape == 2) {
    requests = {{"cpu", 1}};
    if (dice.one_in(2)) limits = {{"memory", "2Gi"}};
  }
  const auto amount = [&]() -> json::value {
    if (dice.one_in(2)) return 1;
    return "2";
  };
  switch (dice.below(6)) {
    case 0:
      limits.emplace("nvidia.com/gpu", amount());
      if (dice.one_in(2)) requests.emplace("nvidia.com/gpu", limits.at("nvidia.com/gpu"));
      break;
    case 1:
      limits.emplace("huawei.com/vgpu-number", amount());
      limits.emplace("huawei.com/vgpu-cores", 20);
      limits.emplace("huawei.com/vgpu-memory-1Gi", 3);
      break;
    case 2:
      limits.emplace("aliyun.com/gpu-mem", amount());
      break;
    default:
      break;
  }
  json::object out;
  if (!limits.empty() || dice.one_in(4)) out.emplace("limits", limits);
  if (!requests.empty() || dice.one_in(4)) out.emplace("requests", requests);
  return out;
}

json::object make_container(Dice& dice, const std::string& name, std::size_t shape) {
  if (dice.one_in(5)) shape = dice.below(3);  // one container alone can decide the pod's class
  json::object out;
  if (dice.one_in(2)) out.emplace("image", "registry.example:5000/team/app:1.2@sha256:00");
  out.emplace("name", name);
  if (dice.one_in(2)) out.emplace("command", json::array{"sh", "-c", odd_text(dice)});
  put_list(dice, out, "env", make_env(dice));
  if (dice.one_in(5)) out.emplace("envFrom", json::array{json::object{{"configMapRef", {{"name", "more"}}}}});
  json::array mounts{json::object{{"mountPath", "/work"}, {"name", "repository"}}};
  if (dice.one_in(3))
    mounts.push_back(json::object{{"name", "data"}, {"mountPath", "/library/vcuda"}, {"subPath", "a b"}});
  if (dice.one_in(10)) mounts.push_back(json::object{{"name", "vcuda-libs"}, {"mountPath", "/lib/vcuda"}});
  put_list(dice, out, "volumeMounts", std::move(mounts));
  json::object resources = make_resources(dice, shape);
  if (!resources.empty() || dice.one_in(4)) out.emplace("resources", resources);
  if (dice.one_in(3))
    out.emplace("futureField",
                json::object{{"big", std::numeric_limits<std::int64_t>::max()},
                             {"bigger", std::numeric_limits<std::uint64_t>::max()},
                             {"fraction", 0.1},
                             {"list", json::array{1, json::array{2, json::object()}, nullptr}}});
  return out;
}

}  // namespace

json::object make_pod(Dice& dice) {
  json::object annotations;
  if (dice.one_in(2)) annotations.emplace("note", odd_text(dice));
  if (dice.one_in(3)) annotations.emplace("a/b~c", "slash and tilde");
  json::object metadata;
  if (dice.one_in(2)) metadata.emplace("name", "p");
  if (dice.one_in(5)) {
    metadata.emplace("labels", json::object{{"tensor-fusion.ai/enabled", "true"}});
    if (annotations.empty() && dice.one_in(2)) {
      if (dice.one_in(2)) metadata.emplace("annotations", nullptr);
    } else {
      metadata.emplace("annotations", annotations);
    }
  } else {
    annotations.emplace("tensor-fusion.ai/enabled", "true");
    if (dice.one_in(4))
      annotations.emplace("tensor-fusion.ai/preload-order", dice.of<Text>({"first", "last"}));
    if (dice.one_in(4))
      annotations.emplace("tensor-fusion.ai/inject-container",
                          dice.of<Text>({"*", "app", "other, app", "setup"}));
    if (dice.one_in(4))
      annotations.emplace("tensor-fusion.ai/sidecar", dice.of<Text>({"auto", "none", "classic", "native"}));
    if (dice.one_in(6))
      annotations.emplace("tensor-fusion.ai/server", dice.of<Text>({"gpu.example", "[fd00::1]:7000"}));
    metadata.emplace("annotations", annotations);
  }

  const std::size_t shape = dice.below(3);
  json::array containers;
  if (dice.one_in(4)) containers.push_back(make_container(dice, "other", shape));
  containers.push_back(make_container(dice, dice.of<Text>({"app", "app", "train"}), shape));
  if (dice.one_in(4)) containers.push_back(make_container(dice, "istio-proxy", shape));
  json::array init;
  init.push_back(make_container(dice, "setup", shape));
  if (dice.one_in(3)) init.push_back(make_container(dice, "late", shape));
  json::array volumes{json::object{{"name", "repository"}, {"emptyDir", json::object()}}};
  if (dice.one_in(8))
    volumes.push_back(json::object{{"name", "vcuda-libs"}, {"emptyDir", json::object{{"medium", "Memory"}}}});

  json::object spec;
  const bool containers_first = dice.one_in(2);
  if (containers_first) spec.emplace("containers", containers);
  put_list(dice, spec, "initContainers", std::move(init));
  put_list(dice, spec, "volumes", std::move(volumes));
  if (dice.one_in(3)) put_list(dice, spec, "imagePullSecrets", json::array{json::object{{"name", "mine"}}});
  if (dice.one_in(2)) spec.emplace("restartPolicy", dice.of<Text>({"Always", "Never", "OnFailure"}));
  if (dice.one_in(6)) spec.emplace("hostNetwork", true);
  if (dice.one_in(4))
    spec.emplace("tolerations",
                 json::array{json::object{{"tolerationSeconds", 300}, {"key", odd_text(dice)}}});
  if (!containers_first) spec.emplace("containers", containers);
  return {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", metadata}, {"spec", spec}};
}

json::object make_policy(Dice& dice) {
  json::object out{{"server", "10.0.0.1"}};
  if (dice.one_in(3)) out.emplace("clusterVersion", dice.of<Text>({"1.28", "1.33"}));
  if (dice.one_in(3)) out.emplace("imagePullSecrets", json::array{"registry", "mine"});
  return out;
}

}  // namespace vcuda::tests
