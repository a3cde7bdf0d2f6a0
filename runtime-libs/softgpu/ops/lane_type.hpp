// From a PTX type to the C++ type of one lane, and handlers for operations that work on each lane by itself.
#pragma once

#include <cstdint>
#include <type_traits>

#include "runtime-libs/softgpu/exec/warp.hpp"
#include "runtime-libs/softgpu/ptx/type.hpp"

namespace vcuda::softgpu::ops {

template <typename T>
struct Tag {
  using type = T;
};

// Calls f(Tag<T>{}) with the unsigned type of that many bytes; f is called for 2, 4 or 8 only.
template <typename F>
auto with_width(unsigned width, F f) {
  switch (width) {
    case 2:
      return f(Tag<uint16_t>{});
    case 4:
      return f(Tag<uint32_t>{});
    default:
      return f(Tag<uint64_t>{});
  }
}

// Calls f(Tag<T>{}) for a type of 16, 32 or 64 integer bits (bits count as unsigned); null for other types.
template <typename F>
Handler with_integer(ptx::Type type, F f) {
  using ptx::Type;
  switch (type) {
    case Type::b16:
    case Type::u16:
      return f(Tag<uint16_t>{});
    case Type::b32:
    case Type::u32:
      return f(Tag<uint32_t>{});
    case Type::b64:
    case Type::u64:
      return f(Tag<uint64_t>{});
    case Type::s16:
      return f(Tag<int16_t>{});
    case Type::s32:
      return f(Tag<int32_t>{});
    case Type::s64:
      return f(Tag<int64_t>{});
    default:
      return nullptr;
  }
}

// An unsigned type wide enough that C++ promotes nothing to int behind one's back.
template <typename T>
using Wrapping = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <typename T, typename Op>
Step unary(Warp& warp, const Instr& in, uint32_t mask) {
  T* d = warp.at<T>(in.d);
  const T* a = warp.at<T>(in.a);
  for_lanes(mask, [=](unsigned lane) { d[lane] = Op::apply(a[lane]); });
  return Step::next;
}

template <typename T, typename Op>
Step binary(Warp& warp, const Instr& in, uint32_t mask) {
  T* d = warp.at<T>(in.d);
  const T* a = warp.at<T>(in.a);
  const T* b = warp.at<T>(in.b);
  for_lanes(mask, [=](unsigned lane) { d[lane] = Op::apply(a[lane], b[lane]); });
  return Step::next;
}

template <typename T, typename Op>
Step ternary(Warp& warp, const Instr& in, uint32_t mask) {
  T* d = warp.at<T>(in.d);
  const T* a = warp.at<T>(in.a);
  const T* b = warp.at<T>(in.b);
  const T* c = warp.at<T>(in.c);
  for_lanes(mask, [=](unsigned lane) { d[lane] = Op::apply(a[lane], b[lane], c[lane]); });
  return Step::next;
}

}  // namespace vcuda::softgpu::ops
