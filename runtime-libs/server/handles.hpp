// The worker's objects by the numbers its client gave them, one table a kind. A number that is unknown, or of
// another kind, is CUDA_ERROR_INVALID_HANDLE; one whose creation failed is that failure, at every use.
#pragma once
#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "runtime-libs/api/handle.hpp"

namespace vcuda::server {

class Handles {
 public:
  template <class T>
  CUresult find(std::uint64_t handle, T& object) const {
    static_assert(api::kind_of<T> != api::Kind::none, "this type has no table yet: add its Kind");
    void* found = nullptr;
    CUresult result = find(api::kind_of<T>, handle, found);
    // A kernel may stand for a function, not the other way round.
    if (std::is_same_v<T, CUkernel> && result == CUDA_SUCCESS && !is_kernel(handle)) {
      found = nullptr;
      result = CUDA_ERROR_INVALID_HANDLE;
    }
    object = static_cast<T>(found);
    return result;
  }

  // Notes a created object, or why there is none. A number already taken is CUDA_ERROR_INVALID_HANDLE.
  template <class T>
  CUresult add(std::uint64_t handle, T object, CUresult creation) {
    return add(api::kind_of<T>, handle, {object, creation, std::is_same_v<T, CUkernel>});
  }

  // Kernels and functions share their numbers (see api/handle.hpp), but not every call of the driver takes
  // both.
  bool is_kernel(std::uint64_t handle) const;

  void remove(std::uint64_t handle);

 private:
  struct Entry {
    void* object;
    CUresult creation;
    bool kernel;
  };
  // A session creating objects without end is its own memory's problem only up to here.
  static constexpr std::size_t max_entries = 4u << 20;

  CUresult find(api::Kind kind, std::uint64_t handle, void*& object) const;
  CUresult add(api::Kind kind, std::uint64_t handle, Entry entry);

  mutable std::mutex mutex_;
  std::array<std::unordered_map<std::uint64_t, Entry>, static_cast<std::size_t>(api::Kind::count_)> tables_;
};

}  // namespace vcuda::server
