// The entries the table generates: CALL rows, per-thread-default-stream twins and old names.
#include "runtime-libs/client/arity.hpp"
#include "runtime-libs/client/exported.hpp"
#include "runtime-libs/client/forward.hpp"

#define CALL(op, f, answer, ...)                                                               \
  static_assert(::vcuda::api::row_fits<&::f>(), #f ": the row and cuda.h disagree");           \
  VCUDA_EXPORT CUresult f(VCUDA_GLUE(VCUDA_PARAMS_, VCUDA_COUNT(__VA_ARGS__))(f)) {            \
    return ::vcuda::client::forward<&::f>(VCUDA_GLUE(VCUDA_NAMES_, VCUDA_COUNT(__VA_ARGS__))); \
  }
#define WRAP(op, f, answer, ...) \
  static_assert(::vcuda::api::row_fits<&::f>(), #f ": the row and cuda.h disagree");
#define SPECIAL(op, f, answer, revision)
#define LOCAL(f)
#define TWIN(f, base, arity)                                     \
  VCUDA_EXPORT CUresult f(VCUDA_GLUE(VCUDA_PARAMS_, arity)(f)) { \
    ::vcuda::client::PerThreadScope scope;                       \
    return ::base(VCUDA_GLUE(VCUDA_NAMES_, arity));              \
  }
#define OLD(f, base, arity)                                      \
  VCUDA_EXPORT CUresult f(VCUDA_GLUE(VCUDA_PARAMS_, arity)(f)) { \
    return ::base(VCUDA_GLUE(VCUDA_NAMES_, arity));              \
  }
#define ABSENT(f)
#include "runtime-libs/api/calls/all.def"
