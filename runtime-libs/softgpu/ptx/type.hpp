// The fundamental types of PTX (ISA 9.0, section 5.2) and the state spaces (section 5.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace vcuda::softgpu::ptx {

// clang-format off
enum class Type : uint8_t {
  b8, b16, b32, b64, b128,
  u8, u16, u32, u64,
  s8, s16, s32, s64,
  f16, f16x2, bf16, bf16x2, f32, f64,
  pred,
};
// clang-format on

enum class Space : uint8_t { generic, global, shared, local, param, constant };

// Reads a type's name without the dot ("f32").
std::optional<Type> type_named(std::string_view name);

// Returns the name without the dot.
std::string_view name_of(Type type);

// Bytes a value of the type takes in memory; a predicate, which has no place in memory, counts 1.
constexpr unsigned size_of(Type type) {
  switch (type) {
    case Type::b8:
    case Type::u8:
    case Type::s8:
    case Type::pred:
      return 1;
    case Type::b16:
    case Type::u16:
    case Type::s16:
    case Type::f16:
    case Type::bf16:
      return 2;
    case Type::b32:
    case Type::u32:
    case Type::s32:
    case Type::f32:
    case Type::f16x2:
    case Type::bf16x2:
      return 4;
    case Type::b64:
    case Type::u64:
    case Type::s64:
    case Type::f64:
      return 8;
    case Type::b128:
      return 16;
  }
  return 0;
}

constexpr bool is_signed(Type type) {
  return type == Type::s8 || type == Type::s16 || type == Type::s32 || type == Type::s64;
}
constexpr bool is_float(Type type) { return type >= Type::f16 && type <= Type::f64; }
constexpr bool is_integer(Type type) { return type >= Type::u8 && type <= Type::s64; }

}  // namespace vcuda::softgpu::ptx
