// Module images that arrive in parts ahead of the load that names them, and those a driver may still read from: with
// CU_LIBRARY_BINARY_IS_PRESERVED and lazy loading it may, until the module is unloaded. Bounded per session.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "runtime-libs/api/driver_api.hpp"

namespace vcuda::server {

class Images {
 public:
  // A complete image; its bytes count against the session's bound as long as any copy of this lives.
  class Image {
   public:
    Image() = default;
    bool empty() const { return !bytes_; }
    const std::byte* data() const { return bytes_->data(); }
    std::size_t size() const { return bytes_ ? bytes_->size() : 0; }

   private:
    friend class Images;
    explicit Image(std::shared_ptr<std::vector<std::byte>> bytes) : bytes_(std::move(bytes)) {}
    std::shared_ptr<std::vector<std::byte>> bytes_;
  };

  // CUDA_ERROR_UNKNOWN for parts that contradict each other, CUDA_ERROR_OUT_OF_MEMORY beyond the session's bound.
  CUresult add_part(std::uint64_t id, std::uint64_t total, std::uint64_t offset,
                    std::span<const std::byte> bytes);

  // Takes a complete image out; empty where it is not complete.
  Image take(std::uint64_t id);

  // Keeps images until the module or library of that handle is unloaded.
  void keep(std::uint64_t handle, std::vector<Image> images);
  void drop(std::uint64_t handle);

 private:
  static constexpr std::uint64_t max_session_bytes = std::uint64_t{8} << 30;
  struct Arriving {
    std::shared_ptr<std::vector<std::byte>> bytes;
    std::uint64_t total;
  };

  // What the session holds, shared with every image so that the last copy can give its bytes back.
  struct Held {
    std::mutex mutex;
    std::uint64_t bytes = 0;
  };

  std::mutex mutex_;
  std::shared_ptr<Held> held_ = std::make_shared<Held>();
  std::map<std::uint64_t, Arriving> arriving_;
  std::map<std::uint64_t, std::vector<Image>> kept_;
};

}  // namespace vcuda::server
