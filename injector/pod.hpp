// Narrow, read-only looks into the raw JSON tree of a pod: every function tolerates any tree.
// Must not know what is done with the answers, nor hold more of a pod than a pointer.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "injector/plan.hpp"

namespace vcuda::injector {

// Member `key` of `value`, or null when `value` is no object or has none.
const boost::json::value* member(const boost::json::value* value, std::string_view key);
// The array or object or string behind `value`; null when it is absent or of another kind.
const boost::json::array* array_of(const boost::json::value* value);
const boost::json::object* object_of(const boost::json::value* value);
std::optional<std::string_view> string_of(const boost::json::value* value);

// "initContainers" or "containers".
std::string_view field_name(ContainerList list);
// "/spec/containers/3" and the like.
std::string container_pointer(ContainerList list, std::size_t index);

const boost::json::array* containers_of(const boost::json::value& pod, ContainerList list);
// The `name` of an element of a list of named objects; empty when it has none.
std::string_view name_of(const boost::json::value& element);
// Index of the first element with that name; absent when there is none.
std::optional<std::size_t> index_of(const boost::json::array* list, std::string_view name);

// An annotation's or label's value: absent, a string, or something else (then `not_a_string`).
struct Metadatum {
  std::optional<std::string_view> text;
  bool not_a_string = false;
};
Metadatum annotation_of(const boost::json::value& pod, std::string_view key);
Metadatum label_of(const boost::json::value& pod, std::string_view key);

// spec.os, spec.nodeSelector or a required nodeAffinity says windows.
bool is_for_windows(const boost::json::value& pod);

// Which resources an added container may ask for so that the pod's QoS class stays: computed, as the kubelet
// does, from cpu and memory of all containers but those named in `ours`. A pod with resources of its own
// (Kubernetes 1.32) keeps its class whatever containers say: nothing.
ResourceShape shape_for(const boost::json::value& pod, const std::vector<std::string_view>& ours);

// The GPU resource names of a container that match `patterns` ("*" at the end stands for any rest), limits
// first, each once.
std::vector<std::string> gpu_resources_of(const boost::json::value& container,
                                          const std::vector<std::string>& patterns);
// Whether there is one.
bool asks_for_gpu(const boost::json::value& container, const std::vector<std::string>& patterns);
bool matches_any(std::string_view name, const std::vector<std::string>& patterns);

}  // namespace vcuda::injector
