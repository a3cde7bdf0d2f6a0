// A YAML tree as the JSON that Kubernetes makes of it: scalars as sigs.k8s.io/yaml reads them (YAML 1.1
// booleans and octals included), anchors, aliases and merge keys resolved. Must not know Kubernetes objects.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>

#include "injector/yaml_node.hpp"

namespace vcuda::injector {

// More values than this, counted with every alias expanded, is an attack ("billion laughs"), not a manifest.
inline constexpr std::size_t max_yaml_values = 1'000'000;
// Deeper than this, counted through aliases, would end in the stack's end; the deepest of real workloads is
// 13 deep.
inline constexpr std::size_t max_yaml_depth = 256;

// Errors have "LINE:COLUMN"-like places ("LINE" alone): a key twice in one mapping, a key that is no scalar,
// an unknown tag, an alias without its anchor, too many values, too deep.
Result<boost::json::value> to_json(const YamlNode& root);

// The JSON value of a plain, untagged scalar.
boost::json::value plain_value(const std::string& text);

// The JSON name of a mapping's key; absent when it is no scalar.
std::optional<std::string> key_name(const YamlNode& key);

}  // namespace vcuda::injector
