// The body of a function: registers, labels and scopes are resolved here, operands are read, opcodes stay
// words.
#pragma once

#include "runtime-libs/softgpu/ptx/cursor.hpp"
#include "runtime-libs/softgpu/ptx/syntax.hpp"

namespace vcuda::softgpu::ptx {

// Reads from the opening brace to the matching closing one into the function.
void parse_body(Cursor& cursor, Function& function);

}  // namespace vcuda::softgpu::ptx
