// Which requests reach a review: by path without its query, by method, by media type.
#include "webhook/endpoint.hpp"

#include <gtest/gtest.h>

namespace vcuda::webhook {
namespace {

unsigned status(RequestHead head) {
  const auto refused = check_head(head);
  return refused ? refused->status : 0;
}

TEST(Endpoint, TheQueryIsNotPartOfThePath) {
  EXPECT_EQ(path_of("/mutate"), "/mutate");
  EXPECT_EQ(path_of("/mutate?timeout=5s"), "/mutate");
  EXPECT_EQ(path_of("/mutate?"), "/mutate");
  EXPECT_EQ(path_of("?x"), "");
  EXPECT_EQ(path_of(""), "");
  EXPECT_EQ(status({"POST", "/mutate?timeout=30s", "application/json", ""}), 0u);
}

TEST(Endpoint, OtherPathsAreNotFoundWhateverTheMethod) {
  for (const char* target : {"/", "", "/mutate/", "/mutatex", "/Mutate", "//mutate", "/?/mutate", "*"}) {
    EXPECT_EQ(status({"POST", target, "application/json", ""}), 404u) << target;
    EXPECT_EQ(status({"GET", target, "", ""}), 404u) << target;
  }
}

TEST(Endpoint, OnlyPostIsAllowed) {
  for (const char* method : {"GET", "PUT", "HEAD", "OPTIONS", "post", ""})
    EXPECT_EQ(status({method, "/mutate", "application/json", ""}), 405u) << method;
}

TEST(Endpoint, OnlyJsonIsAllowed) {
  for (const char* good :
       {"application/json", "Application/JSON", "application/json; charset=utf-8", " application/json ;x=y"})
    EXPECT_EQ(status({"POST", "/mutate", good, ""}), 0u) << good;
  for (const char* bad :
       {"", ";", "application/jsonx", "application/json-patch+json", "text/json", "application/yaml",
        "application/vnd.kubernetes.protobuf", "application/json, text/plain"})
    EXPECT_EQ(status({"POST", "/mutate", bad, ""}), 415u) << bad;
  EXPECT_EQ(status({"POST", "/mutate", "application/json", "identity"}), 0u);
  EXPECT_EQ(status({"POST", "/mutate", "application/json", "gzip"}), 415u);
}

}  // namespace
}  // namespace vcuda::webhook
