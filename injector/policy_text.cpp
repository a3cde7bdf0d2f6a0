// See policy_text.hpp.
#include "injector/policy_text.hpp"

#include <charconv>

#include "injector/json_patch.hpp"
#include "injector/yaml_node.hpp"
#include "injector/yaml_value.hpp"

namespace vcuda::injector {
namespace {

// The line of the value, or of the key, at a JSON pointer; of the deepest part that is written.
std::size_t line_of(const YamlNode& root, std::string_view pointer) {
  const auto tokens = split_pointer(pointer);
  const YamlNode* at = &root;
  std::size_t line = root.line;
  for (const std::string& token : *tokens) {
    const YamlNode* next = nullptr;
    for (const YamlMember& member : at->members)
      if (key_name(member.key) == token) {
        next = &member.value;
        line = member.key.line;
      }
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
    if (at->kind == YamlNode::Kind::sequence && error == std::errc() && index < at->items.size()) {
      next = &at->items[index];
      line = next->line;
    }
    if (next == nullptr) break;
    at = next;
  }
  return line;
}

}  // namespace

Result<Policy> parse_policy_text(std::string_view text) {
  const auto root = parse_yaml(text);
  if (!root) return root.error();
  auto document = to_json(*root);
  if (!document) return document.error();
  if (document->is_null()) return Policy();
  auto policy = parse_policy(*document);
  if (policy) return policy;
  const std::string pointer = policy.error().place;
  return Error{std::to_string(line_of(*root, pointer)),
               (pointer.empty() ? "the policy" : pointer) + ": " + policy.error().message};
}

}  // namespace vcuda::injector
