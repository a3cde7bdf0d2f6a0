#include "runtime-libs/export_tables/md2.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <string>

namespace vcuda::export_tables {
namespace {

std::string hex(const uint8_t (&bytes)[md2_bytes]) {
  std::string text;
  for (const uint8_t byte : bytes) {
    char two[3];
    snprintf(two, sizeof two, "%02x", byte);
    text += two;
  }
  return text;
}

std::string md2(const std::string& message, size_t piece) {
  Md2 digest;
  for (size_t at = 0; at < message.size(); at += piece) {
    digest.add(message.data() + at, std::min(piece, message.size() - at));
  }
  uint8_t out[md2_bytes];
  digest.finish(out);
  return hex(out);
}

struct Vector {
  const char* message;
  const char* digest;
};

// RFC 1319 appendix A.5.
constexpr Vector rfc_vectors[] = {
    {"", "8350e5a3e24c153df2275c9f80692773"},
    {"a", "32ec01ec4a6dac72c0ab96fb34c0b5d1"},
    {"abc", "da853b0d3f88d99b30283a69e6ded6bb"},
    {"message digest", "ab4f496bfb2a530b219ff33031fe06b0"},
    {"abcdefghijklmnopqrstuvwxyz", "4e8ddff3650292ab5a4108c3aa47940b"},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "da33def2a42df13975352846c30338cd"},
    {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
     "d5976f79d83d3a0dc9806c3c66f3efd8"},
};

TEST(md2, agrees_with_the_rfc_however_the_message_is_cut) {
  for (const Vector& vector : rfc_vectors) {
    for (const size_t piece : {1, 3, 16, 100}) EXPECT_EQ(md2(vector.message, piece), vector.digest);
  }
}

TEST(md2, hmac_is_the_nested_digest_of_rfc_2104) {
  uint8_t key[md2_bytes];
  for (size_t i = 0; i < md2_bytes; ++i) key[i] = static_cast<uint8_t>(i * 7);
  std::string inner;
  std::string outer;
  for (const uint8_t byte : key) inner += static_cast<char>(byte ^ 0x36);
  for (const uint8_t byte : key) outer += static_cast<char>(byte ^ 0x5c);
  const std::string message = "what do ya want for nothing?";
  Md2 first;
  const std::string first_message = inner + message;
  first.add(first_message.data(), first_message.size());
  uint8_t digest[md2_bytes];
  first.finish(digest);
  const std::string second = outer + std::string(reinterpret_cast<char*>(digest), md2_bytes);

  HmacMd2 hmac(key);
  hmac.add(message.data(), message.size());
  uint8_t code[md2_bytes];
  hmac.finish(code);
  EXPECT_EQ(hex(code), md2(second, 100));
}

}  // namespace
}  // namespace vcuda::export_tables
