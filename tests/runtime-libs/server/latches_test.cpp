#include "runtime-libs/server/latches.hpp"

#include <gtest/gtest.h>

namespace vcuda::server {
namespace {

TEST(Latches, AFailureIsToldOnceToItsThread) {
  Latches latches;
  latches.add({1, 5, 100, CUDA_ERROR_INVALID_VALUE});
  EXPECT_EQ(latches.take_for_thread(2), CUDA_SUCCESS);
  EXPECT_EQ(latches.take_for_thread(1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(latches.take_for_thread(1), CUDA_SUCCESS);
}

TEST(Latches, TheFirstFailureOfAThreadIsTheOne) {
  Latches latches;
  latches.add({1, 5, 100, CUDA_ERROR_ILLEGAL_ADDRESS});
  latches.add({1, 5, 100, CUDA_ERROR_INVALID_HANDLE});
  EXPECT_EQ(latches.take_for_thread(1), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_EQ(latches.take_for_thread(1), CUDA_SUCCESS);
}

TEST(Latches, WhoeverSynchronisesTheStreamHearsOfIt) {
  Latches latches;
  latches.add({1, 5, 100, CUDA_ERROR_INVALID_VALUE});
  EXPECT_EQ(latches.take_for_sync(2, 6, 100), CUDA_SUCCESS);  // another stream
  EXPECT_EQ(latches.take_for_sync(2, 5, 101), CUDA_SUCCESS);  // that stream's number in another context
  EXPECT_EQ(latches.take_for_sync(2, 5, 100), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(latches.take_for_thread(1), CUDA_SUCCESS);  // told already
}

TEST(Latches, SynchronisingTheContextCoversEveryStream) {
  Latches latches;
  latches.add({1, 5, 100, CUDA_ERROR_INVALID_VALUE});
  latches.add({3, 6, 200, CUDA_ERROR_INVALID_HANDLE});
  EXPECT_EQ(latches.take_for_sync(2, 0, 100), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(latches.take_for_sync(2, 0, 100), CUDA_SUCCESS);
  EXPECT_EQ(latches.take_for_thread(3), CUDA_ERROR_INVALID_HANDLE);
}

}  // namespace
}  // namespace vcuda::server
