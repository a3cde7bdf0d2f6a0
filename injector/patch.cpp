// Carries out a plan. See patch.hpp. Whatever is already there is left and not recorded as ours, so that
// undo() gives back exactly the pod that was handed in.
#include "injector/patch.hpp"

#include <algorithm>
#include <stdexcept>

#include "injector/decide.hpp"
#include "injector/environment.hpp"
#include "injector/injected_container.hpp"
#include "injector/json_patch.hpp"
#include "injector/patch_builder.hpp"
#include "injector/pod.hpp"
#include "injector/status.hpp"
#include "runtime-libs/contract/contract.hpp"

namespace vcuda::injector {
namespace json = boost::json;

namespace {

// What the NVIDIA container runtime reads; "void": hand out no local card, even to an image baked with "all".
constexpr std::string_view visible_devices = "NVIDIA_VISIBLE_DEVICES";

// What a variable's new value is, from the user's (absent: the container does not set it).
using Merge = std::string (*)(std::optional<std::string_view> user, PreloadOrder order);

struct Variable {
  std::string_view name;
  Merge merge;
  // The user's value, when it comes from a valueFrom: kept under another name and referred to. Null:
  // overwritten.
  std::string (*with_reference)(PreloadOrder order);
};

std::string keep_or_one(std::optional<std::string_view> user, PreloadOrder) {
  return std::string(user.value_or("1"));
}
std::string library_path(std::optional<std::string_view> user, PreloadOrder) {
  return merge_library_path(user);
}
std::string library_path_from(PreloadOrder) { return library_path_with_reference(); }
std::string preload(std::optional<std::string_view> user, PreloadOrder order) {
  return merge_preload(user.value_or(""), order);
}
std::string nothing_local(std::optional<std::string_view>, PreloadOrder) { return "void"; }

// The seed's order, then ours.
constexpr Variable variables[] = {
    {contract::env_disable_addmm, keep_or_one, nullptr},
    {contract::env_library_path, library_path, library_path_from},
    {contract::env_preload, preload, preload_with_reference},
    {visible_devices, nothing_local, nullptr},
};

// The API server drops a null before anything sees it; a manifest may still hold one.
bool has(const json::value& entry, std::string_view key) {
  const json::value* found = member(&entry, key);
  return found != nullptr && !found->is_null();
}

Before before(const json::value* list) {
  if (list == nullptr) return Before::absent;
  return list->is_null() ? Before::null : Before::present;
}

class Injection {
 public:
  Injection(const json::value& pod, const Plan& plan) : plan_(plan), builder_(pod) {
    auto status = status_of(pod);
    if (status && *status) status_ = std::move(**status);
  }

  json::array run() && {
    for (const Target& target : plan_.targets) inject(target);
    add_volume();
    add_pull_secrets();
    add_init_containers();
    if (plan_.sidecar == SidecarMode::classic) add_classic_sidecar();
    write_status();
    return std::move(builder_).take();
  }

 private:
  void inject(const Target& target) {
    const auto index = index_of(containers_of(builder_.pod(), target.list), target.name);
    if (!index) throw std::logic_error("the plan's container '" + target.name + "' is not in the pod");
    at_ = container_pointer(target.list, *index);
    record_ = ContainerStatus();
    const auto known =
        std::find_if(status_.targets.begin(), status_.targets.end(), [&](const ContainerStatus& each) {
          return each.target.list == target.list && each.target.name == target.name;
        });
    if (known != status_.targets.end()) record_ = *known;
    record_.target = target;

    set_environment();
    add_mount();
    take("limits", record_.taken_limits);
    take("requests", record_.taken_requests);
    if (known != status_.targets.end() || !is_blank(record_)) status_.of(target) = record_;
  }

  static bool is_blank(const ContainerStatus& record) {
    return record.written.empty() && !record.mounted && record.taken_limits.empty() &&
           record.taken_requests.empty();
  }

  const json::array* list_at(const std::string& pointer) const { return array_of(builder_.at(pointer)); }

  // Appends `items`; a list that is absent or null is added whole. Says what the list was.
  Before append(const std::string& pointer, json::array items) {
    const Before was = before(builder_.at(pointer));
    if (was == Before::present) {
      for (json::value& item : items) builder_.add(pointer + "/-", std::move(item));
    } else {
      builder_.add(pointer, std::move(items));
    }
    return was;
  }

