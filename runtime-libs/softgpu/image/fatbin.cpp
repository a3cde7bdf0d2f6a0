#include "runtime-libs/softgpu/image/fatbin.hpp"

#include <lz4.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "runtime-libs/softgpu/ptx/limits.hpp"

namespace vcuda::softgpu {
namespace {

constexpr uint32_t wrapper_magic = 0x466243B1;  // fatbinary_section.h, FATBINC_MAGIC
constexpr uint32_t fatbin_magic = 0xBA55ED50;
constexpr uint32_t elf_magic = 0x464C457F;
constexpr uint64_t max_fatbin_bytes = uint64_t{4} << 30;

struct Wrapper {
  uint32_t magic;
  uint32_t version;  // 2: relocatable device code, data may be empty
  const void* data;
  const void* more;
};

struct FatbinHeader {
  uint32_t magic;
  uint16_t version;
  uint16_t header_bytes;
  uint64_t body_bytes;
};
static_assert(sizeof(FatbinHeader) == 16);

struct EntryHeader {
  uint16_t kind;
  uint16_t version;
  uint32_t header_bytes;
  uint64_t payload_bytes;
  uint32_t compressed_bytes;  // 0 where the payload is plain
  uint32_t options;
  uint16_t minor;
  uint16_t major;
  uint32_t architecture;
  uint32_t name;
  uint32_t name_bytes;
  uint64_t flags;
  uint64_t zero;
  uint64_t uncompressed_bytes;
};
static_assert(sizeof(EntryHeader) == 64);

constexpr uint16_t kind_ptx = 1;
constexpr uint16_t kind_cubin = 2;
constexpr uint64_t flag_lz4 = 0x2000;
constexpr uint64_t flag_zstd = 0x8000;
constexpr uint64_t flag_one_architecture = 0x100000;  // sm_90a: for that architecture alone
constexpr uint64_t flag_one_family = 0x200000;        // sm_100f: for that major number

struct Entry {
  EntryHeader header;
  std::span<const std::byte> payload;
};

LoadFailure malformed(const char* what) {
  return {CUDA_ERROR_INVALID_IMAGE, std::string("malformed fatbin: ") + what};
}

bool runs_on(const EntryHeader& entry, unsigned compute_capability) {
  if ((entry.flags & flag_one_architecture) != 0) return entry.architecture == compute_capability;
  if ((entry.flags & flag_one_family) != 0) return entry.architecture / 10 == compute_capability / 10;
  return entry.architecture <= compute_capability;
}

LoadResult<std::string> text_of(const Entry& entry) {
  const EntryHeader& header = entry.header;
  std::string text;
  if ((header.flags & (flag_lz4 | flag_zstd)) == 0) {
    text.assign(reinterpret_cast<const char*>(entry.payload.data()), entry.payload.size());
  } else {
    if (header.uncompressed_bytes == 0 || header.uncompressed_bytes > ptx::max_text_bytes)
      return malformed("a text of more than 256 MiB");
    if (header.compressed_bytes > entry.payload.size()) return malformed("an entry larger than its room");
    const size_t compressed = header.compressed_bytes;
    text.resize(header.uncompressed_bytes);
    const auto* from = reinterpret_cast<const char*>(entry.payload.data());
    if ((header.flags & flag_zstd) != 0) {
      const size_t got = ZSTD_decompress(text.data(), text.size(), from, compressed);
      if (ZSTD_isError(got) != 0) return malformed("its zstd data does not unpack");
      text.resize(got);
    } else {
      if (compressed > LZ4_MAX_INPUT_SIZE) return malformed("too much LZ4 data");
      const int got =
          LZ4_decompress_safe(from, text.data(), static_cast<int>(compressed), static_cast<int>(text.size()));
      if (got < 0) return malformed("its LZ4 data does not unpack");
      text.resize(static_cast<size_t>(got));
    }
  }
  text.resize(std::min(text.size(), text.find('\0')));
  return text;
}

std::string architectures(const std::vector<Entry>& entries, uint16_t kind, const char* prefix) {
  std::string list;
  for (const Entry& entry : entries) {
    if (entry.header.kind != kind) continue;
    list += list.empty() ? "" : ", ";
    list += prefix + std::to_string(entry.header.architecture);
    if ((entry.header.flags & flag_one_architecture) != 0) list += "a";
    if ((entry.header.flags & flag_one_family) != 0) list += "f";
  }
  return list;
}

LoadResult<std::vector<Entry>> entries_of(std::span<const std::byte> fatbin) {
  FatbinHeader header;
  if (fatbin.size() < sizeof header) return malformed("no room for its header");
  std::memcpy(&header, fatbin.data(), sizeof header);
  if (header.magic != fatbin_magic) return malformed("no fatbin at all");
  if (header.header_bytes < sizeof header || header.header_bytes > fatbin.size())
    return malformed("its header's size");
  if (header.body_bytes > fatbin.size() - header.header_bytes)
    return malformed("it ends before its body does");
  std::span<const std::byte> rest = fatbin.subspan(header.header_bytes, header.body_bytes);
  std::vector<Entry> entries;
  while (!rest.empty()) {
    Entry entry{};
    if (rest.size() < sizeof entry.header) return malformed("it ends inside an entry");
    std::memcpy(&entry.header, rest.data(), sizeof entry.header);
    if (entry.header.header_bytes < sizeof entry.header || entry.header.header_bytes > rest.size() ||
        entry.header.payload_bytes > rest.size() - entry.header.header_bytes) {
      return malformed("an entry larger than its room");
    }
    entry.payload = rest.subspan(entry.header.header_bytes, entry.header.payload_bytes);
    rest = rest.subspan(entry.header.header_bytes + entry.header.payload_bytes);
    entries.push_back(entry);
  }
  return entries;
}

bool starts_text(unsigned char c) {
  return c == '/' || c == '.' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

LoadResult<std::string> ptx_in_fatbin(std::span<const std::byte> fatbin, unsigned compute_capability) {
  const auto entries = entries_of(fatbin);
  if (!entries) return entries.error();
  const Entry* best = nullptr;
  for (const Entry& entry : *entries) {
    if (entry.header.kind != kind_ptx || !runs_on(entry.header, compute_capability)) continue;
    if (best == nullptr || entry.header.architecture > best->header.architecture) best = &entry;
  }
  if (best != nullptr) return text_of(*best);
  const std::string ptx = architectures(*entries, kind_ptx, "compute_");
  const std::string cubins = architectures(*entries, kind_cubin, "sm_");
  return LoadFailure{CUDA_ERROR_NO_BINARY_FOR_GPU,
                     "the software GPU runs PTX of compute_" + std::to_string(compute_capability) +
                         " or older and the image has none (PTX: " + (ptx.empty() ? "none" : ptx) +
                         "; machine code: " + (cubins.empty() ? "none" : cubins) +
                         "); build it with -gencode arch=compute_75,code=compute_75"};
}

LoadResult<std::string> ptx_in_image(const void* image, unsigned compute_capability) {
  uint32_t magic = 0;
  // A text may be shorter than four bytes; its NUL ends the reading.
  const auto* bytes = static_cast<const unsigned char*>(image);
  for (int i = 0; i < 4; ++i) {
    magic |= uint32_t{bytes[i]} << 8 * i;
    if (bytes[i] == 0) break;
  }
  const void* fatbin = image;
  if (magic == wrapper_magic) {
    Wrapper wrapper;
    std::memcpy(&wrapper, image, sizeof wrapper);
    if (wrapper.data == nullptr) return malformed("its wrapper points nowhere");
    fatbin = wrapper.data;
    std::memcpy(&magic, fatbin, sizeof magic);
    if (magic != fatbin_magic) return malformed("its wrapper points to something else");
  }
  if (magic == fatbin_magic) {
    FatbinHeader header;
    std::memcpy(&header, fatbin, sizeof header);
    if (header.body_bytes > max_fatbin_bytes) return malformed("more than 4 GiB");
    return ptx_in_fatbin({static_cast<const std::byte*>(fatbin), header.header_bytes + header.body_bytes},
                         compute_capability);
  }
  if (magic == elf_magic) {
    return LoadFailure{
        CUDA_ERROR_NO_BINARY_FOR_GPU,
        "the image is machine code (a cubin) of an NVIDIA GPU; the software GPU runs PTX only"};
  }
  if (!starts_text(bytes[0]))
    return LoadFailure{CUDA_ERROR_INVALID_IMAGE, "the image is neither a fatbin nor PTX text"};
  const auto* text = static_cast<const char*>(image);
  const size_t length = strnlen(text, ptx::max_text_bytes + 1);
  if (length > ptx::max_text_bytes)
    return LoadFailure{CUDA_ERROR_INVALID_IMAGE, "a PTX text of more than 256 MiB"};
  return std::string(text, length);
}

}  // namespace vcuda::softgpu
