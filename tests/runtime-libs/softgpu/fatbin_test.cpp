// Images: which entry of a fatbin is taken, how it is unpacked, and that no size in it is believed.
#include "runtime-libs/softgpu/image/fatbin.hpp"

#include <gtest/gtest.h>
#include <lz4.h>
#include <zstd.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "runtime-libs/softgpu/image/program.hpp"

namespace vcuda::softgpu {
namespace {

using Bytes = std::vector<std::byte>;

template <typename T>
void append(Bytes& out, T value) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), bytes, bytes + sizeof value);
}

enum class Packing : uint8_t { plain, lz4, zstd };

// An entry as nvcc 13 writes it: 64 bytes of header, the payload padded to 8.
Bytes entry(uint16_t kind, uint32_t architecture, const std::string& text, Packing packing = Packing::plain,
            uint64_t flags = 0) {
  std::string payload = text;
  if (packing == Packing::zstd) {
    payload.resize(ZSTD_compressBound(text.size()));
    payload.resize(ZSTD_compress(payload.data(), payload.size(), text.data(), text.size(), 3));
    flags |= 0x8000;
  } else if (packing == Packing::lz4) {
    payload.resize(static_cast<size_t>(LZ4_compressBound(static_cast<int>(text.size()))));
    payload.resize(static_cast<size_t>(LZ4_compress_default(
        text.data(), payload.data(), static_cast<int>(text.size()), static_cast<int>(payload.size()))));
    flags |= 0x2000;
  }
  const auto packed = static_cast<uint32_t>(packing == Packing::plain ? 0 : payload.size());
  payload.resize((payload.size() + 7) / 8 * 8);
  Bytes out;
  append<uint16_t>(out, kind);
  append<uint16_t>(out, 0x101);
  append<uint32_t>(out, 64);
  append<uint64_t>(out, payload.size());
  append<uint32_t>(out, packed);
  append<uint32_t>(out, 0);
  append<uint16_t>(out, 0);
  append<uint16_t>(out, 9);
  append<uint32_t>(out, architecture);
  append<uint32_t>(out, 0);
  append<uint32_t>(out, 0);
  append<uint64_t>(out, flags | 0x11);
  append<uint64_t>(out, 0);
  append<uint64_t>(out, packed != 0 ? text.size() : 0);
  const auto* bytes = reinterpret_cast<const std::byte*>(payload.data());
  out.insert(out.end(), bytes, bytes + payload.size());
  return out;
}

