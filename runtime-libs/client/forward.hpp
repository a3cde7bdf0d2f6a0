// Sends a CALL or WRAP row and brings its answer back. One instance a row; everything it does follows from
// the row.
#pragma once
#include <cstring>

#include "runtime-libs/api/layout.hpp"
#include "runtime-libs/client/core.hpp"
#include "runtime-libs/wire/cursor.hpp"

namespace vcuda::client {

// The stream a handle means on the wire: within a per-thread-default-stream entry, null is the client
// thread's own.
inline std::uint64_t stream_on_wire(CUstream stream) {
  return stream ? reinterpret_cast<std::uint64_t>(stream) : this_thread().default_stream();
}

template <auto F, std::size_t I>
void encode_fixed(wire::Writer& writer, const api::Arg<F, I>& value, std::uint64_t minted) {
  constexpr api::Flow flow = api::flow_of<F, I>;
  using T = api::Arg<F, I>;
  if constexpr (flow == api::Flow::in && std::is_same_v<T, CUstream>)
    writer.put(stream_on_wire(value));
  else if constexpr (flow == api::Flow::in && api::Handle<T>)
    writer.put(reinterpret_cast<std::uint64_t>(value));
  else if constexpr (flow == api::Flow::in)
    writer.put(value);
  else if constexpr (flow == api::Flow::out || flow == api::Flow::out_bytes)
    writer.put(static_cast<std::uint8_t>(value != nullptr));
  else if constexpr (flow == api::Flow::mint)
    writer.put(minted);
  else if constexpr (flow == api::Flow::text)
    writer.put(static_cast<std::uint32_t>(std::strlen(value)));
}

template <auto F, class... A>
CUresult forward(A... a) {
  constexpr const auto& row = api::spec_of<F>;
  if (CUresult refused = enter(row.name.data())) return refused;
  Core& c = core();
  if (!c.agrees(row.opcode, api::signature_hash<F>(), row.name.data())) return CUDA_ERROR_NOT_SUPPORTED;

  api::Args<F> args{a...};
  std::uint64_t minted = 0;
  std::byte fixed[api::max_fixed_bytes];
  wire::Writer writer(fixed);
  Segment body[5] = {};
  std::size_t segments = 1;
  std::byte values[api::max_fixed_bytes];
  Waiter waiter;
  waiter.into[0] = {values, 0};
  bool valid = true;

  api::for_each_param<F>([&](auto index) {
    constexpr std::size_t i = index;
    constexpr api::Flow flow = api::flow_of<F, i>;
    auto& value = std::get<i>(args);
    if constexpr (flow == api::Flow::mint) {
      if (!value)
        valid = false;
      else
        minted = c.mint(api::kind_of<std::remove_pointer_t<api::Arg<F, i>>>);
    }
    if constexpr (flow == api::Flow::text || flow == api::Flow::in_bytes) {
      if (!value) valid = false;
    }
    if (!valid) return;
    encode_fixed<F, i>(writer, value, minted);
    if constexpr (flow == api::Flow::text) body[segments++] = {value, std::strlen(value)};
    if constexpr (flow == api::Flow::in_bytes)
      body[segments++] = {value, static_cast<std::size_t>(std::get<api::count_index<F, i>>(args))};
    if constexpr (flow == api::Flow::out) {
      static_assert(!api::Handle<std::remove_pointer_t<api::Arg<F, i>>>, "handles are minted by the client");
      if (value) waiter.into[0].bytes += sizeof *value;
    }
    if constexpr (flow == api::Flow::out_bytes) {
      if (value) waiter.into[1] = {value, static_cast<std::size_t>(std::get<api::count_index<F, i>>(args))};
    }
  });
  if (!valid || !writer.ok()) return CUDA_ERROR_INVALID_VALUE;
  body[0] = {fixed, writer.size()};
  const std::span<const Segment> sent(body, segments);

  CUresult result = CUDA_SUCCESS;
  if constexpr (api::is_answered(row.reply)) {
    if (!c.session().post(c.request(row.opcode), sent, waiter) || !c.session().await(waiter))
      return c.state();
    result = c.note(static_cast<CUresult>(waiter.result));
    if (result == CUDA_SUCCESS && waiter.received != waiter.into[0].bytes + waiter.into[1].bytes)
      return CUDA_ERROR_UNKNOWN;
  } else {
    if (CUresult lost = c.fault()) return lost;
    if (!c.session().post(c.request(row.opcode), sent)) return c.state();
  }
  if (result != CUDA_SUCCESS) return result;

  wire::Reader reader({values, waiter.into[0].bytes});
  api::for_each_param<F>([&](auto index) {
    constexpr std::size_t i = index;
    auto& value = std::get<i>(args);
    if constexpr (api::flow_of<F, i> == api::Flow::out) {
      if (value) *value = reader.get<std::remove_pointer_t<api::Arg<F, i>>>();
    } else if constexpr (api::flow_of<F, i> == api::Flow::mint) {
      *value = reinterpret_cast<std::remove_pointer_t<api::Arg<F, i>>>(minted);
    }
  });
  return result;
}

}  // namespace vcuda::client
