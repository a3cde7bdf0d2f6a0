// The rows this server serves: the table's, with a handler each.
#pragma once
#include <span>

#include "runtime-libs/server/call.hpp"

namespace vcuda::server {

struct Row {
  std::uint16_t opcode;
  api::Reply reply;
  const char* name;
  std::uint64_t hash;
  Handler handler;
};

// In no order. Static storage.
std::span<const Row> rows();

// Handlers of rows written by hand; they stand in special/*.cpp.
namespace special {
#define CALL(op, f, answer, ...)
#define WRAP(op, f, answer, ...)
#define SPECIAL(op, f, answer, revision) CUresult f(Call& call);
#define INTERNAL(op, name, answer, revision) CUresult name(Call& call);
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
}  // namespace special

}  // namespace vcuda::server
