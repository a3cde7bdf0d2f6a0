#include "runtime-libs/export_tables/export_tables.hpp"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "runtime-libs/export_tables/context_storage.hpp"
#include "runtime-libs/export_tables/integrity.hpp"

namespace vcuda::export_tables {
namespace {

std::atomic<const Backend*> served_backend{nullptr};

const Backend* driver() { return served_backend.load(std::memory_order_acquire); }

using Entry = const void*;

// Slots nobody was seen to call. Each is a function of its own, so that the message can say which one was
// missed.
template <const char* const& table, size_t slot, uintptr_t failure>
uintptr_t unserved() {
  static std::atomic<bool> said{false};
  if (!said.exchange(true)) {
    fprintf(stderr, "vcuda: private driver table %s has no function %zu here: the call fails\n", table, slot);
  }
  return failure;
}

// Sizes are those of NVIDIA's driver 550 (the first word of a table is its size in bytes).
constexpr size_t cudart_interface_words = 13;  // 550 has 12; the 13th is what newer runtimes look for
constexpr size_t callback_hooks_words = 7;
constexpr size_t tools_tls_words = 3;
constexpr size_t context_checks_words = 5;
constexpr size_t integrity_words = 3;
constexpr size_t driver_private_words = 86;
constexpr size_t module_enumeration_words = 92;

struct Slot {
  size_t index;
  Entry function;
};

template <size_t words>
struct Table {
  Entry entry[words];
};

template <const char* const& name, uintptr_t failure, size_t words, size_t... slots>
Table<words> unserved_table(std::index_sequence<slots...>) {
  return {{reinterpret_cast<Entry>(&unserved<name, slots, failure>)...}};
}

// Fills the words: the size first, a refusing function everywhere, then what is served.
template <const char* const& name, size_t words, uintptr_t failure = CUDA_ERROR_NOT_SUPPORTED, size_t n>
void fill(Table<words>& table, const Slot (&served)[n]) {
  table = unserved_table<name, failure, words>(std::make_index_sequence<words>{});
  table.entry[0] = reinterpret_cast<Entry>(words * sizeof(Entry));
  for (const Slot& slot : served) table.entry[slot.index] = slot.function;
}

const char* const cudart_interface_name = "CUDART_INTERFACE";
const char* const callback_hooks_name = "TOOLS_RUNTIME_CALLBACK_HOOKS";
const char* const tools_tls_name = "TOOLS_TLS";
const char* const context_checks_name = "CONTEXT_CHECKS";
const char* const integrity_name = "INTEGRITY_CHECK";
const char* const driver_private_name = "21318c60";
const char* const module_enumeration_name = "6e163fbe";

Table<cudart_interface_words> cudart_interface;
Table<callback_hooks_words> callback_hooks;
Table<tools_tls_words> tools_tls;
Table<context_checks_words> context_checks;
Table<integrity_words> integrity_check;
Table<driver_private_words> driver_private;
Table<module_enumeration_words> module_enumeration;
Table<4> context_local_storage;

// CUDART_INTERFACE

CUresult cudart_load(CUmodule* module, const void* image) {
  if (module == nullptr || image == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return driver()->load_module(module, image);
}

CUresult cudart_primary_context(CUcontext* context, CUdevice device) {
  if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return driver()->primary_context(context, device);
}

// The last three arguments were zero in every call seen; what they would mean is not known.
CUresult cudart_load_extended(CUmodule* module, const void* image, const void*, const void*, unsigned) {
  return cudart_load(module, image);
}

CUresult cudart_fatbin_unregistered(const void*) { return CUDA_SUCCESS; }

CUresult cudart_load_fatbin(const void* fatbin, CUmodule* module, const void*, const void*, unsigned) {
  return cudart_load(module, fatbin);
}

CUresult cudart_load_compilers() { return CUDA_SUCCESS; }

// TOOLS_RUNTIME_CALLBACK_HOOKS: words that switch profiler callbacks on. No profiler is served, so they stay
// zero.
constexpr size_t callback_words = 1024;
constexpr size_t callback_group_words = 14;
void* callback_flags[callback_words];
void* callback_group_flags[callback_group_words];

CUresult hooks_callback_flags(void** flags, size_t* size) {
  if (flags == nullptr || size == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *flags = callback_flags;
  *size = callback_words;
  return CUDA_SUCCESS;
}

CUresult hooks_callback_group_flags(void** flags, size_t* size) {
  if (flags == nullptr || size == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *flags = callback_group_flags;
  *size = callback_group_words;
  return CUDA_SUCCESS;
}

// TOOLS_TLS: cuBLASLt finds no algorithm when this is missing.
CUresult tls_current_context(CUcontext* context) {
  if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *context = driver()->current_context();
  return CUDA_SUCCESS;
}

// CONTEXT_CHECKS
CUresult checks_context(CUcontext, uint32_t* state, const void**) {
  if (state == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *state = 0;
  return CUDA_SUCCESS;
}

CUresult checks_process() { return CUDA_SUCCESS; }

// CONTEXT_LOCAL_STORAGE: a null context means the current one.
CUresult local_put(CUcontext context, void* key, void* value, StorageDestructor destructor) {
  if (context == nullptr) context = driver()->current_context();
  if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  return storage_put(context, key, value, destructor);
}

CUresult local_remove(CUcontext context, void* key) {
  if (context == nullptr) context = driver()->current_context();
  if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  return storage_remove(context, key);
}

CUresult local_get(void** value, CUcontext context, void* key) {
  if (value == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (context == nullptr) context = driver()->current_context();
  if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  return storage_get(value, context, key);
}

// INTEGRITY_CHECK
CUresult integrity_answer(uint32_t runtime_version, uint64_t unix_seconds, uint64_t* answer) {
  if (answer == nullptr) return CUDA_ERROR_INVALID_VALUE;
  int driver_version = 0;
  if (const CUresult result = driver()->driver_version(&driver_version); result != CUDA_SUCCESS)
    return result;
  const IntegrityQuestion question{static_cast<uint32_t>(driver_version),
                                   runtime_version,
                                   static_cast<uint32_t>(getpid()),
                                   static_cast<uint32_t>(pthread_self()),
                                   cudart_interface.entry,
                                   integrity_check.entry,
                                   integrity_check.entry[1],
                                   unix_seconds};
  return answer_integrity(question, *driver(), answer);
}

// 21318c60: cuBLASLt and cuFFT tell contexts apart by this number.
CUresult private_context_id(CUcontext context, uint64_t* id) {
  if (id == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return driver()->context_id(context, id);
}

// 6e163fbe: cuFFT walks the functions of a module. This table answers non-zero for success.
using ModuleFunctionCallback = void (*)(void* user, CUfunction function, void* unknown);
struct Walk {
  ModuleFunctionCallback callback;
  void* user;
};

uintptr_t enumerate_module(CUcontext, CUmodule module, ModuleFunctionCallback callback, void* user) {
  if (callback == nullptr) return 0;
  Walk walk{callback, user};
  const CUresult result = driver()->enumerate_functions(
      module,
      [](void* context, CUfunction function) {
        const auto* self = static_cast<Walk*>(context);
        self->callback(self->user, function, nullptr);
      },
      &walk);
  return result == CUDA_SUCCESS ? 1 : 0;
}

template <typename Function>
Entry entry_of(Function* function) {
  return reinterpret_cast<Entry>(function);
}

void build_tables() {
  fill<cudart_interface_name>(cudart_interface, {{1, entry_of(cudart_load)},
                                                 {2, entry_of(cudart_primary_context)},
                                                 {6, entry_of(cudart_load_extended)},
                                                 {7, entry_of(cudart_fatbin_unregistered)},
                                                 {8, entry_of(cudart_load_fatbin)},
                                                 {10, nullptr},  // null in NVIDIA's driver too
                                                 {12, entry_of(cudart_load_compilers)}});
  fill<callback_hooks_name>(callback_hooks,
                            {{2, entry_of(hooks_callback_flags)}, {6, entry_of(hooks_callback_group_flags)}});
  fill<tools_tls_name>(tools_tls, {{2, entry_of(tls_current_context)}});
  fill<context_checks_name>(context_checks, {{2, entry_of(checks_context)}, {3, entry_of(checks_process)}});
  fill<integrity_name>(integrity_check, {{1, entry_of(integrity_answer)}});
  fill<driver_private_name>(driver_private, {{4, entry_of(private_context_id)}});
  fill<module_enumeration_name, module_enumeration_words, 0>(module_enumeration,
                                                             {{7, entry_of(enumerate_module)}});
  // This table alone has no size word and ends with a null.
  context_local_storage = {{entry_of(local_put), entry_of(local_remove), entry_of(local_get), nullptr}};
}

struct NamedTable {
  unsigned char id[16];
  const Entry* entries;
};

const NamedTable tables[] = {
    {{0x6b, 0xd5, 0xfb, 0x6c, 0x5b, 0xf4, 0xe7, 0x4a, 0x89, 0x87, 0xd9, 0x39, 0x12, 0xfd, 0x9d, 0xf9},
     cudart_interface.entry},
    {{0xa0, 0x94, 0x79, 0x8c, 0x2e, 0x74, 0x2e, 0x74, 0x93, 0xf2, 0x08, 0x00, 0x20, 0x0c, 0x0a, 0x66},
     callback_hooks.entry},
    {{0x42, 0xd8, 0x5a, 0x81, 0x23, 0xf6, 0xcb, 0x47, 0x82, 0x98, 0xf6, 0xe7, 0x8a, 0x3a, 0xec, 0xdc},
     tools_tls.entry},
    {{0xc6, 0x93, 0x33, 0x6e, 0x11, 0x21, 0xdf, 0x11, 0xa8, 0xc3, 0x68, 0xf3, 0x55, 0xd8, 0x95, 0x93},
     context_local_storage.entry},
    {{0x26, 0x3e, 0x88, 0x60, 0x7c, 0xd2, 0x61, 0x43, 0x92, 0xf6, 0xbb, 0xd5, 0x00, 0x6d, 0xfa, 0x7e},
     context_checks.entry},
    {{0xd4, 0x08, 0x20, 0x55, 0xbd, 0xe6, 0x70, 0x4b, 0x8d, 0x34, 0xba, 0x12, 0x3c, 0x66, 0xe1, 0xf2},
     integrity_check.entry},
    {{0x21, 0x31, 0x8c, 0x60, 0x97, 0x14, 0x32, 0x48, 0x8c, 0xa6, 0x41, 0xff, 0x73, 0x24, 0xc8, 0xf2},
     driver_private.entry},
    {{0x6e, 0x16, 0x3f, 0xbe, 0xb9, 0x58, 0x44, 0x4d, 0x83, 0x5c, 0xe1, 0x82, 0xaf, 0xf1, 0x99, 0x1e},
     module_enumeration.entry},
};

// Not pthread_once: its newest version in glibc is too young for this room.
pthread_mutex_t build_lock = PTHREAD_MUTEX_INITIALIZER;

}  // namespace

void serve(const Backend& backend) {
  pthread_mutex_lock(&build_lock);
  if (driver() == nullptr) build_tables();
  served_backend.store(&backend, std::memory_order_release);
  pthread_mutex_unlock(&build_lock);
}

CUresult export_table(const void** table, const CUuuid* id) {
  if (table == nullptr || id == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *table = nullptr;
  if (driver() == nullptr) return CUDA_ERROR_NOT_INITIALIZED;
  for (const NamedTable& named : tables) {
    if (memcmp(named.id, id->bytes, sizeof named.id) == 0) {
      *table = named.entries;
      return CUDA_SUCCESS;
    }
  }
  return CUDA_ERROR_INVALID_VALUE;
}

}  // namespace vcuda::export_tables
