// What holds for every pod: laws over many made ones. A failure prints the seed; `Dice(seed)` makes that pod
// again.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <map>
#include <set>

#include "injector/decide.hpp"
#include "injector/json_patch.hpp"
#include "injector/patch.hpp"
#include "injector/undo.hpp"
#include "tests/laws/pod_maker.hpp"

namespace vcuda::tests {
namespace {

namespace json = boost::json;
using namespace vcuda::injector;

constexpr std::uint64_t pods = 1000;

struct Case {
  std::uint64_t seed = 0;
  json::value pod;
  Policy policy;
  Plan plan;
  json::array operations;
  json::value injected;
};

// Calls `check` for every made pod that is injected; the makers must not make mostly refusals.
template <class Check>
void for_each_injected(Check check) {
  std::uint64_t injected = 0;
  for (std::uint64_t seed = 0; seed < pods; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    Case one{seed, make_pod(dice), {}, {}, {}, {}};
    const auto policy = parse_policy(make_policy(dice));
    ASSERT_TRUE(policy) << to_line(policy.error());
    one.policy = *policy;
    const json::value before = one.pod;
    const Decision decision = decide(one.pod, {}, one.policy);
    if (!std::holds_alternative<Inject>(decision)) continue;
    ++injected;
    one.plan = std::get<Inject>(decision).plan;
    one.operations = patch(one.pod, one.plan);
    ASSERT_EQ(one.pod, before) << "the input was changed";
    auto applied = apply_patch(one.pod, one.operations);
    ASSERT_TRUE(applied) << to_line(applied.error());
    one.injected = std::move(*applied);
    check(one);
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << "pod: " << json::serialize(one.pod);
      return;
    }
  }
  EXPECT_GT(injected, pods * 6 / 10) << "the makers make too many pods that are refused";
}

const json::array& list_of(const json::value& spec, const char* field) {
  static const json::array nothing;
  const json::value* found = spec.as_object().if_contains(field);
  return found && found->is_array() ? found->get_array() : nothing;
}

std::vector<const json::value*> all_containers(const json::value& pod) {
  std::vector<const json::value*> out;
  for (const char* field : {"initContainers", "containers"})
    for (const json::value& container : list_of(pod.at("spec"), field)) out.push_back(&container);
  return out;
}

TEST(InjectorLaws, SecondInjectionIsEmpty) {
  for_each_injected([](const Case& one) {
    const Decision again = decide(one.injected, {}, one.policy);
    ASSERT_TRUE(std::holds_alternative<Inject>(again))
        << (std::holds_alternative<Deny>(again) ? std::get<Deny>(again).message : "skipped");
    const json::array second = patch(one.injected, std::get<Inject>(again).plan);
    EXPECT_TRUE(second.empty()) << json::serialize(second);
  });
}

TEST(InjectorLaws, UndoGivesTheOriginalBack) {
  for_each_injected([](const Case& one) {
    const auto inverse = undo(one.injected);
    ASSERT_TRUE(inverse) << to_line(inverse.error());
    const auto restored = apply_patch(one.injected, *inverse);
    ASSERT_TRUE(restored) << to_line(restored.error());
    EXPECT_EQ(*restored, one.pod) << json::serialize(*restored);
    // Numbers too: 64 bits and fractions as they were.
    EXPECT_EQ(json::serialize(restored->at("spec")).size(), json::serialize(one.pod.at("spec")).size());
  });
}

TEST(InjectorLaws, OnlyOwnedPathsAreTouched) {
  const std::set<std::string> whole = {"/spec/volumes",
                                       "/spec/initContainers",
                                       "/spec/imagePullSecrets",
                                       "/metadata/annotations",
                                       "/metadata/annotations/tensor-fusion.ai~1status",
                                       "/spec/volumes/-",
                                       "/spec/imagePullSecrets/-",
                                       "/spec/containers/-",
                                       "/spec/initContainers/0",
                                       "/spec/initContainers/1"};
  for_each_injected([&](const Case& one) {
    json::value at = one.pod;
    for (const json::value& operation : one.operations) {
      const std::string path(operation.at("path").as_string());
      const std::string op(operation.at("op").as_string());
      SCOPED_TRACE(json::serialize(operation));
      const json::value* existing = find(at, path);
      if (whole.contains(path)) {
        EXPECT_EQ(op, "add");
        // A list or map that holds something is never replaced.
        if (path.back() != '-' && path.find("/initContainers/") == std::string::npos) {
          EXPECT_TRUE(existing == nullptr || existing->is_null());
        }
      } else {
        const auto tokens = split_pointer(path);
        ASSERT_TRUE(tokens);
        ASSERT_GE(tokens->size(), 4u);
        EXPECT_TRUE((*tokens)[1] == "containers" || (*tokens)[1] == "initContainers");
        const std::string container(
            find(at, "/spec/" + (*tokens)[1] + "/" + (*tokens)[2])->at("name").as_string());
        EXPECT_TRUE(std::any_of(one.plan.targets.begin(), one.plan.targets.end(),
                                [&](const Target& target) { return target.name == container; }));
        if (op == "remove") {
          ASSERT_EQ(tokens->size(), 6u);
          EXPECT_EQ((*tokens)[3], "resources");
          EXPECT_TRUE((*tokens)[5].starts_with("nvidia.com/gpu") ||
                      (*tokens)[5].starts_with("huawei.com/vgpu-") || (*tokens)[5] == "aliyun.com/gpu-mem");
        } else {
          EXPECT_TRUE((*tokens)[3] == "env" || (*tokens)[3] == "volumeMounts");
        }
      }
      ASSERT_TRUE(apply_operation(at, operation));
    }
  });
}

// The effective (last) value of a variable; nothing when it is not set or comes from elsewhere.
const json::value* effective(const json::value& container, std::string_view name) {
  const json::value* found = nullptr;
  for (const json::value& entry : list_of(container, "env"))
    if (entry.at("name").as_string() == json::string_view(name.data(), name.size())) found = &entry;
  return found;
}

std::vector<std::string> tokens_of(std::string text) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == ':' || c == ' ') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  std::erase(out, "");
  return out;
}

