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
  EXPECT_TRUE(images.take(1).empty()) << "not complete";
  EXPECT_EQ(images.add_part(1, 30, 10, bytes(20, 2)), CUDA_SUCCESS);
  auto image = images.take(1);
  ASSERT_FALSE(image.empty());
  auto expected = bytes(10, 1), tail = bytes(20, 2);
  expected.insert(expected.end(), tail.begin(), tail.end());
  EXPECT_EQ(std::vector<std::byte>(image.data(), image.data() + image.size()), expected);
  EXPECT_TRUE(images.take(1).empty()) << "taken";
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

// A program that loads and unloads for hours, or whose loads fail, never reaches the session's bound.
TEST(Images, WhatIsUnloadedOrFailsMakesRoomAgain) {
  Images images;
  const std::size_t announced = wire::max_image_bytes;
  for (std::uint64_t round = 1; round <= 20; ++round) {
    // Incomplete parts count as announced, so a few of them would fill the bound.
    ASSERT_EQ(images.add_part(round, 4096, 0, bytes(4096, 0)), CUDA_SUCCESS);
    if (round % 2) images.keep(round, {images.take(round)});
    images.take(round);  // a load that failed: nobody keeps it
    images.drop(round);
  }
  for (std::uint64_t id = 101; id <= 104; ++id)
    EXPECT_EQ(images.add_part(id, announced, 0, bytes(1, 0)), CUDA_SUCCESS) << "something is still held";
}

}  // namespace
}  // namespace vcuda::server
