// The answer to cudart's question "is this driver library the one I think it is"
// (cudaErrorSoftwareValidityNotEstablished, 103, when it is wrong). It binds process, thread and addresses,
// so it can only be computed inside the process.
#pragma once

#include <cuda.h>

#include <cstdint>

#include "runtime-libs/export_tables/backend.hpp"

namespace vcuda::export_tables {

// What the digest covers besides the devices, in the order the runtime hashes it.
struct IntegrityQuestion {
  uint32_t driver_version;
  uint32_t runtime_version;
  uint32_t process_id;
  uint32_t thread_id;  // low 32 bits of pthread_self()
  const void* cudart_table;
  const void* integrity_table;
  const void* check_function;
  uint64_t unix_seconds;
};

// Writes the 16-byte answer. The runtime asks with its own version, then +1, then +2: numbers ending in 0 and
// 1 have fixed answers, the rest a keyed digest over the question and every device. An error of the backend
// is returned.
CUresult answer_integrity(const IntegrityQuestion& question, const Backend& backend, uint64_t answer[2]);

}  // namespace vcuda::export_tables
