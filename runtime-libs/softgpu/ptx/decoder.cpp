#include "runtime-libs/softgpu/ptx/decoder.hpp"

#include <algorithm>
#include <bit>

#include "runtime-libs/softgpu/ops/opcode.hpp"
#include "runtime-libs/softgpu/ptx/limits.hpp"

namespace vcuda::softgpu::ptx {
namespace {

constexpr uint32_t unallocated = UINT32_MAX;

// Rows start on cache lines, so that vector instructions never straddle two.
constexpr uint32_t row_alignment = 64;

// A kernel whose registers alone would take more a warp than this is no program but an attack.
constexpr uint32_t max_register_bytes = 256u << 20;

struct SpecialName {
  std::string_view name;
  Special special;
};
constexpr SpecialName special_names[] = {
    {"%tid.x", Special::tid_x},
    {"%tid.y", Special::tid_y},
    {"%tid.z", Special::tid_z},
    {"%ntid.x", Special::ntid_x},
    {"%ntid.y", Special::ntid_y},
    {"%ntid.z", Special::ntid_z},
    {"%ctaid.x", Special::ctaid_x},
    {"%ctaid.y", Special::ctaid_y},
    {"%ctaid.z", Special::ctaid_z},
    {"%nctaid.x", Special::nctaid_x},
    {"%nctaid.y", Special::nctaid_y},
    {"%nctaid.z", Special::nctaid_z},
    {"%laneid", Special::laneid},
    {"%warpid", Special::warpid},
    {"%nwarpid", Special::nwarpid},
    {"%smid", Special::smid},
    {"%nsmid", Special::nsmid},
    {"%gridid", Special::gridid},
    {"%lanemask_eq", Special::lanemask_eq},
    {"%lanemask_le", Special::lanemask_le},
    {"%lanemask_lt", Special::lanemask_lt},
    {"%lanemask_ge", Special::lanemask_ge},
    {"%lanemask_gt", Special::lanemask_gt},
    {"%dynamic_smem_size", Special::dynamic_smem_size},
    {"%total_smem_size", Special::total_smem_size},
    {"%tid.w", Special::zero},
    {"%ctaid.w", Special::zero},
    {"%is_explicit_cluster", Special::zero},
};

uint64_t truncated(uint64_t bits, unsigned width) {
  return width >= 8 ? bits : bits & ((uint64_t{1} << 8 * width) - 1);
}

uint64_t aligned(uint64_t offset, uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

}  // namespace

bool Modifiers::take(std::string_view name) {
  const auto& all = instruction_.modifiers;
  for (size_t i = 0; i < all.size() && i < 64; ++i) {
    if (all[i] != name || (taken_ >> i & 1) != 0) continue;
    taken_ |= uint64_t{1} << i;
    return true;
  }
  return false;
}

std::optional<Type> Modifiers::take_type() {
  const auto& all = instruction_.modifiers;
  for (size_t i = 0; i < all.size() && i < 64; ++i) {
    if ((taken_ >> i & 1) != 0) continue;
    const auto type = type_named(all[i]);
    if (!type) continue;
    taken_ |= uint64_t{1} << i;
    return type;
  }
  return std::nullopt;
}

std::string_view Modifiers::take_any() {
  const auto& all = instruction_.modifiers;
  for (size_t i = 0; i < all.size() && i < 64; ++i) {
    if ((taken_ >> i & 1) != 0) continue;
    taken_ |= uint64_t{1} << i;
    return all[i];
  }
  return {};
}

std::string_view Modifiers::left() const {
  const auto& all = instruction_.modifiers;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i >= 64 || (taken_ >> i & 1) == 0) return all[i];
  }
  return {};
}

Decoder::Decoder(const Syntax& syntax, const Function& function, Kernel& kernel)
    : syntax_(syntax), function_(function), kernel_(kernel), rows_(function.registers.size(), unallocated) {}

bool Decoder::fail(std::string message) {
  if (refusal_.message.empty())
    refusal_ = {current_ != nullptr ? current_->line : function_.line, std::move(message)};
  return false;
}

bool Decoder::unsupported(const std::string& what) {
  std::string spelling(current_->opcode);
  for (const std::string_view modifier : current_->modifiers) spelling += "." + std::string(modifier);
  return fail(spelling + ": " + what);
}