const json::value* container_named(const json::value& pod, std::string_view name) {
  for (const json::value* container : all_containers(pod))
    if (container->at("name").as_string() == json::string_view(name.data(), name.size())) return container;
  return nullptr;
}

std::string value_of(const json::value* entry) {
  if (entry == nullptr) return "";
  const json::value* value = entry->as_object().if_contains("value");
  return value ? std::string(value->as_string()) : "";
}

TEST(InjectorLaws, EveryTargetHasTheLibrariesAndTheUsersTokensInOrder) {
  for_each_injected([](const Case& one) {
    for (const Target& target : one.plan.targets) {
      const json::value& before = *container_named(one.pod, target.name);
      const json::value& after = *container_named(one.injected, target.name);
      const auto preload = tokens_of(value_of(effective(after, "LD_PRELOAD")));
      for (const char* library : {"/lib/vcuda/libutilities.so", "/lib/vcuda/libvcuda.so"})
        EXPECT_EQ(std::count(preload.begin(), preload.end(), library), 1) << testing::PrintToString(preload);
      const auto folders = tokens_of(value_of(effective(after, "LD_LIBRARY_PATH")));
      EXPECT_TRUE(std::count(folders.begin(), folders.end(), "/lib/vcuda/") == 1 ||
                  std::count(folders.begin(), folders.end(), "/lib/vcuda") == 1);
      EXPECT_EQ(value_of(effective(after, "NVIDIA_VISIBLE_DEVICES")), "void");
      EXPECT_NE(effective(after, "DISABLE_ADDMM_CUDA_LT"), nullptr);

      for (const char* name : {"LD_PRELOAD", "LD_LIBRARY_PATH"}) {
        const json::value* original = effective(before, name);
        if (original == nullptr) continue;
        const auto merged = tokens_of(value_of(effective(after, name)));
        if (original->as_object().contains("valueFrom")) {
          const std::string kept = std::string("TF_ORIGINAL_") + name;
          EXPECT_EQ(std::count(merged.begin(), merged.end(), "$(" + kept + ")"), 1);
          // $(X) resolves only to variables that stand before it.
          const json::array& env = list_of(after, "env");
          const auto position = [&](const std::string& wanted) {
            std::size_t last = env.size();
            for (std::size_t i = 0; i < env.size(); ++i)
              if (env[i].at("name").as_string() == wanted) last = i;
            return last;
          };
          EXPECT_LT(position(kept), position(name));
          continue;
        }
        std::vector<std::string> wanted;
        for (const std::string& token : tokens_of(value_of(original)))
          if (std::find(wanted.begin(), wanted.end(), token) == wanted.end() &&
              !token.starts_with("/lib/vcuda"))
            wanted.push_back(token);
        auto at = merged.begin();
        for (const std::string& token : wanted) {
          at = std::find(at, merged.end(), token);
          ASSERT_NE(at, merged.end())
              << token << " is lost or out of order in " << value_of(effective(after, name));
        }
      }
    }
  });
}

