// One document of a manifest, text in and text out: finds its pods, injects or undoes each, edits the text in
// place. What the CLI does between reading and printing. Must not do I/O.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "injector/policy.hpp"
#include "injector/result.hpp"

namespace vcuda::injector {

enum class Outcome { injected, unchanged, skipped, denied, undone };

// What became of one pod.
struct PodReport {
  Outcome outcome = Outcome::skipped;
  std::string object;  // "Deployment web/frontend"
  std::string message;
  std::vector<std::string> warnings;
};

struct Document {
  std::string title;              // "Deployment web/frontend"; empty for an empty document
  boost::json::value tree;        // after the operations; null for an empty document
  boost::json::array operations;  // paths relative to the document
  std::string text;               // after the edits, byte for byte the input where nothing changed
  std::vector<PodReport> reports;
};

struct DocumentOptions {
  std::vector<std::string> template_paths;  // see pods_of()
  bool edit_text = true;  // false: `text` stays empty, documents that cannot be edited are no error
};

// Injects every pod of the only document of `text`. A denied pod is a report, not an error, and leaves the
// whole document as it was. Errors have "LINE" or "LINE:COLUMN" of `text` as their place: broken YAML, a
// template source, not a Kubernetes object; text that cannot be edited in place has its object in the message
// instead.
Result<Document> inject_document(std::string_view text, const Policy& policy, const DocumentOptions& options);

// Takes the injection back from every pod of the document. The text is restored from the note that
// inject_document() left; where it was changed since, by operations, and a warning says so.
Result<Document> undo_document(std::string_view text, const DocumentOptions& options);

}  // namespace vcuda::injector