  void set_environment() {
    json::array missing;
    for (const Variable& variable : variables) set(variable, missing);
    if (plan_.sidecar == SidecarMode::none) set_server(missing);
    if (missing.empty()) return;
    const Before was = append(at_ + "/env", std::move(missing));
    if (was != Before::present) record_.env = was;
  }

  std::optional<std::size_t> last_entry(std::string_view name) const {
    const json::array* env = list_at(at_ + "/env");
    if (env == nullptr) return std::nullopt;
    for (std::size_t i = env->size(); i-- > 0;)
      if (name_of((*env)[i]) == name) return i;
    return std::nullopt;
  }

  void set(const Variable& variable, json::array& missing) {
    const auto index = last_entry(variable.name);
    if (!index) {
      write_missing(variable.name, variable.merge(std::nullopt, plan_.preload_order), missing);
      return;
    }
    const std::string entry_pointer = at_ + "/env/" + std::to_string(*index);
    const json::value entry = *builder_.at(entry_pointer);
    if (has(entry, "valueFrom") && variable.with_reference != nullptr) {
      rename(variable, *index);
      return;
    }
    const auto user = string_of(member(&entry, "value"));
    // An entry with neither value nor valueFrom, or with nulls, is the empty string.
    const std::string merged = variable.merge(user.value_or(""), plan_.preload_order);
    if (variable.merge == keep_or_one || merged == user) return;
    remember(variable.name, entry);
    record_.written[variable.name] = merged;
    if (member(&entry, "valueFrom") != nullptr) {
      builder_.replace(entry_pointer, json::object{{"name", variable.name}, {"value", merged}});
    } else if (member(&entry, "value") != nullptr) {
      builder_.replace(entry_pointer + "/value", json::string(merged));
    } else {
      builder_.add(entry_pointer + "/value", json::string(merged));
    }
  }

  // The user's entry, unless this is a repair of a value that was ours already.
  void remember(std::string_view name, const json::value& entry) {
    if (record_.written.contains(name)) return;
    record_.replaced.emplace(name, entry);
  }

  void write_missing(std::string_view name, const std::string& value, json::array& missing) {
    missing.push_back(json::object{{"name", name}, {"value", value}});
    record_.written[name] = value;
  }

  void rename(const Variable& variable, std::size_t index) {
    const std::string value = variable.with_reference(plan_.preload_order);
    builder_.replace(at_ + "/env/" + std::to_string(index) + "/name",
                     json::string(original_name(variable.name)));
    builder_.add(at_ + "/env/" + std::to_string(index + 1),
                 json::object{{"name", variable.name}, {"value", value}});
    record_.written[variable.name] = value;
    record_.renamed.emplace_back(variable.name);
  }

  // Without a sidecar the library is told the server; a VCUDA_SERVER of the user's own stands.
  void set_server(json::array& missing) {
    const bool bare_ipv6 = plan_.server.find(':') != std::string::npos;
    const std::string value =
        (bare_ipv6 ? "[" + plan_.server + "]" : plan_.server) + ":" + std::to_string(plan_.register_port);
    const auto index = last_entry(contract::env_server);
    if (!index) return write_missing(contract::env_server, value, missing);
    const std::string pointer = at_ + "/env/" + std::to_string(*index) + "/value";
    const json::value* now = builder_.at(pointer);
    if (!record_.written.contains(contract::env_server) || now == nullptr || string_of(now) == value) return;
    builder_.replace(pointer, json::string(value));
    record_.written[contract::env_server] = value;
  }

  void add_mount() {
    const json::array* mounts = list_at(at_ + "/volumeMounts");
    if (mounts != nullptr)
      for (const json::value& mount : *mounts)
        if (string_of(member(&mount, "name")) == contract::volume_name &&
            string_of(member(&mount, "mountPath")) == contract::app_mount_path)
          return;
    const Before was = append(at_ + "/volumeMounts", json::array{app_mount()});
    if (was != Before::present) record_.volume_mounts = was;
    record_.mounted = true;
  }

