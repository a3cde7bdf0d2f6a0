#include "runtime-libs/softgpu/ptx/parser.hpp"

#include <bit>
#include <charconv>
#include <string>

#include "runtime-libs/softgpu/ptx/body.hpp"
#include "runtime-libs/softgpu/ptx/cursor.hpp"
#include "runtime-libs/softgpu/ptx/declaration.hpp"
#include "runtime-libs/softgpu/ptx/limits.hpp"

namespace vcuda::softgpu::ptx {
namespace {

class Module {
 public:
  explicit Module(std::string_view text) : cursor_(text) {}

  Result<Syntax> parse() {
    while (!cursor_.failed() && cursor_.peek().kind != TokenKind::end) top_level();
    if (!cursor_.failed() && syntax_.isa_major == 0) cursor_.fail(1, "no .version: this is not PTX");
    if (cursor_.failed()) return cursor_.refusal();
    return std::move(syntax_);
  }

 private:
  void top_level() {
    bool is_extern = false;
    while (cursor_.peek().is_directive("visible") || cursor_.peek().is_directive("extern") ||
           cursor_.peek().is_directive("weak") || cursor_.peek().is_directive("common")) {
      is_extern = cursor_.take().text == "extern" || is_extern;
    }
    const Token token = cursor_.peek();
    if (token.kind != TokenKind::directive) {
      cursor_.fail_expected("a directive");
      return;
    }
    cursor_.take();
    if (token.text == "entry" || token.text == "func") {
      function(token.text == "entry", token.line);
    } else if (token.text == "global") {
      parse_variables(cursor_, Space::global, is_extern, syntax_.variables);
    } else if (token.text == "const") {
      parse_variables(cursor_, Space::constant, is_extern, syntax_.variables);
    } else if (token.text == "shared" || token.text == "shared::cta") {
      parse_variables(cursor_, Space::shared, is_extern, syntax_.variables);
    } else if (token.text == "version") {
      version();
    } else if (token.text == "target") {
      target();
    } else if (token.text == "address_size") {
      if (cursor_.expect_integer("an address size", 64) != 64)
        cursor_.fail(token.line, "only 64-bit addresses are supported");
    } else if (token.text == "file" || token.text == "loc") {
      cursor_.skip_line();
    } else if (token.text == "section") {
      if (cursor_.peek().kind == TokenKind::directive || cursor_.peek().kind == TokenKind::identifier)
        cursor_.take();
      cursor_.skip_block();
    } else if (token.text == "pragma") {
      while (cursor_.peek().kind == TokenKind::string || cursor_.peek().is(',')) cursor_.take();
      cursor_.expect(';');
    } else {
      cursor_.fail(token.line, "." + std::string(token.text) + " is not supported");
    }
  }

  void version() {
    const Token token = cursor_.take();
    const std::string_view text = token.text;
    const size_t dot = text.find('.');
    if (token.kind != TokenKind::float64 || dot == std::string_view::npos) {
      cursor_.fail(token.line, "expected a version such as 9.0");
      return;
    }
    std::from_chars(text.data(), text.data() + dot, syntax_.isa_major);
    std::from_chars(text.data() + dot + 1, text.data() + text.size(), syntax_.isa_minor);
    if (syntax_.isa_major == 0) cursor_.fail(token.line, "expected a version such as 9.0");
  }

  // ".target sm_90a, debug"
  void target() {
    const Token token = cursor_.peek();
    const std::string_view name = cursor_.expect_identifier("a target");
    if (name.starts_with("sm_")) std::from_chars(name.data() + 3, name.data() + name.size(), syntax_.target);
    if (syntax_.target == 0) cursor_.fail(token.line, "expected a target such as sm_75");
    while (cursor_.accept(',')) cursor_.expect_identifier("a target option");
  }

  void extents(uint32_t (&out)[3]) {
    constexpr uint64_t limit = 1u << 16;
    for (uint32_t& extent : out) extent = 1;
    for (size_t i = 0; i < 3 && !cursor_.failed(); ++i) {
      out[i] = static_cast<uint32_t>(cursor_.expect_integer("a number of threads", limit));
      if (!cursor_.accept(',')) break;
    }
  }

  void function(bool is_entry, int line) {
    Function function;
    function.is_entry = is_entry;
    function.line = line;
    if (!is_entry && cursor_.peek().is('(')) {
      Function result;
      parse_parameters(cursor_, result);
    }
    function.name = cursor_.expect_identifier("a function's name");
    if (cursor_.peek().is('(')) parse_parameters(cursor_, function);
    while (!cursor_.failed() && cursor_.peek().kind == TokenKind::directive) tuning(function);
    if (cursor_.accept(';')) {
      syntax_.functions.push_back(std::move(function));
      return;
    }
    function.has_body = true;
    parse_body(cursor_, function);
    if (!cursor_.failed()) syntax_.functions.push_back(std::move(function));
  }

  void tuning(Function& function) {
    const Token token = cursor_.take();
    if (token.text == "maxntid") {
      extents(function.max_threads);
    } else if (token.text == "reqntid") {
      extents(function.required_threads);
    } else if (token.text == "minnctapersm" || token.text == "maxnreg" || token.text == "maxnctapersm") {
      cursor_.expect_integer("a number", UINT32_MAX);
    } else if (token.text == "pragma") {
      while (cursor_.peek().kind == TokenKind::string || cursor_.peek().is(',')) cursor_.take();
      cursor_.expect(';');
    } else if (token.text != "noreturn") {
      cursor_.fail(token.line, "." + std::string(token.text) + " on a function is not supported");
    }
  }

  Cursor cursor_;
  Syntax syntax_;
};

}  // namespace

Result<Syntax> parse(std::string_view text) {
  if (text.size() > max_text_bytes) return Refusal{0, "a PTX text of more than 256 MiB"};
  return Module(text).parse();
}

}  // namespace vcuda::softgpu::ptx
