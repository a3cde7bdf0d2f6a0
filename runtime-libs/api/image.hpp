// How long a module image is, by its own headers: CUDA hands images over as bare pointers. The client sends that many
// bytes; the server compares it with what arrived before it lets a driver read the image.
#pragma once
#include <elf.h>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace vcuda::api {

inline constexpr std::uint32_t wrapper_magic =
    0x466243B1;  // what nvcc's host code registers: points to fatbins
inline constexpr std::uint32_t fatbin_magic = 0xBA55ED50;
inline constexpr std::uint32_t elf_magic = 0x464C457F;

// The wrapper's layout as nvcc 11 to 13 write it. It holds pointers, so it never travels.
struct FatbinWrapper {
  std::uint32_t magic;
  std::uint32_t version;  // 1: data is a fatbin; 2 (-rdc): data is the linked result, prelinked the parts
  const void* data;
  const void* filename_or_parts;  // version 2: null-terminated array of fatbins that the driver links
};

namespace image {

template <class T>
T read_at(const void* base, std::size_t offset) {
  T value;
  std::memcpy(&value, static_cast<const char*>(base) + offset, sizeof value);
  return value;
}

inline std::size_t fatbin_bytes(const void* image, std::size_t readable) {
  if (readable < 16) return 0;
  auto header = read_at<std::uint16_t>(image, 6);
  auto rest = read_at<std::uint64_t>(image, 8);
  return rest > readable - header || header > readable ? 0 : header + rest;
}

inline std::size_t elf_bytes(const void* image, std::size_t readable) {
  if (readable < sizeof(Elf64_Ehdr)) return 0;
  auto header = read_at<Elf64_Ehdr>(image, 0);
  if (header.e_ident[EI_CLASS] != ELFCLASS64) return 0;
  if (header.e_shnum && header.e_shentsize != sizeof(Elf64_Shdr)) return 0;
  if (header.e_phnum && header.e_phentsize != sizeof(Elf64_Phdr)) return 0;
  std::size_t end = sizeof header;
  auto reach = [&end, readable](std::uint64_t offset, std::uint64_t bytes) {
    if (offset > readable || bytes > readable - offset) return false;
    if (offset + bytes > end) end = offset + bytes;
    return true;
  };
  if (!reach(header.e_shoff, std::uint64_t{header.e_shnum} * sizeof(Elf64_Shdr)) ||
      !reach(header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr)))
    return 0;
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    auto section = read_at<Elf64_Shdr>(image, header.e_shoff + i * sizeof(Elf64_Shdr));
    if (section.sh_type != SHT_NOBITS && !reach(section.sh_offset, section.sh_size)) return 0;
  }
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    auto segment = read_at<Elf64_Phdr>(image, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (!reach(segment.p_offset, segment.p_filesz)) return 0;
  }
  return end;
}

}  // namespace image

// Bytes of a fatbin, an ELF cubin or NUL-terminated PTX, of which `readable` may be looked at; 0 where the headers
// contradict themselves, reach beyond that, or are a wrapper's.
inline std::size_t image_bytes(const void* at, std::size_t readable) {
  if (readable == 0) return 0;
  // Text may be shorter than a magic number: look at its first byte before reading four.
  const char first = *static_cast<const char*>(at);
  const bool binary = first == '\x50' || first == '\x7f' || first == '\xB1';
  const std::uint32_t magic = binary && readable >= 4 ? image::read_at<std::uint32_t>(at, 0) : 0;
  if (magic == wrapper_magic) return 0;
  if (magic == fatbin_magic) return image::fatbin_bytes(at, readable);
  if (magic == elf_magic) return image::elf_bytes(at, readable);
  std::size_t length = ::strnlen(static_cast<const char*>(at), readable);
  return length == readable ? 0 : length + 1;
}

}  // namespace vcuda::api
