#include "runtime-libs/server/driver.hpp"

#include <dlfcn.h>
#include <cstring>

#include "runtime-libs/contract/contract.hpp"

namespace vcuda::server {
namespace {

constexpr const char* names[] = {
#define CALL(op, f, answer, ...) #f,
#define WRAP(op, f, answer, ...) #f,
#define SPECIAL(op, f, answer, revision) #f,
#define LOCAL(f) #f,
#define TWIN(f, base, arity) #f,
#define OLD(f, base, arity) #f,
#define ABSENT(f) #f,
#include "runtime-libs/api/calls/all.def"
#undef CALL
#undef WRAP
#undef SPECIAL
#undef LOCAL
#undef TWIN
#undef OLD
#undef ABSENT
};
static_assert(std::size(names) == static_cast<std::size_t>(Symbol::count_));

}  // namespace

const char* name_of(Symbol symbol) { return names[static_cast<std::size_t>(symbol)]; }

boost::system::result<Driver, std::string> Driver::load(const std::string& path) {
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* why = ::dlerror();
    return "no CUDA driver: " + std::string(why ? why : path) +
           " (install NVIDIA's driver on this node, or name a driver library with --driver=PATH)";
  }
  Driver driver;
  for (std::size_t i = 0; i < driver.addresses_.size(); ++i)
    driver.addresses_[i] = ::dlsym(library, names[i]);
  const void* table = nullptr;
  CUuuid client_library;
  std::memcpy(client_library.bytes, contract::client_library_id, sizeof client_library.bytes);
  if (driver.call<&::cuGetExportTable>(&table, &client_library) == CUDA_SUCCESS)
    return path + " is vcuda's own client library, not a driver: name the driver with --driver=PATH";
  if (!driver.has(Symbol::cuInit) || !driver.has(Symbol::cuMemAlloc_v2))
    return path + " is not a CUDA driver library: it exports neither cuInit nor cuMemAlloc_v2";
  return driver;
}

}  // namespace vcuda::server
