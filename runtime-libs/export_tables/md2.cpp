#include "runtime-libs/export_tables/md2.hpp"

#include <cstring>

namespace vcuda::export_tables {
namespace {

// The permutation of RFC 1319 section 3.2: 0..255 shuffled by the digits of pi.
constexpr uint8_t pi_permutation[256] = {
    41,  46,  67,  201, 162, 216, 124, 1,   61,  54,  84,  161, 236, 240, 6,   19,  98,  167, 5,   243,
    192, 199, 115, 140, 152, 147, 43,  217, 188, 76,  130, 202, 30,  155, 87,  60,  253, 212, 224, 22,
    103, 66,  111, 24,  138, 23,  229, 18,  190, 78,  196, 214, 218, 158, 222, 73,  160, 251, 245, 142,
    187, 47,  238, 122, 169, 104, 121, 145, 21,  178, 7,   63,  148, 194, 16,  137, 11,  34,  95,  33,
    128, 127, 93,  154, 90,  144, 50,  39,  53,  62,  204, 231, 191, 247, 151, 3,   255, 25,  48,  179,
    72,  165, 181, 209, 215, 94,  146, 42,  172, 86,  170, 198, 79,  184, 56,  210, 150, 164, 125, 182,
    118, 252, 107, 226, 156, 116, 4,   241, 69,  157, 112, 89,  100, 113, 135, 32,  134, 91,  207, 101,
    230, 45,  168, 2,   27,  96,  37,  173, 174, 176, 185, 246, 28,  70,  97,  105, 52,  64,  126, 15,
    85,  71,  163, 35,  221, 81,  175, 58,  195, 92,  249, 206, 186, 197, 234, 38,  44,  83,  13,  110,
    133, 40,  132, 9,   211, 223, 205, 244, 65,  129, 77,  82,  106, 220, 55,  200, 108, 193, 171, 250,
    36,  225, 123, 8,   12,  189, 177, 74,  120, 136, 149, 139, 227, 99,  232, 109, 233, 203, 213, 254,
    59,  0,   29,  57,  242, 239, 183, 14,  102, 88,  208, 228, 166, 119, 114, 248, 235, 117, 75,  10,
    49,  68,  80,  180, 143, 237, 31,  26,  219, 153, 141, 51,  159, 17,  131, 20,
};

constexpr int round_count = 18;  // RFC 1319 section 3.4

}  // namespace

void Md2::add(const void* data, size_t size) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  for (size_t i = 0; i < size; ++i) {
    pending_[pending_size_++] = bytes[i];
    if (pending_size_ == md2_bytes) {
      block();
      pending_size_ = 0;
    }
  }
}

void Md2::block() {
  uint8_t last = checksum_[md2_bytes - 1];
  for (size_t i = 0; i < md2_bytes; ++i) {
    checksum_[i] ^= pi_permutation[pending_[i] ^ last];
    last = checksum_[i];
  }
  for (size_t i = 0; i < md2_bytes; ++i) {
    state_[16 + i] = pending_[i];
    state_[32 + i] = pending_[i] ^ state_[i];
  }
  uint8_t carry = 0;
  for (int round = 0; round < round_count; ++round) {
    for (uint8_t& byte : state_) carry = byte ^= pi_permutation[carry];
    carry = static_cast<uint8_t>(carry + round);
  }
}

void Md2::finish(uint8_t digest[md2_bytes]) {
  // RFC 1319 section 3.1: padded with the number of padding bytes, a whole block of them if none were needed.
  const auto padding = static_cast<uint8_t>(md2_bytes - pending_size_);
  for (uint8_t i = 0; i < padding; ++i) add(&padding, 1);
  uint8_t checksum[md2_bytes];
  memcpy(checksum, checksum_, md2_bytes);
  add(checksum, md2_bytes);
  memcpy(digest, state_, md2_bytes);
}

HmacMd2::HmacMd2(const uint8_t key[md2_bytes]) {
  // RFC 2104 section 2: the key, one block long, with ipad 0x36 and opad 0x5c.
  uint8_t inner_key[md2_bytes];
  uint8_t outer_key[md2_bytes];
  for (size_t i = 0; i < md2_bytes; ++i) {
    inner_key[i] = key[i] ^ 0x36;
    outer_key[i] = key[i] ^ 0x5c;
  }
  inner_.add(inner_key, md2_bytes);
  outer_.add(outer_key, md2_bytes);
}

void HmacMd2::finish(uint8_t code[md2_bytes]) {
  uint8_t digest[md2_bytes];
  inner_.finish(digest);
  outer_.add(digest, md2_bytes);
  outer_.finish(code);
}

}  // namespace vcuda::export_tables
