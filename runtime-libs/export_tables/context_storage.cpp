#include "runtime-libs/export_tables/context_storage.hpp"

#include <pthread.h>
#include <stdlib.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace vcuda::export_tables {
namespace {

// A node is written by the holder of the lock alone and never given back to libc, so a reader that walks a
// chain while it changes reads old or new words of live memory; the sequence number then tells it to walk
// again.
struct Node {
  std::atomic<Node*> next;
  std::atomic<CUcontext> context;
  std::atomic<void*> key;
  std::atomic<void*> value;
  std::atomic<StorageDestructor> destructor;
};

// A process has a handful of contexts and runtimes: 256 chains keep each of them a step or two long.
constexpr size_t chain_count = 256;

// A reader gives up walking without the lock after this many tries, so a stopped writer costs time and no
// liveness.
constexpr int lock_free_tries = 64;

// The C ABI these functions stand behind has no object to hang state on.
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
std::atomic<uint64_t> sequence{0};  // odd while a writer is at work
std::atomic<Node*> chains[chain_count];
Node* spare = nullptr;  // guarded by lock

size_t chain_of(CUcontext context, void* key) {
  // Handles may be small consecutive numbers, keys are addresses: a multiplicative hash spreads both
  // (Knuth, The Art of Computer Programming 3, 6.4; 2^64 divided by the golden ratio).
  const uint64_t mixed = (reinterpret_cast<uintptr_t>(context) * 31 + reinterpret_cast<uintptr_t>(key)) *
                         UINT64_C(0x9E3779B97F4A7C15);
  return mixed >> 56;
}

class Writer {
 public:
  Writer() {
    pthread_mutex_lock(&lock);
    sequence.store(sequence.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
  }
  ~Writer() {
    sequence.store(sequence.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    pthread_mutex_unlock(&lock);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
};

Node* find(CUcontext context, void* key) {
  // The bound is for a reader whose chain is being rebuilt under it; real chains are a few nodes.
  int steps = 1 << 20;
  Node* node = chains[chain_of(context, key)].load(std::memory_order_acquire);
  for (; node != nullptr && steps > 0; node = node->next.load(std::memory_order_acquire), --steps) {
    if (node->context.load(std::memory_order_relaxed) == context &&
        node->key.load(std::memory_order_relaxed) == key) {
      return node;
    }
  }
  return nullptr;
}

Node* new_node() {
  if (spare != nullptr) {
    Node* node = spare;
    spare = node->next.load(std::memory_order_relaxed);
    return node;
  }
  return static_cast<Node*>(calloc(1, sizeof(Node)));
}

// Takes a node out of its chain and returns it, null if absent. The node's next still leads on, for readers
// on it.
Node* unlink(size_t chain, CUcontext context, const void* key, bool any_key) {
  std::atomic<Node*>* link = &chains[chain];
  while (Node* node = link->load(std::memory_order_relaxed)) {
    if (node->context.load(std::memory_order_relaxed) == context &&
        (any_key || node->key.load(std::memory_order_relaxed) == key)) {
      link->store(node->next.load(std::memory_order_relaxed), std::memory_order_release);
      return node;
    }
    link = &node->next;
  }
  return nullptr;
}

void recycle(Node* node) {
  node->context.store(nullptr, std::memory_order_relaxed);
  node->next.store(spare, std::memory_order_relaxed);
  spare = node;
}

}  // namespace

CUresult storage_put(CUcontext context, void* key, void* value, StorageDestructor destructor) {
  const Writer writer;
  Node* node = find(context, key);
  const bool fresh = node == nullptr;
  if (fresh) {
    node = new_node();
    if (node == nullptr) return CUDA_ERROR_OUT_OF_MEMORY;
    node->context.store(context, std::memory_order_relaxed);
    node->key.store(key, std::memory_order_relaxed);
  }
  node->value.store(value, std::memory_order_relaxed);
  node->destructor.store(destructor, std::memory_order_relaxed);
  if (fresh) {
    std::atomic<Node*>& chain = chains[chain_of(context, key)];
    node->next.store(chain.load(std::memory_order_relaxed), std::memory_order_relaxed);
    chain.store(node, std::memory_order_release);
  }
  return CUDA_SUCCESS;
}

CUresult storage_get(void** value, CUcontext context, void* key) {
  for (int attempt = 0; attempt < lock_free_tries; ++attempt) {
    const uint64_t before = sequence.load(std::memory_order_acquire);
    if ((before & 1) != 0) continue;
    Node* node = find(context, key);
    void* found = node != nullptr ? node->value.load(std::memory_order_relaxed) : nullptr;
    std::atomic_thread_fence(std::memory_order_acquire);
    if (sequence.load(std::memory_order_relaxed) != before) continue;
    if (node == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    *value = found;
    return CUDA_SUCCESS;
  }
  pthread_mutex_lock(&lock);
  Node* node = find(context, key);
  if (node != nullptr) *value = node->value.load(std::memory_order_relaxed);
  pthread_mutex_unlock(&lock);
  return node != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult storage_remove(CUcontext context, void* key) {
  const Writer writer;
  Node* node = unlink(chain_of(context, key), context, key, false);
  if (node == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  recycle(node);
  return CUDA_SUCCESS;
}

void storage_context_gone(CUcontext context) {
  // A destructor may store again under the same context (a runtime that restarts in it): taking one value at
  // a time, chain by chain, ends because each chain is left behind once.
  for (size_t chain = 0; chain < chain_count; ++chain) {
    for (;;) {
      void* key = nullptr;
      void* value = nullptr;
      StorageDestructor destructor = nullptr;
      {
        const Writer writer;
        Node* node = unlink(chain, context, nullptr, true);
        if (node == nullptr) break;
        key = node->key.load(std::memory_order_relaxed);
        value = node->value.load(std::memory_order_relaxed);
        destructor = node->destructor.load(std::memory_order_relaxed);
        recycle(node);
      }
      if (destructor != nullptr) destructor(context, key, value);
    }
  }
}

}  // namespace vcuda::export_tables
