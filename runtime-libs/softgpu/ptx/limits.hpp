// Limits on what a PTX text may ask for. Real programs stay far below; a hostile one must not exhaust the
// process.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vcuda::softgpu::ptx {

constexpr size_t max_text_bytes = size_t{256}
                                  << 20;           // the largest single PTX of CUDA 13's libraries is 60 MiB
constexpr size_t max_registers = size_t{1} << 20;  // of one function
constexpr size_t max_instructions = size_t{1} << 24;  // of one function
constexpr size_t max_operand_parts = 64;              // of a vector or an argument list
constexpr size_t max_scope_depth = 64;                // nested { } in a function
constexpr uint64_t max_variable_bytes = uint64_t{1}
                                        << 40;   // of one global; the device's memory is checked at load
constexpr uint32_t max_parameter_bytes = 32764;  // of a kernel: PTX ISA 8.1, section 5.1.6
constexpr uint64_t max_shared_bytes = uint64_t{1} << 24;
constexpr uint64_t max_local_bytes = uint64_t{512}
                                     << 10;  // a thread's local memory: CUDA programming guide, table 30

}  // namespace vcuda::softgpu::ptx