bool Decoder::expect_operands(const Instruction& instruction, size_t least, size_t most) {
  if (instruction.operands.size() >= least && instruction.operands.size() <= most) return true;
  return unsupported(std::to_string(instruction.operands.size()) + " operands");
}

bool Decoder::expect_operands(const Instruction& instruction, size_t count) {
  return expect_operands(instruction, count, count);
}

uint32_t Decoder::allocate(unsigned width) {
  const uint32_t bytes = width == 0 ? sizeof(uint32_t) : width * lane_count;
  const uint32_t row = kernel_.register_bytes;
  if (kernel_.register_bytes > max_register_bytes) {
    fail("more registers than the software GPU holds");
    return 0;
  }
  kernel_.register_bytes += static_cast<uint32_t>(aligned(bytes, row_alignment));
  return row;
}

uint32_t Decoder::register_row(uint32_t reg) {
  uint32_t& row = rows_[reg];
  if (row == unallocated) {
    const unsigned width = row_width(function_.registers[reg].type);
    row = allocate(width);
    kernel_.register_count += std::max(1u, width / 4);
  }
  return row;
}

uint32_t Decoder::scratch(unsigned width) { return allocate(width); }

uint32_t Decoder::constant(unsigned width, uint64_t bits) {
  bits = truncated(bits, width);
  const auto [found, fresh] = constants_.try_emplace(ConstantKey{bits, width}, 0);
  if (fresh) {
    found->second = allocate(width);
    kernel_.constants.push_back({found->second, static_cast<uint8_t>(width), bits, {}});
  }
  return found->second;
}

uint32_t Decoder::constant_mask(uint32_t mask) {
  const auto [found, fresh] = constants_.try_emplace(ConstantKey{mask, 0}, 0);
  if (fresh) {
    found->second = allocate(0);
    kernel_.constants.push_back({found->second, 0, mask, {}});
  }
  return found->second;
}

bool Decoder::destination(const Operand& operand, Type type, uint32_t& row) {
  if (operand.kind == Operand::Kind::sink) {
    row = scratch(row_width(type));
    return true;
  }
  if (operand.kind != Operand::Kind::reg) return unsupported("a destination must be a register");
  if (row_width(register_type(operand)) != row_width(type)) {
    return unsupported("a destination of type ." + std::string(name_of(register_type(operand))));
  }
  row = register_row(operand.reg);
  return true;
}

bool Decoder::wide_destination(const Operand& operand, Type type, uint32_t& row, unsigned& width) {
  width = row_width(type);
  if (operand.kind == Operand::Kind::sink) return destination(operand, type, row);
  if (operand.kind != Operand::Kind::reg) return unsupported("a destination must be a register");
  width = row_width(register_type(operand));
  if (width < size_of(type) || width == 0) {
    return unsupported("a destination of type ." + std::string(name_of(register_type(operand))));
  }
  row = register_row(operand.reg);
  return true;
}

bool Decoder::literal(const Operand& operand, Type type, uint64_t& bits) {
  bits = operand.bits;
  if (operand.kind == Operand::Kind::integer) {
    if (is_float(type)) return unsupported("an integer where a floating-point value belongs");
    return true;
  }
  const double value = operand.kind == Operand::Kind::float32
                           ? double{std::bit_cast<float>(static_cast<uint32_t>(operand.bits))}
                           : std::bit_cast<double>(operand.bits);
  if (type == Type::f64) {
    if (operand.kind == Operand::Kind::float32) bits = std::bit_cast<uint64_t>(value);
  } else if (type == Type::f32) {
    if (operand.kind == Operand::Kind::float64) bits = std::bit_cast<uint32_t>(static_cast<float>(value));
  } else if (size_of(type) < (operand.kind == Operand::Kind::float32 ? 4u : 8u) || is_integer(type)) {
    return unsupported("a floating-point value where an integer belongs");
  }
  return true;
}

bool Decoder::source(const Operand& operand, Type type, uint32_t& row) {
  unsigned width = row_width(type);
  if (operand.kind == Operand::Kind::reg && row_width(register_type(operand)) != width) {
    return unsupported("a source of type ." + std::string(name_of(register_type(operand))));
  }
  return wide_source(operand, type, row, width);
}

