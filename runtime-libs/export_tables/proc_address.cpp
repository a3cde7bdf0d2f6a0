#include "runtime-libs/export_tables/proc_address.hpp"

#include <string.h>

namespace vcuda::export_tables {
namespace {

enum class Variant : uint8_t { legacy, per_thread };

struct Row {
  const char* name;
  Variant variant;
  int version;
  const char* symbol;
};

// Sorted by name, variant (legacy first), version: find_proc relies on it, a test proves it.
constexpr Row rows[] = {
#define PROC(name, variant, version, symbol) {#name, Variant::variant, version, #symbol},
#include "runtime-libs/export_tables/proc_map.def"
#undef PROC
};
constexpr size_t row_count = sizeof rows / sizeof rows[0];

size_t first_row_of(const char* name) {
  size_t low = 0;
  size_t high = row_count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (strcmp(rows[middle].name, name) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

const size_t proc_row_count = row_count;

ProcMatch find_proc(const char* name, int cuda_version, uint64_t flags, ProcSupported supported) {
  constexpr uint64_t per_thread_flag = 2;
  if (flags > per_thread_flag) return {ProcStatus::invalid_flags, 0, nullptr};
  ProcMatch match{ProcStatus::not_found, 0, nullptr};
  const size_t first = first_row_of(name);
  size_t last = first;
  bool has_per_thread = false;
  for (; last < row_count && strcmp(rows[last].name, name) == 0; ++last) {
    has_per_thread = has_per_thread || rows[last].variant == Variant::per_thread;
  }
  const Variant wanted = flags == per_thread_flag && has_per_thread ? Variant::per_thread : Variant::legacy;
  for (size_t row = first; row < last; ++row) {
    if (rows[row].variant != wanted || !supported(row, rows[row].symbol)) continue;
    if (rows[row].version <= cuda_version) {
      match = {ProcStatus::found, row, rows[row].symbol};
    } else if (match.status == ProcStatus::not_found) {
      match.status = ProcStatus::version_not_sufficient;
    }
  }
  return match;
}

}  // namespace vcuda::export_tables
