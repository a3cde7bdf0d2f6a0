#include "runtime-libs/server/requests.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <random>
#include <thread>

#include "runtime-libs/transport/stream.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server {
namespace {

struct Pipe {
  Pipe() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    writer = transport::Fd(pair[0]);
    reader = transport::Fd(pair[1]);
  }
  transport::Fd writer, reader;
};

void append(std::vector<std::byte>& stream, std::uint32_t sequence, std::size_t body) {
  wire::RequestHeader header{static_cast<std::uint32_t>(body), 5, 0, 1, sequence, 0};
  std::size_t at = stream.size();
  stream.resize(at + sizeof header + body, static_cast<std::byte>(sequence));
  std::memcpy(stream.data() + at, &header, sizeof header);
}

// Law: however the bytes are cut on their way, the same frames come out.
TEST(Requests, FramesComeOutWhole) {
  std::mt19937 random(7);
  for (int round = 0; round < 10; ++round) {
    Pipe pipe;
    std::vector<std::byte> stream;
    std::vector<std::size_t> sizes;
    for (std::uint32_t i = 0; i < 60; ++i) {
      sizes.push_back(i % 20 == 19 ? wire::max_body_bytes - random() % 1000
                      : i % 7 == 6 ? 200000 + random() % 120000
                                   : random() % 300);
      append(stream, i, sizes.back());
    }
    std::thread sender([&] {
      for (std::size_t at = 0; at < stream.size();) {
        std::size_t n = std::min<std::size_t>(random() % 2 ? 1 + random() % 100 : 1 + random() % 400000,
                                              stream.size() - at);
        ASSERT_TRUE(
            transport::send_all(pipe.writer.get(), stream.data() + at, n, transport::Deadline::in_ms(20000)));
        at += n;
      }
      pipe.writer.reset();
    });
    Requests requests(std::move(pipe.reader));
    for (std::uint32_t i = 0; i < sizes.size(); ++i) {
      auto frame = requests.next();
      ASSERT_TRUE(frame);
      ASSERT_EQ(frame->header.sequence, i);
      ASSERT_EQ(frame->body.size(), sizes[i]);
      for (std::byte b : frame->body) ASSERT_EQ(b, static_cast<std::byte>(i));
    }
    auto end = requests.next();
    EXPECT_FALSE(end);
    EXPECT_EQ(end.failure().code, Error::closed);
    EXPECT_EQ(requests.bytes_received(), stream.size());
    sender.join();
  }
}

TEST(Requests, ABodyBeyondTheLimitIsRefusedBeforeItIsRead) {
  Pipe pipe;
  wire::RequestHeader header{wire::max_body_bytes + 1, 5, 0, 1, 1, 0};
  ASSERT_TRUE(
      transport::send_all(pipe.writer.get(), &header, sizeof header, transport::Deadline::in_ms(1000)));
  Requests requests(std::move(pipe.reader));
  auto frame = requests.next();
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.failure().code, Error::too_large);
}

}  // namespace
}  // namespace vcuda::server
