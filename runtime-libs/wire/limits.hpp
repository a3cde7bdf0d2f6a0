// Every limit of the protocol, in one place. A length that comes from the other side is compared with the
// limit named for it before anything is allocated (invariant 7).
#pragma once
#include <cstddef>
#include <cstdint>

namespace vcuda::wire {

// One frame's body. Copies and images larger than a chunk travel as several frames, so this bounds what a
// peer can make the other side allocate for one frame.
inline constexpr std::size_t chunk_bytes = std::size_t{4} << 20;
inline constexpr std::size_t max_body_bytes = chunk_bytes + 65536;

// cuda.h: kernel parameters are at most 32,764 bytes since CUDA 12.1 (4,096 before).
inline constexpr std::size_t max_kernel_params_bytes = 32764;
inline constexpr std::size_t max_kernel_params =
    8192;  // each is at least 4 bytes apart from its neighbour, in practice

// A module image. The largest seen in the field is 174 MB (a fatbin of cuBLASLt); the rest is room.
inline constexpr std::size_t max_image_bytes = std::size_t{2} << 30;
inline constexpr std::size_t max_images_per_load = 4096;

inline constexpr std::size_t max_name_bytes = 65536;        // a mangled C++ kernel name
inline constexpr std::size_t max_credentials_bytes = 8192;  // a JWT
inline constexpr std::size_t max_message_bytes = 512;       // a sentence of refusal
inline constexpr std::size_t max_devices = 64;
inline constexpr std::size_t max_device_attributes = 256;  // cuda.h 13.0 ends at 148
inline constexpr std::size_t max_welcome_bytes = 1u << 20;
inline constexpr std::size_t max_rows = 4096;
inline constexpr std::size_t max_address_bytes = 256;

}  // namespace vcuda::wire
