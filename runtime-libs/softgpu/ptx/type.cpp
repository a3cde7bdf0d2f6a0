#include "runtime-libs/softgpu/ptx/type.hpp"

#include <iterator>

namespace vcuda::softgpu::ptx {
namespace {

// In the order of Type.
constexpr std::string_view names[] = {"b8",    "b16",  "b32",    "b64", "b128", "u8",  "u16",
                                      "u32",   "u64",  "s8",     "s16", "s32",  "s64", "f16",
                                      "f16x2", "bf16", "bf16x2", "f32", "f64",  "pred"};
static_assert(std::size(names) == static_cast<size_t>(Type::pred) + 1);

}  // namespace

std::optional<Type> type_named(std::string_view name) {
  for (size_t i = 0; i < std::size(names); ++i) {
    if (names[i] == name) return static_cast<Type>(i);
  }
  return std::nullopt;
}

std::string_view name_of(Type type) { return names[static_cast<size_t>(type)]; }

}  // namespace vcuda::softgpu::ptx
