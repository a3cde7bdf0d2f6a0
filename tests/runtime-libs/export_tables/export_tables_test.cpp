#include "runtime-libs/export_tables/export_tables.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "runtime-libs/export_tables/context_storage.hpp"
#include "runtime-libs/export_tables/integrity.hpp"

namespace vcuda::export_tables {
namespace {

CUcontext current = nullptr;
const CUcontext primary = reinterpret_cast<CUcontext>(0x1001);
const CUmodule module_handle = reinterpret_cast<CUmodule>(0x3001);
int devices = 1;

const Backend backend = {
    [](int* version) {
      *version = 13000;
      return CUDA_SUCCESS;
    },
    [](int* count) {
      *count = devices;
      return CUDA_SUCCESS;
    },
    [](CUdevice device, DeviceIdentity* identity) {
      if (device < 0 || device >= devices) return CUDA_ERROR_INVALID_DEVICE;
      memset(identity->uuid, 0x11 * (device + 1), sizeof identity->uuid);
      identity->pci_domain = 0;
      identity->pci_bus = 1 + device;
      identity->pci_device = 0;
      return CUDA_SUCCESS;
    },
    [](CUcontext* context, CUdevice device) {
      if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
      *context = primary;
      return CUDA_SUCCESS;
    },
    [] { return current; },
    [](CUcontext context, uint64_t* id) {
      *id = reinterpret_cast<uintptr_t>(context) & 0xff;
      return CUDA_SUCCESS;
    },
    [](CUmodule* module, const void* image) {
      if (*static_cast<const unsigned*>(image) != 0x466243B1) return CUDA_ERROR_INVALID_IMAGE;
      *module = module_handle;
      return CUDA_SUCCESS;
    },
    [](CUmodule, VisitFunction visit, void* user) {
      for (uintptr_t i = 1; i <= 3; ++i) visit(user, reinterpret_cast<CUfunction>(0x4000 + i));
      return CUDA_SUCCESS;
    },
};

CUuuid uuid(const char* hex) {
  CUuuid id{};
  for (int i = 0; i < 16; ++i) {
    unsigned byte = 0;
    sscanf(hex + 2 * i, "%02x", &byte);
    id.bytes[i] = static_cast<char>(byte);
  }
  return id;
}

const void* const* table(const char* hex) {
  serve(backend);
  const void* found = nullptr;
  const CUuuid id = uuid(hex);
  EXPECT_EQ(export_table(&found, &id), CUDA_SUCCESS) << hex;
  return static_cast<const void* const*>(found);
}

template <typename Function>
Function entry(const void* const* entries, size_t slot) {
  return reinterpret_cast<Function>(const_cast<void*>(entries[slot]));
}

constexpr char cudart_interface[] = "6bd5fb6c5bf4e74a8987d93912fd9df9";
constexpr char callback_hooks[] = "a094798c2e742e7493f20800200c0a66";
constexpr char tools_tls[] = "42d85a8123f6cb478298f6e78a3aecdc";
constexpr char local_storage[] = "c693336e1121df11a8c368f355d89593";
constexpr char context_checks[] = "263e88607cd2614392f6bbd5006dfa7e";
constexpr char integrity[] = "d4082055bde6704b8d34ba123c66e1f2";
constexpr char driver_private[] = "21318c60971432488ca641ff7324c8f2";
constexpr char module_enumeration[] = "6e163fbeb958444d835ce182aff1991e";

TEST(export_tables, an_unknown_id_is_an_invalid_value_and_null) {
  serve(backend);
  const void* found = &found;
  const CUuuid id = uuid("f8cff95121468b4eb9e2fb469e7c0dd9");
  EXPECT_EQ(export_table(&found, &id), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(found, nullptr);
  EXPECT_EQ(export_table(nullptr, &id), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(export_table(&found, nullptr), CUDA_ERROR_INVALID_VALUE);
}

TEST(export_tables, tables_have_the_sizes_of_driver_550_and_no_unexpected_hole) {
  const struct {
    const char* id;
    size_t bytes;
  } sizes[] = {{cudart_interface, 0x68},   {callback_hooks, 0x38}, {tools_tls, 0x18},
               {context_checks, 0x28},     {integrity, 0x18},      {driver_private, 0x2b0},
               {module_enumeration, 0x2e0}};
  for (const auto& expected : sizes) {
    const void* const* entries = table(expected.id);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(entries[0]), expected.bytes) << expected.id;
    for (size_t slot = 1; slot < expected.bytes / 8; ++slot) {
      const bool hole = expected.id == cudart_interface && slot == 10;
      EXPECT_EQ(entries[slot] == nullptr, hole) << expected.id << " " << slot;
    }
  }
}

TEST(export_tables, an_unserved_slot_names_itself_once_and_fails) {
  auto* slot = entry<CUresult (*)()>(table(driver_private), 39);
  testing::internal::CaptureStderr();
  EXPECT_EQ(slot(), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(slot(), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "vcuda: private driver table 21318c60 has no function 39 here: the call fails\n");
}

TEST(export_tables, cudart_interface_gives_the_primary_context_and_loads) {
  const void* const* entries = table(cudart_interface);
  CUcontext context = nullptr;
  auto* get_primary = entry<CUresult (*)(CUcontext*, CUdevice)>(entries, 2);
  EXPECT_EQ(get_primary(&context, 0), CUDA_SUCCESS);
  EXPECT_EQ(context, primary);
  EXPECT_EQ(get_primary(&context, 1), CUDA_ERROR_INVALID_DEVICE);
  const unsigned wrapper = 0x466243B1;
  CUmodule loaded = nullptr;
  using Load = CUresult (*)(CUmodule*, const void*, void*, void*, unsigned);
  EXPECT_EQ(entry<Load>(entries, 6)(&loaded, &wrapper, nullptr, nullptr, 0), CUDA_SUCCESS);
  EXPECT_EQ(loaded, module_handle);
  const unsigned rubbish = 1;
  EXPECT_EQ(entry<Load>(entries, 1)(&loaded, &rubbish, nullptr, nullptr, 0), CUDA_ERROR_INVALID_IMAGE);
}

TEST(export_tables, callback_flags_are_zero_words) {
  for (const auto& [slot, words] : {std::pair<size_t, size_t>{2, 1024}, {6, 14}}) {
    void** flags = nullptr;
    size_t size = 0;
    auto* hook = entry<CUresult (*)(void***, size_t*)>(table(callback_hooks), slot);
    ASSERT_EQ(hook(&flags, &size), CUDA_SUCCESS);
    ASSERT_EQ(size, words);
    for (size_t i = 0; i < size; ++i) EXPECT_EQ(flags[i], nullptr);
  }
}

TEST(export_tables, local_storage_takes_null_for_the_current_context) {
  const void* const* entries = table(local_storage);
  EXPECT_EQ(entries[3], nullptr);
  auto* put = entry<CUresult (*)(CUcontext, void*, void*, StorageDestructor)>(entries, 0);
  auto* remove = entry<CUresult (*)(CUcontext, void*)>(entries, 1);
  auto* get = entry<CUresult (*)(void**, CUcontext, void*)>(entries, 2);
  int key = 0;
  void* value = nullptr;
  current = nullptr;
  EXPECT_EQ(get(&value, nullptr, &key), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(put(nullptr, &key, &key, nullptr), CUDA_ERROR_INVALID_CONTEXT);
  current = primary;
  EXPECT_EQ(get(&value, nullptr, &key), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(put(nullptr, &key, &value, nullptr), CUDA_SUCCESS);
  EXPECT_EQ(get(&value, primary, &key), CUDA_SUCCESS);
  EXPECT_EQ(value, &value);
  EXPECT_EQ(remove(primary, &key), CUDA_SUCCESS);
  EXPECT_EQ(get(&value, nullptr, &key), CUDA_ERROR_INVALID_HANDLE);
}

TEST(export_tables, checks_and_numbers_for_the_libraries) {
  uint32_t state = 7;
  EXPECT_EQ(
      (entry<CUresult (*)(CUcontext, uint32_t*, void**)>(table(context_checks), 2)(primary, &state, nullptr)),
      CUDA_SUCCESS);
  EXPECT_EQ(state, 0u);
  EXPECT_EQ(entry<CUresult (*)()>(table(context_checks), 3)(), CUDA_SUCCESS);
  current = primary;
  CUcontext context = nullptr;
  EXPECT_EQ(entry<CUresult (*)(CUcontext*)>(table(tools_tls), 2)(&context), CUDA_SUCCESS);
  EXPECT_EQ(context, primary);
  uint64_t id = 0;
  EXPECT_EQ((entry<CUresult (*)(CUcontext, uint64_t*)>(table(driver_private), 4)(primary, &id)),
            CUDA_SUCCESS);
  EXPECT_EQ(id, 1u);
}

TEST(export_tables, module_enumeration_calls_back_for_each_function) {
  using Callback = void (*)(void*, CUfunction, void*);
  auto* enumerate = entry<uintptr_t (*)(CUcontext, CUmodule, Callback, void*)>(table(module_enumeration), 7);
  std::vector<CUfunction> seen;
  const Callback collect = [](void* user, CUfunction f, void*) {
    static_cast<std::vector<CUfunction>*>(user)->push_back(f);
  };
  EXPECT_NE(enumerate(primary, module_handle, collect, &seen), 0u);
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_EQ(enumerate(primary, module_handle, nullptr, nullptr), 0u);
}

TEST(export_tables, the_integrity_answer_binds_version_process_devices_and_time) {
  const void* const* entries = table(integrity);
  auto* ask = entry<CUresult (*)(uint32_t, uint64_t, uint64_t*)>(entries, 1);
  uint64_t fixed[2];
  ASSERT_EQ(ask(13000, 1, fixed), CUDA_SUCCESS);
  EXPECT_EQ(fixed[0], UINT64_C(0x3341181C03CB675C));
  ASSERT_EQ(ask(12041, 1, fixed), CUDA_SUCCESS);
  EXPECT_EQ(fixed[0], UINT64_C(0x1841181C03CB675C));

  uint64_t answer[2];
  ASSERT_EQ(ask(13002, 1700000000, answer), CUDA_SUCCESS);
  IntegrityQuestion question{13000,
                             13002,
                             static_cast<uint32_t>(getpid()),
                             static_cast<uint32_t>(pthread_self()),
                             table(cudart_interface),
                             entries,
                             entries[1],
                             1700000000};
  uint64_t expected[2];
  ASSERT_EQ(answer_integrity(question, backend, expected), CUDA_SUCCESS);
  EXPECT_EQ(memcmp(answer, expected, sizeof answer), 0);
  question.unix_seconds += 1;
  ASSERT_EQ(answer_integrity(question, backend, expected), CUDA_SUCCESS);
  EXPECT_NE(memcmp(answer, expected, sizeof answer), 0);
  devices = 2;
  ASSERT_EQ(ask(13002, 1700000000, expected), CUDA_SUCCESS);
  EXPECT_NE(memcmp(answer, expected, sizeof answer), 0);
  devices = 1;
}

}  // namespace
}  // namespace vcuda::export_tables
