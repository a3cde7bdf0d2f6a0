// The front end alone: tokens, declarations, scopes, and what it says when a text is wrong.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime-libs/softgpu/ptx/decoder.hpp"
#include "runtime-libs/softgpu/ptx/lexer.hpp"
#include "runtime-libs/softgpu/ptx/parser.hpp"

namespace vcuda::softgpu::ptx {
namespace {

const std::string head = ".version 9.0\n.target sm_75\n.address_size 64\n";

std::vector<Token> tokens(std::string_view text) {
  Lexer lexer(text);
  std::vector<Token> all;
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) all.push_back(token);
  return all;
}

TEST(lexer, reads_numbers_as_ptx_writes_them) {
  const struct {
    const char* text;
    TokenKind kind;
    uint64_t bits;
  } cases[] = {
      {"0", TokenKind::integer, 0},
      {"42", TokenKind::integer, 42},
      {"017", TokenKind::integer, 15},
      {"0x1F", TokenKind::integer, 31},
      {"0b101", TokenKind::integer, 5},
      {"4294967295U", TokenKind::integer, 4294967295},
      {"18446744073709551615", TokenKind::integer, UINT64_MAX},
      {"18446744073709551616", TokenKind::bad, 0},
      {"0f3F800000", TokenKind::float32, 0x3F800000},
      {"0F3f80", TokenKind::bad, 0},
      {"0d3FF0000000000000", TokenKind::float64, 0x3FF0000000000000},
      {"1.5", TokenKind::float64, 0x3FF8000000000000},
      {"1e3", TokenKind::float64, 0x408F400000000000},
      {"12ab", TokenKind::bad, 0},
  };
  for (const auto& expected : cases) {
    const auto found = tokens(expected.text);
    ASSERT_FALSE(found.empty()) << expected.text;
    EXPECT_EQ(found[0].kind, expected.kind) << expected.text;
    if (expected.kind != TokenKind::bad) {
      EXPECT_EQ(found[0].bits, expected.bits) << expected.text;
    }
  }
}

TEST(lexer, keeps_names_and_their_modifiers_apart_and_counts_lines) {
  const auto found =
      tokens("ld.global.v2.f32 {%f1, $x}, [%rd1+8]; // comment\n/* two\nlines */ .shared::cta %tid.x");
  std::string words;
  for (const Token& token : found) words += std::string(token.text) + " ";
  EXPECT_EQ(words, "ld global v2 f32 { %f1 , $x } , [ %rd1 + 8 ] ; shared::cta %tid x ");
  EXPECT_EQ(found.back().line, 3);
  EXPECT_EQ(found[0].column, 1);
  EXPECT_EQ(found[1].column, 3);
  EXPECT_TRUE(tokens(std::string_view("a\0b", 3)).size() == 1);
}

TEST(parser, lays_parameters_out_as_a_launch_does) {
  const std::string text = head + R"(.visible .entry k(.param .u8 a, .param .f64 b, .param .align 8 .b8 c[24],
      .param .u64 .ptr .global .align 4 d, .param .u16 e, .param .align 16 .b8 f[16], .param .u64 g) { ret; })";
  const auto syntax = parse(text);
  ASSERT_TRUE(syntax) << syntax.error().message;
  const Function& function = syntax->functions.at(0);
  const uint32_t expected[7][2] = {{0, 1}, {8, 8}, {0x10, 24}, {0x28, 8}, {0x30, 2}, {0x40, 16}, {0x50, 8}};
  ASSERT_EQ(function.parameters.size(), 7u);
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(function.parameters[i].offset, expected[i][0]) << i;
    EXPECT_EQ(function.parameters[i].size, expected[i][1]) << i;
  }
  EXPECT_EQ(function.parameter_bytes, 0x58u);
}

