// The map of memory this process got from CUDA: what cuPointerGetAttribute and cuMemcpy ask of an address.
// Device ranges as the worker gave them, host ranges allocated or registered here.
#pragma once
#include <cstdint>

#include "runtime-libs/api/driver_api.hpp"

namespace vcuda::client {

enum class Place : std::uint8_t { device, host, registered };

struct Allocation {
  std::uint64_t base;
  std::uint64_t bytes;
  CUcontext context;
  std::uint64_t id;  // unique for the process: CU_POINTER_ATTRIBUTE_BUFFER_ID
  std::uint32_t flags;
  Place place;
};

// False where memory is exhausted. The allocation's id is given here; what it overlaps is forgotten.
bool add_allocation(Allocation allocation);

// Removes the allocation that begins at base; false where none does, or its place is another.
bool remove_allocation(std::uint64_t base, Place place, Allocation* removed);

// Finds the allocation an address lies in.
bool find_allocation(std::uint64_t address, Allocation& found);

}  // namespace vcuda::client
