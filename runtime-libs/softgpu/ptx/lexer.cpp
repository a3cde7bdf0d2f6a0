#include "runtime-libs/softgpu/ptx/lexer.hpp"

#include <bit>
#include <charconv>

namespace vcuda::softgpu::ptx {
namespace {

// Not <cctype>: its answers depend on the locale of the process this library is loaded into.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '$'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

Lexer::Lexer(std::string_view text) : text_(text.substr(0, text.find('\0'))) {}

void Lexer::skip_blank() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '\n') {
      ++line_;
      line_start_ = ++at_;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
      ++at_;
    } else if (text_.substr(at_, 2) == "//") {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (text_.substr(at_, 2) == "/*") {
      const size_t close = text_.find("*/", at_ + 2);
      const size_t stop = close == std::string_view::npos ? text_.size() : close + 2;
      for (; at_ < stop; ++at_) {
        if (text_[at_] != '\n') continue;
        ++line_;
        line_start_ = at_ + 1;
      }
    } else {
      return;
    }
  }
}

Token Lexer::take(Token token, TokenKind kind, size_t length) {
  token.kind = kind;
  token.text = text_.substr(at_, length);
  at_ += length;
  return token;
}

Token Lexer::number(Token token) {
  const std::string_view rest = text_.substr(at_);
  const char mark = rest.size() > 1 && rest[0] == '0' ? rest[1] : '\0';
  const auto digits_from = [&](size_t start, auto accepts) {
    size_t stop = start;
    while (stop < rest.size() && accepts(rest[stop])) ++stop;
    return stop;
  };
  const auto parse = [&](size_t start, size_t stop, int base) {
    const auto [end, error] = std::from_chars(rest.data() + start, rest.data() + stop, token.bits, base);
    return error == std::errc{} && end == rest.data() + stop && stop > start;
  };

  if (mark == 'f' || mark == 'F' || mark == 'd' || mark == 'D') {
    const bool single = mark == 'f' || mark == 'F';
    const size_t length = 2 + (single ? 8 : 16);
    const size_t stop = digits_from(2, is_hex);
    if (stop != length || !parse(2, stop, 16)) return take(token, TokenKind::bad, stop);
    return take(token, single ? TokenKind::float32 : TokenKind::float64, length);
  }
  size_t start = 0;
  int base = 10;
  size_t stop = 0;
  if (mark == 'x' || mark == 'X') {
    start = 2;
    base = 16;
    stop = digits_from(2, is_hex);
  } else if (mark == 'b' || mark == 'B') {
    start = 2;
    base = 2;
    stop = digits_from(2, [](char c) { return c == '0' || c == '1'; });
  } else {
    stop = digits_from(0, is_digit);
    const bool fraction = stop < rest.size() && rest[stop] == '.' && stop + 1 <= rest.size();
    const bool exponent = stop < rest.size() && (rest[stop] == 'e' || rest[stop] == 'E');
    if (fraction || exponent) {
      double value = 0;
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
      const auto length = static_cast<size_t>(end - rest.data());
      if (error != std::errc{}) return take(token, TokenKind::bad, std::max<size_t>(length, 1));
      token.bits = std::bit_cast<uint64_t>(value);
      return take(token, TokenKind::float64, length);
    }
    if (stop > 1 && rest[0] == '0') {
      start = 1;
      base = 8;
    }
  }
  const bool good = parse(start, stop, base);
  if (good && stop < rest.size() && rest[stop] == 'U') ++stop;
  if (!good || (stop < rest.size() && is_word(rest[stop])))
    return take(token, TokenKind::bad, std::max<size_t>(stop, 1));
  return take(token, TokenKind::integer, stop);
}

Token Lexer::next() {
  skip_blank();
  Token token;
  token.line = line_;
  token.column = static_cast<int>(at_ - line_start_) + 1;
  if (at_ >= text_.size()) return token;

  const std::string_view rest = text_.substr(at_);
  const char c = rest[0];
  const char after = rest.size() > 1 ? rest[1] : '\0';
  if (is_digit(c)) return number(token);
  if (is_letter(c) || c == '_' || c == '$' || (c == '%' && is_word(after))) {
    size_t length = 1;
    while (length < rest.size() && is_word(rest[length])) ++length;
    return take(token, TokenKind::identifier, length);
  }
  if (c == '.' && is_word(after)) {
    // A directive or modifier; "::" joins its parts (.shared::cta, .L2::128B).
    size_t length = 1;
    while (length < rest.size()) {
      if (is_word(rest[length])) {
        ++length;
      } else if (rest.substr(length, 2) == "::" && length + 2 < rest.size() && is_word(rest[length + 2])) {
        length += 2;
      } else {
        break;
      }
    }
    token = take(token, TokenKind::directive, length);
    token.text.remove_prefix(1);
    return token;
  }
  if (c == '"') {
    const size_t close = rest.find_first_of("\"\n", 1);
    if (close == std::string_view::npos || rest[close] == '\n') return take(token, TokenKind::bad, 1);
    token = take(token, TokenKind::string, close + 1);
    token.text = token.text.substr(1, close - 1);
    return token;
  }
  constexpr std::string_view punctuation = ",;:{}[]()<>=+-*/!~|&^?@.%";
  return take(token, punctuation.find(c) != std::string_view::npos ? TokenKind::punctuation : TokenKind::bad,
              1);
}

}  // namespace vcuda::softgpu::ptx
