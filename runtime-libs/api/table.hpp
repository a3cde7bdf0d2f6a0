// The table of the CUDA driver API as compile-time facts. Rows stand in calls/*.def, one file a family:
//
//   CALL(opcode, f, reply, params...)        client entry, wire and server are generated
//   WRAP(opcode, f, reply, params...)        wire and server are generated; the client's entry is written by hand
//   SPECIAL(opcode, f, reply, revision)      client entry, wire and server handler are written by hand
//   INTERNAL(opcode, name, reply, revision)  a request of the runtime itself (calls/internal.def)
//   LOCAL(f)                                 the client answers by itself
//   TWIN(f, base, arity)                     base for the per-thread default stream (_ptds, _ptsz)
//   OLD(f, base, arity)                      an older version with base's very signature
//   ABSENT(f)                                CUDA_ERROR_NOT_SUPPORTED, said once by name
//
// Opcodes are append-only: a number once shipped keeps its row for ever.
#pragma once
#include "runtime-libs/api/driver_api.hpp"
#include "runtime-libs/api/param.hpp"

namespace vcuda::api {

#define CALL(op, f, answer, ...) \
  template <>                    \
  inline constexpr auto spec_of<&::f> = spec<&::f>(op, Reply::answer, #f __VA_OPT__(, ) __VA_ARGS__);
#define WRAP(op, f, answer, ...) CALL(op, f, answer __VA_OPT__(, ) __VA_ARGS__)
#define SPECIAL(op, f, answer, revision)
#define LOCAL(f)
#define TWIN(f, base, arity)
#define OLD(f, base, arity)
#define ABSENT(f)
#include "runtime-libs/api/calls/all.def"
#undef CALL
#undef WRAP
#undef SPECIAL
#undef LOCAL
#undef TWIN
#undef OLD
#undef ABSENT

// A row whose layout is written by hand on both sides.
struct HandRow {
  std::uint16_t opcode;
  Reply reply;
  std::string_view name;
  std::uint64_t hash;
};

// The rows written by hand, by the name of the function or request.
namespace row {
#define CALL(op, f, answer, ...)
#define WRAP(op, f, answer, ...)
#define SPECIAL(op, f, answer, revision) \
  inline constexpr HandRow f{op, Reply::answer, #f, signature_hash(#f, Reply::answer, revision)};
#define INTERNAL(op, name, answer, revision) SPECIAL(op, name, answer, revision)
#define LOCAL(f)
#define TWIN(f, base, arity)
#define OLD(f, base, arity)
#define ABSENT(f)
#include "runtime-libs/api/calls/all.def"
#include "runtime-libs/api/calls/internal.def"
#undef CALL
#undef WRAP
#undef SPECIAL
#undef INTERNAL
#undef LOCAL
#undef TWIN
#undef OLD
#undef ABSENT
}  // namespace row

}  // namespace vcuda::api
