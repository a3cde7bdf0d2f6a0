// Every function of the driver API exists: here as a weak one that says it is not supported, which the real
// one, where there is one, takes the place of in the same link. cuda.h must not be included: the weak ones
// have no parameters.
#include "runtime-libs/softgpu/calls/symbols.hpp"

#include <atomic>
#include <cstdio>

namespace {

constexpr int not_supported = 801;  // CUDA_ERROR_NOT_SUPPORTED

int refuse(const char* name, std::atomic<bool>& said) {
  if (!said.exchange(true)) fprintf(stderr, "vcuda softgpu: %s is not supported\n", name);
  return not_supported;
}

}  // namespace

#define PROC(base, variant, version, symbol)      \
  extern "C" __attribute__((weak)) int symbol() { \
    static std::atomic<bool> said{false};         \
    return refuse(#symbol, said);                 \
  }
#include "runtime-libs/export_tables/proc_map.def"
#undef PROC

namespace vcuda::softgpu {

void* symbol_address(size_t row) {
  static void* const addresses[] = {
#define PROC(base, variant, version, symbol) reinterpret_cast<void*>(&::symbol),
#include "runtime-libs/export_tables/proc_map.def"
#undef PROC
  };
  return addresses[row];
}

}  // namespace vcuda::softgpu
