// Status to JSON and back. See status.hpp.
#include "injector/status.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "injector/decide.hpp"
#include "injector/fingerprint.hpp"
#include "injector/pod.hpp"

namespace vcuda::injector {
namespace json = boost::json;

namespace {

void put_list(json::object& into, std::string_view key, const std::vector<std::string>& names) {
  if (names.empty()) return;
  json::array list;
  for (const std::string& one : names) list.emplace_back(one);
  into.emplace(key, std::move(list));
}

void put_map(json::object& into, std::string_view key, const json::object& map) {
  if (!map.empty()) into.emplace(key, map);
}

void put_before(json::object& into, std::string_view key, Before before) {
  if (before != Before::present) into.emplace(key, before == Before::null ? "null" : "absent");
}

json::object to_json(const ContainerStatus& status) {
  json::object out;
  out.emplace("list", field_name(status.target.list));
  out.emplace("name", status.target.name);
  put_map(out, "env", status.written);
  put_map(out, "replaced", status.replaced);
  put_list(out, "renamed", status.renamed);
  if (status.mounted) out.emplace("mounted", true);
  json::object taken;
  put_map(taken, "limits", status.taken_limits);
  put_map(taken, "requests", status.taken_requests);
  put_map(out, "taken", taken);
  json::object before;
  put_before(before, "env", status.env);
  put_before(before, "volumeMounts", status.volume_mounts);
  put_map(out, "created", before);
  return out;
}

json::object to_json(const Status& status) {
  json::object out;
  out.emplace("version", status_version);
  json::object added;
  put_list(added, "volumes", status.volumes);
  put_list(added, "initContainers", status.init_containers);
  put_list(added, "containers", status.containers);
  put_list(added, "imagePullSecrets", status.pull_secrets);
  put_map(out, "added", added);
  json::object before;
  put_before(before, "volumes", status.volumes_before);
  put_before(before, "initContainers", status.init_containers_before);
  put_before(before, "imagePullSecrets", status.pull_secrets_before);
  put_before(before, "annotations", status.annotations_before);
  put_map(out, "created", before);
  json::array targets;
  for (const ContainerStatus& target : status.targets) targets.emplace_back(to_json(target));
  out.emplace("targets", std::move(targets));
  return out;
}

// Reads members of one object and remembers the first that is not what it should be.
class Reader {
 public:
  explicit Reader(const json::object& from) : from_(from) {}

  void list(std::string_view key, std::vector<std::string>& into) {
    const json::value* value = from_.if_contains(key);
    if (value == nullptr) return;
    const json::array* items = value->if_array();
    if (items == nullptr || items->size() > max_status_entries) return fail(key);
    for (const json::value& item : *items) {
      if (!item.is_string()) return fail(key);
      into.emplace_back(item.get_string());
    }
  }

  void map(std::string_view key, json::object& into) {
    const json::value* value = from_.if_contains(key);
    if (value == nullptr) return;
    if (!value->is_object() || value->get_object().size() > max_status_entries) return fail(key);
    into = value->get_object();
  }

  void before(std::string_view key, Before& into) {
    const json::value* value = from_.if_contains(key);
    if (value == nullptr) return;
    const auto text = string_of(value);
    if (text == "absent") {
      into = Before::absent;
    } else if (text == "null") {
      into = Before::null;
    } else {
      fail(key);
    }
  }

  void fail(std::string_view key) {
    if (bad_.empty()) bad_ = key;
  }
  const std::string& bad() const { return bad_; }

