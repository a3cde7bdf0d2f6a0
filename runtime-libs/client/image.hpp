// How long a module image is. CUDA hands images over as bare pointers; their own headers say how many bytes
// to send. Everything read here lies in the app's memory, at an address the app vouched for.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vcuda::client {

inline constexpr std::uint32_t wrapper_magic =
    0x466243B1;  // what nvcc's host code registers: points to fatbins
inline constexpr std::uint32_t fatbin_magic = 0xBA55ED50;
inline constexpr std::uint32_t elf_magic = 0x464C457F;

// The wrapper's layout as nvcc 11 to 13 write it.
struct FatbinWrapper {
  std::uint32_t magic;
  std::uint32_t version;  // 1: data is a fatbin; 2 (-rdc): data is the linked result, prelinked the parts
  const void* data;
  const void* filename_or_parts;  // version 2: null-terminated array of fatbins that the driver links
};

// Bytes of a fatbin, an ELF cubin or NUL-terminated PTX; 0 where the header contradicts itself.
std::size_t image_bytes(const void* image);

}  // namespace vcuda::client
