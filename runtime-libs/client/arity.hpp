// VCUDA_PARAMS_n(f) spells n parameters with the types cuda.h gives f, VCUDA_NAMES_n their names: what
// generated entries need to define a function of a given type. VCUDA_COUNT(...) is the number of arguments.
#pragma once
#define VCUDA_GLUE(a, b) VCUDA_GLUE_(a, b)
#define VCUDA_GLUE_(a, b) a##b
#define VCUDA_COUNT(...) VCUDA_COUNT_(__VA_ARGS__ __VA_OPT__(, ) 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define VCUDA_COUNT_(a, b, c, d, e, f, g, h, i, j, k, N, ...) N
#define VCUDA_PARAMS_0(f)
#define VCUDA_NAMES_0
#define VCUDA_PARAMS_1(f) ::vcuda::api::Arg<&::f, 0> a0
#define VCUDA_NAMES_1 a0
#define VCUDA_PARAMS_2(f) VCUDA_PARAMS_1(f), ::vcuda::api::Arg<&::f, 1> a1
#define VCUDA_NAMES_2 VCUDA_NAMES_1, a1
#define VCUDA_PARAMS_3(f) VCUDA_PARAMS_2(f), ::vcuda::api::Arg<&::f, 2> a2
#define VCUDA_NAMES_3 VCUDA_NAMES_2, a2
#define VCUDA_PARAMS_4(f) VCUDA_PARAMS_3(f), ::vcuda::api::Arg<&::f, 3> a3
#define VCUDA_NAMES_4 VCUDA_NAMES_3, a3
#define VCUDA_PARAMS_5(f) VCUDA_PARAMS_4(f), ::vcuda::api::Arg<&::f, 4> a4
#define VCUDA_NAMES_5 VCUDA_NAMES_4, a4
#define VCUDA_PARAMS_6(f) VCUDA_PARAMS_5(f), ::vcuda::api::Arg<&::f, 5> a5
#define VCUDA_NAMES_6 VCUDA_NAMES_5, a5
#define VCUDA_PARAMS_7(f) VCUDA_PARAMS_6(f), ::vcuda::api::Arg<&::f, 6> a6
#define VCUDA_NAMES_7 VCUDA_NAMES_6, a6
#define VCUDA_PARAMS_8(f) VCUDA_PARAMS_7(f), ::vcuda::api::Arg<&::f, 7> a7
#define VCUDA_NAMES_8 VCUDA_NAMES_7, a7
#define VCUDA_PARAMS_9(f) VCUDA_PARAMS_8(f), ::vcuda::api::Arg<&::f, 8> a8
#define VCUDA_NAMES_9 VCUDA_NAMES_8, a8
#define VCUDA_PARAMS_10(f) VCUDA_PARAMS_9(f), ::vcuda::api::Arg<&::f, 9> a9
#define VCUDA_NAMES_10 VCUDA_NAMES_9, a9
#define VCUDA_PARAMS_11(f) VCUDA_PARAMS_10(f), ::vcuda::api::Arg<&::f, 10> a10
#define VCUDA_NAMES_11 VCUDA_NAMES_10, a10
