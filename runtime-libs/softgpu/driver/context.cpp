#include "runtime-libs/softgpu/driver/context.hpp"

#include <algorithm>
#include <utility>

namespace vcuda::softgpu {
namespace {

// Numbers for threads, because the system gives the same one to a later thread again.
uint64_t this_thread() {
  static std::atomic<uint64_t> next{1};
  thread_local const uint64_t number = next.fetch_add(1, std::memory_order_relaxed);
  return number;
}

// CUDA's own defaults, in bytes; the rest starts at 0.
constexpr size_t default_stack_bytes = 1024;
constexpr size_t default_printf_bytes = 1 << 20;
constexpr size_t default_heap_bytes = 8 << 20;
constexpr size_t default_l2_fetch_bytes = 64;

}  // namespace

Context::Context(int device_index, unsigned context_flags, bool primary, uint64_t context_number)
    : device(device_index), is_primary(primary), number(context_number), flags(context_flags), limits{} {
  limits[CU_LIMIT_STACK_SIZE] = default_stack_bytes;
  limits[CU_LIMIT_PRINTF_FIFO_SIZE] = default_printf_bytes;
  limits[CU_LIMIT_MALLOC_HEAP_SIZE] = default_heap_bytes;
  limits[CU_LIMIT_MAX_L2_FETCH_GRANULARITY] = default_l2_fetch_bytes;
}

void Context::set_fault(CUresult code) {
  CUresult none = CUDA_SUCCESS;
  fault_.compare_exchange_strong(none, code);
}

// A stream nobody holds a handle of any more, once its work is done.
void Context::forget_idle() {
  std::erase_if(streams_, [](const auto& stream) { return stream.use_count() == 1 && stream->idle(); });
}

std::shared_ptr<Stream> Context::add_stream(Stream::Kind kind, int priority) {
  const std::scoped_lock hold(lock_);
  forget_idle();
  streams_.push_back(std::make_shared<Stream>(kind, priority, next_stream_++, weak_from_this()));
  return streams_.back();
}

std::shared_ptr<Stream> Context::default_stream(bool per_thread) {
  const std::scoped_lock hold(lock_);
  std::shared_ptr<Stream>& stream = per_thread ? per_thread_[this_thread()] : legacy_;
  if (stream == nullptr) {
    const auto kind = per_thread ? Stream::Kind::blocking : Stream::Kind::legacy;
    stream = std::make_shared<Stream>(kind, 0, next_stream_++, weak_from_this());
    streams_.push_back(stream);
  }
  return stream;
}

std::vector<Context::Due> Context::due_before(const Stream& stream) {
  std::vector<Due> due;
  const auto add = [&](const std::shared_ptr<Stream>& other) {
    const uint64_t last = other->last();
    if (!other->done(last)) due.push_back({other, last});
  };
  if (stream.kind() == Stream::Kind::legacy) {
    for (const auto& other : streams_) {
      if (other->kind() == Stream::Kind::blocking) add(other);
    }
  } else if (stream.kind() == Stream::Kind::blocking && legacy_ != nullptr) {
    add(legacy_);
  }
  return due;
}

uint64_t Context::enqueue(const std::shared_ptr<Stream>& stream, std::function<void()> work, Skip skip) {
  const std::scoped_lock hold(lock_);
  // What is waited for was queued before, so no two streams ever wait for each other.
  return stream->submit([self = shared_from_this(), due = due_before(*stream), work = std::move(work), skip] {
    for (const Due& other : due) other.stream->wait(other.ticket);
    if (skip == Skip::never || self->fault() == CUDA_SUCCESS) work();
  });
}

CUresult Context::run(const std::shared_ptr<Stream>& stream, const std::function<void()>& work) {
  bool now = false;
  {
    const std::scoped_lock hold(lock_);
    now = stream->idle() && due_before(*stream).empty();
  }
  if (now) {
    if (fault() == CUDA_SUCCESS) work();
  } else {
    stream->wait(enqueue(stream, work));
  }
  return fault();
}

CUresult Context::synchronize() {
  std::vector<Due> due;
  {
    const std::scoped_lock hold(lock_);
    for (const auto& stream : streams_) due.push_back({stream, stream->last()});
  }
  for (const Due& each : due) each.stream->wait(each.ticket);
  return fault();
}

void Context::shut_down() {
  cancelled_ = true;
  synchronize();
  const std::scoped_lock hold(lock_);
  legacy_.reset();
  per_thread_.clear();
  streams_.clear();
}

void Context::restart() {
  cancelled_ = false;
  fault_ = CUDA_SUCCESS;
}

}  // namespace vcuda::softgpu
