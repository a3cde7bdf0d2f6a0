// Policies from text: defaults, every key, and every kind of mistake with its place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "injector/policy_text.hpp"

namespace vcuda::injector {
namespace {

TEST(PolicyText, EmptyIsTheDefault) {
  for (const char* text : {"", "# nothing\n", "{}"}) {
    const auto policy = parse_policy_text(text);
    ASSERT_TRUE(policy) << text;
    EXPECT_EQ(policy->request_port, 9998);
    EXPECT_EQ(policy->reply_port, 9997);
    EXPECT_EQ(policy->register_port, 9999);
    EXPECT_EQ(policy->sidecar, SidecarMode::automatic);
    EXPECT_EQ(policy->trigger, Trigger::both);
    EXPECT_FALSE(policy->cluster_version);
  }
}

TEST(PolicyText, ReadsEveryKey) {
  const auto policy = parse_policy_text(R"(
server: gpu.example
ports: {request: 1, reply: 2, register: 65535}
image: r/i:1
imagePullPolicy: Never
imagePullSecrets: [a, b]
sidecar:
  mode: classic
  allowNone: false
clusterVersion: v1.28.4+k3s1
resources:
  copier: {cpu: 1m, memory: 2Mi}
  sidecar: {cpu: "3", memory: 1.5Gi}
volume: {sizeLimit: 1Gi}
trigger: label
defaultContainers: [main]
gpuResources: ["x.com/*"]
excludedNamespaces: []
)");
  ASSERT_TRUE(policy) << to_line(policy.error());
  EXPECT_EQ(policy->server, "gpu.example");
  EXPECT_EQ(policy->request_port, 1);
  EXPECT_EQ(policy->reply_port, 2);
  EXPECT_EQ(policy->register_port, 65535);
  EXPECT_EQ(policy->client_image, "r/i:1");
  EXPECT_EQ(policy->image_pull_policy, "Never");
  EXPECT_THAT(policy->image_pull_secrets, testing::ElementsAre("a", "b"));
  EXPECT_EQ(policy->sidecar, SidecarMode::classic);
  EXPECT_FALSE(policy->allow_none);
  EXPECT_EQ(policy->cluster_version, (KubernetesVersion{1, 28}));
  EXPECT_EQ(policy->copier_resources.cpu, "1m");
  EXPECT_EQ(policy->copier_resources.memory, "2Mi");
  EXPECT_EQ(policy->sidecar_resources.cpu, "3");
  EXPECT_EQ(policy->sidecar_resources.memory, "1.5Gi");
  EXPECT_EQ(policy->volume_size_limit, "1Gi");
  EXPECT_EQ(policy->trigger, Trigger::label);
  EXPECT_THAT(policy->default_containers, testing::ElementsAre("main"));
  EXPECT_THAT(policy->gpu_resources, testing::ElementsAre("x.com/*"));
  EXPECT_TRUE(policy->excluded_namespaces.empty());
}

TEST(PolicyText, NamesThePlaceOfEveryMistake) {
  const struct {
    const char* text;
    const char* place;
    const char* says;
  } mistakes[] = {
      {"server: s\nsever: t\n", "2", "/sever: unknown key; known here: server,"},
      {"ports:\n  request: 0\n", "2", "/ports/request: expected a port number"},
      {"ports: {reply: \"1\"}", "1", "/ports/reply: expected a port number"},
      {"ports: 1", "1", "/ports: expected a map"},
      {"server: 1", "1", "/server: expected a string"},
      {"server: http://s\n", "1", "/server: expected HOST or HOST:REGISTER_PORT, found 'http://s'"},
      {"image: x\nserver: \"s:0\"\n", "2", "/server: expected HOST"},
      {"server: \"[::1\"\n", "1", "/server: expected HOST"},
      {"\nimagePullPolicy: always", "2", "expected one of: Always, IfNotPresent, Never"},
      {"imagePullSecrets:\n- a\n- 2\n", "3", "/imagePullSecrets/1"},
      {"imagePullSecrets: a", "1", "expected a list"},
      {"sidecar:\n  mode: native\n  allowNone: sometimes", "3", "expected true or false"},
      {"sidecar: {mode: both}", "1", "expected one of: auto, native, classic, none"},
      {"clusterVersion: 1.30", "1", "in quotes"},
      {"clusterVersion: \"1\"", "1", "in quotes"},
      {"resources: {copier: {cpu: 1}}", "1", "/resources/copier/cpu: expected a quantity"},
      {"resources: {copier: {cpu: lots}}", "1", "expected a quantity"},
      {"volume: {sizeLimit: 1GB}", "1", "expected a quantity"},
      {"image: \"\"", "1", "/image: expected an image"},
      {"- a", "1", "the policy: expected a map"},
      {"server: a\nports: [", "2:", "broken YAML"},
      {"server: a\nserver: b", "2", "twice"},
  };
  for (const auto& mistake : mistakes) {
    SCOPED_TRACE(mistake.text);
    const auto policy = parse_policy_text(mistake.text);
    ASSERT_FALSE(policy);
    EXPECT_THAT(policy.error().place, testing::StartsWith(mistake.place));
    EXPECT_THAT(policy.error().message, testing::HasSubstr(mistake.says));
  }
}

}  // namespace
}  // namespace vcuda::injector
