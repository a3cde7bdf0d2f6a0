// What a PTX module says, as read: functions, variables, instructions with their operands. Registers and
// labels are resolved to numbers, opcodes and modifiers are still words. Text views point into the text that
// was parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime-libs/softgpu/ptx/type.hpp"

namespace vcuda::softgpu::ptx {

// One piece of a variable's initial value, at a byte offset.
struct Initializer {
  uint64_t offset;
  unsigned size;            // 1, 2, 4 or 8
  uint64_t bits;            // the value, or what is added to the symbol's address
  std::string_view symbol;  // empty for a plain number
};

struct Variable {
  std::string_view name;
  Space space = Space::global;
  uint64_t size = 0;  // bytes; 0 for the unsized extern array of dynamic shared memory
  unsigned alignment = 1;
  bool is_extern = false;
  bool is_managed = false;
  std::vector<Initializer> initializers;
  int line = 0;
};

struct Parameter {
  std::string_view name;
  uint32_t offset;  // in the parameter buffer, as CUDA's launch lays it out
  uint32_t size;
  uint32_t alignment;
};

struct Operand {
  enum class Kind : uint8_t {
    reg,
    special,
    symbol,
    integer,
    float32,
    float64,
    address,
    vector,
    list,
    pair,
    sink
  };
  Kind kind = Kind::sink;
  bool negated = false;        // !%p
  bool has_base = false;       // address: reg or name holds the base
  uint32_t reg = no_reg;       // index into Function::registers
  std::string_view name;       // special register, symbol, or an address' symbol
  uint64_t bits = 0;           // literal value, or an address' displacement
  std::vector<Operand> parts;  // vector {a, b}, list (a, b), pair p|q

  static constexpr uint32_t no_reg = UINT32_MAX;
};

struct Instruction {
  std::string_view opcode;                  // "ld"
  std::vector<std::string_view> modifiers;  // "global", "f32"
  std::vector<Operand> operands;
  uint32_t guard = Operand::no_reg;
  bool guard_negated = false;
  uint32_t target = UINT32_MAX;  // bra: index of the instruction it goes to
  int line = 0;
};

struct Register {
  Type type;
};

struct Function {
  std::string_view name;
  bool is_entry = false;
  bool has_body = false;
  std::vector<Parameter> parameters;
  uint32_t parameter_bytes = 0;
  std::vector<Register> registers;
  std::vector<Variable> variables;  // .local and .shared declared in the body
  std::vector<Instruction> instructions;
  uint32_t max_threads[3] = {0, 0, 0};       // .maxntid, 0 where not given
  uint32_t required_threads[3] = {0, 0, 0};  // .reqntid
  int line = 0;
};

struct Syntax {
  unsigned isa_major = 0;
  unsigned isa_minor = 0;
  unsigned target = 0;  // 75 of sm_75
  std::vector<Variable> variables;
  std::vector<Function> functions;
};

// Why a text was not taken: the line it is about (0: the whole) and one sentence.
struct Refusal {
  int line = 0;
  std::string message;
};

}  // namespace vcuda::softgpu::ptx
