#include "runtime-libs/server/rows.hpp"

#include "runtime-libs/server/serve.hpp"

namespace vcuda::server {
namespace {

constexpr Row all_rows[] = {
#define CALL(op, f, answer, ...) {op, api::Reply::answer, #f, api::signature_hash<&::f>(), &serve<&::f>},
#define WRAP(op, f, answer, ...) CALL(op, f, answer, __VA_ARGS__)
#define SPECIAL(op, f, answer, revision) {op, api::Reply::answer, #f, api::row::f.hash, &special::f},
#define INTERNAL(op, name, answer, revision) SPECIAL(op, name, answer, revision)
#define LOCAL(f)
#define TWIN(f, base, arity)
#define OLD(f, base, arity)
#define ABSENT(f)
#include "runtime-libs/api/calls/all.def"
#include "runtime-libs/api/calls/internal.def"
};

// An opcode names one row for ever.
consteval bool opcodes_differ() {
  for (std::size_t i = 0; i < std::size(all_rows); ++i)
    for (std::size_t k = i + 1; k < std::size(all_rows); ++k)
      if (all_rows[i].opcode == all_rows[k].opcode) return false;
  return true;
}
static_assert(opcodes_differ(), "two rows of the table share an opcode");

}  // namespace

std::span<const Row> rows() { return all_rows; }

}  // namespace vcuda::server
