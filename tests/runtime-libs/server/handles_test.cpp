#include "runtime-libs/server/handles.hpp"

#include <gtest/gtest.h>

namespace vcuda::server {
namespace {

const auto real_stream = reinterpret_cast<CUstream>(0x1000);
const auto real_event = reinterpret_cast<CUevent>(0x2000);

TEST(Handles, FindWhatWasAdded) {
  Handles handles;
  const auto stream = api::make_handle(api::Kind::stream, 2000),
             event = api::make_handle(api::Kind::event, 2000);
  EXPECT_EQ(handles.add(stream, real_stream, CUDA_SUCCESS), CUDA_SUCCESS);
  EXPECT_EQ(handles.add(event, real_event, CUDA_SUCCESS), CUDA_SUCCESS);
  CUstream found_stream;
  CUevent found_event;
  EXPECT_EQ(handles.find(stream, found_stream), CUDA_SUCCESS);
  EXPECT_EQ(found_stream, real_stream);
  EXPECT_EQ(handles.find(event, found_event), CUDA_SUCCESS);
  EXPECT_EQ(found_event, real_event);
}

TEST(Handles, ANumberOfAnotherKindIsNone) {
  Handles handles;
  const auto event = api::make_handle(api::Kind::event, 2000);
  ASSERT_EQ(handles.add(event, real_event, CUDA_SUCCESS), CUDA_SUCCESS);
  CUstream stream = real_stream;
  EXPECT_EQ(handles.find(event, stream), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(stream, nullptr);
  EXPECT_EQ(handles.add(event, real_stream, CUDA_SUCCESS), CUDA_ERROR_INVALID_HANDLE);
}

TEST(Handles, HostileNumbersAreErrors) {
  Handles handles;
  for (std::uint64_t hostile :
       {0ull, 1ull, 2ull, 3ull, 0x7fffffffffffull, 0xffffffffffffffffull, 0x7f0000000000ull}) {
    CUstream stream;
    CUcontext context;
    EXPECT_EQ(handles.find(hostile, stream), CUDA_ERROR_INVALID_HANDLE) << hostile;
    EXPECT_EQ(handles.find(hostile, context), CUDA_ERROR_INVALID_CONTEXT) << hostile;
    handles.remove(hostile);
  }
}

TEST(Handles, AFailedCreationIsThatFailureAtEveryUse) {
  Handles handles;
  const auto stream = api::make_handle(api::Kind::stream, 2000);
  ASSERT_EQ(handles.add(stream, CUstream{}, CUDA_ERROR_OUT_OF_MEMORY), CUDA_SUCCESS);
  CUstream found;
  EXPECT_EQ(handles.find(stream, found), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(handles.find(stream, found), CUDA_ERROR_OUT_OF_MEMORY);
}

TEST(Handles, ANumberIsGivenOnce) {
  Handles handles;
  const auto stream = api::make_handle(api::Kind::stream, 2000);
  ASSERT_EQ(handles.add(stream, real_stream, CUDA_SUCCESS), CUDA_SUCCESS);
  EXPECT_EQ(handles.add(stream, CUstream{}, CUDA_SUCCESS), CUDA_ERROR_INVALID_HANDLE);
  handles.remove(stream);
  CUstream found;
  EXPECT_EQ(handles.find(stream, found), CUDA_ERROR_INVALID_HANDLE);
}

TEST(Handles, KernelsAndFunctionsShareNumbersButAreTold) {
  Handles handles;
  const auto kernel = api::make_handle(api::Kind::function, 1),
             function = api::make_handle(api::Kind::function, 2);
  ASSERT_EQ(handles.add(kernel, reinterpret_cast<CUkernel>(0x10), CUDA_SUCCESS), CUDA_SUCCESS);
  ASSERT_EQ(handles.add(function, reinterpret_cast<CUfunction>(0x20), CUDA_SUCCESS), CUDA_SUCCESS);
  CUfunction found;
  EXPECT_EQ(handles.find(kernel, found), CUDA_SUCCESS);  // cudart 13 launches a CUkernel as a CUfunction
  EXPECT_EQ(found, reinterpret_cast<CUfunction>(0x10));
  CUkernel none;
  EXPECT_EQ(handles.find(function, none), CUDA_ERROR_INVALID_HANDLE);  // not the other way round
  EXPECT_TRUE(handles.is_kernel(kernel));
  EXPECT_FALSE(handles.is_kernel(function));
}

}  // namespace
}  // namespace vcuda::server