TEST(parser, reads_variables_with_their_values) {
  const std::string text = head + R"(
      .const .align 4 .b8 table[8] = {0, 0, 128, 63, 1, 2};
      .visible .global .align 8 .u64 where = generic(counter) + 4;
      .global .u32 counter = -5;
      .global .f32 real[2] = {0f3F800000, 2.5};
      .global .attribute(.managed) .align 4 .b8 both[4];
      .extern .shared .align 16 .b8 dynamic[];
      .global .s32 grid[2][3] = {{1, 2, 3}, {4, 5, 6}};)";
  const auto syntax = parse(text);
  ASSERT_TRUE(syntax) << syntax.error().message;
  const auto& variables = syntax->variables;
  ASSERT_EQ(variables.size(), 7u);
  EXPECT_EQ(variables[0].space, Space::constant);
  EXPECT_EQ(variables[0].size, 8u);
  EXPECT_EQ(variables[0].initializers.size(), 6u);
  EXPECT_EQ(variables[1].initializers.at(0).symbol, "counter");
  EXPECT_EQ(variables[1].initializers.at(0).bits, 4u);
  EXPECT_EQ(static_cast<int32_t>(variables[2].initializers.at(0).bits), -5);
  EXPECT_EQ(variables[3].initializers.at(1).bits, 0x40200000u);
  EXPECT_TRUE(variables[4].is_managed);
  EXPECT_EQ(variables[5].size, 0u);
  EXPECT_EQ(variables[6].size, 24u);
  EXPECT_EQ(variables[6].initializers.at(4).offset, 16u);
}

TEST(parser, a_scope_hides_registers_and_labels_outside_it) {
  const std::string text = head + R"(.entry k() {
      .reg .b32 %r<3>; .reg .pred p;
      setp.eq.s32 p, %r1, %r2;
    again:
      { .reg .b64 %r1; .reg .b32 t; mov.u64 %r1, 1; bra out; again: bra again; out: }
      @!p bra again;
      ret;
    })";
  const auto syntax = parse(text);
  ASSERT_TRUE(syntax) << syntax.error().message;
  const auto& instructions = syntax->functions.at(0).instructions;
  ASSERT_EQ(instructions.size(), 6u);
  EXPECT_EQ(instructions[2].target, 4u);  // out: after the inner bra
  EXPECT_EQ(instructions[3].target, 3u);  // the inner again
  EXPECT_EQ(instructions[4].target, 1u);  // the outer one
  EXPECT_TRUE(instructions[4].guard_negated);
}

TEST(parser, debug_lines_and_pragmas_are_passed_over) {
  const std::string text = head + R"(.file 1 "a.cu", 1700000000, 12
.entry k() .maxntid 128, 1, 1 .minnctapersm 2 {
	.loc 1 5 0
	.pragma "nounroll";
	.loc 1 6 0, function_name $L1, inlined_at 1 7 2
	ret;
}
.section .debug_str { .b8 1, 2 })";
  const auto syntax = parse(text);
  ASSERT_TRUE(syntax) << syntax.error().message;
  EXPECT_EQ(syntax->functions.at(0).max_threads[0], 128u);
  EXPECT_EQ(syntax->functions.at(0).instructions.size(), 1u);
}

struct Wrong {
  const char* text;
  int line;
  const char* part;
};

std::string refusal_of(const std::string& text, int& line) {
  const auto syntax = parse(text);
  if (!syntax) {
    line = syntax.error().line;
    return syntax.error().message;
  }
  for (const Function& function : syntax->functions) {
    const auto kernel = decode(*syntax, function);
    if (kernel) continue;
    line = kernel.error().line;
    return kernel.error().message;
  }
  return "taken";
}

