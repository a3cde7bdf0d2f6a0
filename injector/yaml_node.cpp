// The tree from yaml-cpp's events, whose marks say where nodes start; where they end is found in the text.
// The one file that calls yaml-cpp, and where its exceptions end. See yaml_node.hpp.
#include "injector/yaml_node.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>

namespace vcuda::injector {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_space(char c) { return is_blank(c) || c == '\n' || c == '\r'; }

// Collects events into a tree of starts.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::size_t shift) : shift_(shift) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node = start(mark, YamlNode::Kind::null, anchor);
    node.text = "?";  // written or not: finish() looks
    put(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    put(start(mark, YamlNode::Kind::alias, anchor));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = start(mark, YamlNode::Kind::scalar, anchor);
    node.text = value;
    set_tag(node, tag);
    put(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(start(mark, YamlNode::Kind::sequence, anchor), tag, style);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(start(mark, YamlNode::Kind::mapping, anchor), tag, style);
  }
  void OnMapEnd() override { close(); }

  YamlNode take() { return std::move(root_); }

 private:
  struct Open {
    YamlNode node;
    bool has_key = false;
    YamlNode key;
  };

  YamlNode start(const YAML::Mark& mark, YamlNode::Kind kind, YAML::anchor_t anchor) const {
    YamlNode node;
    node.kind = kind;
    node.anchor = anchor;
    node.begin = shift_ + static_cast<std::size_t>(mark.pos);
    node.line = static_cast<std::size_t>(mark.line) + 1;
    return node;
  }

  static void set_tag(YamlNode& node, const std::string& tag) {
    // "?" and "!" only say plain and quoted.
    if (tag != "?" && tag != "!") node.tag = tag;
    node.quoted = tag == "!";
  }

  void open(YamlNode node, const std::string& tag, YAML::EmitterStyle::value style) {
    set_tag(node, tag);
    node.flow = style == YAML::EmitterStyle::Flow;
    open_.emplace_back().node = std::move(node);
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    put(std::move(node));
  }

  void put(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& in = open_.back();
    if (in.node.kind == YamlNode::Kind::sequence) {
      in.node.items.push_back(std::move(node));
    } else if (!in.has_key) {
      in.key = std::move(node);
      in.has_key = true;
    } else {
      in.node.members.push_back({std::move(in.key), std::move(node), 0});
      in.has_key = false;
    }
  }

  std::size_t shift_;
  std::vector<Open> open_;
  YamlNode root_;
};

// Finds where nodes end, and where dashes and colons stand.
class Ends {
 public:
  explicit Ends(std::string_view text) : text_(text) {
    for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
      line_starts_.push_back(at + 1);
  }

  // `parent` is the indentation of the block collection around the node (-1: none); `next` where the
  // following node starts; `after` the end of what stands before the node: ':' or '-' or ','.
  void finish(YamlNode& node, long parent, std::size_t next, std::size_t after) {
    if (node.kind == YamlNode::Kind::null && !is_written_null(node, next)) {
      node.text.clear();
      node.begin = node.content = node.end = after;
      return;
    }
    const std::size_t properties_end = skip_properties(node.begin);
    node.content = skip_space(properties_end);
    if (properties_end == node.begin) node.content = node.begin;
    node.column = node.content - line_start(node.content);
    switch (node.kind) {
      case YamlNode::Kind::null:
        node.text = std::string(word(node.content));
        node.end = node.content + node.text.size();
        break;
      case YamlNode::Kind::alias:
        node.end = node.begin + 1 + word(node.begin + 1).size();
        break;
      case YamlNode::Kind::scalar:
        node.end = scalar_end(node, parent, properties_end);
        break;
      case YamlNode::Kind::sequence:
        finish_sequence(node, next);
        break;
      case YamlNode::Kind::mapping:
        finish_mapping(node, next);
        break;
    }
  }

 private:
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }

  std::size_t line_start(std::size_t i) const {
    const auto above = std::upper_bound(line_starts_.begin(), line_starts_.end(), i);
    if (above != line_starts_.begin()) return *std::prev(above);
    // A byte order mark is no indentation.
    return text_.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  }
  std::size_t line_end(std::size_t i) const {
    while (i < text_.size() && text_[i] != '\n') ++i;
    return i;
  }

  // Past blanks, line ends and comments.
  std::size_t skip_space(std::size_t i) const {
    while (i < text_.size()) {
      if (is_space(text_[i])) {
        ++i;
      } else if (text_[i] == '#' && (i == 0 || is_space(text_[i - 1]))) {
        i = line_end(i);
      } else {
        break;
      }
    }
    return i;
  }

  // Past `&anchor` and `!tag`, not past the space behind the last of them.
  std::size_t skip_properties(std::size_t i) const {
    std::size_t end = i;
    while (at(i) == '&' || at(i) == '!') {
      while (i < text_.size() && !is_space(text_[i])) ++i;
      end = i;
      i = skip_space(i);
    }
    return end;
  }

  // The run of characters that a null or an alias can consist of.
  std::string_view word(std::size_t i) const {
    std::size_t end = i;
    while (end < text_.size() && !is_space(text_[end]) &&
           std::string_view(",[]{}").find(text_[end]) == std::string_view::npos)
      ++end;
    return text_.substr(i, end - i);
  }

