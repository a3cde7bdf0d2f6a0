// A scratch copy of a pod that is edited one operation at a time and remembers the operations: later indices
// are right by construction, because every look is at the copy. Used by patch() and undo(). Must not know
// what the edits mean.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace vcuda::injector {

class PatchBuilder {
 public:
  explicit PatchBuilder(const boost::json::value& original) : scratch_(original) {}

  // The pod as it is after the operations so far.
  const boost::json::value& pod() const { return scratch_; }
  // The value at a JSON pointer in it, or null.
  const boost::json::value* at(std::string_view pointer) const;

  // One RFC 6902 operation each. A path that does not fit the pod is a bug of the caller: aborts.
  void add(std::string path, boost::json::value value);
  void replace(std::string path, boost::json::value value);
  void remove(std::string path);

  boost::json::array take() && { return std::move(operations_); }

 private:
  void record(boost::json::object operation);

  boost::json::value scratch_;
  boost::json::array operations_;
};

}  // namespace vcuda::injector
