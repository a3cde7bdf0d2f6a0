#include "runtime-libs/export_tables/integrity.hpp"

#include <cstring>

#include "runtime-libs/export_tables/md2.hpp"

namespace vcuda::export_tables {
namespace {

// Constants that NVIDIA's runtime compares with; published in vosen/ZLUDA (dark_api), confirmed against
// cudart 11.8, 12.4 and 13.0.
constexpr uint64_t answer_ending_0[2] = {UINT64_C(0x3341181C03CB675C), UINT64_C(0x8ED383AA1F4CD1E8)};
constexpr uint64_t answer_ending_1[2] = {UINT64_C(0x1841181C03CB675C), UINT64_C(0x8ED383AA1F4CD1E8)};
constexpr uint8_t digest_key[md2_bytes] = {0x14, 0x6A, 0xDD, 0xAE, 0x53, 0xA9, 0xA7, 0x52,
                                           0xAA, 0x08, 0x41, 0x36, 0x0B, 0xF5, 0x5A, 0x9F};

}  // namespace

CUresult answer_integrity(const IntegrityQuestion& question, const Backend& backend, uint64_t answer[2]) {
  static_assert(sizeof answer_ending_0 == md2_bytes);
  switch (question.runtime_version % 10) {
    case 0:
      memcpy(answer, answer_ending_0, md2_bytes);
      return CUDA_SUCCESS;
    case 1:
      memcpy(answer, answer_ending_1, md2_bytes);
      return CUDA_SUCCESS;
    default:
      break;
  }
  HmacMd2 digest(digest_key);
  digest.add(&question.driver_version, sizeof question.driver_version);
  digest.add(&question.runtime_version, sizeof question.runtime_version);
  digest.add(&question.process_id, sizeof question.process_id);
  digest.add(&question.thread_id, sizeof question.thread_id);
  digest.add(&question.cudart_table, sizeof question.cudart_table);
  digest.add(&question.integrity_table, sizeof question.integrity_table);
  digest.add(&question.check_function, sizeof question.check_function);
  digest.add(&question.unix_seconds, sizeof question.unix_seconds);

  int count = 0;
  if (const CUresult result = backend.device_count(&count); result != CUDA_SUCCESS) return result;
  for (int device = 0; device < count; ++device) {
    DeviceIdentity identity{};
    if (const CUresult result = backend.device_identity(device, &identity); result != CUDA_SUCCESS)
      return result;
    digest.add(identity.uuid, sizeof identity.uuid);
    digest.add(&identity.pci_domain, sizeof identity.pci_domain);
    digest.add(&identity.pci_bus, sizeof identity.pci_bus);
    digest.add(&identity.pci_device, sizeof identity.pci_device);
  }
  uint8_t code[md2_bytes];
  digest.finish(code);
  memcpy(answer, code, md2_bytes);
  return CUDA_SUCCESS;
}

}  // namespace vcuda::export_tables
