// What barriers of a block and of a warp, and the machine that releases them, share.
#pragma once

#include "runtime-libs/softgpu/ops/opcode.hpp"

namespace vcuda::softgpu::ops {

// bar.warp.sync: the opcode is that of block barriers.
bool decode_warp_barrier(ptx::Decoder& decoder, const ptx::Instruction& instruction, Instr& out);

// Writes what bar.red gives to the lanes that waited in it. Called when the barrier is complete.
void finish_barrier(Warp& warp, const Instr& in, uint32_t mask, const Barrier& result);

}  // namespace vcuda::softgpu::ops