  bool is_written_null(const YamlNode& node, std::size_t next) const {
    if (node.begin == next) return false;
    const std::size_t properties_end = skip_properties(node.begin);
    if (properties_end != node.begin) return true;
    const std::string_view found = word(node.begin);
    return found == "~" || found == "null" || found == "Null" || found == "NULL";
  }

  std::size_t scalar_end(YamlNode& node, long parent, std::size_t properties_end) const {
    const char first = at(node.content);
    if (first == '"') return double_quoted_end(node.content);
    if (first == '\'') return single_quoted_end(node.content);
    if ((first == '|' || first == '>') && (node.quoted || !node.tag.empty())) {
      node.quoted = true;
      return block_scalar_end(node.content, parent);
    }
    if (node.text.empty()) {
      node.content = properties_end;
      return properties_end;
    }
    return plain_end(node);
  }

  std::size_t double_quoted_end(std::size_t i) const {
    for (++i; i < text_.size() && text_[i] != '"'; ++i)
      if (text_[i] == '\\') ++i;
    return i + 1;
  }

  std::size_t single_quoted_end(std::size_t i) const {
    for (++i; i < text_.size(); ++i) {
      if (text_[i] != '\'') continue;
      if (at(i + 1) != '\'') break;
      ++i;
    }
    return i + 1;
  }

  // A plain scalar has no escapes: its characters are the value's, whatever was folded between them.
  std::size_t plain_end(const YamlNode& node) const {
    std::size_t i = node.content;
    for (const char c : node.text) {
      if (is_space(c)) continue;
      while (i < text_.size() && text_[i] != c && is_space(text_[i])) ++i;
      ++i;
    }
    return i;
  }

  // Lines deeper than `parent`; with '+' in the header the blank lines behind them belong to the value too.
  std::size_t block_scalar_end(std::size_t i, long parent) const {
    const std::size_t header = i;
    std::size_t end = line_end(i);
    const bool keep = text_.substr(header, 3).find('+') != std::string_view::npos;
    std::size_t blank_end = end;
    for (std::size_t line = end + 1; line < text_.size() + 1 && blank_end < text_.size();) {
      const std::size_t stop = line_end(line);
      std::size_t first = line;
      while (first < stop && text_[first] == ' ') ++first;
      const bool blank = first == stop || (text_[first] == '\r' && first + 1 == stop);
      if (!blank && static_cast<long>(first - line) <= parent) break;
      blank_end = stop;
      if (!blank) end = stop;
      line = stop + 1;
    }
    if (keep) end = blank_end;
    return end > header && text_[end - 1] == '\r' ? end - 1 : end;
  }

  void finish_sequence(YamlNode& node, std::size_t next) {
    const long indentation = static_cast<long>(node.column);
    std::size_t at_ = node.content + (node.flow ? 1 : 0);
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      if (!node.flow) {
        at_ = skip_space(at_);
        node.dashes.push_back(at_);
        ++at_;
      }
      const std::size_t following = i + 1 < node.items.size() ? node.items[i + 1].begin : next;
      finish(node.items[i], indentation, following, at_);
      at_ = node.items[i].end;
      if (node.flow) at_ = skip_comma(at_);
    }
    node.end = node.flow ? skip_space(at_) + 1 : at_;
  }

  void finish_mapping(YamlNode& node, std::size_t next) {
    const long indentation = static_cast<long>(node.column);
    std::size_t at_ = node.content + (node.flow ? 1 : 0);
    for (std::size_t i = 0; i < node.members.size(); ++i) {
      YamlMember& member = node.members[i];
      const std::size_t following = i + 1 < node.members.size() ? node.members[i + 1].key.begin : next;
      finish(member.key, indentation, member.value.begin, at_);
      const std::size_t colon = skip_space(member.key.end);
      const bool has_colon = at(colon) == ':';
      member.colon = has_colon ? colon : member.key.end;
      finish(member.value, indentation, following, has_colon ? colon + 1 : member.key.end);
      at_ = member.value.end;
      if (node.flow) at_ = skip_comma(at_);
    }
    node.end = node.flow ? skip_space(at_) + 1 : at_;
  }

  std::size_t skip_comma(std::size_t i) const {
    const std::size_t comma = skip_space(i);
    return at(comma) == ',' ? comma + 1 : i;
  }

  std::string_view text_;
  // Of all lines but the first: a look for each node through one long line would be quadratic.
  std::vector<std::size_t> line_starts_;
};

// Reads a string_view without a copy.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

}  // namespace

Result<YamlNode> parse_yaml(std::string_view text) {
  const std::size_t shift = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  ViewBuffer buffer(text);
  std::istream stream(&buffer);
  TreeBuilder tree(shift);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(tree)) return YamlNode();
    TreeBuilder second(shift);
    if (parser.HandleNextDocument(second))
      return Error{"", "expected one YAML document, found another behind it"};
  } catch (const YAML::Exception& error) {
    return Error{std::to_string(error.mark.line + 1) + ":" + std::to_string(error.mark.column + 1),
                 "broken YAML: " + error.msg};
  }
  YamlNode root = tree.take();
  if (root.kind == YamlNode::Kind::null && root.text.empty()) return root;
  Ends(text).finish(root, -1, text.size() + 1, 0);
  return root;
}

}  // namespace vcuda::injector
