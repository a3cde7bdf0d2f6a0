// The decision for one pod. See decide.hpp. One function a question; decide() at the end asks them in order.
#include "injector/decide.hpp"

#include <algorithm>

#include "injector/collision.hpp"
#include "injector/pod.hpp"
#include "injector/server_address.hpp"
#include "injector/shape.hpp"
#include "injector/status.hpp"
#include "injector/target.hpp"
#include "runtime-libs/contract/contract.hpp"

namespace vcuda::injector {
namespace json = boost::json;

namespace {

using Check = OrRefusal<void>;

constexpr char annotation_mirror[] = "kubernetes.io/config.mirror";
// Enough to read; kubectl prints them all.
constexpr std::size_t max_warnings = 16;
constexpr KubernetesVersion first_with_native_sidecars{1, 29};

bool lists(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

// ---- is it asked for
// -------------------------------------------------------------------------------------------

enum class Wish { none, yes, no };

OrRefusal<Wish> read_wish(const Metadatum& found, std::string_view kind) {
  if (found.not_a_string)
    return Refusal{Reason::bad_annotation, std::string(kind) + " " + annotation_enabled +
                                               " must be the string \"true\" or \"false\": put it in quotes"};
  if (!found.text) return Wish::none;
  if (*found.text == "true") return Wish::yes;
  if (*found.text == "false") return Wish::no;
  return Refusal{Reason::bad_annotation, std::string(kind) + " " + annotation_enabled +
                                             " must be \"true\" or \"false\", found " + quoted(*found.text)};
}

// "false" in either place wins; a place the policy does not look at can only opt out.
OrRefusal<Wish> wish_of(const json::value& pod, Trigger trigger) {
  const auto annotation = read_wish(annotation_of(pod, annotation_enabled), "annotation");
  const auto label = read_wish(label_of(pod, annotation_enabled), "label");
  if ((annotation && *annotation == Wish::no) || (label && *label == Wish::no)) return Wish::no;
  if (trigger != Trigger::label) {
    if (!annotation) return annotation.error();
    if (*annotation == Wish::yes) return Wish::yes;
  }
  if (trigger != Trigger::annotation) {
    if (!label) return label.error();
    if (*label == Wish::yes) return Wish::yes;
  }
  return Wish::none;
}

// ---- annotations of the user's
// ---------------------------------------------------------------------------------

OrRefusal<std::optional<std::string_view>> text_of(const json::value& pod, std::string_view key) {
  const Metadatum found = annotation_of(pod, key);
  if (found.not_a_string)
    return Refusal{Reason::bad_annotation, std::string(key) + " must be a string: put it in quotes"};
  return found.text;
}

Check read_preload_order(const json::value& pod, Plan& plan) {
  const auto text = text_of(pod, annotation_preload_order);
  if (!text) return text.error();
  if (!*text || **text == "first") return {};
  if (**text != "last")
    return Refusal{Reason::bad_annotation, std::string(annotation_preload_order) +
                                               " must be \"first\" or \"last\", found " + quoted(**text)};
  plan.preload_order = PreloadOrder::last;
  return {};
}

bool set_server(std::string_view text, Plan& plan) {
  auto address = parse_server(text);
  if (!address) return false;
  plan.server = std::move(address->host);
  plan.register_port = address->register_port.value_or(plan.register_port);
  return true;
}

Check read_server(const json::value& pod, const Policy& policy, Plan& plan) {
  const auto text = text_of(pod, annotation_server);
  if (!text) return text.error();
  if (*text) {
    if (set_server(**text, plan)) return {};
    return Refusal{
        Reason::bad_annotation,
        std::string(annotation_server) + " must be HOST or HOST:REGISTER_PORT, found " + quoted(**text)};
  }
  if (policy.server.empty())
    return Refusal{Reason::no_server,
                   std::string("no GPU server is named: set server in the policy, or the annotation ") +
                       annotation_server};
  if (set_server(policy.server, plan)) return {};
  return Refusal{Reason::no_server,
                 "the policy's server must be HOST or HOST:REGISTER_PORT, found " + quoted(policy.server)};
}

// ---- the sidecar
// -----------------------------------------------------------------------------------------------

std::optional<SidecarMode> mode_in(const Status* status) {
  if (status == nullptr || status->targets.empty()) return std::nullopt;
  const auto has = [](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), contract::sidecar_name) != names.end();
  };
  if (has(status->init_containers)) return SidecarMode::native;
  if (has(status->containers)) return SidecarMode::classic;
  return std::nullopt;
}

Check choose_sidecar(const json::value& pod, const Policy& policy, const Status* status, Plan& plan) {
  const auto text = text_of(pod, annotation_sidecar);
  if (!text) return text.error();
  std::optional<SidecarMode> asked;
  if (*text) {
    asked = parse_sidecar_mode(**text);
    if (!asked)
      return Refusal{Reason::bad_annotation, std::string(annotation_sidecar) +
                                                 " must be auto, native, classic or none, found " +
                                                 quoted(**text)};
  }
  const bool has_native = !policy.cluster_version || *policy.cluster_version >= first_with_native_sidecars;
  const auto restart = string_of(member(member(&pod, "spec"), "restartPolicy"));
  const bool ends = restart == "Never" || restart == "OnFailure";
  const bool asked_here = asked && *asked != SidecarMode::automatic;
  const std::optional<SidecarMode> present = mode_in(status);

  SidecarMode mode = asked_here ? *asked : present ? *present : asked ? *asked : policy.sidecar;
  if (mode == SidecarMode::automatic) mode = has_native ? SidecarMode::native : SidecarMode::classic;
  if (mode == SidecarMode::native && !has_native)
    return Refusal{Reason::sidecar_not_supported,
                   "a native sidecar needs Kubernetes 1.29, the policy says the cluster is " +
                       std::to_string(policy.cluster_version->major) + "." +
                       std::to_string(policy.cluster_version->minor)};
  if (mode == SidecarMode::classic && ends) {
    if (asked_here || !policy.allow_none)
      return Refusal{Reason::sidecar_never_ends,
                     "a classic sidecar would keep a pod with restartPolicy " + std::string(*restart) +
                         " from ending; use native sidecars (Kubernetes 1.29) or " + annotation_sidecar +
                         ": none"};
    mode = SidecarMode::none;
    plan.warnings.push_back(
        "the pod is meant to end and the sidecar is a classic one: injected without a sidecar, "
        "the library connects to the server by itself");
  }
  if (present && *present != mode)
    return Refusal{Reason::container_taken,
                   "the pod already has a sidecar of another mode; undo the injection first"};
  plan.sidecar = mode;
  return {};
}

// ---- what may surprise
// -----------------------------------------------------------------------------------------

void warn(Plan& plan, std::string sentence) {
  if (plan.warnings.size() < max_warnings) plan.warnings.push_back(std::move(sentence));
}

void warn_container(const json::value& container, const Policy& policy, Plan& plan) {
  const std::string who = "container " + quoted(name_of(container));
  for (const std::string& resource : gpu_resources_of(container, policy.gpu_resources))
    warn(plan, who + ": " + resource + " is taken away, the GPU is remote");
  if (const json::array* from = array_of(member(&container, "envFrom")); from != nullptr && !from->empty())
    warn(plan, who + " has envFrom: an LD_PRELOAD or LD_LIBRARY_PATH in it is overridden");
  if (const json::array* env = array_of(member(&container, "env")))
    for (const json::value& entry : *env)
      if (name_of(entry) == "NVIDIA_VISIBLE_DEVICES" && string_of(member(&entry, "value")) != "void")
        warn(plan, who + ": NVIDIA_VISIBLE_DEVICES becomes \"void\", no local GPU is handed out");
}

// kubectl takes another container then, so it is no reason to refuse the pod.
void warn_default_container(const json::value& pod, Plan& plan) {
  const auto name = annotation_of(pod, annotation_default_container).text;
  if (name && !annotation_of(pod, annotation_inject_container).text &&
      !index_of(containers_of(pod, ContainerList::containers), *name))
    warn(plan, std::string(annotation_default_container) + " names " + quoted(*name) +
                   ", which is not a container of the pod: it was not looked at");
}

void warn_pod(const json::value& pod, Plan& plan) {
  warn_default_container(pod, plan);
  const json::value* spec = member(&pod, "spec");
  const json::value* host_network = member(spec, "hostNetwork");
  const bool is_name = plan.server.find(':') == std::string::npos &&
                       plan.server.find_first_not_of("0123456789.") != std::string::npos;
  if (host_network != nullptr && host_network->is_bool() && host_network->get_bool() && is_name &&
      string_of(member(spec, "dnsPolicy")) != "ClusterFirstWithHostNet")
    warn(plan, "hostNetwork without dnsPolicy ClusterFirstWithHostNet: the name " + plan.server +
                   " may not resolve");
  if (const auto arch = string_of(member(member(spec, "nodeSelector"), "kubernetes.io/arch"));
      arch && *arch != "amd64")
    warn(plan,
         "the pod selects nodes of architecture " + std::string(*arch) + ", the libraries are for amd64");
  const json::object* annotations = object_of(member(member(&pod, "metadata"), "annotations"));
  if (annotations == nullptr) return;
  for (const auto& annotation : *annotations) {
    const std::string_view key = annotation.key();
    static constexpr std::string_view known[] = {annotation_enabled,       annotation_inject_container,
                                                 annotation_server,        annotation_sidecar,
                                                 annotation_preload_order, annotation_status};
    if (key.starts_with("tensor-fusion.ai/") &&
        std::find(std::begin(known), std::end(known), key) == std::end(known))
      warn(plan, "annotation " + std::string(key) + " is not known to this version and has no effect");
  }
}

const json::value& container_at(const json::value& pod, const Target& target) {
  const json::array* containers = containers_of(pod, target.list);
  return (*containers)[*index_of(containers, target.name)];
}

// ---- all of it
// -------------------------------------------------------------------------------------------------

OrRefusal<Plan> make_plan(const json::value& pod, const Policy& policy) {
  if (auto done = check_shape(pod); !done) return done.error();
  const auto read = status_of(pod);
  if (!read) return Refusal{Reason::status_unreadable, to_line(read.error())};
  const Status* status = *read ? &**read : nullptr;

  Plan plan;
  plan.request_port = policy.request_port;
  plan.reply_port = policy.reply_port;
  plan.register_port = policy.register_port;
  plan.client_image = policy.client_image;
  plan.image_pull_policy = policy.image_pull_policy;
  plan.image_pull_secrets = policy.image_pull_secrets;
  plan.copier_resources = policy.copier_resources;
  plan.sidecar_resources = policy.sidecar_resources;
  plan.volume_size_limit = policy.volume_size_limit;
  plan.gpu_resources = policy.gpu_resources;
  plan.resource_shape = shape_for(pod, {contract::init_container_name, contract::sidecar_name});

  if (auto done = read_preload_order(pod, plan); !done) return done.error();
  if (auto done = read_server(pod, policy, plan); !done) return done.error();
  if (auto done = text_of(pod, annotation_inject_container); !done) return done.error();
  auto targets = choose_targets(pod, policy, status);
  if (!targets) return targets.error();
  plan.targets = std::move(*targets);
  if (auto done = choose_sidecar(pod, policy, status, plan); !done) return done.error();
  if (plan.sidecar == SidecarMode::classic && plan.targets.front().list == ContainerList::init_containers)
    return Refusal{Reason::sidecar_not_supported,
                   "the init container " + quoted(plan.targets.front().name) +
                       " runs before a classic sidecar starts; use native or none"};

  if (auto done = check_volume(pod); !done) return done.error();
  if (auto done = check_containers(pod, status, plan); !done) return done.error();
  for (const Target& target : plan.targets) {
    const json::value& container = container_at(pod, target);
    if (auto done = check_target_shape(container, container_pointer(target.list, 0)); !done)
      return done.error();
    if (auto done = check_mounts(container); !done) return done.error();
    if (auto done = check_environment(container); !done) return done.error();
    if (auto done = check_resources(container, policy.gpu_resources); !done) return done.error();
    warn_container(container, policy, plan);
  }
  warn_pod(pod, plan);
  return plan;
}

Decision skip(Reason reason, std::string particulars = "") {
  std::string message(text(reason));
  if (!particulars.empty()) message += ": " + particulars;
  return Skip{reason, std::move(message)};
}

}  // namespace

