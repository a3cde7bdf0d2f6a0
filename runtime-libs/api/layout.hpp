// How the parameters of a CALL or WRAP row lie in a frame. Both ends read this file and nothing else.
//
// request body: for each parameter, in order,
//     in         the value; a handle as u64
//     out        u8: 1 where the caller wants the value
//     mint       u64: the handle the client gave the new object
//     in_bytes   nothing (its count is a parameter)
//     out_bytes  u8: 1 where the caller wants the bytes
//     text       u32: length without the NUL
//   and then the bytes of each in_bytes and text parameter, in order.
// reply body, where the result is CUDA_SUCCESS: the wanted values in order, then the wanted bytes (at most
// one such parameter a row).
#pragma once
#include "runtime-libs/api/table.hpp"

namespace vcuda::api {

// The most a request's fixed part can take: 16 parameters of 16 bytes.
inline constexpr std::size_t max_fixed_bytes = 256;

template <auto F>
inline constexpr auto each_param = std::make_index_sequence<arity_of<F>>{};

// Calls body(std::integral_constant<size_t, I>) for each parameter index of F.
template <auto F, class Body>
constexpr void for_each_param(Body&& body) {
  [&]<std::size_t... I>(std::index_sequence<I...>) { (body(std::integral_constant<std::size_t, I>{}), ...); }
  (each_param<F>);
}

}  // namespace vcuda::api
