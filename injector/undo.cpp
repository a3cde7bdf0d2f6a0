// Takes an injection back. See undo.hpp.
#include "injector/undo.hpp"

#include <algorithm>

#include "injector/decide.hpp"
#include "injector/environment.hpp"
#include "injector/json_patch.hpp"
#include "injector/patch_builder.hpp"
#include "injector/pod.hpp"
#include "injector/status.hpp"
#include "runtime-libs/contract/contract.hpp"

namespace vcuda::injector {
namespace json = boost::json;

namespace {

class Removal {
 public:
  Removal(const json::value& pod, const Status& status) : builder_(pod), status_(status) {}

  Result<json::array> run() && {
    for (const ContainerStatus& target : status_.targets) {
      const auto index = index_of(containers_of(builder_.pod(), target.target.list), target.target.name);
      if (!index) continue;  // the whole container went away meanwhile
      at_ = container_pointer(target.target.list, *index);
      if (auto done = restore(target); !done) return done.error();
    }
    remove_named("/spec/volumes", status_.volumes, status_.volumes_before);
    remove_named("/spec/initContainers", status_.init_containers, status_.init_containers_before);
    remove_named("/spec/containers", status_.containers, Before::present);
    remove_named("/spec/imagePullSecrets", status_.pull_secrets, status_.pull_secrets_before);
    builder_.remove("/metadata/annotations/" + escape_token(annotation_status));
    close("/metadata/annotations", status_.annotations_before);
    return std::move(builder_).take();
  }

 private:
  Result<void> restore(const ContainerStatus& target) {
    for (const auto& variable : target.written) {
      const auto done = restore(target, variable.key(), variable.value());
      if (!done) return done.error();
    }
    close(at_ + "/env", target.env);
    if (target.mounted) remove_mount();
    close(at_ + "/volumeMounts", target.volume_mounts);
    give_back("limits", target.taken_limits);
    give_back("requests", target.taken_requests);
    return {};
  }

  // Sets one variable back: to the user's entry, to the user's name, or away.
  Result<void> restore(const ContainerStatus& target, std::string_view name, const json::value& written) {
    const std::string env = at_ + "/env";
    const json::array* entries = array_of(builder_.at(env));
    std::size_t index = entries ? entries->size() : 0;
    while (index > 0 && name_of((*entries)[index - 1]) != name) --index;
    if (index-- == 0) return changed(env, name, "is gone");
    const std::string pointer = env + "/" + std::to_string(index);
    const json::value* now = member(&(*entries)[index], "value");
    if (now == nullptr || *now != written) return changed(pointer, name, "has another value");

    if (const json::value* original = target.replaced.if_contains(name)) {
      restore_entry(pointer, *original);
      return {};
    }
    builder_.remove(pointer);
    if (std::find(target.renamed.begin(), target.renamed.end(), name) == target.renamed.end()) return {};
    const auto kept = index_of(array_of(builder_.at(env)), original_name(name));
    if (!kept) return changed(env, original_name(name), "is gone");
    builder_.replace(env + "/" + std::to_string(*kept) + "/name", json::string(name));
    return {};
  }

  void restore_entry(const std::string& pointer, const json::value& original) {
    const json::value* value = member(&original, "value");
    if (member(&original, "valueFrom") != nullptr) {
      builder_.replace(pointer, original);
    } else if (value != nullptr) {
      builder_.replace(pointer + "/value", *value);
    } else {
      builder_.remove(pointer + "/value");
    }
  }

  void remove_mount() {
    const std::string pointer = at_ + "/volumeMounts";
    const json::array* mounts = array_of(builder_.at(pointer));
    for (std::size_t i = 0; mounts != nullptr && i < mounts->size(); ++i) {
      if (string_of(member(&(*mounts)[i], "name")) != contract::volume_name ||
          string_of(member(&(*mounts)[i], "mountPath")) != contract::app_mount_path)
        continue;
      builder_.remove(pointer + "/" + std::to_string(i));
      return;
    }
  }

  void give_back(std::string_view kind, const json::object& taken) {
    for (const auto& amount : taken) {
      const std::string pointer = at_ + "/resources/" + std::string(kind);
      if (object_of(builder_.at(pointer)) == nullptr) {
        if (object_of(builder_.at(at_ + "/resources")) == nullptr)
          builder_.add(at_ + "/resources", json::object());
        builder_.add(pointer, json::object());
      }
      builder_.add(pointer + "/" + escape_token(amount.key()), amount.value());
    }
  }

  // From the back, so that one operation does not move the next one's element.
  void remove_named(const std::string& pointer, const std::vector<std::string>& names, Before before) {
    const json::array* list = array_of(builder_.at(pointer));
    for (std::size_t i = list ? list->size() : 0; i-- > 0;) {
      list = array_of(builder_.at(pointer));
      if (std::find(names.begin(), names.end(), name_of((*list)[i])) != names.end())
        builder_.remove(pointer + "/" + std::to_string(i));
    }
    close(pointer, before);
  }

  // A list or map that we made goes away again, unless others have put something into it.
  void close(const std::string& pointer, Before before) {
    if (before == Before::present) return;
    const json::value* list = builder_.at(pointer);
    const bool empty =
        (array_of(list) && array_of(list)->empty()) || (object_of(list) && object_of(list)->empty());
    if (!empty) return;
    if (before == Before::null) {
      builder_.replace(pointer, nullptr);
    } else {
      builder_.remove(pointer);
    }
  }

  static Error changed(const std::string& pointer, std::string_view name, std::string_view how) {
    return {
        pointer,
        "the variable " + std::string(name) + " " + std::string(how) +
            " since the injection, so the original cannot be given back; restore the pod from its source"};
  }

  PatchBuilder builder_;
  const Status& status_;
  std::string at_;
};

}  // namespace

Result<json::array> undo(const json::value& pod) {
  const auto status = status_of(pod);
  if (!status) return status.error();
  if (!*status) return json::array();
  return Removal(pod, **status).run();
}

}  // namespace vcuda::injector
