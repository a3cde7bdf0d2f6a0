#include "runtime-libs/server/images.hpp"

#include <gtest/gtest.h>

#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server {
namespace {

std::vector<std::byte> bytes(std::size_t n, int value) {
  return std::vector<std::byte>(n, static_cast<std::byte>(value));
}

TEST(Images, PartsMakeAWhole) {
  Images images;
  EXPECT_EQ(images.add_part(1, 30, 0, bytes(10, 1)), CUDA_SUCCESS);
  EXPECT_EQ(images.take(1), nullptr) << "not complete";
  EXPECT_EQ(images.add_part(1, 30, 10, bytes(20, 2)), CUDA_SUCCESS);
  auto image = images.take(1);
  ASSERT_TRUE(image);
  auto expected = bytes(10, 1), tail = bytes(20, 2);
  expected.insert(expected.end(), tail.begin(), tail.end());
  EXPECT_EQ(*image, expected);
  EXPECT_EQ(images.take(1), nullptr) << "taken";
}

TEST(Images, PartsThatContradictEachOtherAreRefused) {
  Images images;
  EXPECT_EQ(images.add_part(9, 30, 10, bytes(10, 1)), CUDA_ERROR_UNKNOWN);  // no beginning
  ASSERT_EQ(images.add_part(1, 30, 0, bytes(10, 1)), CUDA_SUCCESS);
  EXPECT_EQ(images.add_part(1, 30, 0, bytes(10, 1)), CUDA_ERROR_UNKNOWN);   // a second beginning
  EXPECT_EQ(images.add_part(1, 30, 20, bytes(10, 1)), CUDA_ERROR_UNKNOWN);  // a gap
  EXPECT_EQ(images.add_part(1, 31, 10, bytes(10, 1)), CUDA_ERROR_UNKNOWN);  // another size
  EXPECT_EQ(images.add_part(1, 30, 10, bytes(21, 1)), CUDA_ERROR_UNKNOWN);  // more than announced
}

TEST(Images, AnAnnouncedSizeAllocatesNothing) {
  Images images;
  EXPECT_EQ(images.add_part(1, wire::max_image_bytes + 1, 0, bytes(1, 0)), CUDA_ERROR_INVALID_IMAGE);
  EXPECT_EQ(images.add_part(1, 0, 0, {}), CUDA_ERROR_INVALID_IMAGE);
  // Four times two GiB are the session's bound; none of it was sent.
  for (std::uint64_t id = 1; id <= 4; ++id)
    EXPECT_EQ(images.add_part(id, wire::max_image_bytes, 0, bytes(1, 0)), CUDA_SUCCESS);
  EXPECT_EQ(images.add_part(5, wire::max_image_bytes, 0, bytes(1, 0)), CUDA_ERROR_OUT_OF_MEMORY);
}

TEST(Images, AnUnloadMakesRoomAgain) {
  Images images;
  for (std::uint64_t round = 1; round <= 3000; ++round) {
    ASSERT_EQ(images.add_part(round, 4096, 0, bytes(4096, 0)), CUDA_SUCCESS);
    images.keep(round, {images.take(round)});
    images.drop(round);
  }
}

}  // namespace
}  // namespace vcuda::server
