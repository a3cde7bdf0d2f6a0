#include "runtime-libs/export_tables/context_storage.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace vcuda::export_tables {
namespace {

CUcontext context(uintptr_t number) { return reinterpret_cast<CUcontext>(number); }
void* word(uintptr_t number) { return reinterpret_cast<void*>(number); }

std::vector<std::pair<void*, void*>> destroyed;
void record(CUcontext, void* key, void* value) { destroyed.emplace_back(key, value); }

TEST(context_storage, keeps_one_value_for_each_context_and_key) {
  void* value = word(99);
  EXPECT_EQ(storage_get(&value, context(0x1001), word(1)), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(value, word(99));
  EXPECT_EQ(storage_put(context(0x1001), word(1), word(10), nullptr), CUDA_SUCCESS);
  EXPECT_EQ(storage_put(context(0x1002), word(1), word(20), nullptr), CUDA_SUCCESS);
  EXPECT_EQ(storage_put(context(0x1001), word(1), word(11), nullptr), CUDA_SUCCESS);
  EXPECT_EQ(storage_get(&value, context(0x1001), word(1)), CUDA_SUCCESS);
  EXPECT_EQ(value, word(11));
  EXPECT_EQ(storage_get(&value, context(0x1002), word(1)), CUDA_SUCCESS);
  EXPECT_EQ(value, word(20));
  EXPECT_EQ(storage_remove(context(0x1001), word(1)), CUDA_SUCCESS);
  EXPECT_EQ(storage_remove(context(0x1001), word(1)), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(storage_get(&value, context(0x1001), word(1)), CUDA_ERROR_INVALID_HANDLE);
  storage_context_gone(context(0x1002));
  EXPECT_EQ(storage_get(&value, context(0x1002), word(1)), CUDA_ERROR_INVALID_HANDLE);
}

TEST(context_storage, a_gone_context_has_each_destructor_called_once) {
  destroyed.clear();
  for (uintptr_t key = 1; key <= 600; ++key) storage_put(context(7), word(key), word(key * 2), record);
  storage_put(context(8), word(1), word(5), record);
  storage_put(context(7), word(601), word(5), nullptr);
  storage_remove(context(7), word(600));
  storage_context_gone(context(7));
  storage_context_gone(context(7));
  EXPECT_EQ(destroyed.size(), 599u);
  for (const auto& [key, value] : destroyed) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(value), 2 * reinterpret_cast<uintptr_t>(key));
  }
  void* value = nullptr;
  EXPECT_EQ(storage_get(&value, context(8), word(1)), CUDA_SUCCESS);
  storage_context_gone(context(8));
}

TEST(context_storage, behaves_as_a_map_over_random_operations) {
  std::mt19937 random(20240601);
  std::map<std::pair<uintptr_t, uintptr_t>, uintptr_t> model;
  for (int step = 0; step < 200000; ++step) {
    const uintptr_t c = 1 + random() % 5;
    const uintptr_t k = 1 + random() % 300;
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
        storage_put(context(c), word(k), word(step), nullptr);
        model[{c, k}] = static_cast<uintptr_t>(step);
        break;
      case 3: {
        const bool had = model.erase({c, k}) == 1;
        ASSERT_EQ(storage_remove(context(c), word(k)), had ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE);
        break;
      }
      case 4:
        if (random() % 100 != 0) break;
        storage_context_gone(context(c));
        for (auto it = model.begin(); it != model.end();) it = it->first.first == c ? model.erase(it) : ++it;
        break;
      default: {
        void* value = nullptr;
        const auto found = model.find({c, k});
        const CUresult expected = found != model.end() ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
        ASSERT_EQ(storage_get(&value, context(c), word(k)), expected);
        if (found != model.end()) {
          ASSERT_EQ(value, word(found->second));
        }
      }
    }
  }
  for (uintptr_t c = 1; c <= 5; ++c) storage_context_gone(context(c));
}

TEST(context_storage, readers_never_miss_a_value_that_is_there) {
  std::atomic<bool> stop{false};
  storage_put(context(0x55), word(0x40), word(0x1234), nullptr);
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        void* value = nullptr;
        if (storage_get(&value, context(0x55), word(0x40)) != CUDA_SUCCESS || value != word(0x1234)) ++wrong;
      }
    });
  }
  for (uintptr_t round = 0; round < 200; ++round) {
    for (uintptr_t key = 1; key < 200; ++key) storage_put(context(0x66), word(key), word(round), nullptr);
    storage_context_gone(context(0x66));
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  storage_context_gone(context(0x55));
}

}  // namespace
}  // namespace vcuda::export_tables
