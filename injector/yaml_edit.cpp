// Operations as text edits. See yaml_edit.hpp.
#include "injector/yaml_edit.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <optional>
#include <vector>

#include "injector/json_patch.hpp"
#include "injector/yaml_emit.hpp"
#include "injector/yaml_node.hpp"
#include "injector/yaml_value.hpp"

namespace vcuda::injector {
namespace json = boost::json;

namespace {

Error refuse(const YamlNode& node, std::string message) {
  return {std::to_string(node.line), std::move(message)};
}

// The first list under a key shows where this file puts its dashes, the first nested mapping how deep it
// goes.
void learn_style(const YamlNode& node, std::optional<std::size_t>& sequences,
                 std::optional<std::size_t>& mappings) {
  if (node.flow || (sequences && mappings)) return;
  for (const YamlNode& item : node.items) learn_style(item, sequences, mappings);
  for (const YamlMember& member : node.members) {
    const YamlNode& value = member.value;
    const bool below = !value.flow && value.line > member.key.line && value.column >= node.column;
    if (value.kind == YamlNode::Kind::sequence && below && !sequences) sequences = value.column - node.column;
    if (value.kind == YamlNode::Kind::mapping && below && value.column > node.column && !mappings)
      mappings = value.column - node.column;
    learn_style(value, sequences, mappings);
  }
}

class Editor {
 public:
  Editor(std::string_view text, const YamlNode& root) : text_(text), root_(root) {
    const std::size_t newline = text.find('\n');
    if (newline != std::string_view::npos && newline > 0 && text[newline - 1] == '\r')
      style_.newline = "\r\n";
    std::optional<std::size_t> sequences, mappings;
    learn_style(root, sequences, mappings);
    style_.sequence_indentation = sequences.value_or(style_.sequence_indentation);
    style_.mapping_indentation = mappings.value_or(style_.mapping_indentation);
  }

  Result<TextEdit> run(const std::string& op, const std::vector<std::string>& tokens,
                       const json::value& value) {
    const YamlNode* parent = &root_;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      // What holds the parent, for a collection that becomes empty or stops being so.
      holder_ = member_of(*parent, tokens[i]);
      holder_column_ = parent->column;
      in_flow_ = in_flow_ || parent->flow;
      const YamlNode* next = child(*parent, tokens[i]);
      if (next == nullptr) return refuse(*parent, "'" + tokens[i] + "' is not written here");
      if (next->kind == YamlNode::Kind::alias)
        return refuse(*next, "'" + tokens[i] + "' is an alias (*): write it out, then inject");
      parent = next;
    }
    const std::string& last = tokens.back();
    if (parent->kind == YamlNode::Kind::mapping) return in_mapping(op, *parent, last, value);
    if (parent->kind == YamlNode::Kind::sequence) return in_sequence(op, *parent, last, value);
    return refuse(*parent, "neither a mapping nor a sequence is written here");
  }

 private:
  // ---- looking around
  // -------------------------------------------------------------------------------------------

  static const YamlMember* member_of(const YamlNode& node, const std::string& name) {
    for (const YamlMember& member : node.members)
      if (key_name(member.key) == name) return &member;
    return nullptr;
  }

  static std::optional<std::size_t> index_in(const YamlNode& node, const std::string& token) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
    if (error != std::errc() || end != token.data() + token.size() || index >= node.items.size())
      return std::nullopt;
    return index;
  }

  static const YamlNode* child(const YamlNode& node, const std::string& token) {
    if (node.kind == YamlNode::Kind::mapping) {
      const YamlMember* member = member_of(node, token);
      return member ? &member->value : nullptr;
    }
    const auto index = node.kind == YamlNode::Kind::sequence ? index_in(node, token) : std::nullopt;
    return index ? &node.items[*index] : nullptr;
  }

  std::size_t line_start(std::size_t i) const {
    while (i > 0 && text_[i - 1] != '\n') --i;
    return i;
  }
  // The end of a line's text, before its line break.
  std::size_t line_end(std::size_t i) const {
    while (i < text_.size() && text_[i] != '\n') ++i;
    return i > 0 && i <= text_.size() && text_[i - 1] == '\r' ? i - 1 : i;
  }
  // The start of the line below, or the end of the text.
  std::size_t next_line(std::size_t i) const {
    while (i < text_.size() && text_[i] != '\n') ++i;
    return std::min(i + 1, text_.size());
  }
  bool is_first_on_line(std::size_t i) const {
    const std::string_view before = text_.substr(line_start(i), i - line_start(i));
    return before.find_first_not_of(' ') == std::string_view::npos;
  }

