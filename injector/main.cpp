// vcuda-inject: shows, without a cluster, what the webhook would do to a manifest, and takes it back. Reads,
// calls the injector, prints: the result on stdout, a report a pod on stderr. Must not decide anything about
// pods.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "injector/document.hpp"
#include "injector/json_text.hpp"
#include "injector/policy_text.hpp"
#include "injector/server_address.hpp"
#include "injector/source.hpp"
#include "injector/yaml_stream.hpp"

namespace {

namespace json = boost::json;
using namespace vcuda::injector;

enum Exit { done = 0, error = 1, usage = 2, nothing_to_inject = 3, would_be_denied = 5 };
enum class Format { yaml, json, jsonpatch };

struct Arguments {
  bool undo = false;
  std::vector<std::string> files;
  Format format = Format::yaml;
  std::string policy_file;
  std::string server;
  std::vector<std::string> template_paths;
  bool require = false;
};

// A document's result and where it came from.
struct Placed {
  std::string file;
  std::size_t line = 1;
  Document document;
};

constexpr char footer[] = R"(
Reads Pods, workloads, Lists and custom resources with pod templates; other documents pass unchanged. With -o yaml the
text is edited in place: comments, order and formatting stay, and `vcuda-inject undo` gives the original back byte for
byte. A pod asks for injection with the annotation or label tensor-fusion.ai/enabled: "true".

Exit status: 0 done; 1 error; 2 usage; 3 nothing to inject (--require); 5 a pod would be denied.
On 1 and 5 nothing is printed on stdout.

  vcuda-inject -f deployment.yaml --server gpu-1.example | kubectl apply -f -
  vcuda-inject -f deployment.yaml -o jsonpatch --policy policy.yaml
  vcuda-inject undo -f injected.yaml)";

int fail(const Error& what) {
  std::cerr << "vcuda-inject: " << to_line(what) << "\n";
  return error;
}

// "LINE" or "LINE:COLUMN" of a document as a place in its file.
std::string place_in(const Source& source, const YamlSlice& slice, const std::string& place) {
  if (place.empty()) return source.name + ":" + std::to_string(slice.line);
  const std::size_t colon = place.find(':');
  const std::size_t line = std::stoul(place) + slice.line - 1;
  return source.name + ":" + std::to_string(line) + (colon == std::string::npos ? "" : place.substr(colon));
}

Result<Policy> read_policy(const Arguments& arguments) {
  Policy policy;
  if (!arguments.policy_file.empty()) {
    const auto source = read_source(arguments.policy_file);
    if (!source) return source.error();
    auto parsed = parse_policy_text(source->text);
    if (!parsed) return Error{source->name + ":" + parsed.error().place, parsed.error().message};
    policy = std::move(*parsed);
  }
  if (!arguments.server.empty() && !parse_server(arguments.server))
    return Error{"--server", "expected HOST or HOST:REGISTER_PORT, found '" + arguments.server + "'"};
  if (!arguments.server.empty()) policy.server = arguments.server;
  return policy;
}

Result<std::vector<Placed>> process(const Arguments& arguments, const Policy& policy,
                                    const std::vector<Source>& sources) {
  std::vector<Placed> out;
  const DocumentOptions options{arguments.template_paths, arguments.format == Format::yaml};
  for (const Source& source : sources)
    for (const YamlSlice& slice : split_documents(source.text)) {
      auto document =
          arguments.undo ? undo_document(slice.text, options) : inject_document(slice.text, policy, options);
      if (!document) return Error{place_in(source, slice, document.error().place), document.error().message};
      out.push_back({source.name, slice.line, std::move(*document)});
    }
  return out;
}

void report(const Placed& placed) {
  static constexpr const char* words[] = {"injected", "unchanged", "skipped", "denied", "undone"};
  for (const PodReport& pod : placed.document.reports) {
    const std::string where = placed.file + ":" + std::to_string(placed.line) + ": " + pod.object + ": ";
    std::cerr << where << words[static_cast<int>(pod.outcome)] << ": " << pod.message << "\n";
    for (const std::string& warning : pod.warnings) std::cerr << where << "warning: " << warning << "\n";
  }
}

