#include "runtime-libs/wire/cursor.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace vcuda::wire {
namespace {

TEST(Cursor, ReadsBackWhatWasWritten) {
  std::byte buffer[64];
  Writer writer(buffer);
  writer.put(std::uint16_t{7});
  writer.text("stream");
  writer.put(3.5);
  ASSERT_TRUE(writer.ok());
  Reader reader(writer.written());
  EXPECT_EQ(reader.get<std::uint16_t>(), 7);
  EXPECT_EQ(reader.text(100), "stream");
  EXPECT_EQ(reader.get<double>(), 3.5);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.left(), 0u);
}

TEST(Cursor, AWriteThatDoesNotFitLeavesNothingAndIsRemembered) {
  std::byte buffer[6];
  Writer writer(buffer);
  writer.put(std::uint32_t{1});
  writer.put(std::uint32_t{2});
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(writer.size(), 4u);
  writer.put(std::uint8_t{3});  // would fit, but the frame is broken already
  EXPECT_EQ(writer.size(), 4u);
}

TEST(Cursor, ALengthBeyondItsLimitFailsBeforeAnythingIsTaken) {
  std::byte buffer[16];
  Writer writer(buffer);
  writer.text("12345678");
  Reader reader(writer.written());
  EXPECT_EQ(reader.text(7), "");
  EXPECT_FALSE(reader.ok());
}

// Law: whatever the bytes and whatever is asked of them, a reader stays inside its buffer and, once failed,
// stays failed.
TEST(Cursor, NeverLeavesItsBuffer) {
  std::mt19937_64 random(20261125);
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> bytes(random() % 40);
    for (std::byte& b : bytes) b = static_cast<std::byte>(random() % 4 ? random() % 8 : random());
    Reader reader(bytes);
    std::size_t before = reader.left();
    for (int step = 0; step < 8; ++step) {
      bool was_ok = reader.ok();
      switch (random() % 4) {
        case 0:
          reader.get<std::uint64_t>();
          break;
        case 1:
          reader.text(random() % 64);
          break;
        case 2: {
          std::size_t n = random() % 64;
          const std::byte* at = reader.take(n);
          if (at) {
            ASSERT_GE(at, bytes.data());
            ASSERT_LE(at + n, bytes.data() + bytes.size());
          }
          break;
        }
        default:
          reader.get<std::uint8_t>();
      }
      ASSERT_LE(reader.left(), before);
      before = reader.left();
      if (!was_ok) {
        ASSERT_FALSE(reader.ok());
      }
    }
  }
}

}  // namespace
}  // namespace vcuda::wire
