#include "runtime-libs/softgpu/ptx/declaration.hpp"

#include <bit>
#include <string>

#include "runtime-libs/softgpu/ptx/limits.hpp"

namespace vcuda::softgpu::ptx {
namespace {

constexpr unsigned max_alignment = 1u << 16;

uint64_t aligned(uint64_t offset, uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

// ".align N", ".v4", ".f32", ".attribute(.managed)", in any order; the type is what must come.
struct ElementType {
  Type type = Type::b8;
  unsigned vector = 1;
  unsigned alignment = 0;
  bool is_managed = false;
  unsigned bytes() const { return size_of(type) * vector; }
};

ElementType parse_element_type(Cursor& cursor) {
  ElementType element;
  bool typed = false;
  while (!typed && cursor.peek().kind == TokenKind::directive) {
    const Token token = cursor.take();
    if (token.text == "align") {
      element.alignment = static_cast<unsigned>(cursor.expect_integer("an alignment", max_alignment));
      if (!std::has_single_bit(element.alignment)) cursor.fail(token.line, "an alignment is a power of two");
    } else if (token.text == "v2" || token.text == "v4" || token.text == "v8") {
      element.vector = static_cast<unsigned>(token.text[1] - '0');
    } else if (token.text == "attribute") {
      cursor.expect('(');
      while (!cursor.failed() && !cursor.accept(')')) {
        if (cursor.accept_directive("managed")) {
          element.is_managed = true;
        } else if (cursor.peek().kind == TokenKind::end) {
          cursor.fail_expected("')'");
        } else {
          cursor.take();
        }
      }
    } else if (const auto type = type_named(token.text); type && *type != Type::pred) {
      element.type = *type;
      typed = true;
    } else {
      cursor.fail(token.line, "." + std::string(token.text) + " is no type of a variable");
    }
  }
  if (!typed) cursor.fail_expected("a type");
  if (element.alignment == 0) element.alignment = element.bytes();
  return element;
}

// "[2][3]" and "[]": the number of elements; 0 for an unsized array, 1 where nothing stands.
uint64_t parse_extents(Cursor& cursor) {
  uint64_t count = 1;
  while (!cursor.failed() && cursor.accept('[')) {
    if (cursor.accept(']')) {
      count = 0;
      continue;
    }
    const uint64_t extent = cursor.expect_integer("an array size", max_variable_bytes);
    cursor.expect(']');
    if (extent != 0 && count > max_variable_bytes / extent) {
      cursor.fail(cursor.peek().line, "an array larger than any device memory");
      return 0;
    }
    count *= extent;
  }
  return count;
}

uint64_t as_type(const Token& token, Type type, bool negative) {
  if (token.kind == TokenKind::integer) return negative ? 0 - token.bits : token.bits;
  const double value = token.kind == TokenKind::float32
                           ? double{std::bit_cast<float>(static_cast<uint32_t>(token.bits))}
                           : std::bit_cast<double>(token.bits);
  const double wanted = negative ? -value : value;
  if (type == Type::f64)
    return token.kind == TokenKind::float64 && !negative ? token.bits : std::bit_cast<uint64_t>(wanted);
  if (type == Type::f32) {
    // A 0f literal keeps its very bits, a NaN's too.
    if (token.kind == TokenKind::float32) return token.bits ^ (negative ? UINT64_C(0x80000000) : 0);
    return std::bit_cast<uint32_t>(static_cast<float>(wanted));
  }
  return token.bits;
}

// One value of an initializer: a literal, a symbol, generic(symbol), each with "+ n" after a symbol.
void parse_value(Cursor& cursor, Type type, uint64_t offset, std::vector<Initializer>& values) {
  Initializer value{offset, size_of(type), 0, {}};
  if (cursor.peek().kind == TokenKind::identifier) {
    if (cursor.peek().is_identifier("generic")) {
      cursor.take();
      cursor.expect('(');
      value.symbol = cursor.expect_identifier("a symbol");
      cursor.expect(')');
    } else {
      value.symbol = cursor.take().text;
    }
    if (cursor.accept('+')) value.bits = cursor.expect_integer("an offset", max_variable_bytes);
    if (size_of(type) != 8) cursor.fail(cursor.peek().line, "an address takes 8 bytes");
  } else {
    const bool negative = cursor.accept('-');
    const Token token = cursor.take();
    if (token.kind != TokenKind::integer && token.kind != TokenKind::float32 &&
        token.kind != TokenKind::float64) {
      cursor.fail(token.line, "expected a value to initialise with");
      return;
    }
    value.bits = as_type(token, type, negative);
  }
  values.push_back(value);
}

// "{1, {2, 3}}": values in row-major order; an inner brace starts at its row. Rows of nvcc are always
// complete.
void parse_values(Cursor& cursor, Type type, uint64_t limit, uint64_t& offset,
                  std::vector<Initializer>& values, size_t depth) {
  if (depth > max_scope_depth) {
    cursor.fail(cursor.peek().line, "an initialiser nested too deep");
    return;
  }
  if (!cursor.accept('{')) {
    if (offset + size_of(type) > limit) {
      cursor.fail(cursor.peek().line, "more values than the variable has room for");
      return;
    }
    parse_value(cursor, type, offset, values);
    offset += size_of(type);
    return;
  }
  while (!cursor.failed() && !cursor.accept('}')) {
    parse_values(cursor, type, limit, offset, values, depth + 1);
    if (!cursor.accept(',') && !cursor.peek().is('}')) cursor.fail_expected("',' or '}'");
  }
}

}  // namespace

void parse_variables(Cursor& cursor, Space space, bool is_extern, std::vector<Variable>& variables) {
  const ElementType element = parse_element_type(cursor);
  while (!cursor.failed()) {
    Variable variable;
    variable.line = cursor.peek().line;
    variable.space = space;
    variable.is_extern = is_extern;
    variable.is_managed = element.is_managed;
    variable.alignment = element.alignment;
    variable.name = cursor.expect_identifier("a variable's name");
    const uint64_t count = parse_extents(cursor);
    if (count > max_variable_bytes / element.bytes()) {
      cursor.fail(variable.line, "a variable larger than any device memory");
      return;
    }
    variable.size = count * element.bytes();
    if (cursor.accept('=')) {
      uint64_t offset = 0;
      parse_values(cursor, element.type, variable.size, offset, variable.initializers, 0);
    }
    variables.push_back(std::move(variable));
    if (cursor.accept(';')) return;
    cursor.expect(',');
  }
}

void parse_parameters(Cursor& cursor, Function& function) {
  uint64_t offset = 0;
  cursor.expect('(');
  while (!cursor.failed() && !cursor.accept(')')) {
    const bool in_register = cursor.accept_directive("reg");
    if (!in_register && !cursor.accept_directive("param")) {
      cursor.fail_expected(".param");
      return;
    }
    ElementType element = parse_element_type(cursor);
    // ".param .u64 .ptr .global .align 4 name"
    if (cursor.accept_directive("ptr")) {
      while (cursor.peek().kind == TokenKind::directive) {
        if (cursor.take().text == "align") cursor.expect_integer("an alignment", max_alignment);
      }
    }
    const int line = cursor.peek().line;
    const std::string_view name = cursor.expect_identifier("a parameter's name");
    const uint64_t size = parse_extents(cursor) * element.bytes();
    offset = aligned(offset, element.alignment);
    if (size > max_parameter_bytes || offset + size > max_parameter_bytes) {
      cursor.fail(line, "parameters of more than " + std::to_string(max_parameter_bytes) + " bytes");
      return;
    }
    function.parameters.push_back(
        {name, static_cast<uint32_t>(offset), static_cast<uint32_t>(size), element.alignment});
    offset += size;
    if (!cursor.accept(',') && !cursor.peek().is(')')) cursor.fail_expected("',' or ')'");
  }
  function.parameter_bytes = static_cast<uint32_t>(offset);
}

}  // namespace vcuda::softgpu::ptx
