// Memory that needs remembering: allocations, host memory, and what is asked of a pointer.
#include <sys/mman.h>
#include <cstdlib>

#include "runtime-libs/client/allocations.hpp"
#include "runtime-libs/client/contexts.hpp"
#include "runtime-libs/client/exported.hpp"
#include "runtime-libs/client/forward.hpp"

using namespace vcuda::client;

namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t whole_pages(std::uint64_t bytes) { return (bytes + page - 1) & ~(page - 1); }

CUresult remember(CUdeviceptr base, std::uint64_t bytes, Place place, unsigned flags) {
  bool added = add_allocation({base, bytes, this_thread().current(), 0, flags, place});
  return added ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

}  // namespace

VCUDA_EXPORT CUresult cuMemAlloc_v2(CUdeviceptr* dptr, size_t bytesize) {
  if (!dptr || bytesize == 0) return CUDA_ERROR_INVALID_VALUE;
  CUresult made = forward<&cuMemAlloc_v2>(dptr, bytesize);
  return made == CUDA_SUCCESS ? remember(*dptr, bytesize, Place::device, 0) : made;
}

VCUDA_EXPORT CUresult cuMemAllocPitch_v2(CUdeviceptr* dptr, size_t* pPitch, size_t WidthInBytes,
                                         size_t Height, unsigned int ElementSizeBytes) {
  if (!dptr || !pPitch || WidthInBytes == 0 || Height == 0) return CUDA_ERROR_INVALID_VALUE;
  CUresult made = forward<&cuMemAllocPitch_v2>(dptr, pPitch, WidthInBytes, Height, ElementSizeBytes);
  return made == CUDA_SUCCESS ? remember(*dptr, *pPitch * Height, Place::device, 0) : made;
}

VCUDA_EXPORT CUresult cuMemAllocAsync(CUdeviceptr* dptr, size_t bytesize, CUstream hStream) {
  if (!dptr) return CUDA_ERROR_INVALID_VALUE;
  CUresult made = forward<&cuMemAllocAsync>(dptr, bytesize, hStream);
  return made == CUDA_SUCCESS ? remember(*dptr, bytesize, Place::device, 0) : made;
}

VCUDA_EXPORT CUresult cuMemFree_v2(CUdeviceptr dptr) {
  if (dptr == 0) return enter("cuMemFree");
  // Forgotten first: once the worker has freed it, another thread may be given the same address.
  Allocation removed;
  const bool known = remove_allocation(dptr, Place::device, &removed);
  CUresult gone = forward<&cuMemFree_v2>(dptr);
  if (gone != CUDA_SUCCESS && known) add_allocation(removed);
  return gone;
}

VCUDA_EXPORT CUresult cuMemFreeAsync(CUdeviceptr dptr, CUstream hStream) {
  Allocation removed;
  const bool known = remove_allocation(dptr, Place::device, &removed);
  CUresult gone = forward<&cuMemFreeAsync>(dptr, hStream);
  if (gone != CUDA_SUCCESS && known) add_allocation(removed);
  return gone;
}

VCUDA_EXPORT CUresult cuMemGetAddressRange_v2(CUdeviceptr* pbase, size_t* psize, CUdeviceptr dptr) {
  if (CUresult refused = enter("cuMemGetAddressRange")) return refused;
  Allocation found;
  if (!find_allocation(dptr, found) || found.place != Place::device) return CUDA_ERROR_NOT_FOUND;
  if (pbase) *pbase = found.base;
  if (psize) *psize = found.bytes;
  return CUDA_SUCCESS;
}

