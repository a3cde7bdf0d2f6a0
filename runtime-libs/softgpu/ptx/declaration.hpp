// Variable and parameter declarations: the same grammar at module level, in a function's head and in its
// body.
#pragma once

#include <string_view>
#include <vector>

#include "runtime-libs/softgpu/ptx/cursor.hpp"
#include "runtime-libs/softgpu/ptx/syntax.hpp"

namespace vcuda::softgpu::ptx {

// Reads ".align 4 .b8 name[12] = {...};" after the state space, one or more names; adds them to variables.
void parse_variables(Cursor& cursor, Space space, bool is_extern, std::vector<Variable>& variables);

// Reads "(.param .u64 a, .param .align 8 .b8 b[24])" and lays the parameters out as a launch does: each at
// the next multiple of its alignment. Sets the function's parameters and parameter_bytes.
void parse_parameters(Cursor& cursor, Function& function);

}  // namespace vcuda::softgpu::ptx
