#include "runtime-libs/softgpu/ptx/cursor.hpp"

namespace vcuda::softgpu::ptx {
namespace {

// A token in a message; long ones are cut, names can have thousands of characters.
std::string quoted(const Token& token) {
  constexpr size_t shown = 60;
  if (token.kind == TokenKind::end) return "the end of the text";
  std::string text(token.text.substr(0, shown));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  }
  return "'" + std::string(token.kind == TokenKind::directive ? "." : "") + text + "'";
}

}  // namespace

void Cursor::advance() {
  if (failed()) return;
  token_ = lexer_.next();
  if (token_.kind == TokenKind::bad)
    fail(token_.line, "column " + std::to_string(token_.column) + ": " + quoted(token_) + " is no PTX");
}

Token Cursor::take() {
  const Token token = token_;
  advance();
  return token;
}

bool Cursor::accept(char c) {
  if (!token_.is(c)) return false;
  advance();
  return true;
}

bool Cursor::accept_directive(std::string_view name) {
  if (!token_.is_directive(name)) return false;
  advance();
  return true;
}

bool Cursor::expect(char c) {
  if (accept(c)) return true;
  return fail_expected(std::string("'") + c + "'");
}

std::string_view Cursor::expect_identifier(std::string_view what) {
  if (token_.kind == TokenKind::identifier) return take().text;
  fail_expected(what);
  return {};
}

uint64_t Cursor::expect_integer(std::string_view what, uint64_t limit) {
  if (token_.kind == TokenKind::integer && token_.bits <= limit) return take().bits;
  fail_expected(std::string(what) + " of at most " + std::to_string(limit));
  return 0;
}

void Cursor::skip_line() {
  const int line = token_.line;
  while (token_.kind != TokenKind::end && token_.line == line) advance();
}

void Cursor::skip_block() {
  if (!expect('{')) return;
  size_t depth = 1;
  while (depth > 0 && token_.kind != TokenKind::end) {
    if (token_.is('{')) ++depth;
    if (token_.is('}')) --depth;
    advance();
  }
  if (depth > 0) fail_expected("'}'");
}

bool Cursor::fail(int line, std::string message) {
  if (!failed()) failure_ = Refusal{line, std::move(message)};
  token_ = Token{};
  token_.line = line;
  return false;
}

bool Cursor::fail_expected(std::string_view what) {
  return fail(token_.line, "column " + std::to_string(token_.column) + ": expected " + std::string(what) +
                               ", found " + quoted(token_));
}

}  // namespace vcuda::softgpu::ptx
