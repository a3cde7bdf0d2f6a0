// From a function's syntax to a kernel that runs: each opcode's row in the tables of ops/ decodes itself with
// the help of what stands here. Everything is checked now, so that running needs no checks but those of
// memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime-libs/softgpu/exec/kernel.hpp"
#include "runtime-libs/softgpu/ptx/parser.hpp"
#include "runtime-libs/softgpu/ptx/syntax.hpp"

namespace vcuda::softgpu::ptx {

// The modifiers of one instruction; each must be taken by the opcode's decoder, or the instruction is
// refused.
class Modifiers {
 public:
  explicit Modifiers(const Instruction& instruction) : instruction_(instruction) {}

  // Takes the modifier if it is there.
  bool take(std::string_view name);
  // Takes the next type in the order written; nullopt if none is left.
  std::optional<Type> take_type();
  // Takes the next modifier of any kind not yet taken; empty if none is left.
  std::string_view take_any();
  // The first that nobody took; empty if all were.
  std::string_view left() const;

 private:
  const Instruction& instruction_;
  uint64_t taken_ = 0;
};

class Decoder {
 public:
  Decoder(const Syntax& syntax, const Function& function, Kernel& kernel);

  // Decodes the whole function. False after a refusal.
  bool decode();
  const Refusal& refusal() const { return refusal_; }

  // For the rows of ops/: each returns false after noting why.

  bool fail(std::string message);
  // Fails with "opcode: what is not supported".
  bool unsupported(const std::string& what);
  bool expect_operands(const Instruction& instruction, size_t count);
  bool expect_operands(const Instruction& instruction, size_t least, size_t most);

  // The row of a register that is written: its width must be the type's. A sink gets a row of its own.
  bool destination(const Operand& operand, Type type, uint32_t& row);
  // The row of a value that is read: register of the type's width, literal, special register or symbol's
  // address.
  bool source(const Operand& operand, Type type, uint32_t& row);
  // As above for loads, stores and conversions, where a register may be wider than the type: also tells its
  // width.
  bool wide_destination(const Operand& operand, Type type, uint32_t& row, unsigned& width);
  bool wide_source(const Operand& operand, Type type, uint32_t& row, unsigned& width);
  // A predicate that is read, and whether it is negated.
  bool predicate(const Operand& operand, uint32_t& row, bool& negated);

  // Where an address operand points: a row that holds the base (4 or 8 bytes wide) and what to add to it. For
  // the param space the displacement is the whole address and there may be no base.
  struct Address {
    uint32_t row = 0;
    unsigned width = 8;
    int64_t displacement = 0;
    bool has_base = true;
  };
  bool address(const Operand& operand, Space space, Address& out);

  // Rows for constants and scratch.
  uint32_t constant(unsigned width, uint64_t bits);
  uint32_t constant_mask(uint32_t mask);
  uint32_t scratch(unsigned width);

  const Function& function() const { return function_; }
  Type register_type(const Operand& operand) const { return function_.registers[operand.reg].type; }

 private:
  bool decode(const Instruction& instruction);
  uint32_t allocate(unsigned width);
  uint32_t register_row(uint32_t reg);
  bool special(std::string_view name, unsigned width, uint32_t& row);
  bool symbol(std::string_view name, unsigned width, uint64_t addend, uint32_t& row);
  bool literal(const Operand& operand, Type type, uint64_t& bits);
  std::optional<uint32_t> shared_offset(std::string_view name);
  void lay_out_locals();
  bool finish();

  struct ConstantKey {
    uint64_t bits;
    unsigned width;
    bool operator==(const ConstantKey&) const = default;
  };
  struct ConstantHash {
    size_t operator()(const ConstantKey& key) const { return key.bits * 0x9E3779B97F4A7C15u + key.width; }
  };

  const Syntax& syntax_;
  const Function& function_;
  Kernel& kernel_;
  Refusal refusal_;
  const Instruction* current_ = nullptr;
  std::vector<uint32_t> rows_;  // of registers; unallocated until first used
  std::unordered_map<ConstantKey, uint32_t, ConstantHash> constants_;
  std::unordered_map<std::string_view, uint32_t>
      shared_;                                            // offsets of variables in the block's shared memory
  std::unordered_map<std::string_view, uint32_t> local_;  // offsets of variables in a thread's local memory
  std::vector<size_t> dynamic_shared_;  // constants that need the offset of dynamic shared memory
};

// Decodes an entry. A refusal names the opcode or operand and its line.
Result<Kernel> decode(const Syntax& syntax, const Function& function);

// The row widths registers have: a .b8 register is kept in 16 bits.
constexpr unsigned row_width(Type type) { return type == Type::pred ? 0 : std::max(2u, size_of(type)); }

}  // namespace vcuda::softgpu::ptx
