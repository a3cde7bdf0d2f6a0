// YAML to JSON. See yaml_value.hpp.
#include "injector/yaml_value.hpp"

#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <string_view>

namespace vcuda::injector {
namespace json = boost::json;

namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words)
    if (text == word) return true;
  return false;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Decimal, 0x, 0o, 0b and C's leading zero, with '_' between digits.
std::optional<json::value> integer(std::string_view text) {
  std::string digits;
  bool negative = false;
  if (text.starts_with('-') || text.starts_with('+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty() || !is_digit(text[0])) return std::nullopt;
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char kind = text[1];
    base = kind == 'x' || kind == 'X' ? 16 : kind == 'b' || kind == 'B' ? 2 : 8;
    text.remove_prefix(base == 8 && kind != 'o' && kind != 'O' ? 1 : 2);
  }
  for (const char c : text)
    if (c != '_') digits += c;
  if (digits.empty()) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  static constexpr std::uint64_t least = std::uint64_t(1) << 63;
  if (!negative) return number < least ? json::value(static_cast<std::int64_t>(number)) : json::value(number);
  if (number > least) return std::nullopt;
  return json::value(number == least ? std::numeric_limits<std::int64_t>::min()
                                     : -static_cast<std::int64_t>(number));
}

// [-+]? ( .[0-9]+ | [0-9]+ ( . [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
std::optional<json::value> floating(std::string_view text) {
  std::size_t i = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  std::size_t digits = 0;
  for (; i < text.size() && is_digit(text[i]); ++i) ++digits;
  if (i < text.size() && text[i] == '.')
    for (++i; i < text.size() && is_digit(text[i]); ++i) ++digits;
  if (digits == 0) return std::nullopt;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    const std::size_t exponent = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    if (i == exponent) return std::nullopt;
  }
  if (i != text.size()) return std::nullopt;
  double number = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return json::value(number);
}

class Converter {
 public:
  Result<json::value> convert(const YamlNode& node) {
    if (++values_ > max_yaml_values) return failure(node, "too many values: aliases that multiply?");
    if (depth_ == max_yaml_depth) return failure(node, "nested too deep");
    ++depth_;
    auto value = convert_by_kind(node);
    --depth_;
    return value;
  }

 private:
  Result<json::value> convert_by_kind(const YamlNode& node) {
    switch (node.kind) {
      case YamlNode::Kind::null:
        return remember(node, nullptr);
      case YamlNode::Kind::alias: {
        const auto found = anchors_.find(node.anchor);
        if (found == anchors_.end()) return failure(node, "an alias that stands inside its own anchor");
        return convert(*found->second);
      }
      case YamlNode::Kind::scalar:
        return scalar(node);
      case YamlNode::Kind::sequence:
        return sequence(node);
      case YamlNode::Kind::mapping:
        return mapping(node);
    }
    return failure(node, "unknown node");
  }

  static Error failure(const YamlNode& node, std::string message) {
    return {std::to_string(node.line), std::move(message)};
  }

  // Known only once it is complete: an alias inside its own anchor must not run in circles.
  json::value remember(const YamlNode& node, json::value value) {
    if (node.anchor != 0) anchors_[node.anchor] = &node;
    return value;
  }

  Result<json::value> scalar(const YamlNode& node) {
    static constexpr std::string_view yaml = "tag:yaml.org,2002:";
    if (node.tag.empty())
      return remember(node, node.quoted ? json::value(json::string(node.text)) : plain_value(node.text));
    const std::string_view tag = node.tag;
    if (tag == std::string(yaml) + "str") return remember(node, json::string(node.text));
    const json::value value = plain_value(node.text);
    if ((tag == std::string(yaml) + "int" && (value.is_int64() || value.is_uint64())) ||
        (tag == std::string(yaml) + "bool" && value.is_bool()))
      return remember(node, value);
    if (tag == std::string(yaml) + "float" && value.is_number())
      return remember(node, value.to_number<double>());
    return failure(node, "the tag " + node.tag + " on '" + node.text + "' is not one that Kubernetes reads");
  }

  Result<json::value> sequence(const YamlNode& node) {
    json::array out;
    for (const YamlNode& item : node.items) {
      auto value = convert(item);
      if (!value) return value.error();
      out.push_back(std::move(*value));
    }
    return remember(node, std::move(out));
  }

  Result<json::value> mapping(const YamlNode& node) {
    json::object out;
    json::object merged;
    for (const YamlMember& member : node.members) {
      const auto name = key_name(member.key);
      if (!name)
        return failure(member.key,
                       "a key that is not a scalar; a template? run it through helm template first");
      if (member.key.anchor != 0) anchors_[member.key.anchor] = &member.key;
      auto value = convert(member.value);
      if (!value) return value.error();
      if (*name == "<<" && !member.key.quoted) {
        if (auto done = merge(member.value, *value, merged); !done) return done.error();
        continue;
      }
      if (!out.emplace(*name, std::move(*value)).second)
        return failure(member.key, "the key '" + *name + "' is there twice");
    }
    for (const auto& field : merged) out.emplace(field.key(), field.value());
    return remember(node, std::move(out));
  }

  // https://yaml.org/type/merge.html: a mapping or a sequence of them; earlier ones win.
  static Result<void> merge(const YamlNode& node, const json::value& value, json::object& into) {
    if (value.is_object()) {
      for (const auto& field : value.get_object()) into.emplace(field.key(), field.value());
      return {};
    }
    if (value.is_array()) {
      for (const json::value& each : value.get_array()) {
        if (!each.is_object()) return failure(node, "<< needs mappings");
        for (const auto& field : each.get_object()) into.emplace(field.key(), field.value());
      }
      return {};
    }
    return failure(node, "<< needs a mapping");
  }

  std::map<std::size_t, const YamlNode*> anchors_;
  std::size_t values_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

json::value plain_value(const std::string& text) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
  if (is_one_of(text, {"true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON"})) return true;
  if (is_one_of(text, {"false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF"}))
    return false;
  if (const auto number = integer(text)) return *number;
  if (const auto number = floating(text)) return *number;
  return json::string(text);
}

std::optional<std::string> key_name(const YamlNode& key) {
  if (key.kind == YamlNode::Kind::null) return "null";
  if (key.kind != YamlNode::Kind::scalar) return std::nullopt;
  if (key.quoted || !key.tag.empty()) return key.text;
  const json::value value = plain_value(key.text);
  return value.is_string() ? key.text : json::serialize(value);
}

Result<json::value> to_json(const YamlNode& root) { return Converter().convert(root); }

}  // namespace vcuda::injector
