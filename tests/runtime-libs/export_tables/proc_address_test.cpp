#include "runtime-libs/export_tables/proc_address.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace vcuda::export_tables {
namespace {

struct Row {
  std::string name;
  bool per_thread;
  int version;
  std::string symbol;
};

const std::vector<Row>& rows() {
  constexpr bool legacy = false;
  constexpr bool per_thread = true;
  static const std::vector<Row> all = {
#define PROC(name, variant, version, symbol) {#name, variant, version, #symbol},
#include "runtime-libs/export_tables/proc_map.def"
#undef PROC
  };
  return all;
}

bool all_supported(size_t, const char*) { return true; }

// A driver of CUDA 12.4: it has neither what came later nor what it never had.
bool supported_by_12_4(size_t row, const char*) { return rows()[row].version <= 12040; }

std::string symbol_of(const char* name, int version, uint64_t flags = 0) {
  const ProcMatch match = find_proc(name, version, flags, all_supported);
  if (match.status != ProcStatus::found) return "status " + std::to_string(static_cast<int>(match.status));
  EXPECT_EQ(rows()[match.row].symbol, match.symbol);
  return match.symbol;
}

TEST(proc_address, the_map_is_sorted_and_names_each_symbol_once) {
  ASSERT_EQ(rows().size(), proc_row_count);
  std::set<std::string> symbols;
  for (size_t i = 0; i < rows().size(); ++i) {
    EXPECT_TRUE(symbols.insert(rows()[i].symbol).second) << rows()[i].symbol;
    if (i == 0) continue;
    const Row& a = rows()[i - 1];
    const Row& b = rows()[i];
    EXPECT_LT(std::tie(a.name, a.per_thread, a.version), std::tie(b.name, b.per_thread, b.version))
        << b.symbol;
  }
}

TEST(proc_address, every_row_is_found_at_its_version_and_not_just_before) {
  for (const Row& row : rows()) {
    const uint64_t flags = row.per_thread ? 2 : 1;
    EXPECT_EQ(symbol_of(row.name.c_str(), row.version, flags), row.symbol);
    EXPECT_NE(symbol_of(row.name.c_str(), row.version - 1, flags), row.symbol);
  }
}

TEST(proc_address, a_version_chooses_among_the_versions_of_a_function) {
  EXPECT_EQ(symbol_of("cuMemAlloc", 2000), "cuMemAlloc");
  EXPECT_EQ(symbol_of("cuMemAlloc", 3020), "cuMemAlloc_v2");
  EXPECT_EQ(symbol_of("cuMemAlloc", 99000), "cuMemAlloc_v2");
  EXPECT_EQ(symbol_of("cuDeviceGetUuid", 9020), "cuDeviceGetUuid");
  EXPECT_EQ(symbol_of("cuDeviceGetUuid", 11040), "cuDeviceGetUuid_v2");
  EXPECT_EQ(symbol_of("cuStreamGetCaptureInfo", 12020), "cuStreamGetCaptureInfo_v2");
}

TEST(proc_address, per_thread_default_streams_have_their_own_symbols) {
  EXPECT_EQ(symbol_of("cuMemcpyHtoD", 13000, 0), "cuMemcpyHtoD_v2");
  EXPECT_EQ(symbol_of("cuMemcpyHtoD", 13000, 1), "cuMemcpyHtoD_v2");
  EXPECT_EQ(symbol_of("cuMemcpyHtoD", 13000, 2), "cuMemcpyHtoD_v2_ptds");
  EXPECT_EQ(symbol_of("cuLaunchKernel", 13000, 2), "cuLaunchKernel_ptsz");
  EXPECT_EQ(symbol_of("cuMemAlloc", 13000, 2), "cuMemAlloc_v2");
  EXPECT_EQ(find_proc("cuMemcpyHtoD", 6050, 2, all_supported).status, ProcStatus::version_not_sufficient);
}

TEST(proc_address, refuses_what_real_drivers_refuse) {
  EXPECT_EQ(find_proc("", 0, 0, all_supported).status, ProcStatus::not_found);
  EXPECT_EQ(find_proc("cuMemAlloc_v2", 13000, 0, all_supported).status, ProcStatus::not_found);
  EXPECT_EQ(find_proc("cuNoSuchFunction", 13000, 0, all_supported).status, ProcStatus::not_found);
  EXPECT_EQ(find_proc("cuMemAllocAsync", 11010, 0, all_supported).status, ProcStatus::version_not_sufficient);
  for (const uint64_t flags : {UINT64_C(3), UINT64_C(4), ~UINT64_C(0)}) {
    EXPECT_EQ(find_proc("cuInit", 13000, flags, all_supported).status, ProcStatus::invalid_flags);
  }
}

TEST(proc_address, an_older_driver_gives_its_newest) {
  const ProcMatch match = find_proc("cuCtxCreate", 13000, 0, supported_by_12_4);
  ASSERT_EQ(match.status, ProcStatus::found);
  EXPECT_STREQ(match.symbol, "cuCtxCreate_v3");
  EXPECT_EQ(find_proc("cuCtxRecordEvent", 13000, 0, supported_by_12_4).status, ProcStatus::not_found);
}

}  // namespace
}  // namespace vcuda::export_tables
