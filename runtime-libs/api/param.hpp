// The vocabulary of the call table: what one parameter of a driver call does on the wire, and when a call is
// answered. Everything here is evaluated at compile time; a row that disagrees with cuda.h does not compile.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace vcuda::api {

enum class Flow : std::uint8_t {
  in,         // a value, or a handle: travels with the request
  out,        // the driver writes one value or handle; a null pointer is passed on as null
  mint,       // the driver writes a new handle; the client has numbered it already, nothing travels back
  in_bytes,   // `count` bytes at a host pointer travel with the request
  out_bytes,  // `count` bytes travel back
  text,       // a NUL-terminated string
};

struct Param {
  std::string_view name;  // as in cuda.h
  Flow flow;
  std::string_view count{};  // in_bytes, out_bytes: the parameter that holds the number of bytes
};

consteval Param in(std::string_view name) { return {name, Flow::in}; }
consteval Param out(std::string_view name) { return {name, Flow::out}; }
consteval Param mint(std::string_view name) { return {name, Flow::mint}; }
consteval Param text(std::string_view name) { return {name, Flow::text}; }
consteval Param in_bytes(std::string_view name, std::string_view count) {
  return {name, Flow::in_bytes, count};
}
consteval Param out_bytes(std::string_view name, std::string_view count) {
  return {name, Flow::out_bytes, count};
}

enum class Reply : std::uint8_t {
  later,    // no answer: the call returns at once, a failure is latched
  deliver,  // returns at once; its data comes when the device has it
  wait,     // answered; never blocks, so it runs on the worker's dispatching thread
  blocks,   // answered; may block, so it runs on the worker thread of its client thread
  syncs,    // as blocks; also returns what was latched for the stream or context it waits for
  frees,    // as blocks; never returns what was latched
};
constexpr bool is_answered(Reply r) { return r != Reply::later; }

template <class F>
struct Signature;
template <class R, class... A>
struct Signature<R (*)(A...)> {
  using Args = std::tuple<A...>;
};
template <auto F>
using Args = typename Signature<decltype(F)>::Args;
template <auto F, std::size_t I>
using Arg = std::tuple_element_t<I, Args<F>>;
template <auto F>
inline constexpr std::size_t arity_of = std::tuple_size_v<Args<F>>;

// A driver handle is a pointer to a type that cuda.h never completes; any other pointer is host memory.
template <class T>
concept Handle = std::is_pointer_v<T> && !std::is_void_v<std::remove_pointer_t<T>> &&
                 !std::is_function_v<std::remove_pointer_t<T>> && !requires {
  sizeof(std::remove_pointer_t<T>);
};
template <class T>
concept Value = !std::is_pointer_v<T> || Handle<T>;

template <auto F, std::size_t N>
struct Spec {
  std::uint16_t opcode;
  Reply reply;
  std::string_view name;
  std::array<Param, N> params;

  consteval std::size_t index_of(std::string_view wanted) const {
    for (std::size_t i = 0; i < N; ++i)
      if (params[i].name == wanted) return i;
    throw "the row names a count that is none of its parameters";
  }
};

template <auto F, class... P>
consteval auto spec(std::uint16_t opcode, Reply reply, std::string_view name, P... params) {
  static_assert(sizeof...(P) == arity_of<F>, "the row and cuda.h disagree on the number of parameters");
  return Spec<F, sizeof...(P)>{opcode, reply, name, {params...}};
}

// Specialised once for each CALL and WRAP row, in table.hpp.
template <auto F>
inline constexpr int spec_of = 0;
template <auto F, std::size_t I>
inline constexpr Flow flow_of = spec_of<F>.params[I].flow;
template <auto F, std::size_t I>
inline constexpr std::size_t count_index = spec_of<F>.index_of(spec_of<F>.params[I].count);

template <auto F, std::size_t I>
consteval bool param_fits() {
  using T = Arg<F, I>;
  using Pointee = std::remove_pointer_t<T>;
  switch (flow_of<F, I>) {
    case Flow::in:
      return Value<T>;
    case Flow::out:
      return std::is_pointer_v<T> && !Handle<T> && !std::is_void_v<Pointee> && !std::is_const_v<Pointee>;
    case Flow::mint:
      return std::is_pointer_v<T> && Handle<Pointee>;
    case Flow::text:
      return std::is_same_v<T, const char*>;
    case Flow::in_bytes:
    case Flow::out_bytes:
      return std::is_pointer_v<T> && !Handle<T>;
  }
  return false;
}

// A row without an answer cannot have an output.
template <auto F>
consteval bool row_fits() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    bool fits = (param_fits<F, I>() && ... && true);
    bool answers = ((flow_of<F, I> == Flow::out || flow_of<F, I> == Flow::out_bytes) || ... || false);
    return fits && (!answers || is_answered(spec_of<F>.reply));
  }
  (std::make_index_sequence<arity_of<F>>{});
}

// FNV-1a, 64 bits: the constants are the algorithm's.
constexpr std::uint64_t fnv_start = 0xcbf29ce484222325;
constexpr std::uint64_t fnv(std::uint64_t hash, std::string_view bytes) {
  for (char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}
constexpr std::uint64_t fnv(std::uint64_t hash, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) hash = (hash ^ (value >> (8 * i) & 0xff)) * 0x100000001b3;
  return hash;
}

// What both ends must agree on before they may exchange a row: name, kind of answer, and each parameter's
// flow and size.
template <auto F>
consteval std::uint64_t signature_hash() {
  std::uint64_t hash = fnv(fnv_start, spec_of<F>.name);
  hash = fnv(hash, static_cast<std::uint64_t>(spec_of<F>.reply));
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((hash = fnv(fnv(hash, static_cast<std::uint64_t>(flow_of<F, I>)), sizeof(Arg<F, I>))), ...);
  }
  (std::make_index_sequence<arity_of<F>>{});
  return hash;
}

// For rows written by hand: the name and a revision, raised when the row's layout changes.
consteval std::uint64_t signature_hash(std::string_view name, Reply reply, unsigned revision) {
  return fnv(fnv(fnv(fnv_start, name), static_cast<std::uint64_t>(reply)), revision);
}

}  // namespace vcuda::api
