// HMAC-MD2 (RFC 1319, RFC 2104) over a message given in pieces. MD2 is no security today; the CUDA runtime
// uses it as a checksum of who it talks to, and that is the only reason it is here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vcuda::export_tables {

// Block, key and digest of MD2 all measure 16 bytes (RFC 1319 sections 3.3, 3.4).
constexpr size_t md2_bytes = 16;

// Digests a message of any length; finish() once, nothing after it.
class Md2 {
 public:
  // Appends size bytes of the message.
  void add(const void* data, size_t size);
  // Writes the digest of all that was added.
  void finish(uint8_t digest[md2_bytes]);

 private:
  void block();

  uint8_t state_[48] = {};
  uint8_t checksum_[md2_bytes] = {};
  uint8_t pending_[md2_bytes] = {};
  size_t pending_size_ = 0;
};

// Authenticates a message of any length with a 16-byte key; finish() once, nothing after it.
class HmacMd2 {
 public:
  explicit HmacMd2(const uint8_t key[md2_bytes]);
  // Appends size bytes of the message.
  void add(const void* data, size_t size) { inner_.add(data, size); }
  // Writes the authentication code of all that was added.
  void finish(uint8_t code[md2_bytes]);

 private:
  Md2 inner_;
  Md2 outer_;
};

}  // namespace vcuda::export_tables
