// Policies from JSON trees. See policy.hpp.
#include "injector/policy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <limits>
#include <utility>

#include "injector/json_patch.hpp"
#include "injector/server_address.hpp"

namespace vcuda::injector {
namespace json = boost::json;

namespace {

constexpr std::array<std::pair<SidecarMode, std::string_view>, 4> mode_names = {
    std::pair{SidecarMode::automatic, std::string_view("auto")},
    std::pair{SidecarMode::native, std::string_view("native")},
    std::pair{SidecarMode::classic, std::string_view("classic")},
    std::pair{SidecarMode::none, std::string_view("none")}};

using Done = Result<void>;
// Reads one member's value, which stands at `place`.
using Field = std::function<Done(const json::value& value, const std::string& place)>;
struct Row {
  std::string_view key;
  Field read;
};

Done object(const json::value& value, const std::string& place, std::initializer_list<Row> rows) {
  const json::object* fields = value.if_object();
  if (fields == nullptr) return Error{place, "expected a map"};
  for (const auto& field : *fields) {
    const std::string at = place + "/" + escape_token(field.key());
    const Row* found = nullptr;
    std::string known;
    for (const Row& row : rows) {
      if (row.key == field.key()) found = &row;
      known += (known.empty() ? "" : ", ") + std::string(row.key);
    }
    if (found == nullptr) return Error{at, "unknown key; known here: " + known};
    if (auto done = found->read(field.value(), at); !done) return done;
  }
  return {};
}

Field text(std::string& into) {
  return [&into](const json::value& value, const std::string& place) -> Done {
    if (!value.is_string()) return Error{place, "expected a string"};
    into = value.get_string();
    return {};
  };
}

// A string that is one of `choices`; `set` gets its index.
Field choice(std::vector<std::string_view> choices, std::function<void(std::size_t)> set) {
  return [choices = std::move(choices), set = std::move(set)](const json::value& value,
                                                              const std::string& place) -> Done {
    std::string known;
    for (std::size_t i = 0; i < choices.size(); ++i) {
      if (value.is_string() && value.get_string() == choices[i]) {
        set(i);
        return {};
      }
      known += (i == 0 ? "" : ", ") + std::string(choices[i]);
    }
    return Error{place, "expected one of: " + known};
  };
}

Field texts(std::vector<std::string>& into) {
  return [&into](const json::value& value, const std::string& place) -> Done {
    if (!value.is_array()) return Error{place, "expected a list of strings"};
    into.clear();
    for (const json::value& item : value.get_array()) {
      if (!item.is_string() || item.get_string().empty())
        return Error{place + "/" + std::to_string(into.size()), "expected a string that is not empty"};
      into.emplace_back(item.get_string());
    }
    return {};
  };
}

Field flag(bool& into) {
  return [&into](const json::value& value, const std::string& place) -> Done {
    if (!value.is_bool()) return Error{place, "expected true or false"};
    into = value.get_bool();
    return {};
  };
}

Field port(std::uint16_t& into) {
  return [&into](const json::value& value, const std::string& place) -> Done {
    const std::int64_t number = value.is_int64() ? value.get_int64() : 0;
    if (number < 1 || number > std::numeric_limits<std::uint16_t>::max())
      return Error{place, "expected a port number, 1 to 65535"};
    into = static_cast<std::uint16_t>(number);
    return {};
  };
}

// "1.30", also with the "v" and the patch level that `kubectl version` prints ("v1.30.2").
Field version(std::optional<KubernetesVersion>& into) {
  return [&into](const json::value& value, const std::string& place) -> Done {
    const Error wrong{place, "expected a version in quotes, like \"1.30\""};
    if (!value.is_string()) return wrong;
    std::string_view text = value.get_string();
    if (text.starts_with('v')) text.remove_prefix(1);
    KubernetesVersion out;
    const char* end = text.data() + text.size();
    const auto major = std::from_chars(text.data(), end, out.major);
    if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return wrong;
    const auto minor = std::from_chars(major.ptr + 1, end, out.minor);
    if (minor.ec != std::errc() ||
        (minor.ptr != end && *minor.ptr != '.' && *minor.ptr != '+' && *minor.ptr != '-'))
      return wrong;
    into = out;
    return {};
  };
}

// What a Kubernetes quantity may look like: digits first, then a unit.
Field quantity(std::string& into) {
  return [&into](const json::value& value, const std::string& place) -> Done {
    const Error wrong{place, "expected a quantity in the manner of \"100m\" or \"64Mi\""};
    if (!value.is_string()) return wrong;
    const std::string_view text = value.get_string();
    const std::size_t unit = text.find_first_not_of("0123456789.");
    static constexpr std::string_view units[] = {"", "m", "k", "M", "G", "Ki", "Mi", "Gi"};
    const std::string_view rest = unit == std::string_view::npos ? "" : text.substr(unit);
    bool known = !text.empty() && unit != 0;
    if (known) known = std::find(std::begin(units), std::end(units), rest) != std::end(units);
    if (!known) return wrong;
    into = text;
    return {};
  };
}

Field resources(Resources& into) {
  return [&into](const json::value& value, const std::string& place) {
    return object(value, place, {{"cpu", quantity(into.cpu)}, {"memory", quantity(into.memory)}});
  };
}

}  // namespace

std::string_view to_string(SidecarMode mode) {
  for (const auto& [value, name] : mode_names)
    if (value == mode) return name;
  return "";
}

std::optional<SidecarMode> parse_sidecar_mode(std::string_view text) {
  for (const auto& [value, name] : mode_names)
    if (name == text) return value;
  return std::nullopt;
}

Result<Policy> parse_policy(const json::value& document) {
  Policy out;
  const auto set_mode = [&](std::size_t i) { out.sidecar = mode_names[i].first; };
  const auto set_trigger = [&](std::size_t i) { out.trigger = static_cast<Trigger>(i); };
  const std::vector<std::string_view> pull_policies = {"Always", "IfNotPresent", "Never"};
  const Done done = object(
      document, "",
      {{"server", text(out.server)},
       {"ports",
        [&](const json::value& value, const std::string& place) {
          return object(value, place,
                        {{"request", port(out.request_port)},
                         {"reply", port(out.reply_port)},
                         {"register", port(out.register_port)}});
        }},
       {"image", text(out.client_image)},
       {"imagePullPolicy",
        choice(pull_policies, [&](std::size_t i) { out.image_pull_policy = pull_policies[i]; })},
       {"imagePullSecrets", texts(out.image_pull_secrets)},
       {"sidecar",
        [&](const json::value& value, const std::string& place) {
          return object(value, place,
                        {{"mode", choice({"auto", "native", "classic", "none"}, set_mode)},
                         {"allowNone", flag(out.allow_none)}});
        }},
       {"clusterVersion", version(out.cluster_version)},
       {"resources",
        [&](const json::value& value, const std::string& place) {
          return object(
              value, place,
              {{"copier", resources(out.copier_resources)}, {"sidecar", resources(out.sidecar_resources)}});
        }},
       {"volume",
        [&](const json::value& value, const std::string& place) {
          return object(value, place, {{"sizeLimit", quantity(out.volume_size_limit)}});
        }},
       {"trigger", choice({"annotation", "label", "both"}, set_trigger)},
       {"defaultContainers", texts(out.default_containers)},
       {"gpuResources", texts(out.gpu_resources)},
       {"excludedNamespaces", texts(out.excluded_namespaces)}});
  if (!done) return done.error();
  if (!out.server.empty() && !parse_server(out.server))
    return Error{"/server", "expected HOST or HOST:REGISTER_PORT, found '" + out.server + "'"};
  if (out.client_image.empty()) return Error{"/image", "expected an image reference"};
  return out;
}

}  // namespace vcuda::injector
