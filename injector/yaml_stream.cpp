// See yaml_stream.hpp. A line that starts with "---" is a document's start wherever it stands: YAML forbids
// it inside scalars (rule c-forbidden), so no parser is needed.
#include "injector/yaml_stream.hpp"

#include <algorithm>

namespace vcuda::injector {
namespace {

bool is_start(std::string_view line) {
  return line.starts_with("---") &&
         (line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r');
}

// Nothing but blank lines, comments and directives.
bool is_preface(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t\r");
  return first == std::string_view::npos || line[first] == '#' || line[0] == '%' ||
         line.starts_with("\xEF\xBB\xBF#");
}

}  // namespace

std::vector<YamlSlice> split_documents(std::string_view text) {
  std::vector<YamlSlice> slices;
  std::size_t begin = 0;
  std::size_t begin_line = 1;
  std::size_t line = 1;
  bool only_preface = true;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view content = text.substr(at, end - at);
    if (is_start(content)) {
      if (!only_preface) {
        slices.push_back({text.substr(begin, at - begin), begin_line});
        begin = at;
        begin_line = line;
      }
      only_preface = false;
    } else if (!is_preface(content)) {
      only_preface = false;
    }
    at = std::min(end + 1, text.size());
  }
  slices.push_back({text.substr(begin), begin_line});
  return slices;
}

}  // namespace vcuda::injector
