#include "runtime-libs/client/contexts.hpp"

#include <pthread.h>
#include <cstdlib>

#include "runtime-libs/api/handle.hpp"
#include "runtime-libs/client/core.hpp"

namespace vcuda::client {
namespace {

constinit ContextFacts* items = nullptr;
constinit std::size_t count = 0;
constinit std::size_t capacity = 0;
constinit pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

constinit Primary primaries[wire::max_devices] = {};
constinit pthread_mutex_t primary_mutex = PTHREAD_MUTEX_INITIALIZER;

}  // namespace

bool add_context(const ContextFacts& facts) {
  ::pthread_mutex_lock(&mutex);
  bool ok = true;
  if (count == capacity) {
    std::size_t grown = capacity ? capacity * 2 : 16;
    void* memory = std::realloc(items, grown * sizeof(ContextFacts));
    ok = memory != nullptr;
    if (ok) {
      items = static_cast<ContextFacts*>(memory);
      capacity = grown;
    }
  }
  if (ok) items[count++] = facts;
  ::pthread_mutex_unlock(&mutex);
  return ok;
}

void remove_context(CUcontext context) {
  ::pthread_mutex_lock(&mutex);
  for (std::size_t i = 0; i < count; ++i) {
    if (items[i].context != context) continue;
    items[i] = items[--count];
    break;
  }
  ::pthread_mutex_unlock(&mutex);
}

bool find_context(CUcontext context, ContextFacts& facts) {
  auto handle = reinterpret_cast<std::uint64_t>(context);
  if (api::kind_in(handle) != api::Kind::context) return false;
  std::uint64_t number = api::number_in(handle);
  if (number < api::first_minted_number) {
    int device = static_cast<int>(number) - 1;
    if (!core().snapshot().device(device)) return false;
    facts = {context, device, PrimaryLock(device)->flags};
    return true;
  }
  bool found = false;
  ::pthread_mutex_lock(&mutex);
  for (std::size_t i = 0; i < count && !found; ++i) {
    if (items[i].context != context) continue;
    facts = items[i];
    found = true;
  }
  ::pthread_mutex_unlock(&mutex);
  return found;
}

PrimaryLock::PrimaryLock(CUdevice device) : primary_(primaries[device]) {
  ::pthread_mutex_lock(&primary_mutex);
}
PrimaryLock::~PrimaryLock() { ::pthread_mutex_unlock(&primary_mutex); }

}  // namespace vcuda::client
