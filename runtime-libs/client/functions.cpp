#include "runtime-libs/client/functions.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#include "runtime-libs/api/table.hpp"
#include "runtime-libs/client/core.hpp"
#include "runtime-libs/wire/cursor.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::client {
namespace {

static_assert(function_attributes_count == CU_FUNC_ATTRIBUTE_MAX);

constexpr std::size_t chunk_size = 1024;
constexpr std::size_t max_chunks = 4096;  // four million functions a process

using Slot = std::atomic<Function*>;
constinit std::atomic<Slot*> chunks[max_chunks] = {};
constinit std::atomic<std::uint64_t> next_number{1};
constinit pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

Slot* chunk_for(std::uint64_t number) {
  std::size_t index = number / chunk_size;
  if (index >= max_chunks) return nullptr;
  Slot* chunk = chunks[index].load(std::memory_order_acquire);
  if (chunk) return chunk;
  ::pthread_mutex_lock(&mutex);
  chunk = chunks[index].load(std::memory_order_acquire);
  if (!chunk) {
    chunk = static_cast<Slot*>(std::calloc(chunk_size, sizeof(Slot)));
    chunks[index].store(chunk, std::memory_order_release);
  }
  ::pthread_mutex_unlock(&mutex);
  return chunk;
}

}  // namespace

std::uint64_t reserve_function() { return api::make_handle(api::Kind::function, next_number.fetch_add(1)); }

Function* add_function(std::uint64_t handle, const char* name, const ParamLayout* params,
                       std::uint32_t param_count) {
  const std::uint64_t number = api::number_in(handle);
  Slot* chunk = chunk_for(number);
  if (!chunk) return nullptr;
  for (std::uint32_t i = 0; i < param_count; ++i)
    if (params[i].offset > wire::max_kernel_params_bytes || params[i].size > wire::max_kernel_params_bytes)
      return nullptr;
  std::size_t name_bytes = std::strlen(name) + 1;
  std::size_t layout_bytes = param_count * sizeof(ParamLayout);
  auto* memory = static_cast<char*>(std::malloc(sizeof(Function) + layout_bytes + name_bytes));
  if (!memory) return nullptr;
  auto* layout = reinterpret_cast<ParamLayout*>(memory + sizeof(Function));
  if (layout_bytes) std::memcpy(layout, params, layout_bytes);
  char* own_name = memory + sizeof(Function) + layout_bytes;
  std::memcpy(own_name, name, name_bytes);
  std::uint32_t end = 0;
  for (std::uint32_t i = 0; i < param_count; ++i)
    if (layout[i].offset + layout[i].size > end) end = layout[i].offset + layout[i].size;
  auto* function = new (memory) Function{handle, own_name, layout, param_count, end, {}, {}, {}};
  chunk[number % chunk_size].store(function, std::memory_order_release);
  return function;
}

Function* find_function(const void* handle) {
  auto value = reinterpret_cast<std::uint64_t>(handle);
  if (api::kind_in(value) != api::Kind::function) return nullptr;
  std::uint64_t number = api::number_in(value);
  if (number / chunk_size >= max_chunks) return nullptr;
  Slot* chunk = chunks[number / chunk_size].load(std::memory_order_acquire);
  return chunk ? chunk[number % chunk_size].load(std::memory_order_acquire) : nullptr;
}

CUresult know_attributes(Function& function) {
  if (function.attributes_known.load(std::memory_order_acquire)) return CUDA_SUCCESS;
  const Segment body[] = {{&function.handle, sizeof function.handle}};
  std::int32_t values[2 * function_attributes_count];
  Waiter waiter;
  waiter.into[0] = {values, sizeof values};
  if (CUresult failed = core().ask(api::row::function_attributes, body, waiter)) return failed;
  if (waiter.received != sizeof values) return CUDA_ERROR_UNKNOWN;
  ::pthread_mutex_lock(&mutex);
  if (!function.attributes_known.load(std::memory_order_relaxed)) {
    for (int i = 0; i < function_attributes_count; ++i) {
      function.attributes[i].store(values[i], std::memory_order_relaxed);
      function.attribute_results[i] = values[function_attributes_count + i];
    }
    function.attributes_known.store(true, std::memory_order_release);
  }
  ::pthread_mutex_unlock(&mutex);
  return CUDA_SUCCESS;
}

}  // namespace vcuda::client
