#include "runtime-libs/softgpu/ptx/body.hpp"

#include <bit>
#include <string>

#include "runtime-libs/softgpu/ptx/declaration.hpp"
#include "runtime-libs/softgpu/ptx/limits.hpp"
#include "runtime-libs/softgpu/ptx/scope.hpp"

namespace vcuda::softgpu::ptx {
namespace {

class Body {
 public:
  Body(Cursor& cursor, Function& function) : cursor_(cursor), function_(function) {}

  void parse() {
    if (!cursor_.expect('{')) return;
    scopes_.open();
    while (!cursor_.failed() && scopes_.depth() > 0) statement();
  }

 private:
  void statement() {
    const Token token = cursor_.peek();
    if (token.is('{')) {
      cursor_.take();
      if (scopes_.depth() >= max_scope_depth) cursor_.fail(token.line, "scopes nested too deep");
      scopes_.open();
    } else if (token.is('}')) {
      cursor_.take();
      close_scope();
    } else if (token.is(';')) {
      cursor_.take();
    } else if (token.kind == TokenKind::directive) {
      directive();
    } else if (token.is('@') || token.kind == TokenKind::identifier) {
      instruction_or_label();
    } else {
      cursor_.fail_expected("an instruction, a declaration or '}'");
    }
  }

  void close_scope() {
    const auto missing =
        scopes_.close([this](uint32_t from, uint32_t to) { function_.instructions[from].target = to; });
    if (missing) cursor_.fail(missing->line, "no label " + std::string(missing->label));
  }

  void directive() {
    const Token token = cursor_.take();
    if (token.text == "reg") {
      registers();
    } else if (token.text == "local" || token.text == "shared" || token.text == "shared::cta") {
      parse_variables(cursor_, token.text == "local" ? Space::local : Space::shared, false,
                      function_.variables);
    } else if (token.text == "param") {
      parse_variables(cursor_, Space::param, false, function_.variables);
    } else if (token.text == "loc") {
      cursor_.skip_line();
    } else if (token.text == "pragma") {
      while (cursor_.peek().kind == TokenKind::string || cursor_.peek().is(',')) cursor_.take();
      cursor_.expect(';');
    } else {
      cursor_.fail(token.line, "." + std::string(token.text) + " in a function is not supported");
    }
  }

  // ".reg .b32 %a, %b<10>;"
  void registers() {
    const Token token = cursor_.take();
    const auto type = token.kind == TokenKind::directive ? type_named(token.text) : std::nullopt;
    if (!type) {
      cursor_.fail(token.line, "expected the type of registers, found '" + std::string(token.text) + "'");
      return;
    }
    do {
      const int line = cursor_.peek().line;
      const std::string_view name = cursor_.expect_identifier("a register's name");
      const auto first = static_cast<uint32_t>(function_.registers.size());
      uint64_t count = 1;
      bool fresh = false;
      if (cursor_.accept('<')) {
        count = cursor_.expect_integer("a number of registers", max_registers);
        cursor_.expect('>');
        fresh = scopes_.add_family(name, static_cast<uint32_t>(count), first);
      } else {
        fresh = scopes_.add_register(name, first);
      }
      if (cursor_.failed()) return;
      if (!fresh) cursor_.fail(line, std::string(name) + " is declared twice");
      if (function_.registers.size() + count > max_registers) {
        cursor_.fail(line, "more than " + std::to_string(max_registers) + " registers");
        return;
      }
      function_.registers.resize(function_.registers.size() + count, Register{*type});
    } while (cursor_.accept(','));
    cursor_.expect(';');
  }

  void instruction_or_label() {
    Instruction instruction;
    if (cursor_.accept('@')) {
      instruction.guard_negated = cursor_.accept('!');
      const int line = cursor_.peek().line;
      instruction.guard = named_register(cursor_.expect_identifier("a predicate"), line);
      if (instruction.guard != Operand::no_reg && function_.registers[instruction.guard].type != Type::pred) {
        cursor_.fail(line, "a guard must be a predicate");
      }
    }
    const Token word = cursor_.take();
    if (word.kind != TokenKind::identifier) {
      cursor_.fail(word.line, "expected an opcode, found '" + std::string(word.text) + "'");
      return;
    }
    const auto index = static_cast<uint32_t>(function_.instructions.size());
    if (instruction.guard == Operand::no_reg && cursor_.accept(':')) {
      if (!scopes_.add_label(word.text, index))
        cursor_.fail(word.line, "label " + std::string(word.text) + " is set twice");
      return;
    }
    instruction.opcode = word.text;
    instruction.line = word.line;
    while (cursor_.peek().kind == TokenKind::directive) instruction.modifiers.push_back(cursor_.take().text);
    if (instruction.opcode == "bra") {
      scopes_.branch({cursor_.expect_identifier("a label"), index, word.line});
    } else if (!cursor_.peek().is(';')) {
      do {
        instruction.operands.push_back(operand(0));
        if (instruction.operands.size() > max_operand_parts) cursor_.fail(word.line, "too many operands");
      } while (cursor_.accept(','));
    }
    cursor_.expect(';');
    if (index >= max_instructions) cursor_.fail(word.line, "too many instructions");
    function_.instructions.push_back(std::move(instruction));
  }

