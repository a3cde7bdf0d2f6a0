// See patch_builder.hpp.
#include "injector/patch_builder.hpp"

#include <stdexcept>

#include "injector/json_patch.hpp"
#include "injector/pod.hpp"

namespace vcuda::injector {
namespace json = boost::json;

PatchBuilder::PatchBuilder(const json::value& original) : scratch_(json::object_kind, &memory_) {
  json::object& pod = scratch_.get_object();
  if (const json::value* spec = member(&original, "spec")) pod.emplace("spec", *spec);
  const json::value* metadata = member(&original, "metadata");
  if (object_of(metadata) == nullptr) return;
  json::object& copied = pod["metadata"].emplace_object();
  if (const json::value* annotations = member(metadata, "annotations"))
    copied.emplace("annotations", *annotations);
}

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
  if (const auto applied = apply_operation(scratch_, done); !applied)
    throw std::logic_error("an operation does not fit its pod: " + to_line(applied.error()));
  operations_.push_back(std::move(done));
}

}  // namespace vcuda::injector
