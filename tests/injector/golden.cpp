// See golden.hpp.
#include "tests/injector/golden.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace vcuda::tests {
namespace json = boost::json;

namespace {

const std::string folder = std::string(VCUDA_SOURCE_DIR) + "/tests/golden/";

json::value parse_file(const std::string& path) {
  boost::system::error_code error;
  json::value out = json::parse(read_text(path), error);
  if (error) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(), error.message().c_str());
    std::abort();
  }
  return out;
}

const json::object& parts() {
  static const json::value out = parse_file(folder + "parts.json");
  return out.as_object();
}

json::value expand(const json::value& from) {
  if (from.is_string()) {
    const auto* part = parts().if_contains(from.get_string());
    return part ? expand(*part) : from;
  }
  if (from.is_array()) {
    json::array out;
    for (const auto& item : from.get_array()) out.push_back(expand(item));
    return out;
  }
  if (!from.is_object()) return from;
  json::object out;
  if (const auto* base = from.get_object().if_contains("$with")) out = expand(*base).as_object();
  for (const auto& field : from.get_object())
    if (field.key() != "$with") out[field.key()] = expand(field.value());
  return out;
}

}  // namespace

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    std::abort();
  }
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

json::value golden(const std::string& name) { return expand(parse_file(folder + name + ".json")); }

std::vector<std::string> golden_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string stem = entry.path().stem();
    if (entry.path().extension() == ".json" && stem != "parts" && stem != "refusals") names.push_back(stem);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace vcuda::tests
