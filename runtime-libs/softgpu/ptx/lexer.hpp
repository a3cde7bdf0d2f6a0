// Cuts PTX text into tokens (ISA 9.0, section 4). Knows no grammar.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vcuda::softgpu::ptx {

enum class TokenKind : uint8_t {
  end,
  identifier,   // add, %r1, $L__BB0_2, _Z3fooi
  directive,    // .reg, .f32, .shared::cta; text without the first dot
  integer,      // bits holds the value
  float32,      // 0f3F800000; bits holds the 32 bits
  float64,      // 0d..., 1.5, 9.0; bits holds the 64 bits
  string,       // text without the quotes
  punctuation,  // one character
  bad,          // a character or number that is no PTX
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;
  uint64_t bits = 0;
  int line = 1;
  int column = 1;

  bool is(char c) const { return kind == TokenKind::punctuation && text[0] == c; }
  bool is_identifier(std::string_view name) const { return kind == TokenKind::identifier && text == name; }
  bool is_directive(std::string_view name) const { return kind == TokenKind::directive && text == name; }
};

// Reads tokens from text, which must outlive them. Ends at the first NUL as the driver does.
class Lexer {
 public:
  explicit Lexer(std::string_view text);
  // Returns the next token; at the end, end again and again.
  Token next();

 private:
  void skip_blank();
  Token number(Token token);
  Token take(Token token, TokenKind kind, size_t length);

  std::string_view text_;
  size_t at_ = 0;
  size_t line_start_ = 0;
  int line_ = 1;
};

}  // namespace vcuda::softgpu::ptx
