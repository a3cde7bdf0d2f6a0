// The worker's first frame: a ReplyHeader with sequence 0 whose result is cuInit's (or nvmlInit's), then this
// body:
//
//   WelcomeHead
//   text vcuda_version      of the server, for messages
//   text message            why the session cannot work, where the result is not 0
//   u32 n, n RowOffer       the rows the server serves
//   u32 n, n u64            hashes (fnv) of the symbols its driver exports, ascending
//   u32 n, n times          the devices, in the driver's order:
//     text name, text pci_bus_id, u8 uuid[16], u64 total_bytes, u32 m, m i32 attribute values (index =
//     CUdevice_attribute)
//
// text is a u32 length and bytes, here with a terminating NUL counted in, so that the client can keep the
// body as it is.
#pragma once
#include <cstdint>

namespace vcuda::api {

struct WelcomeHead {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint16_t reserved;
  std::int32_t driver_version;  // as cuDriverGetVersion
  std::uint32_t loading_mode;   // as cuModuleGetLoadingMode
};
static_assert(sizeof(WelcomeHead) == 16);

struct RowOffer {
  std::uint64_t hash;
  std::uint32_t opcode;
  std::uint32_t reserved;
};
static_assert(sizeof(RowOffer) == 16);

}  // namespace vcuda::api
