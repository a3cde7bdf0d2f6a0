#include "runtime-libs/server/welcome.hpp"

#include <algorithm>
#include <cstring>

#include "runtime-libs/api/welcome.hpp"
#include "runtime-libs/server/body.hpp"
#include "runtime-libs/server/rows.hpp"
#include "runtime-libs/wire/hello.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server {
namespace {

std::string sentence(const Driver& driver, const char* call, CUresult result) {
  const char* text = nullptr;
  driver.call<&::cuGetErrorString>(result, &text);
  return std::string(call) + " failed with " + std::to_string(result) +
         (text ? std::string(": ") + text : "");
}

void put_rows(Body& body) {
  body.put(static_cast<std::uint32_t>(rows().size()));
  for (const Row& row : rows()) body.put(api::RowOffer{row.hash, row.opcode, 0});
}

void put_symbols(Body& body, const Driver& driver) {
  std::vector<std::uint64_t> hashes;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Symbol::count_); ++i)
    if (driver.has(static_cast<Symbol>(i)))
      hashes.push_back(api::fnv(api::fnv_start, name_of(static_cast<Symbol>(i))));
  std::ranges::sort(hashes);
  body.put(static_cast<std::uint32_t>(hashes.size()));
  body.raw(hashes.data(), hashes.size() * sizeof hashes[0]);
}

CUresult put_device(Body& body, const Driver& driver, CUdevice device) {
  char name[256] = {}, bus[32] = {};
  CUuuid uuid{};
  std::size_t bytes = 0;
  if (CUresult wrong = driver.call<&::cuDeviceGetName>(name, static_cast<int>(sizeof name), device))
    return wrong;
  if (CUresult wrong = driver.call<&::cuDeviceGetPCIBusId>(bus, static_cast<int>(sizeof bus), device))
    return wrong;
  if (CUresult wrong = driver.has(Symbol::cuDeviceGetUuid_v2)
                           ? driver.call<&::cuDeviceGetUuid_v2>(&uuid, device)
                           : driver.call<&::cuDeviceGetUuid>(&uuid, device))
    return wrong;
  if (CUresult wrong = driver.call<&::cuDeviceTotalMem_v2>(&bytes, device)) return wrong;
  body.text(name);
  body.text(bus);
  body.raw(uuid.bytes, sizeof uuid.bytes);
  body.put(std::uint64_t{bytes});
  body.put(static_cast<std::uint32_t>(CU_DEVICE_ATTRIBUTE_MAX));
  for (int i = 0; i < CU_DEVICE_ATTRIBUTE_MAX; ++i) {
    int value = 0;
    // An attribute the driver does not know stays 0, which is "no" for every one of them.
    if (i > 0) driver.call<&::cuDeviceGetAttribute>(&value, static_cast<CUdevice_attribute>(i), device);
    // What needs functions this version does not carry, or coherence between the app's memory and the device is not there (see the design, "Memory").
    switch (i) {
      case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED:
      case CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED:
      case CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY:
      case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
      case CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS:
      case CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS:
      case CU_DEVICE_ATTRIBUTE_HOST_NATIVE_ATOMIC_SUPPORTED:
      case CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES:
      case CU_DEVICE_ATTRIBUTE_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST:
      case CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM:
      case CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_SUPPORTED:
        value = 0;
        break;
      default:
        break;
    }
    body.put(value);
  }
  return CUDA_SUCCESS;
}

}  // namespace

Welcome refuse_welcome(CUresult result, const std::string& reason) {
  Body body;
  body.put(api::WelcomeHead{wire::magic, wire::protocol_version, 0, 0, 0});
  body.text(VCUDA_VERSION);
  body.text(reason);
  for (int i = 0; i < 3; ++i) body.put(std::uint32_t{0});
  return {result, reason, body.take()};
}

Welcome make_welcome(const Driver& driver) {
  if (CUresult wrong = driver.call<&::cuInit>(0u))
    return refuse_welcome(wrong, sentence(driver, "cuInit", wrong));
  int version = 0, count = 0;
  CUmoduleLoadingMode mode = CU_MODULE_LAZY_LOADING;
  if (CUresult wrong = driver.call<&::cuDriverGetVersion>(&version))
    return refuse_welcome(wrong, sentence(driver, "cuDriverGetVersion", wrong));
  if (CUresult wrong = driver.call<&::cuDeviceGetCount>(&count))
    return refuse_welcome(wrong, sentence(driver, "cuDeviceGetCount", wrong));
  if (count == 0) return refuse_welcome(CUDA_ERROR_NO_DEVICE, "the driver sees no device");
  if (driver.has(Symbol::cuModuleGetLoadingMode)) driver.call<&::cuModuleGetLoadingMode>(&mode);
  Body body;
  body.put(
      api::WelcomeHead{wire::magic, wire::protocol_version, 0, version, static_cast<std::uint32_t>(mode)});
  body.text(VCUDA_VERSION);
  body.text("");
  put_rows(body);
  put_symbols(body, driver);
  body.put(
      static_cast<std::uint32_t>(std::min<std::size_t>(static_cast<std::size_t>(count), wire::max_devices)));
  for (int i = 0; i < count && static_cast<std::size_t>(i) < wire::max_devices; ++i)
    if (CUresult wrong = put_device(body, driver, i))
      return refuse_welcome(wrong, sentence(driver, "asking a device", wrong));
  return {CUDA_SUCCESS, "", body.take()};
}

}  // namespace vcuda::server
