// RFC 6901 and RFC 6902, with the examples of RFC 6902's appendix A that use add, remove, replace and test.
#include "injector/json_patch.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace vcuda::injector {
namespace {

namespace json = boost::json;

struct Example {
  const char* what;
  const char* document;
  const char* patch;
  const char* expected;  // null: an error
};

constexpr Example examples[] = {
    {"A.1", R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])",
     R"({"baz":"qux","foo":"bar"})"},
    {"A.2", R"({"foo":["bar","baz"]})", R"([{"op":"add","path":"/foo/1","value":"qux"}])",
     R"({"foo":["bar","qux","baz"]})"},
    {"A.3", R"({"baz":"qux","foo":"bar"})", R"([{"op":"remove","path":"/baz"}])", R"({"foo":"bar"})"},
    {"A.4", R"({"foo":["bar","qux","baz"]})", R"([{"op":"remove","path":"/foo/1"}])",
     R"({"foo":["bar","baz"]})"},
    {"A.5", R"({"baz":"qux","foo":"bar"})", R"([{"op":"replace","path":"/baz","value":"boo"}])",
     R"({"baz":"boo","foo":"bar"})"},
    {"A.8", R"({"baz":"qux","foo":["a",2,"c"]})",
     R"([{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}])",
     R"({"baz":"qux","foo":["a",2,"c"]})"},
    {"A.9", R"({"baz":"qux"})", R"([{"op":"test","path":"/baz","value":"bar"}])", nullptr},
    {"A.10", R"({"foo":"bar"})", R"([{"op":"add","path":"/child","value":{"grandchild":{}}}])",
     R"({"foo":"bar","child":{"grandchild":{}}})"},
    {"A.11", R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux","xyz":123}])",
     R"({"foo":"bar","baz":"qux"})"},
    {"A.12", R"({"foo":"bar"})", R"([{"op":"add","path":"/baz/bat","value":"qux"}])", nullptr},
    {"A.14", R"({"/":9,"~1":10})", R"([{"op":"test","path":"/~01","value":10}])", R"({"/":9,"~1":10})"},
    {"A.15", R"({"/":9,"~1":10})", R"([{"op":"test","path":"/~01","value":"10"}])", nullptr},
    {"A.16", R"({"foo":["bar"]})", R"([{"op":"add","path":"/foo/-","value":["abc","def"]}])",
     R"({"foo":["bar",["abc","def"]]})"},
    {"add over a value", R"({"a":null})", R"([{"op":"add","path":"/a","value":[1]}])", R"({"a":[1]})"},
    {"index behind the end", R"({"a":[]})", R"([{"op":"add","path":"/a/1","value":1}])", nullptr},
    {"index with a leading zero", R"({"a":[1,2]})", R"([{"op":"remove","path":"/a/01"}])", nullptr},
    {"remove of nothing", R"({})", R"([{"op":"remove","path":"/a"}])", nullptr},
    {"replace of nothing", R"({})", R"([{"op":"replace","path":"/a","value":1}])", nullptr},
    {"no value", R"({})", R"([{"op":"add","path":"/a"}])", nullptr},
    {"unknown operation", R"({})", R"([{"op":"spam","path":"/a","value":1}])", nullptr},
    {"path without slash", R"({"a":1})", R"([{"op":"add","path":"a","value":1}])", nullptr},
    {"into a scalar", R"({"a":1})", R"([{"op":"add","path":"/a/b","value":1}])", nullptr},
    {"whole document", R"({"a":1})", R"([{"op":"replace","path":"","value":[]}])", "[]"},
};

TEST(JsonPatch, Examples) {
  for (const Example& example : examples) {
    SCOPED_TRACE(example.what);
    const auto result = apply_patch(json::parse(example.document), json::parse(example.patch).as_array());
    EXPECT_EQ(result.has_value(), example.expected != nullptr);
    if (result && example.expected) {
      EXPECT_EQ(*result, json::parse(example.expected)) << json::serialize(*result);
    }
    if (!result) {
      EXPECT_FALSE(result.error().message.empty());
    }
  }
}

TEST(JsonPatch, RemoveKeepsTheOrderOfTheRest) {
  const auto result = apply_patch(json::parse(R"({"a":1,"b":2,"c":3,"d":4})"),
                                  json::parse(R"([{"op":"remove","path":"/b"}])").as_array());
  ASSERT_TRUE(result);
  EXPECT_EQ(json::serialize(*result), R"({"a":1,"c":3,"d":4})");
}

TEST(JsonPatch, EscapesTildeFirst) {
  EXPECT_EQ(escape_token("a/b~c~1"), "a~1b~0c~01");
  EXPECT_EQ(split_pointer("/a~1b~0c~01/x")->front(), "a/b~c~1");
}

TEST(JsonPatch, PrefixGoesBeforeEveryPath) {
  const json::array patch =
      prefix_patch(json::parse(R"([{"op":"remove","path":"/a"}])").as_array(), "/spec/template");
  EXPECT_EQ(patch.front().at("path"), "/spec/template/a");
}

}  // namespace
}  // namespace vcuda::injector
