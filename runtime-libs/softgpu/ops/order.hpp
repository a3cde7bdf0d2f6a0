// Memory order and state space as the modifiers of loads, stores and atomics name them.
#pragma once

#include <cstdint>

#include "runtime-libs/softgpu/ptx/decoder.hpp"

namespace vcuda::softgpu::ops {

constexpr uint32_t fence_before = 1;
constexpr uint32_t fence_after = 2;

// Takes .weak, .volatile, .relaxed, .acquire, .release, .acq_rel and a scope; returns the fences they ask
// for. Every scope is the whole machine here.
inline uint32_t take_order(ptx::Modifiers& modifiers) {
  uint32_t fences = 0;
  modifiers.take("weak");
  modifiers.take("volatile");
  modifiers.take("mmio");
  modifiers.take("relaxed");
  if (modifiers.take("acquire")) fences = fence_after;
  if (modifiers.take("release")) fences = fence_before;
  if (modifiers.take("acq_rel") || modifiers.take("sc")) fences = fence_before | fence_after;
  for (const char* scope : {"cta", "gpu", "sys", "cluster", "gl"}) modifiers.take(scope);
  return fences;
}

// Takes the state space; generic where none is written.
inline ptx::Space take_space(ptx::Modifiers& modifiers) {
  using ptx::Space;
  if (modifiers.take("global")) return Space::global;
  if (modifiers.take("shared") || modifiers.take("shared::cta")) return Space::shared;
  if (modifiers.take("local")) return Space::local;
  if (modifiers.take("param") || modifiers.take("param::entry")) return Space::param;
  if (modifiers.take("const")) return Space::constant;
  return Space::generic;
}

}  // namespace vcuda::softgpu::ops
