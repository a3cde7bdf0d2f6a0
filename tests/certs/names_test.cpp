// The names a certificate may carry: what is accepted, what is refused and how it is said.
#include "certs/names.hpp"

#include <gmock/gmock.h>

namespace vcuda::certs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Names, AServiceIsReachedUnderFourNames) {
  const auto names = service_names("hook", "team-a");
  ASSERT_TRUE(names);
  EXPECT_THAT(names->dns,
              ElementsAre("hook", "hook.team-a", "hook.team-a.svc", "hook.team-a.svc.cluster.local"));
  EXPECT_TRUE(names->addresses.empty());
}

TEST(Names, ServiceAndNamespaceAreDnsLabels) {
  for (const char* bad : {"", "-a", "a-", "A", "a.b", "a_b", "a b", "a\n", "\xc3\xa4", "*"}) {
    EXPECT_EQ(service_names(bad, "ns").error().code, Errc::bad_name) << bad;
    EXPECT_EQ(service_names("svc", bad).error().code, Errc::bad_name) << bad;
  }
  EXPECT_TRUE(service_names(std::string(max_label_length, 'a'), "ns"));
  EXPECT_EQ(service_names(std::string(max_label_length + 1, 'a'), "ns").error().code, Errc::bad_name);
}

TEST(Names, ExtraNamesAreLoweredAndNotRepeated) {
  const auto names =
      with_extra({{"svc"}, {}}, {"Hook.Example.COM", "svc", "*.example.com", "hook.example.com"},
                 {"127.0.0.1", "::1", "127.0.0.1"});
  ASSERT_TRUE(names) << names.error().text;
  EXPECT_THAT(names->dns, ElementsAre("svc", "hook.example.com", "*.example.com"));
  EXPECT_THAT(names->addresses, ElementsAre("127.0.0.1", "::1"));
}

TEST(Names, MalformedExtraNamesAreRefusedByName) {
  const std::string too_long = std::string(60, 'a') + "." + std::string(60, 'b') + "." +
                               std::string(60, 'c') + "." + std::string(60, 'd') + "." + std::string(60, 'e');
  for (const std::string bad : {"", ".", "a..b", "a.", ".a", "*", "a.*.b", "**.a", "a,DNS:evil", "a/b",
                                "http://a", too_long.c_str()}) {
    const auto names = with_extra({}, {bad}, {});
    ASSERT_FALSE(names) << bad;
    EXPECT_EQ(names.error().code, Errc::bad_name);
    EXPECT_THAT(names.error().text, HasSubstr(bad));
  }
  EXPECT_THAT(with_extra({}, {"10.0.0.1"}, {}).error().text, HasSubstr("--ip"));
  for (const char* bad : {"", "1.2.3", "256.1.1.1", "host", "1.2.3.4/8", ":::"})
    EXPECT_EQ(with_extra({}, {}, {bad}).error().code, Errc::bad_name) << bad;
}

TEST(Names, TheirNumberIsBounded) {
  std::vector<std::string> many;
  for (std::size_t i = 0; i < max_names; ++i) many.push_back("n" + std::to_string(i));
  EXPECT_TRUE(with_extra({}, many, {}));
  many.push_back("one-more");
  EXPECT_EQ(with_extra({}, many, {}).error().code, Errc::bad_name);
}

}  // namespace
}  // namespace vcuda::certs
