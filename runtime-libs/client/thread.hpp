// What the library knows of the calling thread: its number, its stack of current contexts, and whether a call
// in progress came through a per-thread-default-stream entry. Reading it costs one thread-local access.
#pragma once
#include <cstddef>
#include <cstdint>

#include "runtime-libs/api/driver_api.hpp"

namespace vcuda::client {

class Thread {
 public:
  constexpr Thread() = default;

  // Numbered from 1 in the order of first use.
  std::uint32_t number();

  CUcontext current() const { return depth_ ? stack_[depth_ - 1] : nullptr; }
  // As cuCtxSetCurrent: replaces the top; null pops it. False where memory is exhausted.
  bool set_current(CUcontext context);
  bool push(CUcontext context);
  // Null where the stack is empty.
  CUcontext pop();
  // Takes a destroyed context off wherever it is the top.
  void forget(CUcontext context);

  // The stream an entry's null stream means: 0, or CU_STREAM_PER_THREAD within a TWIN entry.
  std::uint64_t default_stream() const { return per_thread_default_ ? 2 : 0; }

 private:
  friend class PerThreadScope;
  std::uint32_t number_ = 0;
  bool per_thread_default_ = false;
  CUcontext* stack_ = nullptr;
  std::size_t depth_ = 0;
  std::size_t capacity_ = 0;
};

Thread& this_thread();

// In force while a _ptds or _ptsz entry runs.
class PerThreadScope {
 public:
  PerThreadScope() : thread_(this_thread()), before_(thread_.per_thread_default_) {
    thread_.per_thread_default_ = true;
  }
  ~PerThreadScope() { thread_.per_thread_default_ = before_; }
  PerThreadScope(const PerThreadScope&) = delete;

 private:
  Thread& thread_;
  bool before_;
};

}  // namespace vcuda::client
