// See yaml_emit.hpp.
#include "injector/yaml_emit.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "injector/yaml_value.hpp"

namespace vcuda::injector {
namespace json = boost::json;

namespace {

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  if (!is_letter_or_digit(text[0]) && text[0] != '/' && text[0] != '_') return false;
  for (const char c : text)
    if (!is_letter_or_digit(c) && std::string_view("_./:@+-").find(c) == std::string_view::npos) return false;
  if (text.back() == ':') return false;
  // Numbers, dates, sexagesimals: nothing that starts with a digit and has no letter beyond hexadecimal ones.
  const bool has_other_letter = std::any_of(text.begin(), text.end(), [](char c) {
    return (c > 'f' && c <= 'z' && c != 'x' && c != 'o') || (c > 'F' && c <= 'Z') || c == '/' || c == '@';
  });
  if (text[0] >= '0' && text[0] <= '9' && !has_other_letter) return false;
  return plain_value(std::string(text)).is_string();
}

bool is_scalar(const json::value& value) {
  return value.is_object() ? value.get_object().empty() : !value.is_array() || value.get_array().empty();
}

bool is_short_list(const json::value& value) {
  return value.is_array() &&
         std::all_of(value.get_array().begin(), value.get_array().end(),
                     [](const json::value& each) { return !each.is_object() && !each.is_array(); });
}

std::string flow_list(const json::array& list) {
  std::string out = "[";
  for (std::size_t i = 0; i < list.size(); ++i) out += (i == 0 ? "" : ", ") + json::serialize(list[i]);
  return out + "]";
}

// Keys at `indentation`, the first without it.
std::string block_mapping(const json::object& object, std::size_t indentation, const YamlStyle& style) {
  std::string out;
  for (const auto& field : object) {
    if (!out.empty()) out += style.newline + std::string(indentation, ' ');
    out += emit_key(field.key()) + ":" + emit_after_key(field.value(), indentation, style);
  }
  return out;
}

}  // namespace

std::string emit_scalar(const json::value& scalar) {
  if (scalar.is_object()) return "{}";
  if (scalar.is_array()) return "[]";
  if (!scalar.is_string()) return json::serialize(scalar);
  const std::string_view text = scalar.get_string();
  if (is_plain(text)) return std::string(text);
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7f'; });
  // JSON in a string reads best between single quotes; everything else as JSON writes it.
  if (!printable || text.find('"') == std::string_view::npos) return json::serialize(scalar);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

std::string emit_key(std::string_view key) { return emit_scalar(json::string(key)); }

std::string emit_flow(const json::value& value) { return json::serialize(value); }

std::string emit_after_key(const json::value& value, std::size_t indentation, const YamlStyle& style) {
  if (is_scalar(value)) return " " + emit_scalar(value);
  if (is_short_list(value)) return " " + flow_list(value.get_array());
  if (value.is_object()) {
    const std::size_t inner = indentation + style.mapping_indentation;
    return style.newline + std::string(inner, ' ') + block_mapping(value.get_object(), inner, style);
  }
  const std::size_t dash = indentation + style.sequence_indentation;
  std::string out;
  for (const json::value& item : value.get_array())
    out += style.newline + std::string(dash, ' ') + "- " + emit_item(item, dash + 2, style);
  return out;
}

std::string emit_item(const json::value& value, std::size_t indentation, const YamlStyle& style) {
  if (is_scalar(value)) return emit_scalar(value);
  if (value.is_object()) return block_mapping(value.get_object(), indentation, style);
  return emit_flow(value);
}

}  // namespace vcuda::injector
