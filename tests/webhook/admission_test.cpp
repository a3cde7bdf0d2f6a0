// Bytes in, bytes out: good reviews of every kind, and malformed ones with the place of what is wrong.
#include "webhook/admission.hpp"

#include <gmock/gmock.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "injector/json_patch.hpp"
#include "webhook/limits.hpp"
#include "webhook/review.hpp"

namespace vcuda::webhook {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char pod_text[] =
    R"({"metadata":{"generateName":"train-","annotations":{"tensor-fusion.ai/enabled":"true"}},
  "spec":{"containers":[{"name":"app","image":"pytorch","env":[{"name":"PASSWORD","value":"hunter2"}]}]}})";

injector::Policy policy() {
  injector::Policy made;
  made.server = "vcuda-server.vcuda.svc";
  return made;
}

json::object request(json::value object = json::parse(pod_text)) {
  return {{"uid", "705ab4f5-6393-11e8-b7cc-42010a800002"},
          {"kind", {{"group", ""}, {"version", "v1"}, {"kind", "Pod"}}},
          {"resource", {{"group", ""}, {"version", "v1"}, {"resource", "pods"}}},
          {"namespace", "team-a"},
          {"operation", "CREATE"},
          {"userInfo", {{"username", "admin"}}},
          {"object", std::move(object)},
          {"oldObject", nullptr},
          {"dryRun", false}};
}

std::string review(json::object inner, std::string_view version = "admission.k8s.io/v1") {
  return json::serialize(json::object{{"apiVersion", json::string_view(version.data(), version.size())},
                                      {"kind", "AdmissionReview"},
                                      {"request", std::move(inner)}});
}

std::string decode_base64(std::string_view text) {
  const std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const std::size_t digit = alphabet.find(c);
    EXPECT_NE(digit, std::string_view::npos) << "not base64: " << c;
    bits = bits << 6 | static_cast<unsigned>(digit);
    if ((count += 6) >= 8) out += static_cast<char>(bits >> (count -= 8) & 0xff);
  }
  return out;
}

json::object response_of(const Answer& answer) {
  EXPECT_EQ(answer.status, 200u) << answer.body;
  const json::value tree = json::parse(answer.body);
  EXPECT_EQ(tree.at("kind"), "AdmissionReview");
  return tree.at("response").as_object();
}

json::array patch_of(const json::object& response) {
  return json::parse(decode_base64(response.at("patch").as_string())).as_array();
}

TEST(Admission, AnAnnotatedPodIsPatched) {
  const Answer got = answer(review(request()), policy());
  EXPECT_EQ(got.outcome, Outcome::injected);
  EXPECT_EQ(got.reason, "requested");
  EXPECT_EQ(got.uid, "705ab4f5-6393-11e8-b7cc-42010a800002");
  EXPECT_EQ(got.pod_namespace, "team-a");
  const json::object response = response_of(got);
  EXPECT_EQ(response.at("uid"), "705ab4f5-6393-11e8-b7cc-42010a800002");
  EXPECT_EQ(response.at("allowed"), true);
  EXPECT_EQ(response.at("patchType"), "JSONPatch");
  EXPECT_EQ(response.at("auditAnnotations").at("reason"), "requested");
  EXPECT_FALSE(response.contains("status"));

  const json::array operations = patch_of(response);
  EXPECT_EQ(operations.size(), got.operations);
  const auto patched = injector::apply_patch(json::parse(pod_text), operations);
  ASSERT_TRUE(patched);
  const std::string text = json::serialize(*patched);
  for (const char* expected :
       {"copy-runtime-libs", "vcuda-client", "vcuda-libs", "LD_PRELOAD", "vcuda-server.vcuda.svc"})
    EXPECT_THAT(text, HasSubstr(expected));
}

TEST(Admission, APatchedPodIsAllowedWithoutAPatch) {
  const json::array operations = patch_of(response_of(answer(review(request()), policy())));
  const json::value patched = *injector::apply_patch(json::parse(pod_text), operations);
  const Answer got = answer(review(request(patched)), policy());
  EXPECT_EQ(got.outcome, Outcome::unchanged);
  const json::object response = response_of(got);
  EXPECT_EQ(response.at("allowed"), true);
  EXPECT_FALSE(response.contains("patch"));
  EXPECT_FALSE(response.contains("patchType"));
}

TEST(Admission, TheVersionIsEchoed) {
  for (const char* version : {"admission.k8s.io/v1", "admission.k8s.io/v1beta1"}) {
    const Answer got = answer(review(request(), version), policy());
    EXPECT_EQ(got.outcome, Outcome::injected);
    EXPECT_EQ(json::parse(got.body).at("apiVersion"), version);
  }
}

