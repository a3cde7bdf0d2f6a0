#include "runtime-libs/client/thread.hpp"

#include <atomic>
#include <cstdlib>

#include "runtime-libs/client/core.hpp"
#include "runtime-libs/client/old_glibc.hpp"

namespace vcuda::client {
namespace {

constinit thread_local Thread the_thread;
constinit std::atomic<std::uint32_t> threads{0};

// The worker keeps a thread and a stream for this client thread: tell it that both are free.
void on_exit(void* number) {
  core().thread_ended(static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(number)));
}

}  // namespace

Thread& this_thread() { return the_thread; }

std::uint32_t Thread::number() {
  if (number_ == 0) {
    number_ = threads.fetch_add(1, std::memory_order_relaxed) + 1;
    at_thread_exit(&on_exit, reinterpret_cast<void*>(std::uintptr_t{number_}));
  }
  return number_;
}

bool Thread::push(CUcontext context) {
  if (depth_ == capacity_) {
    std::size_t capacity = capacity_ ? capacity_ * 2 : 8;
    void* grown = std::realloc(stack_, capacity * sizeof(CUcontext));
    if (!grown) return false;
    stack_ = static_cast<CUcontext*>(grown);
    capacity_ = capacity;
  }
  stack_[depth_++] = context;
  return true;
}

CUcontext Thread::pop() { return depth_ ? stack_[--depth_] : nullptr; }

bool Thread::set_current(CUcontext context) {
  if (!context) {
    pop();
    return true;
  }
  if (depth_ == 0) return push(context);
  stack_[depth_ - 1] = context;
  return true;
}

void Thread::forget(CUcontext context) {
  while (depth_ && stack_[depth_ - 1] == context) --depth_;
}

}  // namespace vcuda::client
