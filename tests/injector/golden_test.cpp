// Every golden file: the decision, the patch operation by operation, the status, and that undo gives the pod
// back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "injector/decide.hpp"
#include "injector/json_patch.hpp"
#include "injector/patch.hpp"
#include "injector/undo.hpp"
#include "tests/injector/golden.hpp"

namespace vcuda::tests {
namespace {

namespace json = boost::json;
using namespace vcuda::injector;

Policy policy_of(const json::object& test) {
  json::object document{{"server", "10.0.0.1"}, {"image", "vcuda-client:test"}};
  if (const auto* given = test.if_contains("policy"))
    for (const auto& field : given->as_object()) document[field.key()] = field.value();
  const auto policy = parse_policy(document);
  EXPECT_TRUE(policy) << to_line(policy.error());
  return policy.value();
}

Request request_of(const json::object& test) {
  Request out;
  const auto* given = test.if_contains("request");
  if (given == nullptr) return out;
  for (const auto& field : given->as_object()) {
    const std::string value(field.value().as_string());
    if (field.key() == "operation") out.operation = value == "CREATE" ? Operation::create : Operation::other;
    if (field.key() == "subresource") out.subresource = value;
    if (field.key() == "namespace") out.pod_namespace = value;
  }
  return out;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, PatchesAsWritten) {
  const json::value file = golden(GetParam());
  const json::object& test = file.as_object();
  const json::value& pod = test.at("pod");
  const Decision decision = decide(pod, request_of(test), policy_of(test));
  const auto* deny = std::get_if<Deny>(&decision);
  ASSERT_TRUE(std::holds_alternative<Inject>(decision)) << (deny ? deny->message : "skipped");
  const Plan& plan = std::get<Inject>(decision).plan;
  if (const auto* warnings = test.if_contains("warnings")) {
    EXPECT_EQ(static_cast<std::int64_t>(plan.warnings.size()), warnings->as_int64())
        << testing::PrintToString(plan.warnings);
  }

  const json::array operations = patch(pod, plan);
  const json::array& expected = test.at("patch").as_array();
  ASSERT_EQ(operations.size(), expected.size() + 1) << json::serialize(operations);
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(operations[i], expected[i])
        << "operation " << i << "\n  got      " << json::serialize(operations[i]) << "\n  expected "
        << json::serialize(expected[i]);
  const json::object& last = operations.back().as_object();
  EXPECT_EQ(last.at("op"), "add");
  const auto* status_path = test.if_contains("status_path");
  EXPECT_EQ(last.at("path").as_string(),
            status_path ? status_path->as_string() : "/metadata/annotations/tensor-fusion.ai~1status");
  const json::value& annotation =
      status_path ? last.at("value").at("tensor-fusion.ai/status") : last.at("value");
  json::object status = json::parse(annotation.as_string()).as_object();
  EXPECT_EQ(status.at("hash").as_string().size(), 16u);
  status.erase("hash");
  EXPECT_EQ(status, test.at("status").as_object()) << json::serialize(status);

  const auto injected = apply_patch(pod, operations);
  ASSERT_TRUE(injected) << to_line(injected.error());
  const Decision again = decide(*injected, request_of(test), policy_of(test));
  ASSERT_TRUE(std::holds_alternative<Inject>(again));
  const json::array second = patch(*injected, std::get<Inject>(again).plan);
  EXPECT_TRUE(second.empty()) << "a second injection is not empty: " << json::serialize(second);

  const auto inverse = undo(*injected);
  ASSERT_TRUE(inverse) << to_line(inverse.error());
  const auto restored = apply_patch(*injected, *inverse);
  ASSERT_TRUE(restored) << to_line(restored.error());
  EXPECT_EQ(*restored, pod) << json::serialize(*restored);
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, testing::ValuesIn(golden_cases()),
                         [](const auto& one) { return one.param; });

TEST(Patch, ThrowsOnAPlanForAnotherPod) {
  Plan plan;
  plan.targets = {{ContainerList::containers, "stranger"}};
  plan.server = "s";
  const json::value pod = json::parse(R"({"spec":{"containers":[{"name":"app"}]}})");
  EXPECT_THROW(patch(pod, plan), std::logic_error) << "the webhook answers 500 then, and goes on";
}

// What is sent must not decide how long a decision takes.
TEST(Refusals, MoreThanAnyPodHas) {
  const json::value ok = json::parse(
      R"({"metadata":{"annotations":{"tensor-fusion.ai/enabled":"true"}},"spec":{"containers":[{"name":"app"}]}})");
  Policy policy;
  policy.server = "s";
  json::value many = ok;
  json::array& containers = many.at("spec").at("containers").as_array();
  while (containers.size() < 1024)
    containers.push_back(json::object{{"name", std::to_string(containers.size())}});
  EXPECT_TRUE(std::holds_alternative<Inject>(decide(many, {}, policy)));
  containers.push_back(json::object{{"name", "one-more"}});
  const Decision refused = decide(many, {}, policy);
  ASSERT_TRUE(std::holds_alternative<Deny>(refused));
  EXPECT_EQ(std::get<Deny>(refused).reason, Reason::malformed_pod);

  json::value wide = ok;
  json::object& app = wide.at("spec").at("containers").as_array().front().as_object();
  json::object limits;
  for (int i = 0; i < 65; ++i) limits.emplace("huawei.com/vgpu-" + std::to_string(i), 1);
  app.emplace("resources", json::object{{"limits", limits}});
  EXPECT_TRUE(std::holds_alternative<Deny>(decide(wide, {}, policy)));

  json::value wordy = ok;
  json::object& annotations = wordy.at("metadata").at("annotations").as_object();
  for (int i = 0; i < 1000; ++i) annotations.emplace("tensor-fusion.ai/x" + std::to_string(i), "");
  const Decision injected = decide(wordy, {}, policy);
  ASSERT_TRUE(std::holds_alternative<Inject>(injected));
  EXPECT_LE(std::get<Inject>(injected).plan.warnings.size(), 16u);
}

TEST(Refusals, LongerSearchListsThanAnyPodHas) {
  Policy policy;
  policy.server = "s";
  for (const char* variable : {"LD_PRELOAD", "LD_LIBRARY_PATH"}) {
    const auto pod_with = [&](std::size_t bytes) {
      std::string value(bytes, 'x');
      for (std::size_t i = 0; i < bytes; i += 100) value[i] = ':';
      return json::value{
          {"metadata", {{"annotations", {{"tensor-fusion.ai/enabled", "true"}}}}},
          {"spec",
           {{"containers",
             json::array{{{"name", "app"}, {"env", json::array{{{"name", variable}, {"value", value}}}}}}}}}};
    };
    const json::value longest = pod_with(64 * 1024);
    const Decision decision = decide(longest, {}, policy);
    ASSERT_TRUE(std::holds_alternative<Inject>(decision)) << variable;
    const auto injected = apply_patch(longest, patch(longest, std::get<Inject>(decision).plan));
    ASSERT_TRUE(injected);
    EXPECT_TRUE(std::holds_alternative<Inject>(decide(*injected, {}, policy)))
        << "what the injector made must not be refused the next time";

    const Decision refused = decide(pod_with(64 * 1024 + 1), {}, policy);
    ASSERT_TRUE(std::holds_alternative<Deny>(refused)) << variable;
    EXPECT_EQ(std::get<Deny>(refused).reason, Reason::malformed_pod);
    EXPECT_THAT(std::get<Deny>(refused).message, testing::HasSubstr(variable));
  }
}

TEST(Refusals, MoreNamesThanAnyPodHas) {
  Policy policy;
  policy.server = "s";
  std::string names = "a1";
  for (int i = 1; i < 1024; ++i) names += i % 2 ? ", b0" : ",a1";
  json::value pod{{"metadata", {{"annotations", {{"tensor-fusion.ai/enabled", "true"}}}}},
                  {"spec", {{"containers", json::array{{{"name", "b0"}}, {{"name", "a1"}}}}}}};
  json::value& annotation =
      pod.at("metadata").at("annotations").as_object()["tensor-fusion.ai/inject-container"];
  annotation = names;
  const Decision injected = decide(pod, {}, policy);
  ASSERT_TRUE(std::holds_alternative<Inject>(injected));
  const auto& targets = std::get<Inject>(injected).plan.targets;
  ASSERT_EQ(targets.size(), 2u) << "each once";
  EXPECT_EQ(targets[0].name, "b0") << "in the pod's order";
  EXPECT_EQ(targets[1].name, "a1");

  annotation = names + ",a1";
  const Decision refused = decide(pod, {}, policy);
  ASSERT_TRUE(std::holds_alternative<Deny>(refused));
  EXPECT_EQ(std::get<Deny>(refused).reason, Reason::bad_annotation);
  EXPECT_THAT(std::get<Deny>(refused).message, testing::HasSubstr("1024"));
}

TEST(Refusals, AsWritten) {
  const json::value file = golden("refusals");
  const json::value ok = json::parse(
      R"({"metadata":{"annotations":{"tensor-fusion.ai/enabled":"true"}},"spec":{"containers":[{"name":"app"}]}})");
  for (const json::value& each : file.as_array()) {
    const json::object& test = each.as_object();
    SCOPED_TRACE(std::string(test.at("what").as_string()));
    const json::value& pod = test.at("pod") == "$ok" ? ok : test.at("pod");
    const Decision decision = decide(pod, request_of(test), policy_of(test));
    std::string kind = "inject";
    std::string reason;
    std::string message;
    if (const auto* skip = std::get_if<Skip>(&decision)) {
      kind = "skip";
      reason = name(skip->reason);
      message = skip->message;
    } else if (const auto* deny = std::get_if<Deny>(&decision)) {
      kind = "deny";
      reason = name(deny->reason);
      message = deny->message;
    }
    EXPECT_EQ(kind, test.contains("skip") ? "skip" : "deny") << message;
    if (const auto* expected = test.if_contains(kind)) {
      EXPECT_EQ(reason, expected->as_string()) << message;
    }
    if (const auto* says = test.if_contains("says")) {
      EXPECT_THAT(message, testing::HasSubstr(std::string(says->as_string())));
    }
    EXPECT_FALSE(message.empty());
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace vcuda::tests
