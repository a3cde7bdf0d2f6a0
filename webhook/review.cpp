#include "webhook/review.hpp"

#include <algorithm>
#include <boost/json/parser.hpp>
#include <cstdlib>

#include "webhook/limits.hpp"

namespace vcuda::webhook {
namespace json = boost::json;
namespace {

constexpr std::string_view group_prefix = "admission.k8s.io/";

// Reads fields of one object and remembers the first that has another type than it must.
class Fields {
 public:
  Fields(const json::object& object, std::string pointer) : object_(object), pointer_(std::move(pointer)) {}

  // An absent or null field is "": Go's encoder omits empty strings.
  std::string_view text(std::string_view field) {
    const json::value* value = object_.if_contains(field);
    if (!value || value->is_null()) return {};
    if (const json::string* found = value->if_string()) return *found;
    complain(field, "must be a string");
    return {};
  }

  std::string_view required_text(std::string_view field) {
    const std::string_view found = text(field);
    if (found.empty() && error_.empty()) complain(field, "is missing or empty");
    return found;
  }

  const json::object* required_object(std::string_view field) {
    const json::value* value = object_.if_contains(field);
    if (value && value->is_object()) return &value->get_object();
    complain(field, value && !value->is_null() ? "must be an object" : "is missing");
    return nullptr;
  }

  void optional_flag(std::string_view field) {
    const json::value* value = object_.if_contains(field);
    if (value && !value->is_null() && !value->is_bool()) complain(field, "must be true or false");
  }

  void complain(std::string_view field, std::string_view message) {
    if (!error_.empty()) return;
    error_pointer_ = pointer_ + "/" + std::string(field);
    error_ = std::string(message);
  }

  bool failed() const { return !error_.empty(); }
  EnvelopeError error(std::string_view reason) const { return {error_pointer_, error_, reason}; }

 private:
  const json::object& object_;
  std::string pointer_;
  std::string error_pointer_;
  std::string error_;
};

}  // namespace

void throw_exception_from_error(const EnvelopeError&, const boost::source_location&) { std::abort(); }
void throw_exception_from_error(const SyntaxError&, const boost::source_location&) { std::abort(); }

TextPlace place_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const std::size_t last_break = before.rfind('\n');
  TextPlace place;
  place.offset = before.size();
  place.line = 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  place.column = 1 + (last_break == std::string_view::npos ? before.size() : before.size() - last_break - 1);
  return place;
}

ReadResult<json::value, SyntaxError> parse_json(std::string_view text, json::storage_ptr storage) {
  json::parse_options options;
  options.max_depth = max_json_depth;
  unsigned char scratch[4096];
  json::parser parser({}, options, scratch);
  parser.reset(std::move(storage));
  boost::system::error_code error;
  const std::size_t parsed = parser.write_some(text.data(), text.size(), error);
  if (!error && parsed < text.size()) error = json::error::extra_data;
  if (error) return SyntaxError{place_of(text, parsed), error.message()};
  return parser.release();
}

ReadResult<Review, EnvelopeError> read_review(const json::value& tree) {
  const json::object* root = tree.if_object();
  if (!root) return EnvelopeError{"", "an AdmissionReview must be a JSON object", "not_json_object"};

  Fields top(*root, "");
  Review review;
  review.api_version = top.text("apiVersion");
  if (!top.failed() && top.text("kind") != "AdmissionReview") top.complain("kind", "must be AdmissionReview");
  if (top.failed()) return top.error("bad_field");
  if (review.api_version != "admission.k8s.io/v1" && review.api_version != "admission.k8s.io/v1beta1") {
    const bool ours = review.api_version.starts_with(group_prefix);
    return EnvelopeError{"/apiVersion", "must be admission.k8s.io/v1 or admission.k8s.io/v1beta1",
                         ours ? "unknown_version" : "bad_field"};
  }
  const json::object* request = top.required_object("request");
  if (!request) return top.error("missing_request");

  Fields fields(*request, "/request");
  review.uid = fields.required_text("uid");
  if (review.uid.size() > max_uid_length) fields.complain("uid", "is longer than a UUID can be");
  review.operation = fields.required_text("operation");
  review.subresource = fields.text("subResource");
  review.pod_namespace = fields.text("namespace");
  fields.optional_flag("dryRun");
  const json::object* kind = fields.required_object("kind");
  if (fields.failed()) return fields.error("bad_field");

  Fields kind_fields(*kind, "/request/kind");
  review.group = kind_fields.text("group");
  review.kind = kind_fields.required_text("kind");
  if (kind_fields.failed()) return kind_fields.error("bad_field");

  const json::value* object = request->if_contains("object");
  if (object && !object->is_null()) review.object = object;
  return review;
}

}  // namespace vcuda::webhook
