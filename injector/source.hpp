// Reads what -f names: files, the manifests of a folder, standard input. With main.cpp the only room of the
// injector that touches the world. Must not parse anything.
#pragma once

#include <string>
#include <vector>

#include "injector/result.hpp"

namespace vcuda::injector {

// One manifest file: etcd's own limit for an object is 1.5 MiB, a file holds a few of them.
inline constexpr std::size_t max_source_bytes = 16 * 1024 * 1024;

struct Source {
  std::string name;  // the path, or "<stdin>"
  std::string text;
};

// Reads a file. Errors, with the path as place: cannot be read, larger than max_source_bytes, not UTF-8.
Result<Source> read_source(const std::string& path);

// Reads every path of `paths`: "-" is standard input, a folder its *.yaml, *.yml and *.json by name (not
// deeper). Errors as above, and a folder without manifests.
Result<std::vector<Source>> read_sources(const std::vector<std::string>& paths);

}  // namespace vcuda::injector
