// RFC 6901 and RFC 6902 over Boost.JSON trees. See json_patch.hpp.
#include "injector/json_patch.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace vcuda::injector {
namespace json = boost::json;

namespace {

Error path_error(std::string_view path, std::string message) {
  return {std::string(path), std::move(message)};
}

std::string unescape_token(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      out += token[++i] == '0' ? '~' : '/';
    } else {
      out += token[i];
    }
  }
  return out;
}

// An array index as RFC 6901 spells it: digits, no leading zero.
bool parse_index(std::string_view token, std::size_t& index) {
  if (token.empty() || (token.size() > 1 && token[0] == '0')) return false;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  return error == std::errc() && end == token.data() + token.size();
}

json::value* step(json::value& at, std::string_view token) {
  if (at.is_object()) return at.get_object().if_contains(token);
  std::size_t index = 0;
  if (at.is_array() && parse_index(token, index) && index < at.get_array().size())
    return &at.get_array()[index];
  return nullptr;
}

Result<void> add(json::value& parent, const std::string& token, std::string_view path,
                 const json::value& value) {
  if (parent.is_object()) {
    parent.get_object()[token] = value;
    return {};
  }
  if (!parent.is_array()) return path_error(path, "the parent is neither an object nor an array");
  json::array& list = parent.get_array();
  std::size_t index = list.size();
  if (token != "-" && (!parse_index(token, index) || index > list.size()))
    return path_error(path, "index out of range");
  list.insert(list.begin() + static_cast<std::ptrdiff_t>(index), value);
  return {};
}

// Erases a member and keeps the order of the rest (object::erase moves the last one into the gap).
void erase_member(json::object& object, std::string_view key) {
  json::object rest(object.storage());
  rest.reserve(object.size());
  for (auto& member : object)
    if (member.key() != key) rest.emplace(member.key(), std::move(member.value()));
  object = std::move(rest);
}

Result<void> remove(json::value& parent, const std::string& token, std::string_view path) {
  if (step(parent, token) == nullptr) return path_error(path, "nothing is there to remove");
  if (parent.is_object()) {
    erase_member(parent.get_object(), token);
  } else {
    std::size_t index = 0;
    parse_index(token, index);
    parent.get_array().erase(parent.get_array().begin() + static_cast<std::ptrdiff_t>(index));
  }
  return {};
}

}  // namespace

std::string escape_token(std::string_view token) {
  std::string out;
  for (const char c : token) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

Result<std::vector<std::string>> split_pointer(std::string_view pointer) {
  std::vector<std::string> tokens;
  if (pointer.empty()) return tokens;
  if (pointer[0] != '/') return path_error(pointer, "a JSON pointer starts with '/'");
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    tokens.push_back(unescape_token(pointer.substr(0, end)));
    pointer.remove_prefix(end);
  }
  return tokens;
}

const json::value* find(const json::value& document, std::string_view pointer) {
  const auto tokens = split_pointer(pointer);
  if (!tokens) return nullptr;
  const json::value* at = &document;
  for (const std::string& token : *tokens) {
    at = step(const_cast<json::value&>(*at), token);
    if (at == nullptr) return nullptr;
  }
  return at;
}

Result<void> apply_operation(json::value& document, const json::value& operation) {
  const json::object* fields = operation.if_object();
  const json::value* op = fields ? fields->if_contains("op") : nullptr;
  const json::value* path_field = fields ? fields->if_contains("path") : nullptr;
  if (op == nullptr || !op->is_string() || path_field == nullptr || !path_field->is_string())
    return Error{"", "an operation is an object with the strings op and path"};
  const std::string_view name = op->get_string();
  const std::string path(path_field->get_string());
  const json::value* value = fields->if_contains("value");
  if (name != "remove" && value == nullptr) return path_error(path, "the operation has no value");

  const auto tokens = split_pointer(path);
  if (!tokens) return tokens.error();
  if (name == "test") {
    const json::value* found = find(document, path);
    if (found == nullptr || *found != *value) return path_error(path, "the test failed");
    return {};
  }
  if (tokens->empty()) {
    if (name == "remove") return path_error(path, "the whole document cannot be removed");
    document = *value;
    return {};
  }
  json::value* parent = &document;
  for (std::size_t i = 0; i + 1 < tokens->size(); ++i) {
    parent = step(*parent, (*tokens)[i]);
    if (parent == nullptr) return path_error(path, "the path is missing from '" + (*tokens)[i] + "' on");
  }
  if (name == "add") return add(*parent, tokens->back(), path, *value);
  if (name == "remove") return remove(*parent, tokens->back(), path);
  if (name == "replace") {
    json::value* old = step(*parent, tokens->back());
    if (old == nullptr) return path_error(path, "nothing is there to replace");
    *old = *value;
    return {};
  }
  return path_error(path, "unknown operation '" + std::string(name) + "'");
}

Result<json::value> apply_patch(json::value document, const json::array& patch) {
  for (std::size_t i = 0; i < patch.size(); ++i) {
    const auto done = apply_operation(document, patch[i]);
    if (!done) return Error{"operation " + std::to_string(i), to_line(done.error())};
  }
  return document;
}

json::array prefix_patch(json::array patch, std::string_view prefix) {
  for (json::value& operation : patch) {
    json::string& path = operation.as_object().at("path").as_string();
    path.insert(0, prefix);
  }
  return patch;
}

}  // namespace vcuda::injector
