// A file's text cut into its YAML documents, at the lines that start with "---".
// Must not parse what is between them.
#pragma once

#include <string_view>
#include <vector>

namespace vcuda::injector {

struct YamlSlice {
  std::string_view
      text;  // with its "---" line and everything up to the next; the slices together are the whole file
  std::size_t line = 1;  // of the file, at which it starts
};

// Splits `text`. Comments and directives before the first "---" belong to the first document.
std::vector<YamlSlice> split_documents(std::string_view text);

}  // namespace vcuda::injector
