// Buffers for request bodies too large for the read-ahead, lent to whoever carries the request out. Reused,
// because fresh memory of this size costs more in page faults than the copy it serves. Bounded by the calls a
// client may have under way.
#pragma once
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace vcuda::server {

class BodyBuffers {
 public:
  using Memory = std::unique_ptr<std::byte[]>;

  struct GiveBack {
    BodyBuffers* pool;
    void operator()(std::byte* memory) const { pool->give_back(Memory(memory)); }
  };
  // A buffer of wire::max_body_bytes; goes back by itself. Shared, so that a job that must be copyable can
  // hold it.
  using Lease = std::shared_ptr<std::byte>;

  Lease lend();

 private:
  static constexpr std::size_t max_kept = 16;

  void give_back(Memory memory);

  std::mutex mutex_;
  std::vector<Memory> free_;
};

}  // namespace vcuda::server
