// A scratch copy of the parts of a pod that may change, edited one operation at a time, which remembers the
// operations: later indices are right by construction, because every look is at the copy. Used by patch() and
// undo(). Must not know what the edits mean.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace vcuda::injector {

class PatchBuilder {
 public:
  // Copies the spec and the annotations; the rest of a pod (managedFields, status) can be larger than both.
  explicit PatchBuilder(const boost::json::value& original);
  PatchBuilder(const PatchBuilder&) = delete;
  PatchBuilder& operator=(const PatchBuilder&) = delete;

  // The pod as it is after the operations so far: its spec and its annotations, nothing else.
  const boost::json::value& pod() const { return scratch_; }
  // The value at a JSON pointer in it, or null.
  const boost::json::value* at(std::string_view pointer) const;

  // One RFC 6902 operation each. A path that does not fit the pod is a bug of the caller: throws
  // std::logic_error.
  void add(std::string path, boost::json::value value);
  void replace(std::string path, boost::json::value value);
  void remove(std::string path);

  boost::json::array take() && { return std::move(operations_); }

 private:
  void record(boost::json::object operation);

  boost::json::monotonic_resource memory_;  // of scratch_, which it must outlive
  boost::json::value scratch_;
  boost::json::array operations_;  // on the heap: they outlive the builder
};

}  // namespace vcuda::injector