Bytes fatbin(const std::vector<Bytes>& entries) {
  Bytes body;
  for (const Bytes& each : entries) body.insert(body.end(), each.begin(), each.end());
  Bytes out;
  append<uint32_t>(out, 0xBA55ED50);
  append<uint16_t>(out, 1);
  append<uint16_t>(out, 16);
  append<uint64_t>(out, body.size());
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

std::string ptx_for(unsigned architecture) {
  std::string text = ".version 9.0\n.target sm_" + std::to_string(architecture) +
                     "\n.address_size 64\n.visible .entry k" + std::to_string(architecture) + "() { ret; }\n";
  text.push_back('\0');
  return text;
}

std::string taken(const Bytes& image, unsigned capability = 121) {
  const auto text = ptx_in_fatbin(image, capability);
  if (!text) return std::to_string(text.error().code) + " " + text.error().message;
  const size_t at = text->find("sm_");
  if (at == std::string::npos) return "text without a target";
  return text->substr(at, text->find('\n', at) - at);
}

constexpr uint16_t ptx = 1;
constexpr uint16_t cubin = 2;

TEST(fatbin, the_highest_ptx_that_is_not_too_new_is_taken) {
  const Bytes image = fatbin({entry(cubin, 90, "machine code"), entry(ptx, 75, ptx_for(75)),
                              entry(ptx, 90, ptx_for(90)), entry(ptx, 120, ptx_for(120))});
  EXPECT_EQ(taken(image, 121), "sm_120");
  EXPECT_EQ(taken(image, 120), "sm_120");
  EXPECT_EQ(taken(image, 100), "sm_90");
  EXPECT_EQ(taken(image, 75), "sm_75");
}

TEST(fatbin, ptx_for_one_architecture_or_family_runs_there_only) {
  const Bytes image =
      fatbin({entry(ptx, 75, ptx_for(75)), entry(ptx, 90, ptx_for(90), Packing::plain, 0x100000),
              entry(ptx, 100, ptx_for(100), Packing::plain, 0x200000)});
  EXPECT_EQ(taken(image, 121), "sm_75");
  EXPECT_EQ(taken(image, 90), "sm_90");
  EXPECT_EQ(taken(image, 103), "sm_100");
}

TEST(fatbin, every_packing_is_unpacked) {
  for (const Packing packing : {Packing::plain, Packing::lz4, Packing::zstd}) {
    EXPECT_EQ(taken(fatbin({entry(ptx, 75, ptx_for(75), packing)})), "sm_75");
  }
}

TEST(fatbin, machine_code_alone_is_refused_with_what_there_is) {
  const std::string message =
      taken(fatbin({entry(cubin, 90, "x"), entry(cubin, 100, "y", Packing::plain, 0x100000)}));
  EXPECT_EQ(message.substr(0, 4), "209 ") << message;  // CUDA_ERROR_NO_BINARY_FOR_GPU
  EXPECT_NE(message.find("machine code: sm_90, sm_100a"), std::string::npos) << message;
  const std::string too_new = taken(fatbin({entry(ptx, 120, ptx_for(120))}), 90);
  EXPECT_NE(too_new.find("PTX: compute_120"), std::string::npos) << too_new;
}

TEST(fatbin, a_wrapper_a_raw_fatbin_and_a_text_are_told_apart) {
  const Bytes image = fatbin({entry(ptx, 75, ptx_for(75))});
  struct {
    uint32_t magic = 0x466243B1;
    uint32_t version = 1;
    const void* data;
    const void* more = nullptr;
  } wrapper;
  wrapper.data = image.data();
  EXPECT_TRUE(ptx_in_image(&wrapper, 121));
  EXPECT_TRUE(ptx_in_image(image.data(), 121));
  EXPECT_TRUE(ptx_in_image(ptx_for(75).data(), 121));
  EXPECT_EQ(ptx_in_image("\x7f"
                         "ELF\2\1\1",
                         121)
                .error()
                .code,
            CUDA_ERROR_NO_BINARY_FOR_GPU);
  EXPECT_EQ(ptx_in_image("", 121).error().code, CUDA_ERROR_INVALID_IMAGE);
  EXPECT_EQ(ptx_in_image("\x01\x02", 121).error().code, CUDA_ERROR_INVALID_IMAGE);
  wrapper.data = nullptr;
  EXPECT_EQ(ptx_in_image(&wrapper, 121).error().code, CUDA_ERROR_INVALID_IMAGE);
  wrapper.data = "rubbish";
  EXPECT_EQ(ptx_in_image(&wrapper, 121).error().code, CUDA_ERROR_INVALID_IMAGE);
}

TEST(fatbin, a_fatbin_cut_anywhere_is_invalid_or_lacks_its_last_entry) {
  const Bytes whole =
      fatbin({entry(ptx, 75, ptx_for(75), Packing::zstd), entry(ptx, 90, ptx_for(90), Packing::lz4)});
  for (size_t length = 0; length < whole.size(); ++length) {
    // A copy of its own, so that the address sanitizer sees any byte read beyond.
    const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
    EXPECT_EQ(taken(cut).substr(0, 4), "200 ") << length;
  }
}

TEST(fatbin, no_size_in_it_is_believed) {
  const Bytes whole =
      fatbin({entry(ptx, 75, ptx_for(75), Packing::zstd), entry(ptx, 90, ptx_for(90), Packing::lz4)});
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    Bytes bent = whole;
    for (int i = 0; i < 1 + round % 3; ++i) {
      const size_t at = random() % (round % 2 == 0 ? 80 : bent.size());
      bent[at] = static_cast<std::byte>(random() % 4 == 0 ? 0xff : random());
    }
    (void)taken(bent);
  }
  // An entry that says it unpacks to more memory than anybody has.
  Bytes bomb = fatbin({entry(ptx, 75, ptx_for(75), Packing::zstd)});
  const uint64_t huge = uint64_t{1} << 60;
  std::memcpy(bomb.data() + 16 + 56, &huge, sizeof huge);
  EXPECT_EQ(taken(bomb).substr(0, 4), "200 ");
}

TEST(program, an_image_with_an_unknown_instruction_is_refused_by_name_and_line) {
  const char* text = ".version 9.0\n.target sm_75\n.entry k() {\n .reg .b32 %r;\n\n wgmma.fence;\n ret; }";
  const auto program = load_program(text, 121);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, CUDA_ERROR_INVALID_PTX);
  EXPECT_EQ(program.error().message, "PTX line 6: wgmma.fence: the software GPU has no such instruction");
}

}  // namespace
}  // namespace vcuda::softgpu