TEST(parser, says_what_is_wrong_and_where) {
  const Wrong cases[] = {
      {"", 1, "no .version"},
      {".version 9.0\n.target sm_75\n.address_size 32\n", 3, "64-bit"},
      {".version 9.0\n.target gfx90\n", 2, "such as sm_75"},
      {".version 9.0\n.entry k() {\n  ret\n}", 4, "expected an operand, found '}'"},
      {".version 9.0\n.entry k() {\n  bra nowhere;\n}", 3, "no label nowhere"},
      {".version 9.0\n.entry k() {\n a:\n a:\n}", 4, "set twice"},
      {".version 9.0\n.entry k() {\n .reg .b32 %r<2>;\n mov.u32 %r2, 1;\n}", 4,
       "destination must be a register"},
      {".version 9.0\n.entry k() {\n .reg .b32 %r<9999999>;\n}", 3, "of at most"},
      {".version 9.0\n.entry k() {\n .reg .b32 %a;\n @%a ret;\n}", 4, "must be a predicate"},
      {".version 9.0\n.entry k() {", 2, "the end of the text"},
      {".version 9.0\n.global .align 3 .b8 x[4];", 2, "power of two"},
      {".version 9.0\n.global .b8 x[2] = {1, 2, 3};", 2, "more values"},
      {".version 9.0\n.global .u64 x[99999999999999999];", 2, "of at most"},
      {".version 9.0\n.entry k(.param .align 8 .b8 p[65536]) { ret; }", 2, "more than 32764 bytes"},
      {".version 9.0\n.entry k() {\n .reg .b32 %r<2>;\n frobnicate.u32 %r0, %r1;\n}", 4,
       "frobnicate.u32: the software GPU has no such instruction"},
      {".version 9.0\n.entry k() {\n .reg .b32 %r<2>;\n add.frob.u32 %r0, %r1, %r1;\n}", 4,
       ".frob is not supported"},
      {".version 9.0\n.entry k() {\n .reg .b32 %r; .reg .b64 %d;\n add.u64 %d, %d, %r;\n}", 4,
       "a source of type .b32"},
      {".version 9.0\n.entry k() {\n .reg .b32 %r; .reg .b64 %d;\n add.u64 %r, %d, %d;\n}", 4,
       "a destination of type .b32"},
      {".version 9.0\n.entry k() {\n .reg .b32 %r;\n add.u32 %r, %r;\n}", 4, "2 operands"},
      {".version 9.0\n.entry k() {\n .reg .b64 %d;\n ld.global.u64 %d, [nothing];\n}", 4,
       "no symbol nothing"},
      {".version 9.0\n.entry k(.param .u32 p) {\n .reg .b64 %d;\n ld.param.u64 %d, [p];\n}", 4,
       "beyond the parameters"},
      {".version 9.0\n.entry k() {\n .reg .f32 %f;\n add.f32 %f, %f, 1;\n}", 4,
       "an integer where a floating-point"},
      {".version 9.0\n.entry k() {\n .reg .b32 %r;\n mov.u32 %r, %nonsense;\n}", 4,
       "%nonsense is not supported"},
      {".version 9.0\n.entry k() {\n call f;\n}", 3, "no such instruction"},
      {".version 9.0\n.entry k() {\n mov.u32 \x01;\n}", 3, "is no PTX"},
  };
  for (const Wrong& wrong : cases) {
    int line = 0;
    const std::string message = refusal_of(wrong.text, line);
    EXPECT_NE(message.find(wrong.part), std::string::npos) << wrong.text << "\n-> " << message;
    EXPECT_EQ(line, wrong.line) << wrong.text << "\n-> " << message;
  }
}

TEST(parser, deep_nesting_is_refused_not_followed) {
  int line = 0;
  EXPECT_NE(refusal_of(head + ".entry k() " + std::string(10000, '{'), line).find("nested too deep"),
            std::string::npos);
  EXPECT_NE(refusal_of(head + ".global .b8 x[9] = " + std::string(10000, '{'), line).find("nested too deep"),
            std::string::npos);
}

TEST(parser, every_cut_of_a_module_is_refused_or_taken_without_harm) {
  const std::string text = head + R"(.global .align 4 .b8 x[4] = {1,2,3,4};
.visible .entry k(.param .u64 a, .param .u32 n) {
  .reg .pred %p<2>; .reg .b32 %r<4>; .reg .b64 %rd<3>; .shared .align 4 .b8 s[64];
  ld.param.u64 %rd1, [a]; mov.u32 %r1, %tid.x; @%p1 bra L; st.shared.u32 [s+4], %r1;
L: bar.sync 0; atom.global.add.u32 %r2, [%rd1+-4], {%r1}; ret;
})";
  for (size_t length = 0; length < text.size(); ++length) {
    int line = 0;
    refusal_of(text.substr(0, length), line);
    std::string flipped = text;
    flipped[length] = static_cast<char>(flipped[length] ^ 0x15);
    refusal_of(flipped, line);
  }
}

}  // namespace
}  // namespace vcuda::softgpu::ptx
