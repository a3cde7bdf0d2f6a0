#include "webhook/admission.hpp"

#include <openssl/evp.h>

#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <variant>
#include <vector>

#include "injector/decide.hpp"
#include "injector/patch.hpp"
#include "webhook/review.hpp"

namespace vcuda::webhook {
namespace json = boost::json;
namespace {

// Most reviews fit: a pod is 0.4 to 17 KB of JSON and its tree a few times that.
constexpr std::size_t tree_scratch_bytes = 32 * 1024;
constexpr int forbidden = 403;  // what the API server itself uses for a denial without a code

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

// Writes the answer's fixed shape directly: a tree built only to be serialised would cost more than the
// review.
class ReviewText {
 public:
  ReviewText(const Review& review, bool allowed) {
    text_.reserve(1024);
    text_ += R"({"apiVersion":)";
    quoted(review.api_version);
    text_ += R"(,"kind":"AdmissionReview","response":{"uid":)";
    quoted(review.uid);
    text_ += allowed ? R"(,"allowed":true)" : R"(,"allowed":false)";
  }

  void refuse(std::string_view message) {
    text_ += R"(,"status":{"code":)" + std::to_string(forbidden) + R"(,"reason":"Forbidden","message":)";
    quoted(message);
    text_ += '}';
  }

  void patch(const json::array& operations) {
    text_ += R"(,"patchType":"JSONPatch","patch":")";
    text_ += base64(json::serialize(operations));
    text_ += '"';
  }

  void warnings(const std::vector<std::string>& sentences) {
    if (sentences.empty()) return;
    text_ += R"(,"warnings":[)";
    for (std::size_t i = 0; i < sentences.size(); ++i) {
      if (i > 0) text_ += ',';
      quoted(sentences[i]);
    }
    text_ += ']';
  }

  // The audit log then says for each pod what happened; the API server puts the webhook's name before the
  // keys.
  std::string finish(Outcome outcome, std::string_view reason) {
    text_ += R"(,"auditAnnotations":{"outcome":)";
    quoted(name(outcome));
    text_ += R"(,"reason":)";
    quoted(reason);
    text_ += "}}}";
    return std::move(text_);
  }

 private:
  void quoted(std::string_view value) {
    text_ += json::serialize(json::string_view(value.data(), value.size()));
  }

  std::string text_;
};

Answer begin(const Review& review, Outcome outcome, std::string_view reason) {
  Answer out;
  out.outcome = outcome;
  out.reason = reason;
  out.uid = review.uid;
  out.pod_namespace = review.pod_namespace;
  return out;
}

Answer skip(const Review& review, std::string_view reason) {
  Answer out = begin(review, Outcome::skipped, reason);
  out.body = ReviewText(review, true).finish(out.outcome, reason);
  return out;
}

Answer deny(const Review& review, const injector::Deny& denial) {
  Answer out = begin(review, Outcome::denied, injector::name(denial.reason));
  ReviewText text(review, false);
  text.refuse(denial.message);
  out.body = text.finish(out.outcome, out.reason);
  return out;
}

Answer inject(const Review& review, const injector::Plan& plan) {
  const json::array operations = injector::patch(*review.object, plan);
  Answer out = begin(review, operations.empty() ? Outcome::unchanged : Outcome::injected,
                     operations.empty() ? "already_injected" : "requested");
  out.operations = operations.size();
  ReviewText text(review, true);
  if (!operations.empty()) text.patch(operations);
  text.warnings(plan.warnings);
  out.body = text.finish(out.outcome, out.reason);
  return out;
}

Answer not_json(const SyntaxError& error) {
  const TextPlace& at = error.place;
  json::object body{
      {"error", "the body is not JSON: " + error.message + " at byte " + std::to_string(at.offset) +
                    ", line " + std::to_string(at.line) + ", column " + std::to_string(at.column)},
      {"offset", at.offset},
      {"line", at.line},
      {"column", at.column}};
  Answer out;
  out.status = 400;
  out.reason = "not_json";
  out.body = json::serialize(body);
  return out;
}

Answer not_a_review(const EnvelopeError& error) {
  const std::string where = error.pointer.empty() ? "" : error.pointer + " ";
  Answer out;
  out.status = 400;
  out.reason = error.reason;
  out.body = json::serialize(
      json::object{{"error", "not an AdmissionReview: " + where + error.message}, {"place", error.pointer}});
  return out;
}

}  // namespace

Answer answer(std::string_view body, const injector::Policy& policy) {
  unsigned char scratch[tree_scratch_bytes];
  json::monotonic_resource memory(scratch, sizeof scratch);
  const auto tree = parse_json(body, &memory);
  if (!tree) return not_json(tree.error());
  const auto review = read_review(*tree);
  if (!review) return not_a_review(review.error());

  // Which pods, operations and sub-resources are touched is the injector's to say; here only what is not a
  // pod at all.
  if (!review->group.empty() || review->kind != "Pod") return skip(*review, "not_a_pod");
  const bool creates = review->operation == "CREATE" && review->subresource.empty();
  if (creates && !review->object)
    return not_a_review({"/request/object", "is missing: a CREATE carries the object", "missing_object"});

  const injector::Request request{creates ? injector::Operation::create : injector::Operation::other,
                                  std::string(review->subresource), std::string(review->pod_namespace)};
  const json::value nothing;
  const auto decision = injector::decide(review->object ? *review->object : nothing, request, policy);
  if (const auto* skipped = std::get_if<injector::Skip>(&decision))
    return skip(*review, injector::name(skipped->reason));
  if (const auto* denied = std::get_if<injector::Deny>(&decision)) return deny(*review, *denied);
  return inject(*review, std::get<injector::Inject>(decision).plan);
}

}  // namespace vcuda::webhook