// Page-locked memory is the app's own: it is allocated here, and copies from it are snapshots like any other.
// Only the kernel's direct access to it (a mapped pointer) needs more, and is refused where it is asked for.
VCUDA_EXPORT CUresult cuMemHostAlloc(void** pp, size_t bytesize, unsigned int Flags) {
  if (CUresult refused = enter("cuMemHostAlloc")) return refused;
  constexpr unsigned known =
      CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP | CU_MEMHOSTALLOC_WRITECOMBINED;
  if (!pp || bytesize == 0 || (Flags & ~known)) return CUDA_ERROR_INVALID_VALUE;
  if (!this_thread().current()) return CUDA_ERROR_INVALID_CONTEXT;
  void* memory =
      ::mmap(nullptr, whole_pages(bytesize), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
  CUresult kept = remember(reinterpret_cast<std::uint64_t>(memory), bytesize, Place::host, Flags);
  if (kept == CUDA_SUCCESS)
    *pp = memory;
  else
    ::munmap(memory, whole_pages(bytesize));
  return kept;
}
VCUDA_EXPORT CUresult cuMemAllocHost_v2(void** pp, size_t bytesize) {
  return cuMemHostAlloc(pp, bytesize, 0);
}

VCUDA_EXPORT CUresult cuMemFreeHost(void* p) {
  if (CUresult refused = enter("cuMemFreeHost")) return refused;
  Allocation removed;
  // Copies that are still due into this memory must land before it goes, as natively.
  core().session().await_due();
  if (!remove_allocation(reinterpret_cast<std::uint64_t>(p), Place::host, &removed))
    return CUDA_ERROR_INVALID_VALUE;
  ::munmap(p, whole_pages(removed.bytes));
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuMemHostGetFlags(unsigned int* pFlags, void* p) {
  if (CUresult refused = enter("cuMemHostGetFlags")) return refused;
  Allocation found;
  if (!pFlags || !find_allocation(reinterpret_cast<std::uint64_t>(p), found) || found.place == Place::device)
    return CUDA_ERROR_INVALID_VALUE;
  *pFlags = found.flags;
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuMemHostRegister_v2(void* p, size_t bytesize, unsigned int Flags) {
  if (CUresult refused = enter("cuMemHostRegister")) return refused;
  Allocation found;
  if (!p || bytesize == 0) return CUDA_ERROR_INVALID_VALUE;
  if (find_allocation(reinterpret_cast<std::uint64_t>(p), found))
    return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
  return remember(reinterpret_cast<std::uint64_t>(p), bytesize, Place::registered, Flags);
}

VCUDA_EXPORT CUresult cuMemHostUnregister(void* p) {
  if (CUresult refused = enter("cuMemHostUnregister")) return refused;
  core().session().await_due();
  bool removed = remove_allocation(reinterpret_cast<std::uint64_t>(p), Place::registered, nullptr);
  return removed ? CUDA_SUCCESS : CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
}

namespace {

// One attribute of a pointer. `known` is false for memory CUDA did not give; then only defaults can be
// answered.
CUresult pointer_attribute(void* data, CUpointer_attribute attribute, CUdeviceptr ptr, bool known,
                           const Allocation& allocation) {
  auto put = [data](auto value) {
    *static_cast<decltype(value)*>(data) = value;
    return CUDA_SUCCESS;
  };
  const bool device = known && allocation.place == Place::device;
  ContextFacts facts{nullptr, -1, 0};
  if (known) find_context(allocation.context, facts);
  switch (attribute) {
    case CU_POINTER_ATTRIBUTE_CONTEXT:
      return put(known ? allocation.context : nullptr);
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
      return put(!known ? 0u : static_cast<unsigned>(device ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST));
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
      return put(device ? ptr : CUdeviceptr{0});
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
      return put(known && !device ? reinterpret_cast<void*>(ptr) : nullptr);
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
      return put(0u);
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
      return put(static_cast<unsigned long long>(known ? allocation.id : 0));
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
      return put(0u);
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
      return put(known ? facts.device : -2);
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
      return put(0u);
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
      return put(known ? allocation.base : CUdeviceptr{0});
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
      return put(static_cast<size_t>(known ? allocation.bytes : 0));
    case CU_POINTER_ATTRIBUTE_MAPPED:
      return put(device ? 1u : 0u);
    case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
      return put(0ull);
    default:
      return CUDA_ERROR_NOT_SUPPORTED;
  }
}

}  // namespace

VCUDA_EXPORT CUresult cuPointerGetAttribute(void* data, CUpointer_attribute attribute, CUdeviceptr ptr) {
  if (CUresult refused = enter("cuPointerGetAttribute")) return refused;
  Allocation found{};
  if (!data || !find_allocation(ptr, found)) return CUDA_ERROR_INVALID_VALUE;
  return pointer_attribute(data, attribute, ptr, true, found);
}

VCUDA_EXPORT CUresult cuPointerGetAttributes(unsigned int numAttributes, CUpointer_attribute* attributes,
                                             void** data, CUdeviceptr ptr) {
  if (CUresult refused = enter("cuPointerGetAttributes")) return refused;
  if (!attributes || !data) return CUDA_ERROR_INVALID_VALUE;
  Allocation found{};
  bool known = find_allocation(ptr, found);
  for (unsigned i = 0; i < numAttributes; ++i) {
    CUresult one = pointer_attribute(data[i], attributes[i], ptr, known, found);
    if (one != CUDA_SUCCESS) return one;
  }
  return CUDA_SUCCESS;
}

// Fills through the per-thread default stream are the asynchronous fills on that stream.
VCUDA_EXPORT CUresult cuMemsetD8_v2_ptds(CUdeviceptr dst, unsigned char uc, size_t n) {
  return cuMemsetD8Async(dst, uc, n, CU_STREAM_PER_THREAD);
}
VCUDA_EXPORT CUresult cuMemsetD16_v2_ptds(CUdeviceptr dst, unsigned short us, size_t n) {
  return cuMemsetD16Async(dst, us, n, CU_STREAM_PER_THREAD);
}
VCUDA_EXPORT CUresult cuMemsetD32_v2_ptds(CUdeviceptr dst, unsigned int ui, size_t n) {
  return cuMemsetD32Async(dst, ui, n, CU_STREAM_PER_THREAD);
}
VCUDA_EXPORT CUresult cuMemsetD2D8_v2_ptds(CUdeviceptr dst, size_t pitch, unsigned char uc, size_t width,
                                           size_t height) {
  return cuMemsetD2D8Async(dst, pitch, uc, width, height, CU_STREAM_PER_THREAD);
}
VCUDA_EXPORT CUresult cuMemsetD2D16_v2_ptds(CUdeviceptr dst, size_t pitch, unsigned short us, size_t width,
                                            size_t height) {
  return cuMemsetD2D16Async(dst, pitch, us, width, height, CU_STREAM_PER_THREAD);
}
VCUDA_EXPORT CUresult cuMemsetD2D32_v2_ptds(CUdeviceptr dst, size_t pitch, unsigned int ui, size_t width,
                                            size_t height) {
  return cuMemsetD2D32Async(dst, pitch, ui, width, height, CU_STREAM_PER_THREAD);
}
