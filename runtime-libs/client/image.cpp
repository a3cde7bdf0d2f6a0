#include "runtime-libs/client/image.hpp"

#include <elf.h>
#include <cstring>

#include "runtime-libs/wire/limits.hpp"

namespace vcuda::client {
namespace {

template <class T>
T read_at(const void* base, std::size_t offset) {
  T value;
  std::memcpy(&value, static_cast<const char*>(base) + offset, sizeof value);
  return value;
}

std::size_t fatbin_bytes(const void* image) {
  auto header = read_at<std::uint16_t>(image, 6);
  auto rest = read_at<std::uint64_t>(image, 8);
  return rest > wire::max_image_bytes ? 0 : header + rest;
}

std::size_t elf_bytes(const void* image) {
  auto header = read_at<Elf64_Ehdr>(image, 0);
  if (header.e_ident[EI_CLASS] != ELFCLASS64) return 0;
  if (header.e_shnum && header.e_shentsize != sizeof(Elf64_Shdr)) return 0;
  if (header.e_phnum && header.e_phentsize != sizeof(Elf64_Phdr)) return 0;
  std::size_t end = sizeof header;
  auto reach = [&end](std::uint64_t offset, std::uint64_t bytes) {
    if (offset > wire::max_image_bytes || bytes > wire::max_image_bytes) return false;
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

}  // namespace

std::size_t image_bytes(const void* image) {
  // Text may be shorter than a magic number: look at its first byte before reading four.
  const char first = *static_cast<const char*>(image);
  if (first == '\x50' && read_at<std::uint32_t>(image, 0) == fatbin_magic) return fatbin_bytes(image);
  if (first == '\x7f' && read_at<std::uint32_t>(image, 0) == elf_magic) return elf_bytes(image);
  std::size_t length = ::strnlen(static_cast<const char*>(image), wire::max_image_bytes);
  return length == wire::max_image_bytes ? 0 : length + 1;
}

}  // namespace vcuda::client
