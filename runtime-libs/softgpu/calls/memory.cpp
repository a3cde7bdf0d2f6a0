// Memory: device, managed, pinned and registered; what there is of it, and what a pointer is.
#include <sys/mman.h>

#include <cstring>

#include "runtime-libs/api/driver_api.hpp"
#include "runtime-libs/softgpu/calls/twins.hpp"

using namespace vcuda::softgpu;

namespace {

constexpr size_t host_page = 4096;

// What rows of cuMemAllocPitch are rounded up to: cuda.h's texture alignment of this device.
constexpr size_t pitch_bytes = 512;

CUresult allocate(const InContext& in, uint64_t size, MemoryKind kind, unsigned flags, CUdeviceptr* out) {
  if (out == nullptr || size == 0) return CUDA_ERROR_INVALID_VALUE;
  const auto address = in.device->memory.allocate(size);
  if (!address) return CUDA_ERROR_OUT_OF_MEMORY;
  Allocation allocation;
  allocation.begin = *address;
  allocation.size = size;
  allocation.kind = kind;
  allocation.device = in.context->device;
  allocation.flags = flags;
  allocation.context_id = in.context->number;
  in.driver->allocations.add(allocation);
  *out = *address;
  return CUDA_SUCCESS;
}

// Nothing may be under way in memory that goes: a kernel of any context could reach it.
void synchronize_all(Driver& driver) {
  std::vector<std::shared_ptr<Context>> contexts;
  driver.contexts.each(
      [&](CUcontext, const std::shared_ptr<Context>& context) { contexts.push_back(context); });
  for (const auto& context : contexts) context->synchronize();
}

CUresult release_host(const InContext& in, void* pointer, MemoryKind kind) {
  const auto address = reinterpret_cast<uint64_t>(pointer);
  const auto known = in.driver->allocations.find(address);
  if (!known || known->begin != address || known->kind != kind) {
    return kind == MemoryKind::registered ? CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED : CUDA_ERROR_INVALID_VALUE;
  }
  synchronize_all(*in.driver);
  in.driver->allocations.remove(address);
  if (kind == MemoryKind::pinned) munmap(pointer, (known->size + host_page - 1) / host_page * host_page);
  return in.context->fault();
}

bool on_host(MemoryKind kind) { return kind == MemoryKind::pinned || kind == MemoryKind::registered; }

CUcontext handle_of(const Driver& driver, uint64_t context_number) {
  CUcontext found = nullptr;
  driver.contexts.each([&](CUcontext handle, const std::shared_ptr<Context>& context) {
    if (context->number == context_number) found = handle;
  });
  return found;
}

template <typename T>
CUresult put(void* data, T value) {
  std::memcpy(data, &value, sizeof value);
  return CUDA_SUCCESS;
}

CUresult pointer_attribute(const Driver& driver, void* data, CUpointer_attribute attribute,
                           const Allocation& allocation, uint64_t address) {
  switch (attribute) {
    case CU_POINTER_ATTRIBUTE_CONTEXT:
      return put(data, handle_of(driver, allocation.context_id));
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
      return put<unsigned>(data, on_host(allocation.kind) ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE);
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
      return put<CUdeviceptr>(data, address);
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
      if (!on_host(allocation.kind) && allocation.kind != MemoryKind::managed)
        return CUDA_ERROR_INVALID_VALUE;
      return put(data, reinterpret_cast<void*>(address));
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
      return put<int>(data, 0);
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
      return put<unsigned long long>(data, allocation.buffer_id);
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
      return put<int>(data, allocation.kind == MemoryKind::managed);
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
      return put<int>(data, allocation.device);
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
      return put<int>(data, 0);
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
      return put<CUdeviceptr>(data, allocation.begin);
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
      return put<size_t>(data, allocation.size);
    case CU_POINTER_ATTRIBUTE_MAPPED:
      return put<int>(data, 1);
    case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
      return put<unsigned long long>(data, 0);
    case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
      return put<int>(data, 0);
    case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
      return put<int>(data, CU_POINTER_ATTRIBUTE_ACCESS_FLAG_READWRITE);
    case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
      return put<void*>(data, nullptr);
    case CU_POINTER_ATTRIBUTE_MAPPING_SIZE:
      return put<size_t>(data, allocation.size);
    case CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR:
      return put<CUdeviceptr>(data, allocation.begin);
    case CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID:
      return put<unsigned long long>(data, allocation.buffer_id);
    case CU_POINTER_ATTRIBUTE_IS_HW_DECOMPRESS_CAPABLE:
      return put<int>(data, 0);
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

// What cuPointerGetAttributes writes for a pointer CUDA does not know, by the size of the attribute.
CUresult no_attribute(void* data, CUpointer_attribute attribute) {
  switch (attribute) {
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
      return put<unsigned>(data, 0);
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
      return put<int>(data, -2);  // cudaInvalidDeviceId, as NVIDIA's driver writes
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
    case CU_POINTER_ATTRIBUTE_MAPPED:
    case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
    case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
    case CU_POINTER_ATTRIBUTE_IS_HW_DECOMPRESS_CAPABLE:
      return put<int>(data, 0);
    case CU_POINTER_ATTRIBUTE_CONTEXT:
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
    case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
    case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
    case CU_POINTER_ATTRIBUTE_MAPPING_SIZE:
    case CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR:
    case CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID:
      return put<unsigned long long>(data, 0);
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

// There is memory at once, so that it is there also for what was queued before.
CUresult allocate_in_stream(DefaultStream default_stream, CUdeviceptr* out, size_t bytes, CUstream stream) {
  const InContext in;
  if (!in) return in.code;
  const InStream on(in, stream, default_stream);
  if (!on) return on.code;
  return allocate(in, bytes, MemoryKind::device, 0, out);
}

CUresult free_in_stream(DefaultStream default_stream, CUdeviceptr address, CUstream stream) {
  const InContext in;
  if (!in) return in.code;
  const InStream on(in, stream, default_stream);
  if (!on) return on.code;
  const auto known = in.driver->allocations.find(address);
  if (!known || known->begin != address || known->kind != MemoryKind::device) return CUDA_ERROR_INVALID_VALUE;
  const auto work = [driver = in.driver, known = *known] {
    if (driver->allocations.remove(known.begin)) driver->devices[known.device]->memory.free(known.begin);
  };
  on.context->enqueue(on.stream, work, Context::Skip::never);
  return CUDA_SUCCESS;
}

CUresult advise() {
  // One memory for host and device: where a page lies makes no difference.
  const InContext in;
  return in.code;
}

}  // namespace

VCUDA_API cuMemAlloc_v2(CUdeviceptr* dptr, size_t bytesize) {
  const InContext in;
  if (!in) return in.code;
  return allocate(in, bytesize, MemoryKind::device, 0, dptr);
}

VCUDA_API cuMemAllocPitch_v2(CUdeviceptr* dptr, size_t* pPitch, size_t WidthInBytes, size_t Height,
                             unsigned int ElementSizeBytes) {
  const InContext in;
  if (!in) return in.code;
  const bool element = ElementSizeBytes == 4 || ElementSizeBytes == 8 || ElementSizeBytes == 16;
  if (pPitch == nullptr || WidthInBytes == 0 || Height == 0 || !element) return CUDA_ERROR_INVALID_VALUE;
  if (WidthInBytes > 0x7fffffff || Height > UINT64_MAX / (WidthInBytes + pitch_bytes))
    return CUDA_ERROR_INVALID_VALUE;
  const size_t pitch = (WidthInBytes + pitch_bytes - 1) / pitch_bytes * pitch_bytes;
  const CUresult result = allocate(in, pitch * Height, MemoryKind::device, 0, dptr);
  if (result == CUDA_SUCCESS) *pPitch = pitch;
  return result;
}

VCUDA_API cuMemAllocManaged(CUdeviceptr* dptr, size_t bytesize, unsigned int flags) {
  const InContext in;
  if (!in) return in.code;
  if (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST) return CUDA_ERROR_INVALID_VALUE;
  return allocate(in, bytesize, MemoryKind::managed, flags, dptr);
}

VCUDA_API cuMemFree_v2(CUdeviceptr dptr) {
  const InContext in;
  if (!in) return in.code;
  if (dptr == 0) return CUDA_SUCCESS;
  const auto known = in.driver->allocations.find(dptr);
  if (!known || known->begin != dptr ||
      (known->kind != MemoryKind::device && known->kind != MemoryKind::managed)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  synchronize_all(*in.driver);
  if (!in.driver->allocations.remove(dptr)) return CUDA_ERROR_INVALID_VALUE;
  in.driver->devices[known->device]->memory.free(dptr);
  return in.context->fault();
}

VCUDA_TWINS(cuMemAllocAsync, cuMemAllocAsync_ptsz, allocate_in_stream,
            (CUdeviceptr * dptr, size_t bytesize, CUstream stream), dptr, bytesize, stream)
VCUDA_TWINS(cuMemFreeAsync, cuMemFreeAsync_ptsz, free_in_stream, (CUdeviceptr dptr, CUstream stream), dptr,
            stream)

VCUDA_API cuMemGetInfo_v2(size_t* free, size_t* total) {
  const InContext in;
  if (!in) return in.code;
  if (free == nullptr || total == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *free = in.device->memory.free_bytes();
  *total = in.device->memory.total_bytes();
  return CUDA_SUCCESS;
}

VCUDA_API cuMemGetAddressRange_v2(CUdeviceptr* pbase, size_t* psize, CUdeviceptr dptr) {
  const InContext in;
  if (!in) return in.code;
  const auto known = in.driver->allocations.find(dptr);
  if (!known) return CUDA_ERROR_NOT_FOUND;
  if (pbase != nullptr) *pbase = known->begin;
  if (psize != nullptr) *psize = known->size;
  return CUDA_SUCCESS;
}

VCUDA_API cuMemHostAlloc(void** pp, size_t bytesize, unsigned int Flags) {
  const InContext in;
  if (!in) return in.code;
  constexpr unsigned known =
      CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP | CU_MEMHOSTALLOC_WRITECOMBINED;
  if (pp == nullptr || bytesize == 0 || (Flags & ~known) != 0) return CUDA_ERROR_INVALID_VALUE;
  if (bytesize > SIZE_MAX - host_page) return CUDA_ERROR_OUT_OF_MEMORY;
  const size_t whole = (bytesize + host_page - 1) / host_page * host_page;
  void* memory = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
  Allocation allocation;
  allocation.begin = reinterpret_cast<uint64_t>(memory);
  allocation.size = bytesize;
  allocation.kind = MemoryKind::pinned;
  allocation.device = in.context->device;
  allocation.flags = Flags | CU_MEMHOSTALLOC_DEVICEMAP;
  allocation.context_id = in.context->number;
  in.driver->allocations.add(allocation);
  *pp = memory;
  return CUDA_SUCCESS;
}

VCUDA_API cuMemAllocHost_v2(void** pp, size_t bytesize) { return cuMemHostAlloc(pp, bytesize, 0); }

VCUDA_API cuMemFreeHost(void* p) {
  const InContext in;
  if (!in) return in.code;
  return release_host(in, p, MemoryKind::pinned);
}

VCUDA_API cuMemHostRegister_v2(void* p, size_t bytesize, unsigned int Flags) {
  const InContext in;
  if (!in) return in.code;
  constexpr unsigned known =
      CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_DEVICEMAP | CU_MEMHOSTREGISTER_READ_ONLY;
  if (p == nullptr || bytesize == 0 || (Flags & ~known) != 0) return CUDA_ERROR_INVALID_VALUE;
  Allocation allocation;
  allocation.begin = reinterpret_cast<uint64_t>(p);
  allocation.size = bytesize;
  allocation.kind = MemoryKind::registered;
  allocation.device = in.context->device;
  allocation.flags = Flags | CU_MEMHOSTREGISTER_DEVICEMAP;
  allocation.context_id = in.context->number;
  allocation.is_read_only = (Flags & CU_MEMHOSTREGISTER_READ_ONLY) != 0;
  return in.driver->allocations.add(allocation) ? CUDA_SUCCESS : CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
}

VCUDA_API cuMemHostRegister(void* p, size_t bytesize, unsigned int Flags) {
  return cuMemHostRegister_v2(p, bytesize, Flags);
}

VCUDA_API cuMemHostUnregister(void* p) {
  const InContext in;
  if (!in) return in.code;
  return release_host(in, p, MemoryKind::registered);
}

VCUDA_API cuMemHostGetDevicePointer_v2(CUdeviceptr* pdptr, void* p, unsigned int Flags) {
  const InContext in;
  if (!in) return in.code;
  if (pdptr == nullptr || Flags != 0) return CUDA_ERROR_INVALID_VALUE;
  const auto known = in.driver->allocations.find(reinterpret_cast<uint64_t>(p));
  if (!known || !on_host(known->kind)) return CUDA_ERROR_INVALID_VALUE;
  *pdptr = reinterpret_cast<CUdeviceptr>(p);
  return CUDA_SUCCESS;
}

VCUDA_API cuMemHostGetFlags(unsigned int* pFlags, void* p) {
  const InContext in;
  if (!in) return in.code;
  const auto known = in.driver->allocations.find(reinterpret_cast<uint64_t>(p));
  if (pFlags == nullptr || !known || !on_host(known->kind)) return CUDA_ERROR_INVALID_VALUE;
  *pFlags = known->flags;
  return CUDA_SUCCESS;
}

VCUDA_API cuPointerGetAttribute(void* data, CUpointer_attribute attribute, CUdeviceptr ptr) {
  const InContext in;
  if (!in) return in.code;
  const auto known = in.driver->allocations.find(ptr);
  if (data == nullptr || !known) return CUDA_ERROR_INVALID_VALUE;
  return pointer_attribute(*in.driver, data, attribute, *known, ptr);
}

VCUDA_API cuPointerGetAttributes(unsigned int numAttributes, CUpointer_attribute* attributes, void** data,
                                 CUdeviceptr ptr) {
  const InContext in;
  if (!in) return in.code;
  if (attributes == nullptr || data == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const auto known = in.driver->allocations.find(ptr);
  for (unsigned i = 0; i < numAttributes; ++i) {
    CUresult result =
        known ? pointer_attribute(*in.driver, data[i], attributes[i], *known, ptr) : CUDA_ERROR_INVALID_VALUE;
    // Here an attribute the pointer does not have is no error but nothing.
    if (result != CUDA_SUCCESS) result = no_attribute(data[i], attributes[i]);
    if (result != CUDA_SUCCESS) return result;
  }
  return CUDA_SUCCESS;
}

VCUDA_API cuPointerSetAttribute(const void* value, CUpointer_attribute attribute, CUdeviceptr ptr) {
  const InContext in;
  if (!in) return in.code;
  // Copies are synchronous anyway where this attribute would make them so.
  const bool good =
      value != nullptr && attribute == CU_POINTER_ATTRIBUTE_SYNC_MEMOPS && in.driver->allocations.find(ptr);
  return good ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

VCUDA_API cuMemAdvise(CUdeviceptr, size_t, CUmem_advise, CUdevice) { return advise(); }
VCUDA_API cuMemAdvise_v2(CUdeviceptr, size_t, CUmem_advise, CUmemLocation) { return advise(); }
VCUDA_API cuMemPrefetchAsync(CUdeviceptr, size_t, CUdevice, CUstream) { return advise(); }
VCUDA_API cuMemPrefetchAsync_ptsz(CUdeviceptr, size_t, CUdevice, CUstream) { return advise(); }
VCUDA_API cuMemPrefetchAsync_v2(CUdeviceptr, size_t, CUmemLocation, unsigned int, CUstream) {
  return advise();
}
VCUDA_API cuMemPrefetchAsync_v2_ptsz(CUdeviceptr, size_t, CUmemLocation, unsigned int, CUstream) {
  return advise();
}
VCUDA_API cuStreamAttachMemAsync(CUstream, CUdeviceptr, size_t, unsigned int) { return advise(); }
VCUDA_API cuStreamAttachMemAsync_ptsz(CUstream, CUdeviceptr, size_t, unsigned int) { return advise(); }
