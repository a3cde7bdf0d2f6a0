// See source.hpp.
#include "injector/source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace vcuda::injector {
namespace {

// Length of the UTF-8 sequence at `i`, 0 when there is none. Overlong forms and surrogates are none (RFC
// 3629).
std::size_t sequence_length(const std::string& text, std::size_t i) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
  };
  const auto tail = [&](std::size_t at) { return byte(at) >= 0x80 && byte(at) <= 0xBF; };
  const unsigned first = byte(i);
  if (first < 0x80) return first == 0 ? 0 : 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(i + 1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned second = byte(i + 1);
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
    return tail(i + 1) && tail(i + 2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned second = byte(i + 1);
    if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
    return tail(i + 1) && tail(i + 2) && tail(i + 3) ? 4 : 0;
  }
  return 0;
}

Result<Source> read_stream(std::istream& stream, const std::string& name) {
  Source out{name, {}};
  char block[64 * 1024];
  while (stream.read(block, sizeof block) || stream.gcount() > 0) {
    out.text.append(block, static_cast<std::size_t>(stream.gcount()));
    if (out.text.size() > max_source_bytes) return Error{name, "larger than 16 MiB"};
  }
  if (stream.bad()) return Error{name, "cannot be read"};
  std::size_t line = 1;
  for (std::size_t i = 0; i < out.text.size();) {
    const std::size_t length = sequence_length(out.text, i);
    if (length == 0) return Error{name + ":" + std::to_string(line), "not UTF-8 text"};
    if (out.text[i] == '\n') ++line;
    i += length;
  }
  return out;
}

Result<std::vector<std::string>> manifests_in(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string extension = entry->path().extension();
    if (extension == ".yaml" || extension == ".yml" || extension == ".json") paths.push_back(entry->path());
  }
  if (error) return Error{folder, "cannot be listed: " + error.message()};
  if (paths.empty()) return Error{folder, "holds no *.yaml, *.yml or *.json"};
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

Result<Source> read_source(const std::string& path) {
  if (path == "-") return read_stream(std::cin, "<stdin>");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{path, std::string("cannot be opened: ") + std::strerror(errno)};
  return read_stream(file, path);
}

Result<std::vector<Source>> read_sources(const std::vector<std::string>& paths) {
  std::vector<Source> sources;
  for (const std::string& path : paths) {
    std::vector<std::string> files{path};
    std::error_code error;
    if (path != "-" && std::filesystem::is_directory(path, error)) {
      auto listed = manifests_in(path);
      if (!listed) return listed.error();
      files = std::move(*listed);
    }
    for (const std::string& file : files) {
      auto source = read_source(file);
      if (!source) return source.error();
      sources.push_back(std::move(*source));
    }
  }
  return sources;
}

}  // namespace vcuda::injector