  void take(std::string_view kind, json::object& taken) {
    const std::string pointer = at_ + "/resources/" + std::string(kind);
    const json::object* amounts = object_of(builder_.at(pointer));
    if (amounts == nullptr) return;
    std::vector<std::string> keys;
    for (const auto& amount : *amounts)
      if (matches_any(amount.key(), plan_.gpu_resources)) keys.emplace_back(amount.key());
    for (const std::string& key : keys) {
      const std::string path = pointer + "/" + escape_token(key);
      taken[key] = *builder_.at(path);
      builder_.remove(path);
    }
  }

  void add_volume() {
    if (index_of(list_at("/spec/volumes"), contract::volume_name)) return;
    const Before was = append("/spec/volumes", json::array{volume(plan_)});
    if (was != Before::present) status_.volumes_before = was;
    note(status_.volumes, contract::volume_name);
  }

  void add_pull_secrets() {
    json::array missing;
    for (const std::string& secret : plan_.image_pull_secrets) {
      if (index_of(list_at("/spec/imagePullSecrets"), secret)) continue;
      missing.push_back(json::object{{"name", secret}});
      note(status_.pull_secrets, secret);
    }
    if (missing.empty()) return;
    const Before was = append("/spec/imagePullSecrets", std::move(missing));
    if (was != Before::present) status_.pull_secrets_before = was;
  }

  // The copier first and the native sidecar right behind it: before the user's own, whose order stays.
  void add_init_containers() {
    static constexpr std::string_view pointer = "/spec/initContainers";
    std::vector<json::object> wanted{copier_container(plan_)};
    if (plan_.sidecar == SidecarMode::native) wanted.push_back(sidecar_container(plan_));
    std::size_t position = 0;
    json::array whole;
    const Before was = before(builder_.at(pointer));
    for (json::object& container : wanted) {
      const std::string name(name_of(container));
      if (const auto index = index_of(list_at(std::string(pointer)), name)) {
        repair(container_pointer(ContainerList::init_containers, *index), container);
        position = *index + 1;
        continue;
      }
      note(status_.init_containers, name);
      if (was == Before::present) {
        builder_.add(container_pointer(ContainerList::init_containers, position++), std::move(container));
      } else {
        whole.push_back(std::move(container));
      }
    }
    if (whole.empty()) return;
    builder_.add(std::string(pointer), std::move(whole));
    status_.init_containers_before = was;
  }

  void add_classic_sidecar() {
    json::object container = sidecar_container(plan_);
    if (const auto index = index_of(list_at("/spec/containers"), contract::sidecar_name)) {
      repair(container_pointer(ContainerList::containers, *index), container);
      return;
    }
    note(status_.containers, contract::sidecar_name);
    builder_.add("/spec/containers/-", std::move(container));
  }

  // Sets the fields of a container of ours that are not as we want them; others' additions beside them stay.
  void repair(const std::string& pointer, const json::object& wanted) {
    for (const auto& field : wanted) {
      if (field.key() == "resources") continue;
      const std::string path = pointer + "/" + std::string(field.key());
      const json::value* existing = builder_.at(path);
      if (existing != nullptr && covers(*existing, field.value())) continue;
      if (field.key() == "volumeMounts" && array_of(existing) != nullptr) {
        builder_.add(path + "/-", field.value().as_array().front());
      } else {
        builder_.add(path, field.value());
      }
    }
  }

  static void note(std::vector<std::string>& names, std::string_view name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
  }

  void write_status() {
    if (status_.empty()) return;
    const json::value* annotations = builder_.at("/metadata/annotations");
    const Before was = before(annotations);
    if (was != Before::present) status_.annotations_before = was;
    std::string text = serialize(status_);
    if (was != Before::present) {
      builder_.add("/metadata/annotations", json::object{{annotation_status, text}});
      return;
    }
    const json::value* existing = member(annotations, annotation_status);
    if (existing != nullptr && string_of(existing) == text) return;
    builder_.add("/metadata/annotations/" + escape_token(annotation_status), json::string(text));
  }

  const Plan& plan_;
  PatchBuilder builder_;
  Status status_;
  std::string at_;          // pointer of the target being injected
  ContainerStatus record_;  // and what happened to it
};

}  // namespace

json::array patch(const json::value& pod, const Plan& plan) { return Injection(pod, plan).run(); }

}  // namespace vcuda::injector