TEST(Admission, ADryRunGetsTheSameAnswer) {
  json::object dry = request();
  dry["dryRun"] = true;
  EXPECT_EQ(answer(review(dry), policy()).body, answer(review(request()), policy()).body);
}

TEST(Admission, WhatDidNotAskIsAllowedUntouchedWithTheReason) {
  json::object plain = request(json::parse(R"({"metadata":{},"spec":{"containers":[{"name":"app"}]}})"));
  json::object update = request();
  update["operation"] = "UPDATE";
  json::object removal = request(nullptr);
  removal["operation"] = "DELETE";
  removal["oldObject"] = json::parse(pod_text);
  json::object status = request();
  status["subResource"] = "status";
  json::object eviction = request(json::parse(R"({"kind":"Eviction"})"));
  eviction["subResource"] = "eviction";
  json::object deployment = request();
  deployment["kind"] = {{"group", "apps"}, {"version", "v1"}, {"kind", "Deployment"}};
  json::object other_pod = request();
  other_pod["kind"] = {{"group", "example.com"}, {"version", "v1"}, {"kind", "Pod"}};
  json::object off =
      request(json::parse(R"({"metadata":{"annotations":{"tensor-fusion.ai/enabled":"false"}},"spec":{}})"));
  json::object system = request();
  system["namespace"] = "kube-system";

  const std::pair<json::object, std::string> cases[] = {
      {plain, "not_requested"}, {update, "not_create"},   {removal, "not_create"},
      {status, "not_create"},   {eviction, "not_create"}, {deployment, "not_a_pod"},
      {other_pod, "not_a_pod"}, {off, "opted_out"},       {system, "excluded_namespace"}};
  for (const auto& [inner, reason] : cases) {
    const Answer got = answer(review(inner), policy());
    EXPECT_EQ(got.outcome, Outcome::skipped) << reason;
    EXPECT_EQ(got.reason, reason);
    const json::object response = response_of(got);
    EXPECT_EQ(response.at("allowed"), true);
    EXPECT_FALSE(response.contains("patch"));
    EXPECT_EQ(response.at("auditAnnotations").at("outcome"), "skipped");
    EXPECT_EQ(response.at("auditAnnotations").at("reason"), json::string_view(reason));
  }
}

TEST(Admission, ADenialCarriesCodeAndMessage) {
  json::object inner = request(json::parse(R"({"metadata":{"annotations":{"tensor-fusion.ai/enabled":"true",
      "tensor-fusion.ai/inject-container":"nobody"}},"spec":{"containers":[{"name":"a"},{"name":"b"}]}})"));
  const Answer got = answer(review(inner), policy());
  EXPECT_EQ(got.outcome, Outcome::denied);
  EXPECT_EQ(got.reason, "unknown_container");
  const json::object response = response_of(got);
  EXPECT_EQ(response.at("allowed"), false);
  EXPECT_EQ(response.at("status").at("code"), 403);
  EXPECT_THAT(std::string(response.at("status").at("message").as_string()), HasSubstr("nobody"));
  EXPECT_FALSE(response.contains("patch"));
}

TEST(Admission, AMalformedPodThatAsksIsDeniedNotCrashedOn) {
  for (const char* spec :
       {"null", "1", "[]", "{}", R"({"containers":null})", R"({"containers":{}})", R"({"containers":[1]})",
        R"({"containers":[{"name":1}]})", R"({"containers":[{"name":"app","env":"x"}]})",
        R"({"containers":[{"name":"app","env":[{"name":"LD_PRELOAD","value":1}]}]})"}) {
    const std::string pod = R"({"metadata":{"annotations":{"tensor-fusion.ai/enabled":"true"}},"spec":)" +
                            std::string(spec) + "}";
    const Answer got = answer(review(request(json::parse(pod))), policy());
    EXPECT_EQ(got.outcome, Outcome::denied) << spec;
    EXPECT_EQ(response_of(got).at("allowed"), false);
  }
  for (const char* object : {"1", "\"text\"", "[]", "true", "{}", R"({"metadata":1,"spec":[]})"}) {
    const Answer got = answer(review(request(json::parse(object))), policy());
    EXPECT_TRUE(got.outcome == Outcome::denied || got.outcome == Outcome::skipped) << object;
  }
}