TEST(InjectorLaws, NamesAndMountPathsAreUnique) {
  for_each_injected([](const Case& one) {
    std::map<std::string, int> names, volumes;
    for (const json::value* container : all_containers(one.injected)) {
      ++names[std::string(container->at("name").as_string())];
      std::map<std::string, int> paths;
      for (const json::value& mount : list_of(*container, "volumeMounts"))
        ++paths[std::string(mount.at("mountPath").as_string())];
      for (const auto& [path, times] : paths) EXPECT_EQ(times, 1) << path;
    }
    for (const json::value& volume : list_of(one.injected.at("spec"), "volumes"))
      ++volumes[std::string(volume.at("name").as_string())];
    for (const auto& [name, times] : names) EXPECT_EQ(times, 1) << name;
    for (const auto& [name, times] : volumes) EXPECT_EQ(times, 1) << name;
    EXPECT_EQ(volumes["vcuda-libs"], 1);
    EXPECT_EQ(names["copy-runtime-libs"], 1);
    EXPECT_EQ(names["vcuda-client"], one.plan.sidecar == SidecarMode::none ? 0 : 1);
  });
}

TEST(InjectorLaws, TheUsersContainersKeepTheirOrder) {
  for_each_injected([](const Case& one) {
    for (const char* field : {"initContainers", "containers"}) {
      std::vector<json::value> before, after;
      for (const json::value& each : list_of(one.pod.at("spec"), field)) before.push_back(each.at("name"));
      for (const json::value& each : list_of(one.injected.at("spec"), field))
        if (each.at("name") != "vcuda-client" && each.at("name") != "copy-runtime-libs")
          after.push_back(each.at("name"));
      EXPECT_EQ(before, after);
    }
    // `kubectl exec` without -c goes to the first: never ours.
    EXPECT_NE(list_of(one.injected.at("spec"), "containers").front().at("name"), "vcuda-client");
  });
}

// The class as Kubernetes documents it (Configure Quality of Service for Pods), written apart from the
// injector's.
std::string qos_class(const json::value& pod) {
  bool any = false;
  bool guaranteed = true;
  for (const json::value* container : all_containers(pod)) {
    const json::value* resources = container->as_object().if_contains("resources");
    const auto amount = [&](const char* kind, const char* key) -> std::string {
      const json::value* kinds =
          resources && resources->is_object() ? resources->as_object().if_contains(kind) : nullptr;
      const json::value* found = kinds && kinds->is_object() ? kinds->as_object().if_contains(key) : nullptr;
      return found ? json::serialize(*found) : "";
    };
    for (const char* key : {"cpu", "memory"}) {
      const std::string limit = amount("limits", key);
      const std::string request = amount("requests", key).empty() ? limit : amount("requests", key);
      any = any || !limit.empty() || !request.empty();
      guaranteed = guaranteed && !limit.empty() && limit == request;
    }
  }
  return !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
}

TEST(InjectorLaws, QosClassStays) {
  std::map<std::string, int> seen;
  for_each_injected([&](const Case& one) {
    EXPECT_EQ(qos_class(one.pod), qos_class(one.injected));
    ++seen[qos_class(one.pod)];
  });
  EXPECT_EQ(seen.size(), 3u) << "the makers do not make all three classes";
}

