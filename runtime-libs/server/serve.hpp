// Decodes a CALL or WRAP row, calls the driver, and writes the answer: the mirror of the client's forward.
// One instance a row; everything it does follows from the row (see api/layout.hpp).
#pragma once
#include <cstring>
#include <string>

#include "runtime-libs/api/layout.hpp"
#include "runtime-libs/server/call.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server {

// Rows after whose success the handle in their first parameter means nothing any more.
template <auto F>
inline constexpr bool consumes_handle = false;
template <>
inline constexpr bool consumes_handle<&::cuStreamDestroy_v2> = true;
template <>
inline constexpr bool consumes_handle<&::cuEventDestroy_v2> = true;
template <>
inline constexpr bool consumes_handle<&::cuModuleUnload> = true;
template <>
inline constexpr bool consumes_handle<&::cuLibraryUnload> = true;
template <>
inline constexpr bool consumes_handle<&::cuCtxDestroy_v2> = true;

template <auto F>
CUresult serve(Call& call) {
  constexpr std::size_t n = api::arity_of<F>;
  api::Args<F> args{};
  std::array<std::uint64_t, n> numbers{};  // handles, presence flags, text lengths, as they travelled
  std::array<std::uint64_t, n> slots{};    // what `out` and `mint` parameters point to
  std::array<std::string, n> texts;
  std::vector<std::byte> bytes_out;
  CUresult wrong = CUDA_SUCCESS;

  api::for_each_param<F>([&](auto index) {
    constexpr std::size_t i = index;
    constexpr api::Flow flow = api::flow_of<F, i>;
    using T = api::Arg<F, i>;
    auto& value = std::get<i>(args);
    if constexpr (flow == api::Flow::in && api::Handle<T>) {
      numbers[i] = call.args.get<std::uint64_t>();
      CUresult found = CUDA_SUCCESS;
      if constexpr (std::is_same_v<T, CUstream>)
        found = call.find_stream(numbers[i], value);
      else
        found = call.find(numbers[i], value);
      if (wrong == CUDA_SUCCESS) wrong = found;
    } else if constexpr (flow == api::Flow::in) {
      value = call.args.get<T>();
    } else if constexpr (flow == api::Flow::out) {
      static_assert(sizeof(std::remove_pointer_t<T>) <= sizeof(std::uint64_t));
      numbers[i] = call.args.get<std::uint8_t>();
      value = numbers[i] ? reinterpret_cast<T>(&slots[i]) : nullptr;
    } else if constexpr (flow == api::Flow::mint) {
      numbers[i] = call.args.get<std::uint64_t>();
      value = reinterpret_cast<T>(&slots[i]);
    } else if constexpr (flow == api::Flow::out_bytes) {
      numbers[i] = call.args.get<std::uint8_t>();
    } else if constexpr (flow == api::Flow::text) {
      numbers[i] = call.args.get<std::uint32_t>();
      if (numbers[i] > wire::max_name_bytes) call.args.fail();
    }
  });
  if (!call.args.ok()) return CUDA_ERROR_UNKNOWN;

  // The counts are known now: the variable parts follow.
  api::for_each_param<F>([&](auto index) {
    constexpr std::size_t i = index;
    constexpr api::Flow flow = api::flow_of<F, i>;
    auto& value = std::get<i>(args);
    if constexpr (flow == api::Flow::text) {
      if (const std::byte* at = call.args.take(numbers[i]))
        texts[i].assign(reinterpret_cast<const char*>(at), numbers[i]);
      value = texts[i].c_str();
    } else if constexpr (flow == api::Flow::in_bytes) {
      value = reinterpret_cast<api::Arg<F, i>>(
          call.args.take(static_cast<std::size_t>(std::get<api::count_index<F, i>>(args))));
    } else if constexpr (flow == api::Flow::out_bytes) {
      auto count = static_cast<std::size_t>(std::get<api::count_index<F, i>>(args));
      if (count > wire::chunk_bytes) {
        call.args.fail();
        return;
      }
      if (numbers[i]) bytes_out.resize(count);
      value = numbers[i] ? reinterpret_cast<api::Arg<F, i>>(bytes_out.data()) : nullptr;
    }
  });
  if (!call.args.ok() || call.args.left() != 0) return CUDA_ERROR_UNKNOWN;

  CUresult result = wrong;
  if (result == CUDA_SUCCESS)
    result = std::apply([&](auto... a) { return call.driver().template call<F>(a...); }, args);

  api::for_each_param<F>([&](auto index) {
    constexpr std::size_t i = index;
    if constexpr (api::flow_of<F, i> == api::Flow::mint) {
      using Object = std::remove_pointer_t<api::Arg<F, i>>;
      CUresult added = call.parts.handles.add(numbers[i], reinterpret_cast<Object>(slots[i]), result);
      if (result == CUDA_SUCCESS) result = added;
    } else if constexpr (api::flow_of<F, i> == api::Flow::out) {
      if (result == CUDA_SUCCESS && numbers[i]) call.put(*std::get<i>(args));
    }
  });
  if (result != CUDA_SUCCESS) return result;
  call.answer.append(bytes_out.data(), bytes_out.size());
  if constexpr (consumes_handle<F>) call.forget(numbers[0]);
  return result;
}

}  // namespace vcuda::server
