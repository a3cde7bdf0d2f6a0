// Kernels and functions as the client knows them: name, parameter layout, attributes. A handle's number is
// its index, so a launch finds its layout without a lock. Entries live as long as the process: cudart keeps
// handles past an unload.
#pragma once
#include <pthread.h>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime-libs/api/driver_api.hpp"

namespace vcuda::client {

inline constexpr int function_attributes_count = 16;  // CU_FUNC_ATTRIBUTE_MAX of cuda.h 13.0

struct ParamLayout {
  std::uint32_t offset;
  std::uint32_t size;
};

struct Function {
  std::uint64_t handle;
  const char* name;
  const ParamLayout* params;
  std::uint32_t param_count;
  std::uint32_t param_bytes;  // end of the last parameter

  // Filled by one request at first use; reading needs `attributes_known`.
  std::atomic<bool> attributes_known{false};
  std::atomic<std::int32_t> attributes[function_attributes_count];
  std::int32_t attribute_results[function_attributes_count];  // CUresult of each
};

// A handle no function has yet; Core::mint gives these out for its kind too.
std::uint64_t reserve_function();

// Creates the entry of a reserved handle; name and layout are copied. nullptr where memory or numbers are
// exhausted.
Function* add_function(std::uint64_t handle, const char* name, const ParamLayout* params,
                       std::uint32_t param_count);

// nullptr for a handle that is none.
Function* find_function(const void* handle);

// Fetches the attributes if that was not done.
CUresult know_attributes(Function& function);

}  // namespace vcuda::client
