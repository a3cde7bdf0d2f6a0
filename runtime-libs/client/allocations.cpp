#include "runtime-libs/client/allocations.hpp"

#include <pthread.h>
#include <cstdlib>
#include <cstring>

namespace vcuda::client {
namespace {

// Sorted by base. Programs hold some thousands at most (PyTorch's caching allocator some hundreds).
constinit Allocation* items = nullptr;
constinit std::size_t count = 0;
constinit std::size_t capacity = 0;
constinit std::uint64_t next_id = 1;
constinit pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

class Lock {
 public:
  Lock() { ::pthread_mutex_lock(&mutex); }
  ~Lock() { ::pthread_mutex_unlock(&mutex); }
};

// Index of the first allocation whose base is above the address.
std::size_t above(std::uint64_t address) {
  std::size_t low = 0, high = count;
  while (low < high) {
    std::size_t middle = low + (high - low) / 2;
    if (items[middle].base <= address)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

}  // namespace

bool add_allocation(Allocation allocation) {
  Lock lock;
  if (count == capacity) {
    std::size_t grown = capacity ? capacity * 2 : 256;
    void* memory = std::realloc(items, grown * sizeof(Allocation));
    if (!memory) return false;
    items = static_cast<Allocation*>(memory);
    capacity = grown;
  }
  allocation.id = next_id++;
  // What it overlaps is gone, whether or not this library was told: a module's variables go with their module.
  std::size_t first = above(allocation.base);
  if (first > 0 && allocation.base - items[first - 1].base < items[first - 1].bytes) --first;
  std::size_t last = first;
  while (last < count && items[last].base < allocation.base + allocation.bytes) ++last;
  std::memmove(items + first, items + last, (count - last) * sizeof(Allocation));
  count -= last - first;
  std::size_t at = above(allocation.base);
  std::memmove(items + at + 1, items + at, (count - at) * sizeof(Allocation));
  items[at] = allocation;
  ++count;
  return true;
}

bool remove_allocation(std::uint64_t base, Place place, Allocation* removed) {
  Lock lock;
  std::size_t at = above(base);
  if (at == 0 || items[at - 1].base != base || items[at - 1].place != place) return false;
  if (removed) *removed = items[at - 1];
  std::memmove(items + at - 1, items + at, (count - at) * sizeof(Allocation));
  --count;
  return true;
}

bool find_allocation(std::uint64_t address, Allocation& found) {
  Lock lock;
  std::size_t at = above(address);
  if (at == 0 || address - items[at - 1].base >= items[at - 1].bytes) return false;
  found = items[at - 1];
  return true;
}

}  // namespace vcuda::client
