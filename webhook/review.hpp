// An AdmissionReview as it came in: JSON checked, envelope checked, the pod left as a raw tree. Knows nothing
// of injection. (admission.k8s.io/v1; field names from Kubernetes' API reference.)
#pragma once
#include <boost/json/value.hpp>
#include <boost/system/result.hpp>
#include <cstddef>
#include <string>
#include <string_view>

namespace vcuda::webhook {

// Where a text stops being JSON. Lines and columns count from 1, columns in bytes.
struct TextPlace {
  std::size_t offset = 0;
  std::size_t line = 1;
  std::size_t column = 1;
};
TextPlace place_of(std::string_view text, std::size_t offset);

// The fields of `request` that the webhook uses. Views and `object` point into the tree they were read from.
struct Review {
  std::string_view api_version;  // "admission.k8s.io/v1" or "admission.k8s.io/v1beta1"
  std::string_view uid;
  std::string_view operation;                  // "CREATE", ...
  std::string_view group;                      // of request.kind; "" is core
  std::string_view kind;                       // "Pod", ...
  std::string_view subresource;                // "" for the object itself
  std::string_view pod_namespace;              // may be empty (cluster-scoped kinds)
  const boost::json::value* object = nullptr;  // null where the field is missing or null
};

// What is wrong with an envelope: a JSON pointer and a sentence.
struct EnvelopeError {
  std::string pointer;
  std::string message;
  std::string_view reason;  // label: "not_json_object", "unknown_version", "missing_request", "bad_field"
};

struct SyntaxError {
  TextPlace place;
  std::string message;
};

template <class T, class E>
using ReadResult = boost::system::result<T, E>;

// Called by value() on an error: a bug in the caller.
[[noreturn]] void throw_exception_from_error(const EnvelopeError&, const boost::source_location&);
[[noreturn]] void throw_exception_from_error(const SyntaxError&, const boost::source_location&);

// Parses strict JSON (valid UTF-8, no comments, at most max_json_depth deep, nothing after it) into memory of
// `storage`. Of a key given twice the last one counts, as for the API server.
ReadResult<boost::json::value, SyntaxError> parse_json(std::string_view text,
                                                       boost::json::storage_ptr storage);

// Reads the envelope. `tree` must outlive the Review.
ReadResult<Review, EnvelopeError> read_review(const boost::json::value& tree);

}  // namespace vcuda::webhook
