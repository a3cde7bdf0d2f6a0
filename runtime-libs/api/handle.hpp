// Handles as they travel: numbers the client mints, never addresses of the worker. A number holds the kind of
// object and a counter; the worker looks it up in the table of that kind, so a wrong or hostile number is an
// error, not a pointer.
#pragma once
#include <cstdint>
#include <type_traits>

#include "runtime-libs/api/driver_api.hpp"

namespace vcuda::api {

enum class Kind : std::uint8_t { none, context, module, library, function, stream, event, count_ };

// CUkernel and CUfunction share one kind, because cudart 13 passes a CUkernel wherever a CUfunction is asked
// for.
template <class T>
inline constexpr Kind kind_of = Kind::none;
template <>
inline constexpr Kind kind_of<CUcontext> = Kind::context;
template <>
inline constexpr Kind kind_of<CUmodule> = Kind::module;
template <>
inline constexpr Kind kind_of<CUlibrary> = Kind::library;
template <>
inline constexpr Kind kind_of<CUfunction> = Kind::function;
template <>
inline constexpr Kind kind_of<CUkernel> = Kind::function;
template <>
inline constexpr Kind kind_of<CUstream> = Kind::stream;
template <>
inline constexpr Kind kind_of<CUevent> = Kind::event;

// Bits 40-46 hold the kind, bits 0-39 the counter: below 2^47, so a handle looks like no device address
// (softgpu's band and NVIDIA's addresses lie elsewhere) and never like a small integer such as
// CU_STREAM_LEGACY.
inline constexpr int kind_shift = 40;
constexpr std::uint64_t make_handle(Kind kind, std::uint64_t number) {
  return std::uint64_t{static_cast<std::uint8_t>(kind)} << kind_shift | number;
}
constexpr Kind kind_in(std::uint64_t handle) { return static_cast<Kind>(handle >> kind_shift & 0x7f); }
constexpr std::uint64_t number_in(std::uint64_t handle) {
  return handle & ((std::uint64_t{1} << kind_shift) - 1);
}

// Primary contexts have fixed numbers, so that cudart may hold one before it is retained; minted ones start
// above.
constexpr std::uint64_t primary_context(int device) {
  return make_handle(Kind::context, static_cast<std::uint64_t>(device) + 1);
}
inline constexpr std::uint64_t first_minted_number = 1024;

// Stream handles that are no objects (cuda.h): they travel as they are.
inline constexpr std::uint64_t stream_null = 0;
inline constexpr std::uint64_t stream_legacy = 1;
inline constexpr std::uint64_t stream_per_thread = 2;

}  // namespace vcuda::api
