// One RFC 6902 operation as one change of a YAML text: comments, order and formatting of everything else
// stay. Must not know Kubernetes, nor trust itself: the caller parses the result and compares.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "injector/result.hpp"

namespace vcuda::injector {

// `removed` bytes at `offset` make way for `inserted`.
struct TextEdit {
  std::size_t offset = 0;
  std::size_t removed = 0;
  std::string inserted;
};

// Finds the change for one operation (add, remove, replace) on the only document of `text`.
// Errors name the line: the path is missing or goes through an alias, or the text is written in a way that
// cannot be edited without rewriting more than the operation says.
Result<TextEdit> edit_for(std::string_view text, const boost::json::value& operation);

// Applies a change.
void apply_edit(std::string& text, const TextEdit& edit);

}  // namespace vcuda::injector
