// Integer and bit instructions against plain arithmetic in 128 bits, over edges and random values.
#include <gtest/gtest.h>

#include <bit>
#include <functional>
#include <random>

#include "tests/runtime-libs/softgpu/operation.hpp"

namespace vcuda::softgpu {
namespace {

using Wide = __int128;

struct Case {
  const char* opcode;    // "mul.hi"
  const char* type;      // "s32"
  unsigned operands;     // read
  unsigned result_bits;  // written; 0: as the type
  std::function<uint64_t(Wide a, Wide b, Wide c)> expected;
};

unsigned bits_of(const std::string& type) { return static_cast<unsigned>(std::stoi(type.substr(1))); }

Wide value(uint64_t bits, const std::string& type) {
  const unsigned width = bits_of(type);
  const uint64_t low = width == 64 ? bits : bits & ((uint64_t{1} << width) - 1);
  if (type[0] != 's') return static_cast<Wide>(low);
  return static_cast<Wide>(static_cast<int64_t>(low << (64 - width)) >> (64 - width));
}

std::vector<Operands> sets(unsigned width) {
  const uint64_t all = width == 64 ? UINT64_MAX : (uint64_t{1} << width) - 1;
  const uint64_t top = uint64_t{1} << (width - 1);
  const std::vector<uint64_t> edges = {
      0, 1, 2, 3, 7, 31, 32, width, width - 1, top - 1, top, top + 1, all - 1, all, 0x55555555 & all};
  std::vector<Operands> out;
  for (const uint64_t a : edges) {
    for (const uint64_t b : edges) out.push_back({a, b, edges[out.size() % edges.size()]});
  }
  std::mt19937_64 random(width);
  for (int i = 0; i < 300; ++i)
    out.push_back({random() & all, random() >> random() % 64 & all, random() & all});
  return out;
}

void check(const Case& each, const std::string& c_kind = "") {
  const std::string type = each.type;
  const unsigned width = bits_of(type);
  const unsigned result = each.result_bits == 0 ? width : each.result_bits;
  Spelling spelling;
  spelling.d = "b" + std::to_string(result);
  spelling.a = spelling.b = "b" + std::to_string(width);
  spelling.c = c_kind.empty() ? spelling.d : c_kind;
  spelling.instruction = std::string(each.opcode) + "." + type + " D, A";
  if (each.operands > 1) spelling.instruction += ", B";
  if (each.operands > 2) spelling.instruction += ", C";
  spelling.instruction += ";";
  const auto inputs = sets(width);
  const auto found = results(spelling, inputs);
  const uint64_t mask = result == 64 ? UINT64_MAX : (uint64_t{1} << result) - 1;
  const std::string c_type = type.substr(0, 1) + std::to_string(result);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const uint64_t expected =
        each.expected(value(inputs[i].a, type), value(inputs[i].b, type), value(inputs[i].c, c_type)) & mask;
    ASSERT_EQ(found[i] & mask, expected)
        << spelling.instruction << " " << std::hex << inputs[i].a << " " << inputs[i].b << " " << inputs[i].c;
  }
}

uint64_t low(Wide value) { return static_cast<uint64_t>(value); }

TEST(integer, arithmetic_wraps_as_ptx_defines) {
  for (const char* type : {"u16", "s16", "u32", "s32", "u64", "s64"}) {
    const unsigned width = bits_of(type);
    const bool is_signed = type[0] == 's';
    check({"add", type, 2, 0, [](Wide a, Wide b, Wide) { return low(a + b); }});
    check({"sub", type, 2, 0, [](Wide a, Wide b, Wide) { return low(a - b); }});
    check({"mul.lo", type, 2, 0, [](Wide a, Wide b, Wide) { return low(a) * low(b); }});
    check({"mul.hi", type, 2, 0, [=](Wide a, Wide b, Wide) {
             if (is_signed) return low((a * b) >> width);
             return low(static_cast<Wide>(
                 (static_cast<unsigned __int128>(a) * static_cast<unsigned __int128>(b)) >> width));
           }});
    check({"mad.lo", type, 3, 0, [](Wide a, Wide b, Wide c) { return low(a) * low(b) + low(c); }});
    check({"min", type, 2, 0, [](Wide a, Wide b, Wide) { return low(a < b ? a : b); }});
    check({"max", type, 2, 0, [](Wide a, Wide b, Wide) { return low(a > b ? a : b); }});
    check({"div", type, 2, 0, [](Wide a, Wide b, Wide) { return b == 0 ? UINT64_MAX : low(a / b); }});
    check({"rem", type, 2, 0, [](Wide a, Wide b, Wide) { return b == 0 ? low(a) : low(a % b); }});
    check({"sad", type, 3, 0, [](Wide a, Wide b, Wide c) { return low(c) + low(a < b ? b - a : a - b); }});
    if (width < 64) {
      check({"mul.wide", type, 2, 2 * width, [](Wide a, Wide b, Wide) { return low(a * b); }});
      check({"mad.wide", type, 3, 2 * width, [](Wide a, Wide b, Wide c) { return low(a * b) + low(c); }});
    }
  }
  for (const char* type : {"s16", "s32", "s64"}) {
    check({"neg", type, 1, 0, [](Wide a, Wide, Wide) { return low(-a); }});
    check({"abs", type, 1, 0, [](Wide a, Wide, Wide) { return low(a < 0 ? -a : a); }});
  }
  const auto clamp = [](Wide v) { return low(v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : v); };
  check({"add.sat", "s32", 2, 0, [=](Wide a, Wide b, Wide) { return clamp(a + b); }});
  check({"sub.sat", "s32", 2, 0, [=](Wide a, Wide b, Wide) { return clamp(a - b); }});
}

TEST(integer, bits_and_shifts) {
  for (const char* type : {"b16", "b32", "b64"}) {
    check({"and", type, 2, 0, [](Wide a, Wide b, Wide) { return low(a) & low(b); }});
    check({"or", type, 2, 0, [](Wide a, Wide b, Wide) { return low(a) | low(b); }});
    check({"xor", type, 2, 0, [](Wide a, Wide b, Wide) { return low(a) ^ low(b); }});
    check({"not", type, 1, 0, [](Wide a, Wide, Wide) { return ~low(a); }});
    check({"cnot", type, 1, 0, [](Wide a, Wide, Wide) { return uint64_t{low(a) == 0}; }});
  }
  for (const char* type : {"b32", "b64"}) {
    const unsigned width = bits_of(type);
    check({"popc", type, 1, 32,
           [](Wide a, Wide, Wide) { return static_cast<uint64_t>(__builtin_popcountll(low(a))); }});
    check({"clz", type, 1, 32, [=](Wide a, Wide, Wide) {
             uint64_t zeros = 0;
             while (zeros < width && (low(a) >> (width - 1 - zeros) & 1) == 0) ++zeros;
             return zeros;
           }});
    check({"brev", type, 1, 0, [=](Wide a, Wide, Wide) {
             uint64_t out = 0;
             for (unsigned i = 0; i < width; ++i) out |= (low(a) >> i & 1) << (width - 1 - i);
             return out;
           }});
  }
  for (const char* type : {"u32", "s32", "u64", "s64"}) {
    check({"bfind", type, 1, 32, [](Wide a, Wide, Wide) {
             const uint64_t magnitude = low(a < 0 ? ~a : a);
             uint64_t at = UINT64_MAX;
             for (uint64_t i = 0; i < 64; ++i) at = (magnitude >> i & 1) != 0 ? i : at;
             return at;
           }});
  }
}

TEST(integer, shift_amounts_clamp) {
  for (const char* type : {"b16", "b32", "b64", "u16", "u32", "u64", "s16", "s32", "s64"}) {
    const unsigned width = bits_of(type);
    for (const bool left : {true, false}) {
      if (left && type[0] != 'b') continue;
      Spelling spelling;
      spelling.d = spelling.a = spelling.c = "b" + std::to_string(width);
      spelling.b = "b32";
      spelling.instruction = std::string(left ? "shl." : "shr.") + type + " D, A, B;";
      const auto inputs = sets(width);
      const auto found = results(spelling, inputs);
      for (size_t i = 0; i < inputs.size(); ++i) {
        const auto n = static_cast<uint32_t>(inputs[i].b);
        const Wide a = value(inputs[i].a, type);
        const Wide expected = left ? (n >= width ? 0 : a << n) : (n >= width ? (a < 0 ? -1 : 0) : a >> n);
        const uint64_t mask = width == 64 ? UINT64_MAX : (uint64_t{1} << width) - 1;
        ASSERT_EQ(found[i] & mask, low(expected) & mask)
            << spelling.instruction << " " << inputs[i].a << " by " << n;
      }
    }
  }
}

TEST(integer, fields_are_taken_out_and_put_in) {
  for (const char* type : {"u32", "s32", "u64", "s64"}) {
    const unsigned width = bits_of(type);
    for (unsigned position = 0; position <= width + 3; position += position < 4 ? 1 : 7) {
      for (unsigned length = 0; length <= width + 3; length += length < 4 ? 1 : 9) {
        Spelling spelling;
        spelling.d = spelling.a = spelling.b = spelling.c = "b" + std::to_string(width);
        const std::string field = std::to_string(position) + ", " + std::to_string(length) + ";";
        const std::vector<Operands> inputs = {{0x9abcdef012345678, 0xffffffffffffffff, 0},
                                              {0x0123456789abcdef, 0, 0}};
        spelling.instruction = std::string("bfe.") + type + " D, A, " + field;
        const auto taken = results(spelling, inputs);
        spelling.instruction = "bfi.b" + std::to_string(width) + " D, A, B, " + field;
        const auto put = results(spelling, inputs);
        for (size_t i = 0; i < inputs.size(); ++i) {
          // From the pseudo-code of the ISA's description of bfe and bfi.
          const unsigned msb = width - 1;
          const auto bit = [&](uint64_t word, unsigned at) { return word >> at & 1; };
          uint64_t expected = 0;
          const unsigned sign_at = std::min(position + length - 1, msb);
          const bool sign = type[0] == 's' && length != 0 && bit(inputs[i].a, sign_at) != 0;
          for (unsigned k = 0; k < width; ++k) {
            const uint64_t each =
                k < length && position + k <= msb ? bit(inputs[i].a, position + k) : uint64_t{sign};
            expected |= each << k;
          }
          const uint64_t mask = width == 64 ? UINT64_MAX : (uint64_t{1} << width) - 1;
          ASSERT_EQ(taken[i] & mask, expected & mask) << spelling.instruction;
          uint64_t inserted = inputs[i].b;
          for (unsigned k = 0; k < length && position + k <= msb; ++k) {
            inserted &= ~(uint64_t{1} << (position + k));
            inserted |= bit(inputs[i].a, k) << (position + k);
          }
          ASSERT_EQ(put[i] & mask, inserted & mask) << spelling.instruction;
        }
      }
    }
  }
}

TEST(integer, bytes_and_funnels) {
  const std::vector<Operands> inputs = {{0x33221100, 0x77665544, 0}, {0x80ff7f01, 0x0102f3f4, 0}};
  const auto run = [&](const std::string& instruction) {
    Spelling spelling;
    spelling.instruction = instruction;
    return results(spelling, inputs);
  };
  EXPECT_EQ(run("prmt.b32 D, A, B, 0x7531;")[0], 0x77553311u);
  EXPECT_EQ(run("prmt.b32 D, A, B, 0xba98;")[1], 0xffff0000u);
  EXPECT_EQ(run("prmt.b32.f4e D, A, B, 1;")[0], 0x44332211u);
  EXPECT_EQ(run("prmt.b32.b4e D, A, B, 1;")[0], 0x66770011u);
  EXPECT_EQ(run("prmt.b32.rc16 D, A, B, 1;")[0], 0x33223322u);
  EXPECT_EQ(run("shf.l.clamp.b32 D, A, B, 8;")[0], 0x66554433u);
  EXPECT_EQ(run("shf.r.wrap.b32 D, A, B, 40;")[0], 0x44332211u);
  EXPECT_EQ(run("shf.l.clamp.b32 D, A, B, 40;")[0], 0x33221100u);
  EXPECT_EQ(run("shf.r.clamp.b32 D, A, B, 32;")[0], 0x77665544u);
  EXPECT_EQ(run("lop3.b32 D, A, B, 0xff00ff00, 0xe8;")[0],
            ((0x33221100u & 0x77665544u) | (0x33221100u & 0xff00ff00u) | (0x77665544u & 0xff00ff00u)));
  EXPECT_EQ(run("lop3.b32 D, A, B, 0x0f0f0f0f, 0x96;")[1], 0x80ff7f01u ^ 0x0102f3f4u ^ 0x0f0f0f0fu);
  EXPECT_EQ(run("dp4a.s32.s32 D, A, B, 10;")[1],
            static_cast<uint32_t>(10 + 1 * -12 + 127 * -13 + -1 * 2 + -128 * 1));
  EXPECT_EQ(run("dp4a.u32.u32 D, A, B, 0;")[1], 1u * 0xf4 + 0x7f * 0xf3 + 0xff * 2 + 0x80 * 1);
  EXPECT_EQ(run("mul24.lo.s32 D, 0x00ffffff, 2;")[0], static_cast<uint32_t>(-2));
  EXPECT_EQ(run("mad24.hi.u32 D, 0x00ffffff, 0x00ffffff, 1;")[0],
            static_cast<uint32_t>((0xffffffULL * 0xffffffULL >> 16) + 1));
}

TEST(integer, carries_run_through_long_sums_and_products) {
  std::mt19937_64 random(7);
  std::vector<Operands> inputs = {
      {UINT64_MAX, 1, 0}, {0, 1, 0}, {UINT64_MAX, UINT64_MAX, 0}, {0xffffffff, 1, 5}};
  for (int i = 0; i < 60; ++i) inputs.push_back({random(), random(), random()});
  const std::string split = ".reg .b32 al, ah, bl, bh, dl, dh; mov.b64 {al, ah}, A; mov.b64 {bl, bh}, B; ";
  Spelling spelling;
  spelling.d = spelling.a = spelling.b = spelling.c = "b64";
  spelling.instruction = split + "add.cc.u32 dl, al, bl; addc.u32 dh, ah, bh; mov.b64 D, {dl, dh};";
  const auto sums = results(spelling, inputs);
  spelling.instruction = split + "sub.cc.u32 dl, al, bl; subc.u32 dh, ah, bh; mov.b64 D, {dl, dh};";
  const auto differences = results(spelling, inputs);
  spelling.instruction = split +
                         "mul.lo.u32 dl, al, bl; mul.hi.u32 dh, al, bl; mad.lo.cc.u32 dh, al, bh, dh; "
                         "mad.lo.u32 dh, ah, bl, dh; mov.b64 D, {dl, dh};";
  const auto products = results(spelling, inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(sums[i], inputs[i].a + inputs[i].b);
    EXPECT_EQ(differences[i], inputs[i].a - inputs[i].b);
    EXPECT_EQ(products[i], inputs[i].a * inputs[i].b);
  }
  // 128 bits: the carry goes from 64 to 64.
  spelling.instruction = ".reg .b64 l, h; add.cc.u64 l, A, B; addc.u64 D, C, 0;";
  const auto highs = results(spelling, inputs);
  for (size_t i = 0; i < inputs.size(); ++i)
    EXPECT_EQ(highs[i], inputs[i].c + (inputs[i].a + inputs[i].b < inputs[i].a ? 1 : 0));
}

TEST(integer, comparisons_know_the_sign_of_their_type) {
  const struct {
    const char* op;
    bool (*holds)(Wide, Wide);
  } comparisons[] = {
      {"eq", [](Wide a, Wide b) { return a == b; }}, {"ne", [](Wide a, Wide b) { return a != b; }},
      {"lt", [](Wide a, Wide b) { return a < b; }},  {"le", [](Wide a, Wide b) { return a <= b; }},
      {"gt", [](Wide a, Wide b) { return a > b; }},  {"ge", [](Wide a, Wide b) { return a >= b; }},
  };
  for (const char* type : {"u16", "s16", "u32", "s32", "u64", "s64"}) {
    for (const auto& comparison : comparisons) {
      Spelling spelling;
      spelling.d = "pred";
      spelling.a = spelling.b = spelling.c = "b" + std::to_string(bits_of(type));
      spelling.instruction = std::string("setp.") + comparison.op + "." + type + " D, A, B;";
      const auto inputs = sets(bits_of(type));
      const auto found = results(spelling, inputs);
      for (size_t i = 0; i < inputs.size(); ++i) {
        ASSERT_EQ(found[i] != 0, comparison.holds(value(inputs[i].a, type), value(inputs[i].b, type)))
            << spelling.instruction;
      }
    }
  }
}

TEST(integer, predicates_combine_and_select) {
  const std::vector<Operands> inputs = {{1, 2, 1}, {2, 1, 1}, {1, 2, 0}, {2, 1, 0}};
  const auto run = [&](const std::string& instruction, const std::string& d = "b32") {
    Spelling spelling;
    spelling.d = d;
    spelling.c = "pred";
    spelling.instruction = instruction;
    return results(spelling, inputs);
  };
  using V = std::vector<uint64_t>;
  EXPECT_EQ(run("setp.lt.and.u32 D, A, B, C;", "pred"), (V{1, 0, 0, 0}));
  EXPECT_EQ(run("setp.lt.or.u32 D, A, B, !C;", "pred"), (V{1, 0, 1, 1}));
  EXPECT_EQ(run("setp.lt.xor.u32 D, A, B, C;", "pred"), (V{0, 1, 1, 0}));
  EXPECT_EQ(run(".reg .pred q; setp.lt.and.u32 q|D, A, B, C;", "pred"), (V{0, 1, 0, 0}));
  EXPECT_EQ(run("selp.b32 D, A, B, C;"), (V{1, 2, 2, 1}));
  EXPECT_EQ(run("selp.b32 D, A, B, !C;"), (V{2, 1, 1, 2}));
  EXPECT_EQ(run("set.lt.u32.u32 D, A, B;"), (V{UINT32_MAX, 0, UINT32_MAX, 0}));
  EXPECT_EQ(run("set.lt.f32.u32 D, A, B;"), (V{0x3f800000, 0, 0x3f800000, 0}));
  EXPECT_EQ(run(".reg .s32 n; sub.s32 n, A, B; slct.b32.s32 D, A, 77, n;"), (V{77, 2, 77, 2}));
  EXPECT_EQ(run(".reg .pred q; not.pred q, C; and.pred D, q, C;", "pred"), (V{0, 0, 0, 0}));
  EXPECT_EQ(run(".reg .pred q; setp.lt.u32 q, A, B; xor.pred D, q, C;", "pred"), (V{0, 1, 1, 0}));
  EXPECT_EQ(run("mov.u32 D, 5; @C add.u32 D, D, 1; @!C sub.u32 D, D, 1;"), (V{6, 6, 4, 4}));
}

}  // namespace
}  // namespace vcuda::softgpu