std::size_t count(const std::vector<Placed>& all, std::initializer_list<Outcome> wanted) {
  std::size_t found = 0;
  for (const Placed& placed : all)
    for (const PodReport& pod : placed.document.reports)
      found += std::find(wanted.begin(), wanted.end(), pod.outcome) != wanted.end();
  return found;
}

// The documents of one file as they stood; a line "---" between files that do not bring their own.
void print_yaml(const std::vector<Placed>& all) {
  std::string out;
  const std::string* file = nullptr;
  for (const Placed& placed : all) {
    const std::string& text = placed.document.text;
    if (file != nullptr && *file != placed.file) {
      if (!out.empty() && out.back() != '\n') out += '\n';
      if (!text.starts_with("---")) out += "---\n";
    }
    out += text;
    file = &placed.file;
  }
  std::cout << out;
}

// One object as it is, several as a List, like kubectl.
void print_json(const std::vector<Placed>& all) {
  json::array items;
  for (const Placed& placed : all)
    if (!placed.document.tree.is_null()) items.push_back(placed.document.tree);
  if (items.size() == 1) {
    std::cout << pretty(items.front()) << "\n";
  } else {
    std::cout << pretty(json::object{{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}})
              << "\n";
  }
}

// One object's patch as `kubectl patch --type=json` takes it; several with the object each is for.
void print_patches(const std::vector<Placed>& all) {
  json::array patches;
  for (const Placed& placed : all)
    if (!placed.document.tree.is_null())
      patches.push_back(json::object{{"file", json::string(placed.file)},
                                     {"line", placed.line},
                                     {"object", json::string(placed.document.title)},
                                     {"patch", placed.document.operations}});
  std::cout << pretty(patches.size() == 1 ? patches.front().at("patch") : json::value(patches)) << "\n";
}

int run(const Arguments& arguments) {
  const auto policy = read_policy(arguments);
  if (!policy) return fail(policy.error());
  const auto sources = read_sources(arguments.files);
  if (!sources) return fail(sources.error());
  const auto documents = process(arguments, *policy, *sources);
  if (!documents) return fail(documents.error());
  for (const Placed& placed : *documents) report(placed);
  if (count(*documents, {Outcome::denied}) > 0) return would_be_denied;

  if (arguments.format == Format::yaml) print_yaml(*documents);
  if (arguments.format == Format::json) print_json(*documents);
  if (arguments.format == Format::jsonpatch) print_patches(*documents);
  if (!std::cout.flush()) return fail({"<stdout>", "cannot be written"});
  if (arguments.require && count(*documents, {Outcome::injected, Outcome::undone}) == 0) {
    std::cerr << "vcuda-inject: nothing to " << (arguments.undo ? "undo" : "inject") << "\n";
    return nothing_to_inject;
  }
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Dry-run of the vcuda webhook: injects the CUDA remoting runtime into Kubernetes manifests",
               "vcuda-inject");
  app.set_version_flag("--version", "vcuda-inject " VCUDA_VERSION);
  app.footer(footer);
  app.add_option("-f,--filename", arguments.files, "File, folder, or - for standard input (may be repeated)")
      ->required();
  const std::map<std::string, Format> formats{
      {"yaml", Format::yaml}, {"json", Format::json}, {"jsonpatch", Format::jsonpatch}};
  app.add_option("-o,--output", arguments.format, "yaml (default), json or jsonpatch")
      ->transform(CLI::CheckedTransformer(formats).description(""));
  app.add_option("--policy", arguments.policy_file, "Policy file, as the webhook takes it");
  app.add_option("--server", arguments.server,
                 "GPU server, HOST or HOST:REGISTER_PORT; overrides the policy's");
  app.add_option("--template-path", arguments.template_paths,
                 "JSON pointer to a further pod template, \"*\" for any key or item (may be repeated)");
  app.add_flag("--require", arguments.require, "Exit 3 when there is nothing to inject");
  app.add_subcommand("undo", "Take the injection back")->fallthrough()->callback([&] {
    arguments.undo = true;
  });
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    return app.exit(failure) == 0 ? done : usage;
  }
  try {
    return run(arguments);
  } catch (const std::logic_error& bug) {
    return fail({"", std::string("bug: ") + bug.what()});
  }
}