  uint32_t named_register(std::string_view name, int line) {
    if (cursor_.failed()) return Operand::no_reg;
    if (const auto found = scopes_.find_register(name)) return *found;
    cursor_.fail(line, "no register " + std::string(name));
    return Operand::no_reg;
  }

  Operand operand(size_t depth) {
    Operand result;
    const Token token = cursor_.peek();
    if (depth > 2) {
      cursor_.fail(token.line, "operands nested too deep");
    } else if (token.is('[')) {
      address(result);
    } else if (token.is('{') || token.is('(')) {
      cursor_.take();
      result.kind = token.is('{') ? Operand::Kind::vector : Operand::Kind::list;
      const char close = token.is('{') ? '}' : ')';
      if (cursor_.accept(close)) return result;
      do {
        result.parts.push_back(operand(depth + 1));
        if (result.parts.size() > max_operand_parts) cursor_.fail(token.line, "too many parts in an operand");
      } while (cursor_.accept(','));
      cursor_.expect(close);
    } else if (token.is('!')) {
      cursor_.take();
      result = operand(depth + 1);
      result.negated = true;
    } else if (token.kind == TokenKind::identifier) {
      name(result, depth);
    } else {
      literal(result);
    }
    return result;
  }

  // A register, a special register, a symbol, the sink "_", or a pair "p|q".
  void name(Operand& result, size_t depth) {
    const Token token = cursor_.take();
    if (token.text == "_") {
      result.kind = Operand::Kind::sink;
    } else if (const auto reg = scopes_.find_register(token.text)) {
      result.kind = Operand::Kind::reg;
      result.reg = *reg;
    } else if (token.text[0] == '%' || token.text == "WARP_SZ") {
      result.kind = Operand::Kind::special;
      result.name = token.text;
      if (cursor_.peek().kind == TokenKind::directive) {
        // "%tid" and ".x" lie side by side in the text: one name again.
        const Token part = cursor_.take();
        result.name =
            std::string_view(token.text.data(), static_cast<size_t>(part.text.end() - token.text.begin()));
      }
    } else {
      result.kind = Operand::Kind::symbol;
      result.name = token.text;
      if (cursor_.accept('+')) result.bits = cursor_.expect_integer("an offset", max_variable_bytes);
    }
    if (cursor_.accept('|')) {
      Operand pair;
      pair.kind = Operand::Kind::pair;
      pair.parts.push_back(result);
      pair.parts.push_back(operand(depth + 1));
      result = std::move(pair);
    }
  }

  void literal(Operand& result) {
    const bool negative = cursor_.accept('-');
    if (!negative) cursor_.accept('+');
    const bool inverted = cursor_.accept('~');
    const Token token = cursor_.take();
    result.bits = token.bits;
    switch (token.kind) {
      case TokenKind::integer:
        result.kind = Operand::Kind::integer;
        if (inverted) result.bits = ~result.bits;
        if (negative) result.bits = 0 - result.bits;
        break;
      case TokenKind::float32:
        result.kind = Operand::Kind::float32;
        if (negative) result.bits ^= UINT64_C(0x80000000);
        break;
      case TokenKind::float64:
        result.kind = Operand::Kind::float64;
        if (negative) result.bits ^= UINT64_C(1) << 63;
        break;
      default:
        cursor_.fail(token.line, "expected an operand, found '" + std::string(token.text) + "'");
    }
  }

  // "[%rd1+8]", "[symbol]", "[64]", "[%r1+-4]"
  void address(Operand& result) {
    cursor_.take();
    result.kind = Operand::Kind::address;
    const Token token = cursor_.peek();
    if (token.kind == TokenKind::identifier) {
      cursor_.take();
      result.has_base = true;
      if (const auto reg = scopes_.find_register(token.text)) {
        result.reg = *reg;
      } else if (token.text[0] == '%') {
        cursor_.fail(token.line, "no register " + std::string(token.text));
      } else {
        result.name = token.text;
      }
    }
    bool more = !result.has_base;
    bool negative = false;
    if (cursor_.accept('+')) more = true;
    if (cursor_.accept('-')) more = negative = true;
    if (more) {
      const uint64_t displacement = cursor_.expect_integer("a displacement", UINT64_MAX);
      result.bits = negative ? 0 - displacement : displacement;
    }
    cursor_.expect(']');
  }

  Cursor& cursor_;
  Function& function_;
  Scopes scopes_;
};

}  // namespace

void parse_body(Cursor& cursor, Function& function) { Body(cursor, function).parse(); }

}  // namespace vcuda::softgpu::ptx
