// Edits of YAML text, case by case: what a person would write for the same change.
#include "injector/yaml_edit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "injector/yaml_node.hpp"
#include "injector/yaml_stream.hpp"
#include "injector/yaml_value.hpp"

namespace vcuda::injector {
namespace {

namespace json = boost::json;

std::string edited(std::string text, const char* operation) {
  const auto edit = edit_for(text, json::parse(operation));
  if (!edit) return "ERROR " + to_line(edit.error());
  apply_edit(text, *edit);
  return text;
}

json::value value_of(std::string_view text) {
  const auto root = parse_yaml(text);
  if (!root) return json::string("ERROR " + to_line(root.error()));
  auto value = to_json(*root);
  return value ? *value : json::value(json::string("ERROR " + to_line(value.error())));
}

struct Case {
  const char* what;
  const char* before;
  const char* operation;
  const char* after;
};

constexpr Case cases[] = {
    {"a key below the last one, before the comment behind it", "a:\n  b: 1 # one\n  # end\nc: 2\n",
     R"({"op":"add","path":"/a/x","value":"y"})", "a:\n  b: 1 # one\n  x: \"y\"\n  # end\nc: 2\n"},
    {"no line break at the end", "a:\n  b: 1", R"({"op":"add","path":"/a/x","value":[{"m":"v"}]})",
     "a:\n  b: 1\n  x:\n    - m: v"},
    {"the file's own way to indent lists", "l:\n- a\na:\n  b: 1\n",
     R"({"op":"add","path":"/a/x","value":[{"k":"v","m":{"z":1}}]})",
     "l:\n- a\na:\n  b: 1\n  x:\n  - k: v\n    m:\n      z: 1\n"},
    {"line breaks as they are", "a:\r\n  b: 1\r\nc: 2\r\n", R"({"op":"add","path":"/a/x","value":1})",
     "a:\r\n  b: 1\r\n  x: 1\r\nc: 2\r\n"},
    {"an item at the front stays above the first one's comment", "l:\n  # first\n  - a\n",
     R"({"op":"add","path":"/l/0","value":{"k":"v"}})", "l:\n  - k: v\n  # first\n  - a\n"},
    {"an item in the middle", "l:\n- a # a\n\n- b\n", R"({"op":"add","path":"/l/1","value":"x"})",
     "l:\n- a # a\n- x\n\n- b\n"},
    {"an item at the end", "l:\n- a\n- b: |\n    text\n  c: 1\nz: 1\n",
     R"({"op":"add","path":"/l/-","value":"x"})", "l:\n- a\n- b: |\n    text\n  c: 1\n- x\nz: 1\n"},
    {"an empty list becomes a block", "a:\n  l: [] # none\n  z: 1\n",
     R"({"op":"add","path":"/a/l/-","value":{"k":"v"}})", "a:\n  l: # none\n    - k: v\n  z: 1\n"},
    {"nothing becomes a list", "a:\n  l: # none\n  z: 1\n",
     R"({"op":"add","path":"/a/l","value":[{"k":"v"}]})", "a:\n  l: # none\n    - k: v\n  z: 1\n"},
    {"a key named null behind nothing", "a:\nnull: 1\n", R"({"op":"add","path":"/a","value":"x"})",
     "a: x\nnull: 1\n"},
    {"null becomes a list", "a:\n  l: ~  # none\n", R"({"op":"add","path":"/a/l","value":[{"k":"v"}]})",
     "a:\n  l:  # none\n    - k: v\n"},
    {"an empty map becomes a block", "a: {}\n", R"({"op":"add","path":"/a/x","value":"y z"})",
     "a:\n  x: \"y z\"\n"},
    {"flow stays flow", "a: {b: [1, 2], c: {}}\n", R"({"op":"add","path":"/a/b/1","value":{"k":"v"}})",
     "a: {b: [1, {\"k\":\"v\"}, 2], c: {}}\n"},
    {"flow, a key", "a: {b: 1} # c\n", R"({"op":"add","path":"/a/x","value":[1]})",
     "a: {b: 1, \"x\": [1]} # c\n"},
    {"flow, empty inside", "a: {b: []}\n", R"({"op":"add","path":"/a/b/-","value":1})", "a: {b: [1]}\n"},
    {"a scalar in its place", "a: 'it''s' # c\n", R"({"op":"replace","path":"/a","value":"/x:/y"})",
     "a: /x:/y # c\n"},
    {"a folded scalar in its place", "a: one\n  two\nb: 1\n", R"({"op":"replace","path":"/a","value":"x"})",
     "a: x\nb: 1\n"},
    {"a block scalar in its place", "a: |-\n  one\n  two\nb: 1\n",
     R"({"op":"replace","path":"/a","value":"x"})", "a: x\nb: 1\n"},
    {"a value for a key without one", "- n: X\n", R"({"op":"add","path":"/0/value","value":""})",
     "- n: X\n  value: \"\"\n"},
    {"a key goes with its line", "a:\n  b: 1\n  # about c\n  c: '1' # c\n  d: 2\n",
     R"({"op":"remove","path":"/a/c"})", "a:\n  b: 1\n  # about c\n  d: 2\n"},
    {"the only key goes", "a: # a\n  b: '1' # b\nc: 1\n", R"({"op":"remove","path":"/a/b"})",
     "a: {} # a\nc: 1\n"},
    {"the first key of an item goes", "- a: 1\n  b: 2\n", R"({"op":"remove","path":"/0/a"})", "- b: 2\n"},
    {"the last key without a line break behind it", "a: 1\nb: 2", R"({"op":"remove","path":"/b"})", "a: 1"},
    {"a flow key goes", "a: {b: 1, c: 2}\n", R"({"op":"remove","path":"/a/b"})", "a: {c: 2}\n"},
    {"the last flow key goes", "a: {b: 1, c: 2}\n", R"({"op":"remove","path":"/a/c"})", "a: {b: 1}\n"},
    {"the only flow key goes", "a: {b: 1,}\n", R"({"op":"remove","path":"/a/b"})", "a: {}\n"},
    {"an item goes", "l:\n- a\n- b: 1\n  c: 2\n- d\n", R"({"op":"remove","path":"/l/1"})", "l:\n- a\n- d\n"},
    {"the only item goes", "l:\n  - b: 1\n    c: 2\nz: 1\n", R"({"op":"remove","path":"/l/0"})",
     "l: []\nz: 1\n"},
    {"a slash in a key", "m:\n  a/b: 1\n  c: 2\n", R"({"op":"remove","path":"/m/a~1b"})", "m:\n  c: 2\n"},
    {"JSON", "{\"a\": {\n\t\"b\": [1]\n}}", R"({"op":"add","path":"/a/b/-","value":2})",
     "{\"a\": {\n\t\"b\": [1, 2]\n}}"},
    {"after a byte order mark", "\xEF\xBB\xBFl:\n- a\n", R"({"op":"add","path":"/l/0","value":"x"})",
     "\xEF\xBB\xBFl:\n- x\n- a\n"},
    {"text beyond ASCII before it", "\xC3\xA4: \"\xE4\xB8\xAD\"\nl: [a]\n",
     R"({"op":"add","path":"/l/-","value":"b"})", "\xC3\xA4: \"\xE4\xB8\xAD\"\nl: [a, \"b\"]\n"},
};

TEST(YamlEdit, Cases) {
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    EXPECT_EQ(edited(each.before, each.operation), each.after);
  }
}

TEST(YamlEdit, RefusesWhatItCannotReach) {
  EXPECT_THAT(edited("a: &x {b: 1}\nc: *x\n", R"({"op":"add","path":"/c/d","value":1})"),
              testing::StartsWith("ERROR 2: 'c' is an alias"));
  EXPECT_THAT(edited("b: &b {x: 1}\na:\n  <<: *b\n", R"({"op":"add","path":"/a/x/y","value":1})"),
              testing::StartsWith("ERROR"));
  EXPECT_THAT(edited("a: 1\n", R"({"op":"remove","path":"/b"})"),
              testing::StartsWith("ERROR 1: 'b' is not written"));
  EXPECT_THAT(edited("a: 1\n", R"({"op":"add","path":"/a/b","value":1})"), testing::StartsWith("ERROR"));
}

// Strings that YAML readers take for something else must come back as strings.
TEST(YamlEdit, StringsStayStrings) {
  for (const char* text : {"",         "1",
                           "1e3",      "0x1F",
                           "010",      "1_000",
                           "12:30:45", "2024-01-01",
                           ".5",       "1.",
                           "+1",       "-",
                           "~",        "null",
                           "true",     "Yes",
                           "off",      "y",
                           "N",        "a: b",
                           "a #b",     "a:",
                           ":a",       "- a",
                           "#a",       "'",
                           "\"",       "a\nb\n",
                           "\ttab",    " a ",
                           "{}",       "[]",
                           "&a",       "*a",
                           "!a",       "|",
                           ">",        "%a",
                           "@a",       "`a",
                           "a,b",      "?",
                           "---",      "...",
                           "\xC3\xA4", "\x7f",
                           "10m",      "64Mi",
                           "1Gi",      "/lib/vcuda/:/x",
                           "$(X):y",   "registry:5000/a/b@sha256:0",
                           "0o7",      "1e",
                           "e1",       "0b1",
                           ".inf",     ".nan",
                           "<<",       "="}) {
    SCOPED_TRACE(text);
    json::object operation{{"op", "add"}, {"path", "/a/x"}, {"value", json::string(text)}};
    for (const std::string before : {"a:\n  b: 1\n", "a: {b: 1}\n", "a: {}\n"}) {
      const std::string after = edited(before, json::serialize(operation).c_str());
      const json::value value = value_of(after);
      ASSERT_TRUE(value.is_object()) << after << json::serialize(value);
      EXPECT_EQ(value.at("a").at("x"), json::value(json::string(text))) << after;
    }
  }
}

TEST(YamlValue, ReadsScalarsAsKubernetesDoes) {
  const struct {
    const char* text;
    const char* json;
  } scalars[] = {{"1", "1"},
                 {"-7", "-7"},
                 {"010", "8"},
                 {"0o10", "8"},
                 {"0x1F", "31"},
                 {"0b11", "3"},
                 {"1_000", "1000"},
                 {"1.50", "1.5"},
                 {".5", "0.5"},
                 {"1e3", "1000.0"},
                 {"+1", "1"},
                 {"yes", "true"},
                 {"Off", "false"},
                 {"y", "true"},
                 {"~", "null"},
                 {"", "null"},
                 {"'1'", "\"1\""},
                 {"!!str 1", "\"1\""},
                 {"2024-01-01", "\"2024-01-01\""},
                 {"0.0.0.0", "\"0.0.0.0\""},
                 {"1Gi", "\"1Gi\""},
                 {"9223372036854775807", "9223372036854775807"},
                 {"18446744073709551615", "18446744073709551615"},
                 {"-9223372036854775808", "-9223372036854775808"},
                 {"08", "8.0"},
                 {"0x", "\"0x\""},
                 {"1e", "\"1e\""},
                 {"-", "\"-\""}};
  for (const auto& scalar : scalars) {
    SCOPED_TRACE(scalar.text);
    if (std::string_view(scalar.text) == "-") continue;  // alone it is a list
    const json::value value = value_of("a: " + std::string(scalar.text) + "\n");
    ASSERT_TRUE(value.is_object()) << json::serialize(value);
    EXPECT_EQ(value.at("a"), json::parse(scalar.json)) << json::serialize(value);
  }
}

TEST(YamlValue, ResolvesAnchorsAndMergeKeys) {
  EXPECT_EQ(value_of("base: &b {x: 1, z: 2}\na:\n  <<: *b\n  z: 3\nc: *b\n"),
            json::parse(R"({"base":{"x":1,"z":2},"a":{"x":1,"z":3},"c":{"x":1,"z":2}})"));
  EXPECT_EQ(value_of("a: [&n 1, *n]\n"), json::parse(R"({"a":[1,1]})"));
}

TEST(YamlValue, RefusesWhatKubernetesWould) {
  EXPECT_THAT(json::serialize(value_of("a: 1\nb: 2\na: 3\n")),
              testing::HasSubstr("ERROR 3: the key 'a' is there twice"));
  EXPECT_THAT(json::serialize(value_of("? [a]\n: 1\n")), testing::HasSubstr("not a scalar"));
  EXPECT_THAT(json::serialize(value_of("a: !thing 1\n")), testing::HasSubstr("tag"));
  EXPECT_THAT(json::serialize(value_of("a: &a [*a]\n")), testing::HasSubstr("ERROR"));
}

// Each alias is shallow; what they stand for is 24,000 levels deep.
TEST(YamlValue, CountsDepthThroughAliases) {
  std::string text = "k0: &a0 1\n";
  for (int i = 1; i <= 60; ++i)
    text += "k" + std::to_string(i) + ": &a" + std::to_string(i) + " " + std::string(200, '[') + "*a" +
            std::to_string(i - 1) + std::string(200, ']') + "\n";
  EXPECT_THAT(json::serialize(value_of(text)), testing::HasSubstr("ERROR 2: nested too deep"));
  const auto nested = [](std::size_t depth) {
    return json::serialize(value_of(std::string(depth, '[') + "1" + std::string(depth, ']')));
  };
  EXPECT_EQ(nested(max_yaml_depth - 1), std::string(255, '[') + "1" + std::string(255, ']'));
  EXPECT_THAT(nested(max_yaml_depth), testing::HasSubstr("nested too deep"));
}

// Two megabytes on one line: looking for the line's start at each node would outlast the test's time limit.
TEST(YamlNode, ReadsOneLongLineInOnePass) {
  std::string text = "[";
  for (int i = 0; i < 200'000; ++i) text += "{\"k\": 1},";
  text.back() = ']';
  const auto root = parse_yaml(text);
  ASSERT_TRUE(root) << to_line(root.error());
  ASSERT_EQ(root->items.size(), 200'000u);
  EXPECT_EQ(root->items.back().end, text.size() - 1);
  EXPECT_EQ(root->items.back().column, text.size() - 9);
}

TEST(YamlStream, SplitsAtDashesAndLosesNothing) {
  const std::string text = "# head\n%YAML 1.1\n---\na: |\n  --- no\n  x\n--- # two\nb: 1\n---\n---\nc: 1";
  const auto slices = split_documents(text);
  ASSERT_EQ(slices.size(), 4u);
  std::string joined;
  for (const YamlSlice& slice : slices) joined += slice.text;
  EXPECT_EQ(joined, text);
  EXPECT_EQ(slices[0].line, 1u);
  EXPECT_EQ(slices[1].line, 7u);
  EXPECT_EQ(slices[1].text, "--- # two\nb: 1\n");
  EXPECT_EQ(slices[2].text, "---\n");
  EXPECT_EQ(slices[3].line, 10u);
  EXPECT_EQ(split_documents("").size(), 1u);
}

}  // namespace
}  // namespace vcuda::injector
