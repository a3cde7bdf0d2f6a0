// A NVML session: what it says at its beginning, and the one request whose answer changes. The first frame is
// a ReplyHeader with sequence 0 whose result is an nvmlReturn_t, then this body:
//
//   NvmlWelcomeHead
//   text vcuda_version, text message, text driver_version, text nvml_version     (texts as in api/welcome.hpp)
//   u32 n, n times: text name, text uuid, nvmlPciInfo_t, i32 compute capability major, minor
#pragma once
#include <cstdint>

namespace vcuda::api {

struct NvmlWelcomeHead {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint16_t reserved;
  std::int32_t cuda_driver_version;
  std::uint32_t reserved2;
};
static_assert(sizeof(NvmlWelcomeHead) == 16);

// Opcodes of NVML sessions lie above the driver API's.
inline constexpr std::uint16_t nvml_memory_opcode = 0x1001;  // u32 device -> NvmlMemory

struct NvmlMemory {
  std::uint64_t total;
  std::uint64_t reserved;
  std::uint64_t free;
  std::uint64_t used;
};

}  // namespace vcuda::api
