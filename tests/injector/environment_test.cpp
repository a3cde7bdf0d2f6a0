// Merging of LD_PRELOAD and LD_LIBRARY_PATH, value by value.
#include "injector/environment.hpp"

#include <gtest/gtest.h>

namespace vcuda::injector {
namespace {

constexpr char ours[] = "/lib/vcuda/libutilities.so:/lib/vcuda/libvcuda.so";

TEST(Preload, Merges) {
  const auto first = [](std::string_view user) { return merge_preload(user, PreloadOrder::first); };
  const std::string o = ours;
  EXPECT_EQ(first(""), o);
  EXPECT_EQ(first(" : "), o);
  EXPECT_EQ(first("/a.so"), o + ":/a.so");
  EXPECT_EQ(first("/a.so /b.so"), o + ":/a.so:/b.so");
  EXPECT_EQ(first(" /a.so:: /a.so:/b.so "), o + ":/a.so:/b.so");
  EXPECT_EQ(first("$ORIGIN/../$LIB/a.so"), o + ":$ORIGIN/../$LIB/a.so");
  EXPECT_EQ(first("/a.so:/lib/vcuda/libvcuda.so"), o + ":/a.so");
  EXPECT_EQ(merge_preload("/a.so /b.so", PreloadOrder::last), "/a.so:/b.so:" + o);
}

TEST(Preload, LeavesAValueThatHasBoth) {
  for (const std::string& value : {std::string(ours), "/a.so " + std::string(ours),
                                   std::string("/lib/vcuda/libvcuda.so /x.so  /lib/vcuda/libutilities.so")})
    for (const PreloadOrder order : {PreloadOrder::first, PreloadOrder::last})
      EXPECT_EQ(merge_preload(value, order), value);
}

// Half a million tokens: a merge that looks through them for each would outlast the test's time limit.
TEST(Preload, MergesALongValueInOnePass) {
  std::string user;
  for (int i = 0; i < 500'000; ++i) user += "/" + std::to_string(i) + ":";
  user.pop_back();
  EXPECT_EQ(merge_preload(user + ":/0:/499999", PreloadOrder::first), std::string(ours) + ":" + user);
}

TEST(LibraryPath, Merges) {
  EXPECT_EQ(merge_library_path(std::nullopt),
            "/lib/vcuda/:/usr/local/nvidia/lib:/usr/local/nvidia/lib64:/usr/local/cuda/lib64");
  EXPECT_EQ(merge_library_path("/opt/lib"), "/lib/vcuda/:/opt/lib");
  // An empty element is the working directory: kept, and never made.
  EXPECT_EQ(merge_library_path("/a::/b"), "/lib/vcuda/:/a::/b");
  EXPECT_EQ(merge_library_path(""), "/lib/vcuda/");
  EXPECT_EQ(merge_library_path("/a:/lib/vcuda:/b"), "/a:/lib/vcuda:/b");
  EXPECT_EQ(merge_library_path("/lib/vcuda/;/b"), "/lib/vcuda/;/b");
  EXPECT_EQ(merge_library_path("/lib/vcuda-other"), "/lib/vcuda/:/lib/vcuda-other");
}

TEST(References, StandWhereTheUsersValueWould) {
  EXPECT_EQ(preload_with_reference(PreloadOrder::first), std::string(ours) + ":$(TF_ORIGINAL_LD_PRELOAD)");
  EXPECT_EQ(preload_with_reference(PreloadOrder::last), "$(TF_ORIGINAL_LD_PRELOAD):" + std::string(ours));
  EXPECT_EQ(library_path_with_reference(), "/lib/vcuda/:$(TF_ORIGINAL_LD_LIBRARY_PATH)");
}

}  // namespace
}  // namespace vcuda::injector
