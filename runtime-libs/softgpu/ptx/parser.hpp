// Reads a whole PTX module. Knows the grammar (ISA 9.0, sections 4, 5, 11), not what opcodes mean.
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>

#include "runtime-libs/softgpu/ptx/syntax.hpp"

namespace vcuda::softgpu::ptx {

template <typename T>
using Result = boost::system::result<T, Refusal>;

// Parses text, which must outlive the answer. A refusal names the line and what was expected there.
Result<Syntax> parse(std::string_view text);
// A temporary would be gone before the answer that points into it.
Result<Syntax> parse(std::string&& text) = delete;

}  // namespace vcuda::softgpu::ptx
