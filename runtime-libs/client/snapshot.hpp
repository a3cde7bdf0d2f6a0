// What the server said of itself and its devices at hello. Immutable once parsed; everything answered locally
// comes from here. The strings point into the welcome's body, which is kept for the life of the process.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime-libs/wire/limits.hpp"

namespace vcuda::client {

struct DeviceSnapshot {
  const char* name;
  const char* pci_bus_id;
  unsigned char uuid[16];
  std::uint64_t total_bytes;
  const std::byte* attributes;  // i32 values, unaligned, index = CUdevice_attribute
  std::uint32_t attribute_count;

  // The value of an attribute; false where the server's driver does not know it.
  bool attribute(int which, int& value) const;
};

class Snapshot {
 public:
  // Parses a welcome's body, which must outlive the snapshot. False where it is malformed.
  bool parse(std::span<const std::byte> body);

  const char* server_version() const { return server_version_; }
  const char* message() const { return message_; }
  int driver_version() const { return driver_version_; }
  unsigned loading_mode() const { return loading_mode_; }
  int device_count() const { return static_cast<int>(device_count_); }
  // nullptr where there is no such device.
  const DeviceSnapshot* device(int index) const;

  // The hash the server has for an opcode; 0 where it does not serve it.
  std::uint64_t row_hash(std::uint16_t opcode) const;
  bool has_symbol(const char* name) const;

 private:
  const char* server_version_ = "";
  const char* message_ = "";
  int driver_version_ = 0;
  unsigned loading_mode_ = 0;
  const std::byte* rows_ = nullptr;
  std::uint32_t row_count_ = 0;
  const std::byte* symbols_ = nullptr;
  std::uint32_t symbol_count_ = 0;
  DeviceSnapshot devices_[wire::max_devices] = {};
  std::uint32_t device_count_ = 0;
};

}  // namespace vcuda::client
