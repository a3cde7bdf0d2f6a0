#include "runtime-libs/server/pending.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace vcuda::server {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

transport::Fd any_fd() { return transport::Fd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

wire::DataPreamble preamble(const wire::SessionToken& token, wire::DataRole role) {
  return {wire::magic, wire::protocol_version, role, token};
}

Registration registration(std::uint64_t session, const wire::SessionToken& token,
                          steady_clock::time_point expires = steady_clock::now() + seconds(60)) {
  return {session, {}, token, expires, {}, {}};
}

TEST(Pending, BothConnectionsMakeASession) {
  Pending pending;
  auto token = make_token();
  ASSERT_TRUE(token);
  ASSERT_TRUE(pending.add(registration(7, *token)));
  bool known = false;
  EXPECT_FALSE(pending.offer(preamble(*token, wire::DataRole::replies), any_fd(), known));
  EXPECT_TRUE(known);
  auto complete = pending.offer(preamble(*token, wire::DataRole::requests), any_fd(), known);
  ASSERT_TRUE(complete);
  EXPECT_EQ(complete->session, 7u);
  EXPECT_TRUE(complete->requests);
  EXPECT_TRUE(complete->replies);
  EXPECT_EQ(pending.size(), 0u);
  EXPECT_FALSE(pending.offer(preamble(*token, wire::DataRole::requests), any_fd(), known));
  EXPECT_FALSE(known) << "a token is good once";
}

TEST(Pending, ARoleIsTakenOnce) {
  Pending pending;
  auto token = make_token();
  ASSERT_TRUE(pending.add(registration(1, *token)));
  bool known = false;
  pending.offer(preamble(*token, wire::DataRole::requests), any_fd(), known);
  EXPECT_FALSE(pending.offer(preamble(*token, wire::DataRole::requests), any_fd(), known));
  EXPECT_FALSE(known);
}

// Law: a token with any one bit changed opens nothing.
TEST(Pending, OneWrongBitIsAStranger) {
  Pending pending;
  auto token = make_token();
  ASSERT_TRUE(pending.add(registration(1, *token)));
  for (int bit = 0; bit < 128; ++bit) {
    wire::SessionToken forged = *token;
    forged.bytes[bit / 8] ^= static_cast<unsigned char>(1 << bit % 8);
    bool known = true;
    EXPECT_FALSE(pending.offer(preamble(forged, wire::DataRole::requests), any_fd(), known));
    EXPECT_FALSE(known) << bit;
  }
}

TEST(Pending, ExpiredRegistrationsAreDropped) {
  Pending pending;
  auto early = make_token(), late = make_token();
  auto now = steady_clock::now();
  ASSERT_TRUE(pending.add(registration(1, *early, now + seconds(1))));
  ASSERT_TRUE(pending.add(registration(2, *late, now + seconds(9))));
  EXPECT_TRUE(pending.expire(now).empty());
  EXPECT_EQ(pending.expire(now + seconds(5)), std::vector<std::uint64_t>{1});
  bool known = true;
  pending.offer(preamble(*early, wire::DataRole::requests), any_fd(), known);
  EXPECT_FALSE(known);
  pending.offer(preamble(*late, wire::DataRole::requests), any_fd(), known);
  EXPECT_TRUE(known);
}

TEST(Pending, TheTableIsBounded) {
  Pending pending;
  int added = 0;
  while (added < 100000 && pending.add(registration(1, *make_token()))) ++added;
  EXPECT_EQ(added, 1024);
}

TEST(Pending, TokensDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    auto token = make_token();
    ASSERT_TRUE(token);
    EXPECT_TRUE(seen.emplace(reinterpret_cast<const char*>(token->bytes), sizeof token->bytes).second);
  }
}

}  // namespace
}  // namespace vcuda::server