TEST(InjectorLaws, WhatWeAddIsRestricted) {
  for_each_injected([](const Case& one) {
    for (const json::value* container : all_containers(one.injected)) {
      const json::string& name = container->at("name").as_string();
      if (name != "vcuda-client" && name != "copy-runtime-libs") continue;
      const json::value& context = container->at("securityContext");
      EXPECT_EQ(context.at("runAsNonRoot"), true);
      EXPECT_EQ(context.at("allowPrivilegeEscalation"), false);
      EXPECT_EQ(context.at("readOnlyRootFilesystem"), true);
      EXPECT_EQ(context.at("capabilities"), (json::value{{"drop", json::array{"ALL"}}}));
      EXPECT_EQ(context.at("seccompProfile").at("type"), "RuntimeDefault");
    }
    for (const char* field : {"hostPID", "hostIPC"})
      EXPECT_FALSE(one.injected.at("spec").as_object().contains(field));
  });
}

// What the API server and other webhooks do between two calls must not make us inject again.
TEST(InjectorLaws, DefaultsAndOthersAdditionsAreNoReasonToRepair) {
  for_each_injected([](const Case& one) {
    json::value pod = one.injected;
    for (const char* field : {"initContainers", "containers"})
      if (json::value* list = pod.at("spec").as_object().if_contains(field); list && list->is_array())
        for (json::value& container : list->as_array()) {
          container.as_object().emplace("terminationMessagePath", "/dev/termination-log");
          const json::object token{{"name", "kube-api-access"}, {"mountPath", "/var/run/secrets"}};
          if (auto* mounts = container.as_object().if_contains("volumeMounts"); mounts && mounts->is_array())
            mounts->as_array().push_back(token);
          if (auto* probe = container.as_object().if_contains("startupProbe"))
            probe->as_object().emplace("successThreshold", 1);
        }
    pod.at("spec")
        .at("containers")
        .as_array()
        .push_back(json::object{{"name", "linkerd-proxy"}, {"image", "l"}});
    const Decision again = decide(pod, {}, one.policy);
    ASSERT_TRUE(std::holds_alternative<Inject>(again));
    const json::array second = patch(pod, std::get<Inject>(again).plan);
    EXPECT_TRUE(second.empty()) << json::serialize(second);
  });
}

// Any one element of ours that somebody took out comes back, and undo still gives the original.
TEST(InjectorLaws, WhatIsMissingIsRepaired) {
  for_each_injected([](const Case& one) {
    Dice dice(one.seed);
    json::value broken = one.injected;
    const auto drop = [&](const char* field, std::string_view name) {
      json::array& list = broken.at("spec").as_object().at(field).as_array();
      const auto found = std::find_if(list.begin(), list.end(), [&](const json::value& each) {
        return each.at("name").as_string() == json::string_view(name.data(), name.size());
      });
      if (found != list.end()) list.erase(found);
    };
    switch (dice.below(3)) {
      case 0:
        drop("initContainers", "copy-runtime-libs");
        break;
      case 1:
        if (one.plan.sidecar == SidecarMode::native) drop("initContainers", "vcuda-client");
        if (one.plan.sidecar == SidecarMode::classic) drop("containers", "vcuda-client");
        break;
      default:
        drop("volumes", "vcuda-libs");
        break;
    }
    const Decision again = decide(broken, {}, one.policy);
    ASSERT_TRUE(std::holds_alternative<Inject>(again));
    const auto repaired = apply_patch(broken, patch(broken, std::get<Inject>(again).plan));
    ASSERT_TRUE(repaired) << to_line(repaired.error());
    const Decision third = decide(*repaired, {}, one.policy);
    ASSERT_TRUE(std::holds_alternative<Inject>(third));
    EXPECT_TRUE(patch(*repaired, std::get<Inject>(third).plan).empty());
    for (const json::value& each : list_of(one.injected.at("spec"), "initContainers"))
      EXPECT_NE(container_named(*repaired, std::string(each.at("name").as_string())), nullptr);
  });
}

}  // namespace
}  // namespace vcuda::tests
