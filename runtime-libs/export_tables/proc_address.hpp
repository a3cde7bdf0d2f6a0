// What cuGetProcAddress answers: from a base name, a CUDA version and the kind of default stream to the
// exported symbol. It knows names and versions only; which symbols exist behind them is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vcuda::export_tables {

// Number of rows of proc_map.def. A caller that wants addresses includes proc_map.def with its own PROC macro
// and gets an array in the same order.
extern const size_t proc_row_count;

enum class ProcStatus : uint8_t {
  found,                   // CU_GET_PROC_ADDRESS_SUCCESS
  not_found,               // CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND
  version_not_sufficient,  // CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT
  invalid_flags,           // the call itself fails with CUDA_ERROR_INVALID_VALUE
};

struct ProcMatch {
  ProcStatus status;
  size_t row;          // index into proc_map.def; meaningful when found
  const char* symbol;  // static, null unless found
};

// Says whether the driver in use has the symbol of that row.
using ProcSupported = bool (*)(size_t row, const char* symbol);

// Finds the newest supported symbol of that base name that is not newer than cuda_version (1000 * major + 10
// * minor), as NVIDIA's drivers 535 and 550 answer: flags 0 and 1 (CU_GET_PROC_ADDRESS_LEGACY_STREAM) take
// the legacy variant, 2 (CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM) the per-thread one where the function
// has one, others are invalid. Never falls from a per-thread variant back to the legacy one. Allocates
// nothing, takes no lock.
ProcMatch find_proc(const char* name, int cuda_version, uint64_t flags, ProcSupported supported);

}  // namespace vcuda::export_tables