  // The whole lines from the one of `begin` to the one of `end`; at the end of a text without a last line
  // break, the break before them goes instead of the one behind.
  TextEdit without_lines(std::size_t begin, std::size_t end) const {
    std::size_t from = line_start(begin);
    const std::size_t to = next_line(end);
    if (to == text_.size() && (text_.empty() || text_.back() != '\n') && from > 0) {
      --from;
      if (from > 0 && text_[from - 1] == '\r') --from;
    }
    return {from, to - from, ""};
  }

  TextEdit line_below(std::size_t end, std::size_t indentation, const std::string& line) const {
    return {line_end(end), 0, style_.newline + std::string(indentation, ' ') + line};
  }

  // ---- mappings
  // -------------------------------------------------------------------------------------------------

  Result<TextEdit> in_mapping(const std::string& op, const YamlNode& parent, const std::string& name,
                              const json::value& value) {
    const YamlMember* member = member_of(parent, name);
    if (op == "remove") {
      if (member == nullptr) return refuse(parent, "'" + name + "' is not written here");
      return remove_member(parent, static_cast<std::size_t>(member - parent.members.data()));
    }
    if (member != nullptr) return set_member(parent, *member, value);
    if (op == "replace") return refuse(parent, "'" + name + "' is not written here");
    return add_member(parent, name, value);
  }

  Result<TextEdit> add_member(const YamlNode& parent, const std::string& name, const json::value& value) {
    if (parent.flow && parent.members.empty() && !in_flow_ && holder_ != nullptr) {
      json::object whole;  // {} behind a key of a block mapping becomes a block below it
      whole.emplace(name, value);
      return set_value(*holder_, holder_column_, parent, std::move(whole));
    }
    if (parent.flow) {
      const std::string entry = json::serialize(json::string(name)) + ": " + emit_flow(value);
      if (parent.members.empty()) return TextEdit{parent.content + 1, 0, entry};
      return TextEdit{parent.members.back().value.end, 0, ", " + entry};
    }
    return line_below(parent.end, parent.column,
                      emit_key(name) + ":" + emit_after_key(value, parent.column, style_));
  }

  Result<TextEdit> set_member(const YamlNode& parent, const YamlMember& member, const json::value& value) {
    if (parent.flow || in_flow_) {
      if (member.value.begin == member.value.end)
        return TextEdit{member.value.end, 0, " " + emit_flow(value)};
      return TextEdit{member.value.begin, member.value.end - member.value.begin, emit_flow(value)};
    }
    return set_value(member, parent.column, member.value, value);
  }

  // The value of a block mapping's key. A new scalar takes the old one's place; a new block goes below the
  // key's line, whose comment stays.
  TextEdit set_value(const YamlMember& member, std::size_t column, const YamlNode& old,
                     const json::value& value) const {
    std::string written = emit_after_key(value, column, style_);
    if (old.begin == old.end) {
      const std::size_t at = written.starts_with(' ') ? old.end : line_end(old.end);
      return {at, 0, std::move(written)};
    }
    if (written.starts_with(' ')) return {old.begin, old.end - old.begin, written.substr(1)};
    // From behind the ':' to the end of the line; what follows the old value there is kept.
    const std::size_t from = member.colon + 1;
    const std::size_t to = line_end(old.end);
    const std::string rest(text_.substr(old.end, to - old.end));
    return {from, to - from, rest + written};
  }

  Result<TextEdit> remove_member(const YamlNode& parent, std::size_t index) {
    const YamlMember& member = parent.members[index];
    // With a comma behind the only entry, too.
    if (parent.flow && parent.members.size() == 1)
      return TextEdit{member.key.begin, parent.end - 1 - member.key.begin, ""};
    if (parent.flow) {
      const std::size_t begin = index > 0 && index + 1 == parent.members.size()
                                    ? parent.members[index - 1].value.end
                                    : member.key.begin;
      const std::size_t end =
          index + 1 < parent.members.size() ? parent.members[index + 1].key.begin : member.value.end;
      return TextEdit{begin, end - begin, ""};
    }
    if (parent.members.size() == 1) return empty_out(parent, "{}");
    if (!is_first_on_line(member.key.begin)) {
      // "- KEY: ..." where KEY goes: the next key moves up to the dash.
      const std::size_t end = parent.members[index + 1].key.begin;
      return TextEdit{member.key.begin, end - member.key.begin, ""};
    }
    return without_lines(member.key.begin, member.value.end);
  }

