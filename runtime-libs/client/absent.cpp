// The functions this version does not carry. cuda.h is not included here: each is defined without its
// parameters, which the calling convention lets it ignore.
#include <atomic>

#include "runtime-libs/client/exported.hpp"

enum cudaError_enum : unsigned;
namespace vcuda::client {
cudaError_enum refuse(const char* name, std::atomic<bool>& said);
}

#define CALL(op, f, answer, ...)
#define WRAP(op, f, answer, ...)
#define SPECIAL(op, f, answer, revision)
#define LOCAL(f)
#define TWIN(f, base, arity)
#define OLD(f, base, arity)
#define ABSENT(f)                                               \
  VCUDA_EXPORT int f() {                                        \
    static std::atomic<bool> said{false};                       \
    return static_cast<int>(::vcuda::client::refuse(#f, said)); \
  }
#include "runtime-libs/api/calls/all.def"
