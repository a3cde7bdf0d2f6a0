// Values in log lines: readable when plain, quoted when not, never able to forge a second line or field.
#include "webhook/log.hpp"

#include <gtest/gtest.h>

namespace vcuda::webhook {
namespace {

TEST(LogValue, PlainOnesStayAsTheyAre) {
  EXPECT_EQ(log_value("team-a"), "team-a");
  EXPECT_EQ(log_value("705ab4f5-6393"), "705ab4f5-6393");
  EXPECT_EQ(log_value("[::1]:8443/x?y"), "[::1]:8443/x?y");
}

TEST(LogValue, OthersAreQuoted) {
  EXPECT_EQ(log_value(""), "\"\"");
  EXPECT_EQ(log_value("a b"), "\"a b\"");
  EXPECT_EQ(log_value("a=b"), "\"a=b\"");
  EXPECT_EQ(log_value("say \"hi\" \\"), "\"say \\\"hi\\\" \\\\\"");
  EXPECT_EQ(log_value("x\nlevel=info\x1b[0m"), "\"x\\x0alevel=info\\x1b[0m\"");
  EXPECT_EQ(log_value("\xc3\xa9"), "\"\xc3\xa9\"");
}

TEST(LogValue, LongOnesAreCut) { EXPECT_EQ(log_value(std::string(1000, 'x')), std::string(256, 'x')); }

}  // namespace
}  // namespace vcuda::webhook
