#include "runtime-libs/client/snapshot.hpp"

#include <cstring>

#include "runtime-libs/api/param.hpp"
#include "runtime-libs/api/welcome.hpp"
#include "runtime-libs/wire/cursor.hpp"
#include "runtime-libs/wire/hello.hpp"

namespace vcuda::client {
namespace {

template <class T>
T value_at(const std::byte* array, std::size_t index) {
  T value;
  std::memcpy(&value, array + index * sizeof value, sizeof value);
  return value;
}

// A text whose NUL is counted in; "" and a failed reader where it is not one.
const char* string(wire::Reader& reader, std::size_t limit) {
  std::string_view text = reader.text(limit);
  if (text.empty() || text.back() != '\0') {
    reader.fail();
    return "";
  }
  return text.data();
}

const std::byte* array(wire::Reader& reader, std::size_t limit, std::size_t element_bytes,
                       std::uint32_t& count) {
  count = reader.get<std::uint32_t>();
  if (count > limit) reader.fail();
  return reader.ok() ? reader.take(count * element_bytes) : nullptr;
}

}  // namespace

bool DeviceSnapshot::attribute(int which, int& value) const {
  if (which < 1 || static_cast<std::uint32_t>(which) >= attribute_count) return false;
  value = value_at<std::int32_t>(attributes, static_cast<std::size_t>(which));
  return true;
}

bool Snapshot::parse(std::span<const std::byte> body) {
  wire::Reader reader(body);
  auto head = reader.get<api::WelcomeHead>();
  if (head.magic != wire::magic || head.version != wire::protocol_version) return false;
  driver_version_ = head.driver_version;
  loading_mode_ = head.loading_mode;
  server_version_ = string(reader, wire::max_message_bytes);
  message_ = string(reader, wire::max_message_bytes);
  rows_ = array(reader, wire::max_rows, sizeof(api::RowOffer), row_count_);
  symbols_ = array(reader, wire::max_rows, sizeof(std::uint64_t), symbol_count_);
  device_count_ = reader.get<std::uint32_t>();
  if (device_count_ > wire::max_devices) return false;
  for (std::uint32_t i = 0; i < device_count_ && reader.ok(); ++i) {
    DeviceSnapshot& device = devices_[i];
    device.name = string(reader, wire::max_message_bytes);
    device.pci_bus_id = string(reader, wire::max_message_bytes);
    if (const std::byte* uuid = reader.take(sizeof device.uuid))
      std::memcpy(device.uuid, uuid, sizeof device.uuid);
    device.total_bytes = reader.get<std::uint64_t>();
    device.attributes =
        array(reader, wire::max_device_attributes, sizeof(std::int32_t), device.attribute_count);
  }
  return reader.ok() && reader.left() == 0;
}

const DeviceSnapshot* Snapshot::device(int index) const {
  return index >= 0 && index < device_count() ? &devices_[index] : nullptr;
}

std::uint64_t Snapshot::row_hash(std::uint16_t opcode) const {
  for (std::uint32_t i = 0; i < row_count_; ++i) {
    auto offer = value_at<api::RowOffer>(rows_, i);
    if (offer.opcode == opcode) return offer.hash;
  }
  return 0;
}

bool Snapshot::has_symbol(const char* name) const {
  const std::uint64_t wanted = api::fnv(api::fnv_start, std::string_view(name));
  std::uint32_t low = 0, high = symbol_count_;
  while (low < high) {
    std::uint32_t middle = low + (high - low) / 2;
    std::uint64_t here = value_at<std::uint64_t>(symbols_, middle);
    if (here == wanted) return true;
    if (here < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

}  // namespace vcuda::client
