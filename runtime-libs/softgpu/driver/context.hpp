// A context: its streams and the order among them, its fault, its limits. One per cuCtxCreate, one per device
// for good as the primary context, which is active while somebody retains it.
#pragma once

#include "runtime-libs/api/driver_api.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime-libs/softgpu/driver/stream.hpp"

namespace vcuda::softgpu {

class Context : public std::enable_shared_from_this<Context> {
 public:
  Context(int device, unsigned flags, bool primary, uint64_t number);

  const int device;
  const bool is_primary;
  const uint64_t number;  // never used twice
  std::atomic<unsigned> flags;
  std::atomic<size_t> limits[CU_LIMIT_MAX];
  std::atomic<int> cache_config{CU_FUNC_CACHE_PREFER_NONE};
  std::atomic<int> shared_config{CU_SHARED_MEM_CONFIG_DEFAULT_BANK_SIZE};

  // CUDA_SUCCESS, or the code that every call in this context gives from the first fault on.
  CUresult fault() const { return fault_.load(std::memory_order_acquire); }
  void set_fault(CUresult code);

  std::shared_ptr<Stream> add_stream(Stream::Kind kind, int priority);
  // The NULL stream, or the calling thread's own default stream.
  std::shared_ptr<Stream> default_stream(bool per_thread);

  // Queues work on the stream after whatever CUDA orders it after: what is on the stream, and between the
  // NULL stream and blocking streams what is on the others. After a fault work is skipped, unless it always
  // has to run (marks).
  enum class Skip : uint8_t { after_fault, never };
  uint64_t enqueue(const std::shared_ptr<Stream>& stream, std::function<void()> work,
                   Skip skip = Skip::after_fault);
  // The same, and waits for it; done here and now if nothing is before it. Returns the fault.
  CUresult run(const std::shared_ptr<Stream>& stream, const std::function<void()>& work);
  // Waits for all streams and returns the fault.
  CUresult synchronize();

  // Stops kernels at their next instructions and waits until all streams are empty; then the streams are
  // gone.
  void shut_down();
  // Makes a shut down primary context usable again.
  void restart();
  const std::atomic<bool>& cancelled() const { return cancelled_; }

 private:
  struct Due {
    std::shared_ptr<Stream> stream;
    uint64_t ticket;
  };
  std::vector<Due> due_before(const Stream& stream);
  void forget_idle();

  std::atomic<CUresult> fault_{CUDA_SUCCESS};
  std::atomic<bool> cancelled_{false};
  std::mutex lock_;  // orders all queueing in the context
  std::shared_ptr<Stream> legacy_;
  std::map<uint64_t, std::shared_ptr<Stream>> per_thread_;
  std::vector<std::shared_ptr<Stream>> streams_;  // all of them, destroyed ones until they are empty
  uint64_t next_stream_ = 1;
};

}  // namespace vcuda::softgpu