Decision decide(const json::value& pod, const Request& request, const Policy& policy) {
  if (request.operation != Operation::create) return skip(Reason::not_create);
  if (!request.subresource.empty()) return skip(Reason::not_create, "subresource " + request.subresource);
  const auto wish = wish_of(pod, policy.trigger);
  if (wish && *wish == Wish::none) return skip(Reason::not_requested);
  if (wish && *wish == Wish::no) return skip(Reason::opted_out);
  const std::string own_namespace(string_of(member(member(&pod, "metadata"), "namespace")).value_or(""));
  const std::string& in = request.pod_namespace.empty() ? own_namespace : request.pod_namespace;
  if (lists(policy.excluded_namespaces, in)) return skip(Reason::excluded_namespace, in);
  const Metadatum mirror = annotation_of(pod, annotation_mirror);
  if (mirror.text || mirror.not_a_string) return skip(Reason::mirror_pod);
  if (is_for_windows(pod)) return skip(Reason::windows);
  // Last: what would not be injected in any case is not refused for how it asks.
  if (!wish) return Deny{wish.error().reason, wish.error().message};

  auto plan = make_plan(pod, policy);
  if (!plan) return Deny{plan.error().reason, plan.error().message};
  return Inject{std::move(*plan)};
}

}  // namespace vcuda::injector