 private:
  const json::object& from_;
  std::string bad_;
};

// The first member that is wrong, or "".
std::string read(const json::object& from, ContainerStatus& into) {
  Reader reader(from);
  const auto list = string_of(from.if_contains("list"));
  if (list != "containers" && list != "initContainers") reader.fail("list");
  into.target.list = list == "initContainers" ? ContainerList::init_containers : ContainerList::containers;
  into.target.name = string_of(from.if_contains("name")).value_or("");
  if (into.target.name.empty()) reader.fail("name");
  reader.map("env", into.written);
  reader.map("replaced", into.replaced);
  reader.list("renamed", into.renamed);
  if (const json::value* mounted = from.if_contains("mounted")) {
    if (!mounted->is_bool()) reader.fail("mounted");
    into.mounted = mounted->is_bool() && mounted->get_bool();
  }
  json::object taken;
  reader.map("taken", taken);
  json::object before;
  reader.map("created", before);
  Reader from_taken(taken);
  from_taken.map("limits", into.taken_limits);
  from_taken.map("requests", into.taken_requests);
  Reader from_before(before);
  from_before.before("env", into.env);
  from_before.before("volumeMounts", into.volume_mounts);
  for (const Reader* each : {&reader, &from_taken, &from_before})
    if (!each->bad().empty()) return each->bad();
  return "";
}

std::string read(const json::object& from, Status& into) {
  Reader reader(from);
  json::object added;
  reader.map("added", added);
  json::object before;
  reader.map("created", before);
  Reader from_added(added);
  from_added.list("volumes", into.volumes);
  from_added.list("initContainers", into.init_containers);
  from_added.list("containers", into.containers);
  from_added.list("imagePullSecrets", into.pull_secrets);
  Reader from_before(before);
  from_before.before("volumes", into.volumes_before);
  from_before.before("initContainers", into.init_containers_before);
  from_before.before("imagePullSecrets", into.pull_secrets_before);
  from_before.before("annotations", into.annotations_before);
  const json::array* targets = array_of(from.if_contains("targets"));
  if (targets == nullptr || targets->size() > max_status_targets) {
    reader.fail("targets");
  } else {
    for (const json::value& target : *targets) {
      if (!target.is_object()) return "targets";
      const std::string bad = read(target.get_object(), into.targets.emplace_back());
      if (!bad.empty()) return "targets/" + bad;
    }
  }
  for (const Reader* each : {&reader, &from_added, &from_before})
    if (!each->bad().empty()) return each->bad();
  return "";
}

Error unreadable(const std::string& what) {
  return {annotation_status, what + "; restore the pod from its source and remove the annotation"};
}

}  // namespace

ContainerStatus& Status::of(const Target& target) {
  const auto found = std::find_if(targets.begin(), targets.end(), [&](const ContainerStatus& each) {
    return each.target.list == target.list && each.target.name == target.name;
  });
  if (found != targets.end()) return *found;
  ContainerStatus& made = targets.emplace_back();
  made.target = target;
  return made;
}

bool Status::empty() const {
  return volumes.empty() && init_containers.empty() && containers.empty() && pull_secrets.empty() &&
         std::all_of(targets.begin(), targets.end(), [](const ContainerStatus& each) {
           return each.written.empty() && !each.mounted && each.taken_limits.empty() &&
                  each.taken_requests.empty();
         });
}

std::string serialize(const Status& status) {
  json::object out = to_json(status);
  const std::string hash = fingerprint(json::serialize(out));
  out.emplace("hash", hash);
  return json::serialize(out);
}

Result<Status> parse_status(std::string_view text) {
  if (text.size() > max_status_bytes) return unreadable("it is longer than the API server allows");
  boost::system::error_code error;
  const json::value document = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !document.is_object()) return unreadable("it is not a JSON object");
  json::object fields = document.get_object();
  const json::value* version = fields.if_contains("version");
  if (version == nullptr || !version->is_int64() || version->get_int64() != status_version)
    return unreadable("its version is not " + std::to_string(status_version));
  const std::string hash(string_of(fields.if_contains("hash")).value_or(""));
  json::object rest;
  for (const auto& field : fields)
    if (field.key() != "hash") rest.emplace(field.key(), field.value());
  if (hash != fingerprint(json::serialize(rest))) return unreadable("it was edited (its hash does not fit)");
  Status status;
  const std::string bad = read(fields, status);
  if (!bad.empty()) return unreadable("its member " + bad + " has the wrong form");
  return status;
}

Result<std::optional<Status>> status_of(const json::value& pod) {
  const Metadatum found = annotation_of(pod, annotation_status);
  if (found.not_a_string) return unreadable("it is not a string");
  if (!found.text) return std::optional<Status>();
  auto status = parse_status(*found.text);
  if (!status) return status.error();
  return std::optional<Status>(std::move(*status));
}

}  // namespace vcuda::injector
