// The comment line that vcuda-inject leaves in a YAML document so that `undo` can give back the very bytes:
// which edits were made and what stood there before. Must not know YAML beyond what a comment is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "injector/yaml_edit.hpp"

namespace vcuda::injector {

// Applies `edits`, one after the other, to without_note(original) and puts the note in. A note that is there
// already is continued; one that no longer fits its text is dropped. A document whose content starts on its
// "---" line gets none: undo then restores by value.
std::string edit_with_note(std::string_view original, const std::vector<TextEdit>& edits);

// What a document's text was before edit_with_note(). Nothing: there is no note, or the text was changed
// since.
std::optional<std::string> restore_from_note(std::string_view text);

// The text without the note, as it is when there is none.
std::string without_note(std::string_view text);
bool has_note(std::string_view text);

}  // namespace vcuda::injector
