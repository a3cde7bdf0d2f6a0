// See patch_builder.hpp.
#include "injector/patch_builder.hpp"

#include <cstdio>
#include <cstdlib>

#include "injector/json_patch.hpp"

namespace vcuda::injector {
namespace json = boost::json;

const json::value* PatchBuilder::at(std::string_view pointer) const { return find(scratch_, pointer); }

void PatchBuilder::add(std::string path, json::value value) {
  record({{"op", "add"}, {"path", std::move(path)}, {"value", std::move(value)}});
}

void PatchBuilder::replace(std::string path, json::value value) {
  record({{"op", "replace"}, {"path", std::move(path)}, {"value", std::move(value)}});
}

void PatchBuilder::remove(std::string path) { record({{"op", "remove"}, {"path", std::move(path)}}); }

void PatchBuilder::record(json::object operation) {
  json::value done(std::move(operation));
  if (const auto applied = apply_operation(scratch_, done); !applied) {
    std::fprintf(stderr, "injector: bug: an operation does not fit its pod: %s\n",
                 to_line(applied.error()).c_str());
    std::abort();
  }
  operations_.push_back(std::move(done));
}

}  // namespace vcuda::injector
