// What holds for every way to write a pod down: laws over made pods in made YAML.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "injector/decide.hpp"
#include "injector/document.hpp"
#include "injector/json_patch.hpp"
#include "injector/patch.hpp"
#include "injector/undo_note.hpp"
#include "injector/yaml_node.hpp"
#include "injector/yaml_value.hpp"
#include "tests/laws/pod_maker.hpp"
#include "tests/laws/yaml_writer.hpp"

namespace vcuda::tests {
namespace {

namespace json = boost::json;
using namespace vcuda::injector;

constexpr std::uint64_t texts = 300;

struct Case {
  std::uint64_t seed;
  json::value pod;
  Policy policy;
  std::string text;
};

template <class Check>
void for_each_text(Check check) {
  for (std::uint64_t seed = 0; seed < texts; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    Case one{seed, make_pod(dice), {}, ""};
    const auto policy = parse_policy(make_policy(dice));
    ASSERT_TRUE(policy) << to_line(policy.error());
    one.policy = *policy;
    one.text = write_yaml(one.pod, dice);
    check(one);
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << "text:\n" << one.text;
      return;
    }
  }
}

TEST(InjectorTextLaws, TextReadsAsTheTreeItWasMadeOf) {
  for_each_text([](const Case& one) {
    const auto root = parse_yaml(one.text);
    ASSERT_TRUE(root) << to_line(root.error());
    const auto tree = to_json(*root);
    ASSERT_TRUE(tree) << to_line(tree.error());
    EXPECT_EQ(*tree, one.pod) << json::serialize(*tree) << "\n" << json::serialize(one.pod);
  });
}

TEST(InjectorTextLaws, TextIsEditedInPlaceAndUndoneByteForByte) {
  std::size_t injected = 0;
  for_each_text([&](const Case& one) {
    const auto after = inject_document(one.text, one.policy, {});
    ASSERT_TRUE(after) << to_line(after.error());
    ASSERT_EQ(after->reports.size(), 1u);
    const Decision decision = decide(one.pod, {}, one.policy);
    if (!std::holds_alternative<Inject>(decision)) {
      EXPECT_EQ(after->text, one.text);
      return;
    }
    ++injected;
    // The same patch as the webhook's, and the text reads as what it gives.
    EXPECT_EQ(after->operations, patch(one.pod, std::get<Inject>(decision).plan));
    const auto expected = apply_patch(one.pod, after->operations);
    ASSERT_TRUE(expected);
    const auto root = parse_yaml(after->text);
    ASSERT_TRUE(root) << to_line(root.error()) << "\n" << after->text;
    const auto tree = to_json(*root);
    ASSERT_TRUE(tree) << to_line(tree.error());
    EXPECT_EQ(*tree, *expected);

    const auto again = inject_document(after->text, one.policy, {});
    ASSERT_TRUE(again) << to_line(again.error());
    EXPECT_EQ(again->text, after->text) << "a second injection changed the text";

    const auto undone = undo_document(after->text, {});
    ASSERT_TRUE(undone) << to_line(undone.error());
    EXPECT_EQ(undone->text, one.text);
  });
  EXPECT_GT(injected, texts / 2);
}

// Every comment of the user's is still there, unless it stood inside an entry that was replaced as a whole.
TEST(InjectorTextLaws, CommentsStay) {
  for_each_text([](const Case& one) {
    const auto after = inject_document(one.text, one.policy, {});
    ASSERT_TRUE(after) << to_line(after.error());
    for (const json::value& operation : after->operations)
      if (operation.at("op") == "replace" && operation.at("value").is_object()) return;
    const auto count = [](std::string_view text, std::string_view what) {
      std::size_t found = 0;
      for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1))
        ++found;
      return found;
    };
    for (const char* comment : {"# at the head", "# between", "# at the end", "# begin"})
      EXPECT_EQ(count(without_note(after->text), comment), count(one.text, comment)) << comment << "\n"
                                                                                     << after->text;
  });
}

// The note is lost or no longer fits: undo still gives the tree back, by editing, and comments stay.
TEST(InjectorTextLaws, UndoWithoutTheNoteRestoresByValue) {
  for_each_text([](const Case& one) {
    const auto after = inject_document(one.text, one.policy, {});
    ASSERT_TRUE(after) << to_line(after.error());
    if (after->operations.empty()) return;
    const bool crlf = one.text.find("\r\n") != std::string::npos;
    const std::string changed = after->text +
                                (after->text.ends_with('\n') ? ""
                                 : crlf                      ? "\r\n"
                                                             : "\n") +
                                "# touched";
    const auto undone = undo_document(changed, {});
    ASSERT_TRUE(undone) << to_line(undone.error()) << "\n" << changed;
    const auto root = parse_yaml(undone->text);
    ASSERT_TRUE(root) << to_line(root.error()) << "\n" << undone->text;
    const auto tree = to_json(*root);
    ASSERT_TRUE(tree) << to_line(tree.error());
    EXPECT_EQ(*tree, one.pod);
    EXPECT_EQ(undone->reports.front().warnings.size(), 1u);
    EXPECT_TRUE(undone->text.ends_with("# touched"));
  });
}

// JSON is YAML, and stays JSON.
TEST(InjectorTextLaws, JsonStaysJson) {
  for_each_text([](const Case& one) {
    const std::string text = json::serialize(one.pod);
    const auto after = inject_document(text, one.policy, {});
    ASSERT_TRUE(after) << to_line(after.error());
    boost::system::error_code error;
    const json::value tree = json::parse(after->text, error);
    ASSERT_FALSE(error) << after->text;
    EXPECT_EQ(tree, after->tree);
    const auto undone = undo_document(after->text, {});
    ASSERT_TRUE(undone) << to_line(undone.error());
    EXPECT_EQ(json::parse(undone->text), one.pod);
  });
}

}  // namespace
}  // namespace vcuda::tests
