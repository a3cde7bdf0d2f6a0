// Module images that arrive in parts ahead of the load that names them, and those a driver may still read
// from: with CU_LIBRARY_BINARY_IS_PRESERVED and lazy loading it may, until the module is unloaded. Bounded
// per session.
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
  using Image = std::vector<std::byte>;

  // CUDA_ERROR_UNKNOWN for parts that contradict each other, CUDA_ERROR_OUT_OF_MEMORY beyond the session's
  // bound.
  CUresult add_part(std::uint64_t id, std::uint64_t total, std::uint64_t offset,
                    std::span<const std::byte> bytes);

  // Takes a complete image out; null where it is not complete.
  std::shared_ptr<Image> take(std::uint64_t id);

  // Keeps images until the module or library of that handle is unloaded.
  void keep(std::uint64_t handle, std::vector<std::shared_ptr<Image>> images);
  void drop(std::uint64_t handle);

 private:
  static constexpr std::uint64_t max_session_bytes = std::uint64_t{8} << 30;
  struct Arriving {
    std::shared_ptr<Image> image;
    std::uint64_t total;
  };

  std::mutex mutex_;
  std::uint64_t held_bytes_ = 0;
  std::map<std::uint64_t, Arriving> arriving_;
  std::map<std::uint64_t, std::vector<std::shared_ptr<Image>>> kept_;
};

}  // namespace vcuda::server
