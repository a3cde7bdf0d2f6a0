// See undo_note.hpp. The note is `# vcuda-inject undo: {"hash": ..., "edits": [[offset, length, "what was
// there"], ...]}`, a line of its own at the document's head; offsets are those of the text without it, edits
// are taken back from the last to the first.
#include "injector/undo_note.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "injector/fingerprint.hpp"

namespace vcuda::injector {
namespace json = boost::json;

namespace {

constexpr std::string_view mark = "# vcuda-inject undo: ";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// Behind a byte order mark and a "---" line, before everything else: in front of a "---" it would belong to
// the document before. Nothing where the document starts on that line ("--- {a: b}").
std::optional<std::size_t> note_place(std::string_view text) {
  const std::size_t start = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  if (!text.substr(start).starts_with("---")) return start;
  const std::size_t line = std::min(text.find('\n', start), text.size());
  const std::string_view rest = text.substr(start + 3, line - start - 3);
  const std::size_t first = rest.find_first_not_of(" \t\r");
  if (line == text.size() || (first != std::string_view::npos && rest[first] != '#')) return std::nullopt;
  return line + 1;
}

struct Note {
  std::size_t begin = 0;
  std::size_t end = 0;  // behind its line break
  std::string_view body;
};

std::optional<Note> find_note(std::string_view text) {
  const auto begin = note_place(text);
  if (!begin || !text.substr(*begin).starts_with(mark)) return std::nullopt;
  const std::size_t line = std::min(text.find('\n', *begin), text.size());
  std::string_view body = text.substr(*begin + mark.size(), line - *begin - mark.size());
  if (body.ends_with('\r')) body.remove_suffix(1);
  return Note{*begin, std::min(line + 1, text.size()), body};
}

// The edits a note lists, if it is whole and fits the text; null otherwise.
const json::array* edits_of(const json::value& note, std::string_view body) {
  const json::object* fields = note.if_object();
  const json::value* hash = fields ? fields->if_contains("hash") : nullptr;
  const json::value* edits = fields ? fields->if_contains("edits") : nullptr;
  if (hash == nullptr || !hash->is_string() || hash->get_string() != fingerprint(body)) return nullptr;
  return edits ? edits->if_array() : nullptr;
}

json::value parse_note(const Note& note) {
  boost::system::error_code error;
  json::value parsed = json::parse(json::string_view(note.body.data(), note.body.size()), error);
  return error ? json::value() : parsed;
}

}  // namespace

std::string edit_with_note(std::string_view original, const std::vector<TextEdit>& edits) {
  std::string text = without_note(original);
  json::array list;
  if (const auto old = find_note(original)) {
    // A repair: its edits come on top of those of the injection.
    const json::value parsed = parse_note(*old);
    const json::array* before = edits_of(parsed, text);
    if (before == nullptr) {
      for (const TextEdit& edit : edits) apply_edit(text, edit);
      return text;
    }
    list = *before;
  }
  for (const TextEdit& edit : edits) {
    const std::string before = text.substr(edit.offset, edit.removed);
    apply_edit(text, edit);
    list.push_back(json::array{edit.offset, edit.inserted.size(), json::string(before)});
  }
  const std::string note =
      std::string(mark) +
      json::serialize(json::object{{"hash", json::string(fingerprint(text))}, {"edits", list}});
  const auto place = note_place(text);
  if (!place) return text;
  const std::size_t newline = text.find('\n');
  const bool crlf = newline != std::string::npos && newline > 0 && text[newline - 1] == '\r';
  return text.insert(*place, note + (crlf ? "\r\n" : "\n"));
}

bool has_note(std::string_view text) { return find_note(text).has_value(); }

std::string without_note(std::string_view text) {
  std::string out(text);
  if (const auto note = find_note(text)) out.erase(note->begin, note->end - note->begin);
  return out;
}

std::optional<std::string> restore_from_note(std::string_view text) {
  const auto note = find_note(text);
  if (!note) return std::nullopt;
  std::string out = without_note(text);
  const json::value parsed = parse_note(*note);
  const json::array* edits = edits_of(parsed, out);
  if (edits == nullptr) return std::nullopt;
  const json::array& list = *edits;
  for (std::size_t i = list.size(); i-- > 0;) {
    const json::array* edit = list[i].if_array();
    if (edit == nullptr || edit->size() != 3 || !(*edit)[2].is_string()) return std::nullopt;
    boost::system::error_code bad_offset, bad_length;
    const auto offset = (*edit)[0].to_number<std::size_t>(bad_offset);
    const auto length = (*edit)[1].to_number<std::size_t>(bad_length);
    if (bad_offset || bad_length || offset > out.size() || length > out.size() - offset) return std::nullopt;
    out.replace(offset, length, std::string((*edit)[2].get_string()));
  }
  return out;
}

}  // namespace vcuda::injector