TEST(Admission, NothingOfThePodIsRepeatedButWhatThePatchNeeds) {
  const Answer got = answer(review(request()), policy());
  EXPECT_THAT(decode_base64(response_of(got).at("patch").as_string()), Not(HasSubstr("hunter2")));
  EXPECT_THAT(got.body, Not(HasSubstr("hunter2")));
}

TEST(Admission, TextOfUsersIsEscaped) {
  json::object inner = request(json::parse(R"({"metadata":{"annotations":{"tensor-fusion.ai/enabled":"true",
      "tensor-fusion.ai/inject-container":"\"},\n\u0001é"}},"spec":{"containers":[{"name":"a"}]}})"));
  inner["uid"] = "quote\" and \\ and \n";
  const Answer got = answer(review(inner), policy());
  EXPECT_EQ(got.outcome, Outcome::denied);
  EXPECT_EQ(response_of(got).at("uid"), "quote\" and \\ and \n");
}

// What is not JSON: 400 with offset, line and column.

struct NotJson {
  const char* name;
  std::string text;
  std::size_t offset;
};

TEST(Malformed, WhatIsNotJsonIsA400WithItsPlace) {
  const std::string bomb(100'000, '[');
  const std::string nested = std::string(max_json_depth, '[') + "1" + std::string(max_json_depth, ']');
  const NotJson cases[] = {{"empty", "", 0},
                           {"blank", "  \n ", 4},
                           {"text", "hello", 0},
                           {"yaml", "apiVersion: v1\nkind: Pod\n", 0},
                           {"truncated", R"({"apiVersion":"admission.k8s.io/v1","requ)", 41},
                           {"second line", "{\n  \"a\": ,\n}", 9},
                           {"trailing comma", R"({"a":1,})", 7},
                           {"two documents", "{} {}", 3},
                           {"comment", "/* no */{}", 0},
                           {"byte order mark", "\xef\xbb\xbf{}", 0},
                           {"bare word", R"({"a":NaN})", 5},
                           {"leading zero", R"({"a":01})", 6},
                           {"control character", "{\"a\":\"\x01\"}", 6},
                           {"lone surrogate", R"({"a":"\ud800"})", 12},
                           {"a zero byte", std::string("{}\0", 3), 2},
                           {"bad UTF-8", "{\"a\":\"\xff\"}", 6},
                           {"overlong UTF-8", "{\"a\":\"\xc0\xaf\"}", 6},
                           {"cut UTF-8", "{\"a\":\"\xe2\x82\"}", 6},
                           {"depth bomb", bomb, max_json_depth}};
  for (const NotJson& wrong : cases) {
    const Answer got = answer(wrong.text, policy());
    EXPECT_EQ(got.status, 400u) << wrong.name;
    EXPECT_EQ(got.outcome, Outcome::invalid) << wrong.name;
    EXPECT_EQ(got.reason, "not_json") << wrong.name;
    const json::value body = json::parse(got.body);
    EXPECT_EQ(body.at("offset").to_number<std::size_t>(), wrong.offset) << wrong.name << ": " << got.body;
    const TextPlace place = place_of(wrong.text, wrong.offset);
    EXPECT_EQ(body.at("line").to_number<std::size_t>(), place.line) << wrong.name;
    EXPECT_EQ(body.at("column").to_number<std::size_t>(), place.column) << wrong.name;
    EXPECT_THAT(
        std::string(body.at("error").as_string()),
        HasSubstr("at byte " + std::to_string(wrong.offset) + ", line " + std::to_string(place.line)));
  }
  EXPECT_EQ(answer(nested, policy()).reason, "not_json_object");  // as deep as allowed: JSON, if no review
}

TEST(Malformed, PlacesCountLinesAndColumnsFromOne) {
  const auto at = [](std::size_t offset) {
    const TextPlace place = place_of("ab\ncd\n\nx", offset);
    return std::pair(place.line, place.column);
  };
  EXPECT_EQ(at(0), std::pair(std::size_t{1}, std::size_t{1}));
  EXPECT_EQ(at(2), std::pair(std::size_t{1}, std::size_t{3}));
  EXPECT_EQ(at(3), std::pair(std::size_t{2}, std::size_t{1}));
  EXPECT_EQ(at(7), std::pair(std::size_t{4}, std::size_t{1}));
  EXPECT_EQ(at(99), std::pair(std::size_t{4}, std::size_t{2}));
}

// Every cut of a good review is an error with a place, never a crash or an answer.
TEST(Malformed, EveryPrefixOfAReviewIsRefusedAtItsEnd) {
  const std::string whole = review(request());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const Answer got = answer(std::string_view(whole).substr(0, length), policy());
    ASSERT_EQ(got.reason, "not_json") << length;
    EXPECT_EQ(json::parse(got.body).at("offset").to_number<std::size_t>(), length);
  }
}

// What is JSON but no review: 400 with a JSON pointer.

TEST(Malformed, WhatIsNotAReviewIsA400WithAPointer) {
  struct Case {
    std::string text;
    const char* place;
    const char* reason;
  };
  const auto without = [](const char* field) {
    json::object inner = request();
    inner.erase(field);
    return review(inner);
  };
  const auto with = [](const char* field, json::value value) {
    json::object inner = request();
    inner[field] = std::move(value);
    return review(inner);
  };
  const std::string v1 = R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview")";
  const Case cases[] = {
      {"null", "", "not_json_object"},
      {"[]", "", "not_json_object"},
      {"\"review\"", "", "not_json_object"},
      {"18446744073709551616000000000000000000000", "", "not_json_object"},
      {"{}", "/kind", "bad_field"},
      {R"({"apiVersion":1,"kind":"AdmissionReview"})", "/apiVersion", "bad_field"},
      {R"({"apiVersion":"v1","kind":"Pod"})", "/kind", "bad_field"},
      {R"({"apiVersion":"v1","kind":"AdmissionReview"})", "/apiVersion", "bad_field"},
      {R"({"apiVersion":"admission.k8s.io/v2","kind":"AdmissionReview"})", "/apiVersion", "unknown_version"},
      {v1 + "}", "/request", "missing_request"},
      {v1 + R"(,"request":null})", "/request", "missing_request"},
      {v1 + R"(,"request":[]})", "/request", "missing_request"},
      {v1 + R"(,"response":{"uid":"x","allowed":true}})", "/request", "missing_request"},
      {without("uid"), "/request/uid", "bad_field"},
      {with("uid", ""), "/request/uid", "bad_field"},
      {with("uid", 7), "/request/uid", "bad_field"},
      {with("uid", json::string(max_uid_length + 1, 'x')), "/request/uid", "bad_field"},
      {without("operation"), "/request/operation", "bad_field"},
      {with("operation", json::array{}), "/request/operation", "bad_field"},
      {with("namespace", 1e300), "/request/namespace", "bad_field"},
      {with("subResource", json::object{}), "/request/subResource", "bad_field"},
      {with("dryRun", "yes"), "/request/dryRun", "bad_field"},
      {without("kind"), "/request/kind", "bad_field"},
      {with("kind", "Pod"), "/request/kind", "bad_field"},
      {with("kind", json::object{}), "/request/kind/kind", "bad_field"},
      {with("kind", json::parse(R"({"group":1,"kind":"Pod"})")), "/request/kind/group", "bad_field"},
      {without("object"), "/request/object", "missing_object"},
      {with("object", nullptr), "/request/object", "missing_object"}};
  for (const Case& wrong : cases) {
    const Answer got = answer(wrong.text, policy());
    EXPECT_EQ(got.status, 400u) << wrong.text;
    EXPECT_EQ(got.reason, wrong.reason) << wrong.text;
    EXPECT_EQ(json::parse(got.body).at("place"), wrong.place) << wrong.text;
    EXPECT_THAT(got.body, HasSubstr("not an AdmissionReview"));
  }
}

// As the API server's own decoder has it. The patch is made for the tree that the API server holds.
TEST(Malformed, OfAKeyGivenTwiceTheLastOneCounts) {
  std::string text = review(request());
  const std::string twice = R"("operation":"UPDATE","operation":)";
  text.replace(text.find(R"("operation":)"), 12, twice);
  EXPECT_EQ(answer(text, policy()).outcome, Outcome::injected);
  text = review(request());
  text.replace(text.find(R"("operation":"CREATE")"), 20, R"("operation":"CREATE","operation":"UPDATE")");
  EXPECT_EQ(answer(text, policy()).reason, "not_create");
}

TEST(Malformed, HugeNumbersPassThrough) {
  std::string pod = pod_text;
  pod.insert(
      pod.rfind('}'),
      R"(,"status":{"a":18446744073709551615,"b":-9223372036854775808,"c":1e400,"d":0.1e-400,"e":123456789012345678901234567890})");
  std::string text = review(request(nullptr));
  const std::string field = R"("object":null)";
  text.replace(text.find(field), field.size(), "\"object\":" + pod);
  const Answer got = answer(text, policy());
  // What is beyond a double only loses precision in our tree, which is never written back.
  EXPECT_EQ(got.outcome, Outcome::injected) << got.body;
}

}  // namespace
}  // namespace vcuda::webhook
