// See document.hpp.
#include "injector/document.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

#include "injector/decide.hpp"
#include "injector/json_patch.hpp"
#include "injector/manifest.hpp"
#include "injector/patch.hpp"
#include "injector/undo.hpp"
#include "injector/undo_note.hpp"
#include "injector/yaml_edit.hpp"
#include "injector/yaml_node.hpp"
#include "injector/yaml_value.hpp"

namespace vcuda::injector {
namespace json = boost::json;

namespace {

std::string line_at(std::string_view text, std::size_t offset) {
  return std::to_string(1 +
                        std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

Error template_source(std::string_view text) {
  return {line_at(text, text.find("{{")),
          "a template ({{ }}), not a manifest: render it first (helm template), then inject the result"};
}

// Signs of a Helm chart's source where the braces happen to be valid YAML.
bool looks_like_helm(std::string_view text) {
  for (std::size_t at = text.find("{{"); at != std::string_view::npos; at = text.find("{{", at + 2)) {
    const std::string_view inside = text.substr(at, std::min(text.find("}}", at), text.size()) - at);
    for (const std::string_view sign : {".Values", ".Release", ".Chart", "include ", ".Capabilities"})
      if (inside.find(sign) != std::string_view::npos) return true;
  }
  return false;
}

bool is_flow_document(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

Result<json::value> parse_tree(std::string_view text) {
  if (is_flow_document(text)) {
    // JSON proper reads some things (surrogate pairs, tabs) that a YAML parser does not.
    boost::system::error_code error;
    json::value value = json::parse(json::string_view(text.data(), text.size()), error);
    if (!error) return value;
  }
  const auto root = parse_yaml(text);
  if (!root) return text.find("{{") == std::string_view::npos ? root.error() : template_source(text);
  auto value = to_json(*root);
  if (!value && value.error().message.find("not a scalar") != std::string::npos &&
      text.find("{{") != std::string_view::npos)
    return template_source(text);
  return value;
}

Result<Document> open(std::string_view text, const DocumentOptions& options, std::vector<PodPlace>& pods) {
  auto tree = parse_tree(text);
  if (!tree) return tree.error();
  Document out;
  out.tree = std::move(*tree);
  if (options.edit_text) out.text = text;
  if (out.tree.is_null()) return out;
  const std::size_t first = std::min(text.find_first_not_of(" \t\r\n-"), text.size());
  if (!is_kubernetes_object(out.tree))
    return Error{line_at(text, first), "not a Kubernetes object: apiVersion and kind are missing"};
  out.title = title_of(out.tree);
  pods = pods_of(out.tree, options.template_paths);
  if (!pods.empty() && looks_like_helm(text)) return template_source(text);
  return out;
}

// Names the object: lines would count in a text that is half edited already.
Error cannot_edit(const std::string& object, const std::string& why) {
  return {"", object + " cannot be edited in place: " + why + " (-o json works)"};
}

// The object whose pod an operation is for; the document's title where the pods do not say.
std::string object_behind(const json::value& operation, const std::vector<PodPlace>& pods,
                          const std::string& title) {
  const std::string_view path = operation.at("path").as_string();
  for (const PodPlace& pod : pods)
    if (path.starts_with(pod.pointer + "/")) return pod.object;
  return title;
}

// The edits for all operations, checked: the edited text must read as the patched tree.
Result<std::vector<TextEdit>> edits_for(std::string text, const json::array& operations,
                                        const json::value& expected, const std::vector<PodPlace>& pods,
                                        const std::string& title) {
  std::vector<TextEdit> edits;
  for (const json::value& operation : operations) {
    auto edit = edit_for(text, operation);
    if (!edit) return cannot_edit(object_behind(operation, pods, title), edit.error().message);
    apply_edit(text, *edit);
    edits.push_back(std::move(*edit));
  }
  const auto read_back = parse_tree(text);
  if (!read_back)
    return cannot_edit(title, "the edited text would not be valid: " + read_back.error().message);
  if (*read_back != expected)
    return cannot_edit(
        title, "the edited text would not mean what the patch means; are anchors or merge keys involved?");
  return edits;
}

std::string describe(const Plan& plan) {
  std::string targets;
  for (const Target& target : plan.targets) targets += (targets.empty() ? "" : ", ") + target.name;
  const std::string sidecar =
      plan.sidecar == SidecarMode::none ? "no sidecar" : std::string(to_string(plan.sidecar)) + " sidecar";
  return "into " + targets + ", " + sidecar + ", server " + plan.server;
}

Result<json::value> patched(const json::value& tree, const json::array& operations) {
  auto out = apply_patch(tree, operations);
  if (!out) return Error{"", "bug: the patch does not apply: " + to_line(out.error())};
  return out;
}

}  // namespace

Result<Document> inject_document(std::string_view text, const Policy& policy,
                                 const DocumentOptions& options) {
  std::vector<PodPlace> pods;
  auto out = open(text, options, pods);
  if (!out) return out;
  bool denied = false;
  json::array operations;
  for (const PodPlace& place : pods) {
    PodReport& report = out->reports.emplace_back();
    report.object = place.object;
    const json::value& pod = *find(out->tree, place.pointer);
    Request request;
    request.pod_namespace = place.pod_namespace;
    const Decision decision = decide(pod, request, policy);
    if (const auto* skip = std::get_if<Skip>(&decision)) {
      report.outcome = Outcome::skipped;
      report.message = skip->message;
    } else if (const auto* deny = std::get_if<Deny>(&decision)) {
      report.outcome = Outcome::denied;
      report.message = deny->message;
      denied = true;
    } else {
      const Plan& plan = std::get<Inject>(decision).plan;
      json::array own = prefix_patch(patch(pod, plan), place.pointer);
      report.outcome = own.empty() ? Outcome::unchanged : Outcome::injected;
      report.message = own.empty() ? "already injected" : describe(plan);
      if (!own.empty()) report.warnings = plan.warnings;
      for (json::value& operation : own) operations.push_back(std::move(operation));
    }
  }
  if (denied || operations.empty()) return out;

  auto tree = patched(out->tree, operations);
  if (!tree) return tree.error();
  if (options.edit_text) {
    const std::string bare = without_note(text);
    const auto edits = edits_for(bare, operations, *tree, pods, out->title);
    if (!edits) return edits.error();
    if (is_flow_document(text)) {
      // JSON has no comments, so no note; undo restores it by value.
      out->text = bare;
      for (const TextEdit& edit : *edits) apply_edit(out->text, edit);
    } else {
      out->text = edit_with_note(text, *edits);
    }
  }
  out->tree = std::move(*tree);
  out->operations = std::move(operations);
  return out;
}

Result<Document> undo_document(std::string_view text, const DocumentOptions& options) {
  std::vector<PodPlace> pods;
  auto out = open(text, options, pods);
  if (!out) return out;
  json::array operations;
  for (const PodPlace& place : pods) {
    PodReport& report = out->reports.emplace_back();
    report.object = place.object;
    auto own = undo(*find(out->tree, place.pointer));
    if (!own) return Error{line_at(text, 0), place.object + ": " + to_line(own.error())};
    report.outcome = own->empty() ? Outcome::unchanged : Outcome::undone;
    report.message = own->empty() ? "not injected" : "original restored";
    for (json::value& operation : prefix_patch(std::move(*own), place.pointer))
      operations.push_back(std::move(operation));
  }
  if (operations.empty()) return out;
  auto tree = patched(out->tree, operations);
  if (!tree) return tree.error();
  if (options.edit_text) {
    auto original = restore_from_note(text);
    if (original) {
      const auto read_back = parse_tree(*original);
      if (!read_back || *read_back != *tree) original.reset();
    }
    if (original) {
      out->text = std::move(*original);
    } else {
      out->text = without_note(text);
      const auto edits = edits_for(out->text, operations, *tree, pods, out->title);
      if (!edits) return edits.error();
      for (const TextEdit& edit : *edits) apply_edit(out->text, edit);
      if (!is_flow_document(text))
        for (PodReport& report : out->reports)
          if (report.outcome == Outcome::undone)
            report.warnings.push_back(
                "the text was edited since the injection: restored by value, not byte for byte");
    }
  }
  out->tree = std::move(*tree);
  out->operations = std::move(operations);
  return out;
}

}  // namespace vcuda::injector
