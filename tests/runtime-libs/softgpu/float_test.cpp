// Floating-point instructions against quad precision, rounded here step by step: an independent route to the
// same bits.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <random>

#include "tests/runtime-libs/softgpu/operation.hpp"

namespace vcuda::softgpu {
namespace {

__extension__ using Quad = __float128;

enum class Direction : uint8_t { nearest, zero, down, up };

// Rounds an exact value to f32, denormals included.
float rounded(Quad exact, Direction direction) {
  if (exact != exact) return std::bit_cast<float>(0x7fffffffu);
  const auto near = static_cast<float>(exact);
  if (direction == Direction::nearest || static_cast<Quad>(near) == exact) return near;
  const float below = static_cast<Quad>(near) < exact ? near : std::nextafterf(near, -HUGE_VALF);
  const float above = static_cast<Quad>(near) > exact ? near : std::nextafterf(near, HUGE_VALF);
  if (direction == Direction::down) return below;
  if (direction == Direction::up) return above;
  return exact < 0 ? above : below;
}

uint32_t bits(float value) { return std::bit_cast<uint32_t>(value); }
float real(uint64_t value) { return std::bit_cast<float>(static_cast<uint32_t>(value)); }

uint32_t flushed(uint32_t value) { return (value & 0x7f800000) == 0 ? value & 0x80000000 : value; }

const std::vector<uint32_t> edges = {0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x00800000,
                                     0x3f800000, 0xbf800000, 0x3f800001, 0x3effffff, 0x40490fdb, 0x7f7fffff,
                                     0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0x7fffffff, 0xffc12345,
                                     0x4b800000, 0x4b000001, 0x33800000};

std::vector<Operands> sets() {
  std::vector<Operands> out;
  for (const uint32_t a : edges) {
    for (const uint32_t b : edges) out.push_back({a, b, edges[out.size() % edges.size()]});
  }
  std::mt19937 random(11);
  for (int i = 0; i < 400; ++i) out.push_back({random(), random(), random()});
  // Near each other in size, so that sums cancel and products round.
  for (int i = 0; i < 400; ++i) {
    out.push_back({(random() & 0x83ffffff) | 0x3c000000, (random() & 0x83ffffff) | 0x3c000000,
                   (random() & 0x83ffffff) | 0x3c000000});
  }
  return out;
}

Spelling spelling_of(const std::string& instruction, const std::string& kind = "f32") {
  Spelling spelling;
  spelling.d = spelling.a = spelling.b = spelling.c = kind;
  spelling.instruction = instruction;
  return spelling;
}

using Exact = std::function<Quad(Quad, Quad, Quad)>;

// Sums of finite values are exact in quad precision only while their exponents are near; beyond, rounding is
// trusted to nearest, where the far smaller one does not count.
bool exact_in_quad(const Operands& set, const std::string& op) {
  if (op != "add" && op != "sub" && op != "fma") return true;
  const auto exponent = [](uint64_t value) { return static_cast<int>(value >> 23 & 0xff); };
  if (op == "fma") return std::abs(exponent(set.a) + exponent(set.b) - 127 - exponent(set.c)) < 60;
  return std::abs(exponent(set.a) - exponent(set.b)) < 80;
}

void check(const std::string& op, const std::string& operands, const Exact& exact) {
  const struct {
    const char* mode;
    Direction direction;
  } modes[] = {
      {"rn", Direction::nearest}, {"rz", Direction::zero}, {"rm", Direction::down}, {"rp", Direction::up}};
  const auto inputs = sets();
  for (const auto& mode : modes) {
    for (const bool ftz : {false, true}) {
      const std::string instruction = op + "." + mode.mode + (ftz ? ".ftz" : "") + ".f32 " + operands;
      const auto found = results(spelling_of(instruction), inputs);
      for (size_t i = 0; i < inputs.size(); ++i) {
        Operands set = inputs[i];
        if (!exact_in_quad(set, op)) continue;
        if (ftz)
          set = {flushed(static_cast<uint32_t>(set.a)), flushed(static_cast<uint32_t>(set.b)),
                 flushed(static_cast<uint32_t>(set.c))};
        const Quad value = exact(real(set.a), real(set.b), real(set.c));
        uint32_t expected = bits(rounded(value, mode.direction));
        // Overflow: a direction away from infinity stops at the largest finite value. Quad shows it as larger
        // than that.
        if (ftz) expected = flushed(expected);
        // Signed zeros of exact sums depend on the direction: the value is what counts there.
        if (real(expected) == 0 && real(found[i]) == 0) continue;
        ASSERT_EQ(static_cast<uint32_t>(found[i]), expected)
            << instruction << std::hex << " " << inputs[i].a << " " << inputs[i].b << " " << inputs[i].c;
      }
    }
  }
}

TEST(real, arithmetic_is_rounded_once_in_every_direction) {
  check("add", "D, A, B;", [](Quad a, Quad b, Quad) { return a + b; });
  check("sub", "D, A, B;", [](Quad a, Quad b, Quad) { return a - b; });
  check("mul", "D, A, B;", [](Quad a, Quad b, Quad) { return a * b; });
  check("fma", "D, A, B, C;", [](Quad a, Quad b, Quad c) { return a * b + c; });
}

TEST(real, quotients_and_roots_are_rounded_to_nearest) {
  const auto inputs = sets();
  const auto quotients = results(spelling_of("div.rn.f32 D, A, B;"), inputs);
  const auto roots = results(spelling_of("sqrt.rn.f32 D, A;"), inputs);
  const auto reciprocals = results(spelling_of("rcp.rn.f32 D, A;"), inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    // A double holds more than twice the digits of a float, so rounding twice is rounding once.
    const double a = real(inputs[i].a);
    const double b = real(inputs[i].b);
    const auto same = [&](uint64_t found, double exact, const char* what) {
      const uint32_t expected = exact != exact ? 0x7fffffff : bits(static_cast<float>(exact));
      ASSERT_EQ(static_cast<uint32_t>(found), expected)
          << what << std::hex << " " << inputs[i].a << " " << inputs[i].b;
    };
    // The quotient of a denormal result would be rounded twice: quad there.
    const Quad exact = static_cast<Quad>(real(inputs[i].a)) / static_cast<Quad>(real(inputs[i].b));
    ASSERT_EQ(static_cast<uint32_t>(quotients[i]), bits(rounded(exact, Direction::nearest)))
        << std::hex << inputs[i].a << " " << inputs[i].b;
    same(roots[i], std::sqrt(a), "sqrt");
    if (std::fabs(1 / a) > 1.2e-38 || a != a) same(reciprocals[i], 1 / a, "rcp");
    (void)b;
  }
}

TEST(real, doubles_are_those_of_the_processor_and_fused_exactly) {
  std::mt19937_64 random(3);
  std::vector<Operands> inputs;
  for (int i = 0; i < 500; ++i) {
    const auto make = [&] { return (random() & 0x800fffffffffffff) | (1000 + random() % 50) << 52; };
    inputs.push_back({make(), make(), make()});
  }
  const auto sums = results(spelling_of("add.f64 D, A, B;", "f64"), inputs);
  const auto products = results(spelling_of("mul.rn.f64 D, A, B;", "f64"), inputs);
  const auto quotients = results(spelling_of("div.rn.f64 D, A, B;", "f64"), inputs);
  const auto fused = results(spelling_of("fma.rn.f64 D, A, B, C;", "f64"), inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto a = std::bit_cast<double>(inputs[i].a);
    const auto b = std::bit_cast<double>(inputs[i].b);
    const auto c = std::bit_cast<double>(inputs[i].c);
    ASSERT_EQ(std::bit_cast<double>(sums[i]),
              static_cast<double>(static_cast<Quad>(a) + static_cast<Quad>(b)));
    ASSERT_EQ(std::bit_cast<double>(products[i]),
              static_cast<double>(static_cast<Quad>(a) * static_cast<Quad>(b)));
    ASSERT_EQ(std::bit_cast<double>(quotients[i]),
              static_cast<double>(static_cast<Quad>(a) / static_cast<Quad>(b)));
    // a*b takes 106 bits of quad's 113; the sum is rounded there once more, which 1 in 2^60 would show.
    ASSERT_EQ(std::bit_cast<double>(fused[i]),
              static_cast<double>(static_cast<Quad>(a) * static_cast<Quad>(b) + static_cast<Quad>(c)));
  }
}

TEST(real, the_smaller_of_two_zeros_is_negative_and_a_number_beats_a_nan) {
  const struct {
    const char* instruction;
    uint32_t a, b, expected;
  } cases[] = {
      {"min.f32 D, A, B;", 0x00000000, 0x80000000, 0x80000000},
      {"min.f32 D, A, B;", 0x80000000, 0x00000000, 0x80000000},
      {"max.f32 D, A, B;", 0x80000000, 0x00000000, 0x00000000},
      {"min.f32 D, A, B;", 0x7fc00000, 0x3f800000, 0x3f800000},
      {"max.f32 D, A, B;", 0x3f800000, 0xffc00001, 0x3f800000},
      {"max.f32 D, A, B;", 0x7fc00000, 0xffc00001, 0x7fffffff},
      {"max.NaN.f32 D, A, B;", 0x3f800000, 0xffc00001, 0x7fffffff},
      {"min.f32 D, A, B;", 0xff800000, 0x3f800000, 0xff800000},
      {"min.ftz.f32 D, A, B;", 0x00000005, 0x3f800000, 0x00000000},
      {"min.xorsign.abs.f32 D, A, B;", 0xc0000000, 0x40400000, 0xc0000000},
      {"abs.f32 D, A;", 0xc0000000, 0, 0x40000000},
      {"neg.f32 D, A;", 0x00000000, 0, 0x80000000},
      {"neg.ftz.f32 D, A;", 0x00000001, 0, 0x80000000},
      {"copysign.f32 D, A, B;", 0x80000000, 0x40400000, 0xc0400000},
      {"add.sat.f32 D, A, B;", 0x3f800000, 0x3f800000, 0x3f800000},
      {"add.sat.f32 D, A, B;", 0xbf800000, 0x3f000000, 0x00000000},
      {"mul.sat.f32 D, A, B;", 0x7fc00000, 0x3f000000, 0x00000000},
      {"add.f32 D, A, B;", 0x7f800000, 0xff800000, 0x7fffffff},
  };
  for (const auto& each : cases) {
    const auto found = results(spelling_of(each.instruction), {{each.a, each.b, 0}});
    EXPECT_EQ(found[0], each.expected) << each.instruction << std::hex << " " << each.a << " " << each.b;
  }
}

TEST(real, comparisons_are_ordered_or_not) {
  const uint32_t one = 0x3f800000, two = 0x40000000, nan = 0x7fc00000, zero = 0, minus_zero = 0x80000000,
                 tiny = 1;
  const std::vector<Operands> inputs = {{one, two, 0}, {two, one, 0},         {one, one, 0},
                                        {nan, one, 0}, {zero, minus_zero, 0}, {tiny, zero, 0}};
  const struct {
    const char* op;
    std::vector<uint64_t> expected;
  } cases[] = {
      {"eq", {0, 0, 1, 0, 1, 0}},     {"ne", {1, 1, 0, 0, 0, 1}},  {"lt", {1, 0, 0, 0, 0, 0}},
      {"le", {1, 0, 1, 0, 1, 0}},     {"gt", {0, 1, 0, 0, 0, 1}},  {"ge", {0, 1, 1, 0, 1, 1}},
      {"equ", {0, 0, 1, 1, 1, 0}},    {"neu", {1, 1, 0, 1, 0, 1}}, {"ltu", {1, 0, 0, 1, 0, 0}},
      {"geu", {0, 1, 1, 1, 1, 1}},    {"num", {1, 1, 1, 0, 1, 1}}, {"nan", {0, 0, 0, 1, 0, 0}},
      {"eq.ftz", {0, 0, 1, 0, 1, 1}},
  };
  for (const auto& each : cases) {
    Spelling spelling = spelling_of(std::string("setp.") + each.op + ".f32 D, A, B;");
    spelling.d = "pred";
    EXPECT_EQ(results(spelling, inputs), each.expected) << each.op;
  }
  Spelling test = spelling_of("testp.finite.f32 D, A;");
  test.d = "pred";
  EXPECT_EQ(results(test, inputs), (std::vector<uint64_t>{1, 1, 1, 0, 1, 1}));
  test.instruction = "testp.subnormal.f32 D, A;";
  EXPECT_EQ(results(test, inputs), (std::vector<uint64_t>{0, 0, 0, 0, 0, 1}));
}

TEST(real, approximations_stay_within_their_bounds) {
  std::vector<Operands> inputs;
  for (int i = 1; i < 400; ++i) inputs.push_back({bits(static_cast<float>(i) * 0.037f), 0, 0});
  const struct {
    const char* instruction;
    double (*exact)(double);
  } cases[] = {
      {"ex2.approx.f32 D, A;", [](double x) { return std::exp2(x); }},
      {"lg2.approx.f32 D, A;", [](double x) { return std::log2(x); }},
      {"sin.approx.f32 D, A;", [](double x) { return std::sin(x); }},
      {"cos.approx.ftz.f32 D, A;", [](double x) { return std::cos(x); }},
      {"rsqrt.approx.f32 D, A;", [](double x) { return 1 / std::sqrt(x); }},
      {"tanh.approx.f32 D, A;", [](double x) { return std::tanh(x); }},
      {"rcp.approx.ftz.f32 D, A;", [](double x) { return 1 / x; }},
      {"sqrt.approx.f32 D, A;", [](double x) { return std::sqrt(x); }},
  };
  for (const auto& each : cases) {
    const auto found = results(spelling_of(each.instruction), inputs);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const double exact = each.exact(real(inputs[i].a));
      ASSERT_NEAR(real(found[i]), exact, std::fabs(exact) * 1.2e-7 + 1e-9)
          << each.instruction << " " << real(inputs[i].a);
    }
  }
}

struct Conversion {
  const char* instruction;
  const char* from;
  const char* to;
  uint64_t in;
  uint64_t out;
};

uint64_t f32(float value) { return bits(value); }
uint64_t f64(double value) { return std::bit_cast<uint64_t>(value); }

TEST(convert, rounds_clamps_and_extends) {
  const Conversion cases[] = {
      {"cvt.rni.s32.f32 D, A;", "f32", "b32", f32(2.5f), 2},
      {"cvt.rni.s32.f32 D, A;", "f32", "b32", f32(3.5f), 4},
      {"cvt.rzi.s32.f32 D, A;", "f32", "b32", f32(-2.9f), static_cast<uint32_t>(-2)},
      {"cvt.rmi.s32.f32 D, A;", "f32", "b32", f32(-2.1f), static_cast<uint32_t>(-3)},
      {"cvt.rpi.s32.f32 D, A;", "f32", "b32", f32(2.1f), 3},
      {"cvt.rzi.s32.f32 D, A;", "f32", "b32", f32(3e9f), INT32_MAX},
      {"cvt.rzi.s32.f32 D, A;", "f32", "b32", f32(-3e9f), 0x80000000},
      {"cvt.rzi.u32.f32 D, A;", "f32", "b32", f32(-1.0f), 0},
      {"cvt.rzi.u32.f32 D, A;", "f32", "b32", f32(5e9f), UINT32_MAX},
      {"cvt.rzi.s32.f32 D, A;", "f32", "b32", 0x7fc00000, 0},
      {"cvt.rzi.s64.f32 D, A;", "f32", "b64", 0x7fc00000, uint64_t{1} << 63},
      {"cvt.rzi.u64.f64 D, A;", "f64", "b64", f64(1.8446744073709552e19), UINT64_MAX},
      {"cvt.rzi.s64.f64 D, A;", "f64", "b64", f64(-9.3e18), uint64_t{1} << 63},
      {"cvt.rzi.u8.f32 D, A;", "f32", "b32", f32(300.0f), 255},
      {"cvt.rzi.s16.f32 D, A;", "f32", "b32", f32(-40000.0f), static_cast<uint32_t>(-32768)},
      {"cvt.rn.f32.s32 D, A;", "b32", "f32", 16777217, f32(16777216.0f)},
      {"cvt.rp.f32.s32 D, A;", "b32", "f32", 16777217, f32(16777218.0f)},
      {"cvt.rz.f32.u64 D, A;", "b64", "f32", UINT64_MAX, f32(1.8446743e19f)},
      {"cvt.rn.f32.u64 D, A;", "b64", "f32", UINT64_MAX, f32(1.8446744e19f)},
      {"cvt.rn.f64.s64 D, A;", "b64", "f64", static_cast<uint64_t>(-7), f64(-7.0)},
      {"cvt.rn.f64.u64 D, A;", "b64", "f64", (uint64_t{1} << 53) + 1, f64(9007199254740992.0)},
      {"cvt.f64.f32 D, A;", "f32", "f64", f32(1.5f), f64(1.5)},
      {"cvt.rn.f32.f64 D, A;", "f64", "f32", f64(1.0 + 1e-12), f32(1.0f)},
      {"cvt.rp.f32.f64 D, A;", "f64", "f32", f64(1.0 + 1e-12), 0x3f800001},
      {"cvt.rn.f32.f64 D, A;", "f64", "f32", f64(1e300), 0x7f800000},
      {"cvt.rz.f32.f64 D, A;", "f64", "f32", f64(1e300), 0x7f7fffff},
      {"cvt.rni.f32.f32 D, A;", "f32", "f32", f32(-0.3f), 0x80000000},
      {"cvt.rmi.f64.f64 D, A;", "f64", "f64", f64(-0.5), f64(-1.0)},
      {"cvt.sat.f32.f32 D, A;", "f32", "f32", f32(1.5f), f32(1.0f)},
      {"cvt.sat.f32.f32 D, A;", "f32", "f32", 0x7fc00000, 0},
      {"cvt.ftz.f32.f32 D, A;", "f32", "f32", 0x80000001, 0x80000000},
      {"cvt.s32.s8 D, A;", "b32", "b32", 0x80, 0xffffff80},
      {"cvt.u32.u8 D, A;", "b32", "b32", 0x1ff, 0xff},
      {"cvt.s64.s16 D, A;", "b16", "b64", 0x8000, 0xffffffffffff8000},
      {"cvt.u16.u32 D, A;", "b32", "b16", 0x12345, 0x2345},
      {"cvt.s8.s32 D, A;", "b32", "b32", 0x180, 0xffffff80},
      {"cvt.sat.s8.s32 D, A;", "b32", "b32", 1000, 127},
      {"cvt.sat.u8.s32 D, A;", "b32", "b32", static_cast<uint32_t>(-5), 0},
      {"cvt.sat.u8.u32 D, A;", "b32", "b32", 256, 255},
      {"cvt.sat.s32.s64 D, A;", "b64", "b32", static_cast<uint64_t>(-5000000000), 0x80000000},
      {"cvt.sat.u32.s64 D, A;", "b64", "b32", 5000000000, UINT32_MAX},
      {"cvt.sat.s32.u32 D, A;", "b32", "b32", 0xffffffff, INT32_MAX},
      {"cvt.u64.s32 D, A;", "b32", "b64", 0xffffffff, UINT64_MAX},
      {"cvt.rn.f16.f32 D, A;", "f32", "b16", f32(1.0f), 0x3c00},
      {"cvt.rn.f16.f32 D, A;", "f32", "b16", f32(65520.0f), 0x7c00},
      {"cvt.rz.f16.f32 D, A;", "f32", "b16", f32(65535.0f), 0x7bff},
      {"cvt.rn.f16.f32 D, A;", "f32", "b16", f32(5.9604645e-8f), 0x0001},
      {"cvt.rn.f16.f32 D, A;", "f32", "b16", f32(1.00048828125f), 0x3c00},
      {"cvt.f32.f16 D, A;", "b16", "f32", 0xc000, f32(-2.0f)},
      {"cvt.f32.f16 D, A;", "b16", "f32", 0x0001, f32(5.9604645e-8f)},
      {"cvt.f32.f16 D, A;", "b16", "f32", 0xfc00, 0xff800000},
      {"cvt.rn.bf16.f32 D, A;", "f32", "b16", 0x3f808000, 0x3f80},
      {"cvt.rn.bf16.f32 D, A;", "f32", "b16", 0x3f818000, 0x3f82},
      {"cvt.f32.bf16 D, A;", "b16", "f32", 0x4049, 0x40490000},
  };
  for (const Conversion& each : cases) {
    Spelling spelling;
    spelling.instruction = each.instruction;
    spelling.a = each.from;
    spelling.d = each.to;
    EXPECT_EQ(results(spelling, {{each.in, 0, 0}})[0], each.out)
        << each.instruction << std::hex << " " << each.in;
  }
}

TEST(convert, every_half_goes_there_and_back) {
  std::vector<Operands> inputs;
  for (uint32_t half = 0; half < 0x10000; ++half) {
    const bool nan = (half & 0x7fff) > 0x7c00;
    if (!nan) inputs.push_back({half, 0, 0});
  }
  Spelling spelling;
  spelling.a = spelling.d = "b16";
  spelling.instruction = ".reg .f32 f; cvt.f32.f16 f, A; cvt.rn.f16.f32 D, f;";
  const auto found = results(spelling, inputs);
  for (size_t i = 0; i < inputs.size(); ++i) ASSERT_EQ(found[i], inputs[i].a);
}

TEST(move, packs_and_unpacks) {
  Spelling spelling;
  spelling.a = spelling.b = "b64";
  spelling.d = "b64";
  spelling.instruction = ".reg .b16 w<4>; mov.b64 {w0, w1, w2, w3}, A; mov.b64 D, {w3, w2, w1, w0};";
  EXPECT_EQ(results(spelling, {{0x1111222233334444, 0, 0}})[0], 0x4444333322221111u);
  spelling.instruction = ".reg .b32 l, h; mov.b64 {l, h}, A; mov.b64 D, {h, l};";
  EXPECT_EQ(results(spelling, {{0x1111222233334444, 0, 0}})[0], 0x3333444411112222u);
  spelling.instruction = ".reg .f32 f; .reg .b32 r; mov.f32 f, 0f3F800000; mov.b32 r, f; cvt.u64.u32 D, r;";
  EXPECT_EQ(results(spelling, {{0, 0, 0}})[0], 0x3f800000u);
  spelling.instruction =
      ".reg .u64 t; mov.u64 t, %clock64; mov.u64 D, %globaltimer; sub.u64 D, D, t; shr.u64 D, D, 40;";
  EXPECT_EQ(results(spelling, {{0, 0, 0}})[0], 0u);
}

}  // namespace
}  // namespace vcuda::softgpu
