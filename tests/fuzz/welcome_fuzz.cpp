// A welcome as a hostile or broken server would send it, parsed by the library in the app and then asked
// everything.
#include "runtime-libs/api/driver_api.hpp"
#include "runtime-libs/client/snapshot.hpp"

#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  vcuda::client::Snapshot snapshot;
  if (!snapshot.parse({reinterpret_cast<const std::byte*>(data), size})) return 0;
  std::size_t sum = std::strlen(snapshot.server_version()) + std::strlen(snapshot.message());
  for (int i = -1; i <= snapshot.device_count(); ++i) {
    const auto* device = snapshot.device(i);
    if (!device) continue;
    sum += std::strlen(device->name) + std::strlen(device->pci_bus_id);
    for (int a = -1; a <= 300; ++a)
      if (int value = 0; device->attribute(a, value)) sum += static_cast<unsigned>(value);
  }
  for (unsigned opcode = 0; opcode < 0x10000; opcode += 0x101)
    sum += snapshot.row_hash(static_cast<std::uint16_t>(opcode));
  sum += snapshot.has_symbol("cuInit");
  volatile std::size_t used = sum;
  static_cast<void>(used);
  return 0;
}