  // A block collection that loses its last entry: the lines go, "{}" or "[]" comes behind the key.
  Result<TextEdit> empty_out(const YamlNode& node, const std::string& empty) const {
    if (holder_ == nullptr || !is_first_on_line(node.begin))
      return refuse(node, "the last entry is written in a way that cannot be taken out");
    const std::size_t after_key = holder_->colon + 1;
    const TextEdit lines = without_lines(node.begin, node.end);
    const std::string between(text_.substr(after_key, lines.offset - after_key));
    return TextEdit{after_key, lines.offset + lines.removed - after_key, " " + empty + between};
  }

  // ---- sequences
  // ------------------------------------------------------------------------------------------------

  Result<TextEdit> in_sequence(const std::string& op, const YamlNode& parent, const std::string& token,
                               const json::value& value) {
    if (op == "add") {
      const std::size_t count = parent.items.size();
      const std::size_t index = token == "-" ? count : index_in(parent, token).value_or(count);
      return insert_item(parent, index, value);
    }
    const auto index = index_in(parent, token);
    if (!index) return refuse(parent, "item " + token + " is not written here");
    const YamlNode& item = parent.items[*index];
    if (op == "remove") return remove_item(parent, *index);
    if (parent.flow || in_flow_) return TextEdit{item.begin, item.end - item.begin, emit_flow(value)};
    return TextEdit{item.begin, item.end - item.begin, emit_item(value, item.column, style_)};
  }

  Result<TextEdit> insert_item(const YamlNode& parent, std::size_t index, const json::value& value) {
    const bool at_end = index == parent.items.size();
    if (parent.flow && parent.items.empty() && !in_flow_ && holder_ != nullptr)
      return set_value(*holder_, holder_column_, parent, json::array{value});
    if (parent.flow) {
      if (parent.items.empty()) return TextEdit{parent.content + 1, 0, emit_flow(value)};
      if (at_end) return TextEdit{parent.items.back().end, 0, ", " + emit_flow(value)};
      return TextEdit{parent.items[index].begin, 0, emit_flow(value) + ", "};
    }
    const std::string line = "- " + emit_item(value, parent.column + 2, style_);
    if (index > 0) return line_below(parent.items[index - 1].end, parent.column, line);
    // Below the key's line, so that a comment above the first item stays with that item.
    if (holder_ != nullptr && is_first_on_line(parent.dashes.front()) &&
        holder_->value.line > holder_->key.line)
      return line_below(holder_->colon, parent.column, line);
    const std::size_t dash = parent.dashes.front();
    return TextEdit{dash, 0, line + style_.newline + std::string(parent.column, ' ')};
  }

  Result<TextEdit> remove_item(const YamlNode& parent, std::size_t index) {
    const YamlNode& item = parent.items[index];
    if (parent.flow && parent.items.size() == 1) return TextEdit{item.begin, parent.end - 1 - item.begin, ""};
    if (parent.flow) {
      const bool last = index + 1 == parent.items.size();
      const std::size_t begin = index > 0 && last ? parent.items[index - 1].end : item.begin;
      const std::size_t end = last ? item.end : parent.items[index + 1].begin;
      return TextEdit{begin, end - begin, ""};
    }
    if (parent.items.size() == 1) return empty_out(parent, "[]");
    if (!is_first_on_line(parent.dashes[index]))
      return refuse(item, "the item is written in a way that cannot be taken out");
    return without_lines(parent.dashes[index], std::max(item.end, parent.dashes[index]));
  }

  std::string_view text_;
  const YamlNode& root_;
  YamlStyle style_;
  const YamlMember* holder_ = nullptr;
  std::size_t holder_column_ = 0;
  bool in_flow_ = false;
};

}  // namespace

Result<TextEdit> edit_for(std::string_view text, const json::value& operation) {
  const auto root = parse_yaml(text);
  if (!root) return root.error();
  const json::object& fields = operation.as_object();
  const auto tokens = split_pointer(fields.at("path").as_string());
  if (!tokens) return tokens.error();
  if (tokens->empty()) return Error{"", "the whole document cannot be replaced"};
  const json::value* value = fields.if_contains("value");
  return Editor(text, *root)
      .run(std::string(fields.at("op").as_string()), *tokens, value ? *value : json::value());
}

void apply_edit(std::string& text, const TextEdit& edit) {
  text.replace(edit.offset, edit.removed, edit.inserted);
}

}  // namespace vcuda::injector