bool Decoder::wide_source(const Operand& operand, Type type, uint32_t& row, unsigned& width) {
  width = row_width(type);
  if (operand.negated) return unsupported("'!' before a value");
  switch (operand.kind) {
    case Operand::Kind::reg:
      width = row_width(register_type(operand));
      if (width < size_of(type) || width == 0) {
        return unsupported("a source of type ." + std::string(name_of(register_type(operand))));
      }
      row = register_row(operand.reg);
      return true;
    case Operand::Kind::integer:
    case Operand::Kind::float32:
    case Operand::Kind::float64: {
      uint64_t bits = 0;
      if (!literal(operand, type, bits)) return false;
      row = constant(width, bits);
      return true;
    }
    case Operand::Kind::special:
      return special(operand.name, width, row);
    case Operand::Kind::symbol:
      return symbol(operand.name, width, operand.bits, row);
    default:
      return unsupported("this kind of operand");
  }
}

bool Decoder::predicate(const Operand& operand, uint32_t& row, bool& negated) {
  if (operand.kind != Operand::Kind::reg || register_type(operand) != Type::pred) {
    return unsupported("a predicate is needed");
  }
  row = register_row(operand.reg);
  negated = operand.negated;
  return true;
}

bool Decoder::special(std::string_view name, unsigned width, uint32_t& row) {
  if (name == "WARP_SZ") {
    row = constant(width, lane_count);
    return true;
  }
  const auto found = std::ranges::find(special_names, name, &SpecialName::name);
  if (found == std::end(special_names)) return unsupported(std::string(name) + " is not supported");
  for (const SpecialRow& known : kernel_.specials) {
    if (known.special == found->special && known.width == width) {
      row = known.row;
      return true;
    }
  }
  row = allocate(width);
  kernel_.specials.push_back({row, static_cast<uint8_t>(width), found->special});
  return true;
}

std::optional<uint32_t> Decoder::shared_offset(std::string_view name) {
  if (const auto known = shared_.find(name); known != shared_.end()) return known->second;
  const auto place = [&](const std::vector<Variable>& variables) -> std::optional<uint32_t> {
    for (const Variable& variable : variables) {
      if (variable.name != name || variable.space != Space::shared || variable.size == 0) continue;
      const uint64_t offset = aligned(kernel_.shared_bytes, variable.alignment);
      if (variable.size > max_shared_bytes || offset + variable.size > max_shared_bytes) {
        fail("more shared memory than any device has");
        return std::nullopt;
      }
      kernel_.shared_bytes = static_cast<uint32_t>(offset + variable.size);
      shared_[name] = static_cast<uint32_t>(offset);
      return static_cast<uint32_t>(offset);
    }
    return std::nullopt;
  };
  if (const auto offset = place(function_.variables)) return offset;
  return place(syntax_.variables);
}

void Decoder::lay_out_locals() {
  uint64_t offset = 0;
  for (const Variable& variable : function_.variables) {
    if (variable.space != Space::local) continue;
    offset = aligned(offset, variable.alignment);
    local_[variable.name] = static_cast<uint32_t>(offset);
    offset += variable.size;
    if (offset > max_local_bytes) {
      fail("more than 512 KiB of local memory a thread");
      return;
    }
  }
  kernel_.local_bytes = static_cast<uint32_t>(aligned(offset, 16));
}

bool Decoder::symbol(std::string_view name, unsigned width, uint64_t addend, uint32_t& row) {
  const auto fresh = [&](uint64_t bits, std::string_view relocated) {
    row = allocate(width);
    kernel_.constants.push_back({row, static_cast<uint8_t>(width), bits, std::string(relocated)});
    return true;
  };
  if (width < 4) return unsupported("an address in so few bits");
  if (const auto local = local_.find(name); local != local_.end()) {
    row = constant(width, local->second + addend);
    return true;
  }
  for (const Parameter& parameter : function_.parameters) {
    if (parameter.name != name) continue;
    row = constant(width, parameter.offset + addend);
    return true;
  }
  if (const auto offset = shared_offset(name)) {
    row = constant(width, *offset + addend);
    return true;
  }
  for (const Variable& variable : syntax_.variables) {
    if (variable.name != name) continue;
    if (variable.space == Space::shared) {
      dynamic_shared_.push_back(kernel_.constants.size());
      return fresh(addend, {});
    }
    if (width != 8) return unsupported("the address of " + std::string(name) + " takes 64 bits");
    return fresh(addend, name);
  }
  return unsupported("no symbol " + std::string(name) + " that has an address here");
}

