// The parser's place in the tokens: one token of look-ahead, and the first failure. After a failure only end
// tokens follow, so that loops over tokens stop by themselves.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "runtime-libs/softgpu/ptx/lexer.hpp"
#include "runtime-libs/softgpu/ptx/syntax.hpp"

namespace vcuda::softgpu::ptx {

class Cursor {
 public:
  explicit Cursor(std::string_view text) : lexer_(text) { advance(); }

  const Token& peek() const { return token_; }
  // Returns the token and goes on to the next.
  Token take();
  // Goes past the character or directive if it stands here; says whether it did.
  bool accept(char c);
  bool accept_directive(std::string_view name);
  // Goes past the character or fails saying it was expected.
  bool expect(char c);
  // Takes a name (register, label, symbol, function) or fails.
  std::string_view expect_identifier(std::string_view what);
  // Takes a non-negative integer not above limit or fails.
  uint64_t expect_integer(std::string_view what, uint64_t limit);
  // Goes past tokens until the line ends: .loc and .file have no other end.
  void skip_line();
  // Goes past a { ... } block, nested blocks included, or fails.
  void skip_block();

  bool failed() const { return failure_.has_value(); }
  // Notes the first failure; returns false for use in conditions.
  bool fail(int line, std::string message);
  // Fails with what was expected here and what stands here instead.
  bool fail_expected(std::string_view what);
  Refusal refusal() const { return failure_.value_or(Refusal{}); }

 private:
  void advance();

  Lexer lexer_;
  Token token_;
  std::optional<Refusal> failure_;
};

}  // namespace vcuda::softgpu::ptx
