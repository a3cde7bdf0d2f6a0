// One YAML document as a tree that knows where each node stands in the text: what comment-preserving edits
// need. Must not know Kubernetes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "injector/result.hpp"

namespace vcuda::injector {

struct YamlMember;

struct YamlNode {
  enum class Kind { null, scalar, alias, sequence, mapping };
  Kind kind = Kind::null;
  bool flow = false;       // [..] or {..}
  bool quoted = false;     // a scalar that is not plain: '..', "..", | or >
  std::string text;        // a scalar's value; null's spelling ("" for none at all)
  std::string tag;         // "tag:yaml.org,2002:str"; empty where there is none
  std::size_t anchor = 0;  // its own anchor, or the one an alias points to; 0: none

  // Bytes [begin, end) of the document's text. `content` is where it starts after its anchor and tag. A null
  // that is not written has begin == end, right behind its ':' or '-'.
  std::size_t begin = 0;
  std::size_t content = 0;
  std::size_t end = 0;
  std::size_t line = 0;    // of `begin`, from 1
  std::size_t column = 0;  // of `content`, from 0: the indentation of a block collection

  std::vector<YamlNode> items;      // of a sequence
  std::vector<std::size_t> dashes;  // of a block sequence: where each item's '-' stands
  std::vector<YamlMember> members;  // of a mapping
};

struct YamlMember {
  YamlNode key;
  YamlNode value;
  std::size_t colon = 0;  // where the ':' stands; the key's end where there is none
};

// Parses the only document of `text` (an empty one is a null). Errors have "LINE:COLUMN" in `text` as their
// place: broken YAML, more than one document.
Result<YamlNode> parse_yaml(std::string_view text);

}  // namespace vcuda::injector