bool Decoder::address(const Operand& operand, Space space, Address& out) {
  if (operand.kind != Operand::Kind::address) return unsupported("an address is needed");
  out.displacement = static_cast<int64_t>(operand.bits);
  if (!operand.has_base) {
    out.row = constant(8, 0);
    return true;
  }
  if (operand.reg != Operand::no_reg) {
    out.width = row_width(register_type(operand));
    if (out.width != 4 && out.width != 8) return unsupported("an address takes 32 or 64 bits");
    if (out.width == 4 && (space == Space::generic || space == Space::global || space == Space::constant)) {
      return unsupported("an address in this space takes 64 bits");
    }
    out.row = register_row(operand.reg);
    return true;
  }
  if (space == Space::param) {
    for (const Parameter& parameter : function_.parameters) {
      if (parameter.name != operand.name) continue;
      out.displacement += parameter.offset;
      out.has_base = false;
      return true;
    }
    return unsupported("no parameter " + std::string(operand.name));
  }
  return symbol(operand.name, 8, 0, out.row);
}

bool Decoder::decode(const Instruction& instruction) {
  current_ = &instruction;
  const ops::Opcode* opcode = ops::find_opcode(instruction);
  if (opcode == nullptr) return unsupported("the software GPU has no such instruction");
  Instr out{};
  out.guard = constant_mask(all_lanes);
  if (instruction.guard != Operand::no_reg) {
    out.guard = register_row(instruction.guard);
    out.guard_flip = instruction.guard_negated ? all_lanes : 0;
  }
  if (!opcode->decode(*this, instruction, out)) return false;
  kernel_.code.push_back(out);
  kernel_.lines.push_back(instruction.line);
  return refusal_.message.empty();
}

bool Decoder::finish() {
  // Control must not run off the end: PTX lets the last instruction be left out after a branch back.
  current_ = nullptr;
  static const Instruction exit{.opcode = "exit", .modifiers = {}, .operands = {}, .line = 0};
  if (!decode(exit)) return false;
  if (!dynamic_shared_.empty()) {
    uint64_t alignment = 16;
    for (const Variable& variable : syntax_.variables) {
      if (variable.space == Space::shared && variable.size == 0)
        alignment = std::max<uint64_t>(alignment, variable.alignment);
    }
    kernel_.shared_bytes = static_cast<uint32_t>(aligned(kernel_.shared_bytes, alignment));
    for (const size_t index : dynamic_shared_) kernel_.constants[index].bits += kernel_.shared_bytes;
  }
  kernel_.register_bytes = std::max(kernel_.register_bytes, row_alignment);
  return refusal_.message.empty();
}

bool Decoder::decode() {
  kernel_.name = function_.name;
  kernel_.parameter_bytes = function_.parameter_bytes;
  for (const Parameter& parameter : function_.parameters)
    kernel_.parameters.push_back({parameter.offset, parameter.size});
  std::ranges::copy(function_.max_threads, kernel_.max_threads);
  std::ranges::copy(function_.required_threads, kernel_.required_threads);
  kernel_.isa_version = syntax_.isa_major * 10 + syntax_.isa_minor;
  kernel_.target = syntax_.target;
  for (const Variable& variable : syntax_.variables) {
    if (variable.space == Space::constant) kernel_.constant_bytes += static_cast<uint32_t>(variable.size);
  }
  lay_out_locals();
  // Shared variables nobody names still count, as in a cubin; those of the function itself are placed first.
  for (const Variable& variable : function_.variables) {
    if (variable.space == Space::shared) shared_offset(variable.name);
  }
  kernel_.code.reserve(function_.instructions.size() + 1);
  for (const Instruction& instruction : function_.instructions) {
    if (!decode(instruction)) return false;
  }
  return finish();
}

Result<Kernel> decode(const Syntax& syntax, const Function& function) {
  Kernel kernel;
  Decoder decoder(syntax, function, kernel);
  if (!decoder.decode()) return decoder.refusal();
  return kernel;
}

}  // namespace vcuda::softgpu::ptx
