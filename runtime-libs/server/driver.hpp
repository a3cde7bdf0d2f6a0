// The driver library a worker calls: NVIDIA's libcuda.so.1, or any other that exports the same names (the
// software GPU). Holds one address for each function of cuda.h; a worker loads exactly one driver and never
// unloads it.
#pragma once
#include <array>
#include <boost/system/result.hpp>
#include <string>

#include "runtime-libs/api/table.hpp"

namespace vcuda::server {

// Index of each function of cuda.h, in the order of the table.
enum class Symbol : std::size_t {
#define CALL(op, f, answer, ...) f,
#define WRAP(op, f, answer, ...) f,
#define SPECIAL(op, f, answer, revision) f,
#define LOCAL(f) f,
#define TWIN(f, base, arity) f,
#define OLD(f, base, arity) f,
#define ABSENT(f) f,
#include "runtime-libs/api/calls/all.def"
#undef CALL
#undef WRAP
#undef SPECIAL
#undef LOCAL
#undef TWIN
#undef OLD
#undef ABSENT
  count_
};

template <auto F>
inline constexpr Symbol symbol_of = Symbol::count_;
#define VCUDA_SYMBOL(f) \
  template <>           \
  inline constexpr Symbol symbol_of<&::f> = Symbol::f;
#define CALL(op, f, answer, ...) VCUDA_SYMBOL(f)
#define WRAP(op, f, answer, ...) VCUDA_SYMBOL(f)
#define SPECIAL(op, f, answer, revision) VCUDA_SYMBOL(f)
#define LOCAL(f) VCUDA_SYMBOL(f)
#define TWIN(f, base, arity) VCUDA_SYMBOL(f)
#define OLD(f, base, arity) VCUDA_SYMBOL(f)
#define ABSENT(f) VCUDA_SYMBOL(f)
#include "runtime-libs/api/calls/all.def"
#undef CALL
#undef WRAP
#undef SPECIAL
#undef LOCAL
#undef TWIN
#undef OLD
#undef ABSENT
#undef VCUDA_SYMBOL

class Driver {
 public:
  // Loads the library; the error is a sentence that names the path and what to do.
  static boost::system::result<Driver, std::string> load(const std::string& path);

  // Calls a function of the driver. CUDA_ERROR_NOT_SUPPORTED where it does not export it.
  template <auto F, class... A>
  CUresult call(A... arguments) const {
    auto function = reinterpret_cast<decltype(F)>(addresses_[static_cast<std::size_t>(symbol_of<F>)]);
    return function ? function(arguments...) : CUDA_ERROR_NOT_SUPPORTED;
  }

  bool has(Symbol symbol) const { return addresses_[static_cast<std::size_t>(symbol)] != nullptr; }

 private:
  std::array<void*, static_cast<std::size_t>(Symbol::count_)> addresses_{};
};

// The exported name of a symbol.
const char* name_of(Symbol symbol);

}  // namespace vcuda::server
