/* SPDX-License-Identifier: MIT
 * Which instruction sets this CPU *and* this operating system can run. Sets are bit masks, 1u << isa; programs AND them with what the user
 * allows and hand the mask down: nothing below a program reads flags or environment. */
#ifndef RUNTIME_CPU_H
#define RUNTIME_CPU_H

#include <stdbool.h>
#include <stddef.h>

/* The one list of instruction sets, X(NAME, name, on), in order of preference, worst first; on() keeps its arguments on CPUs that the set
 * is built for. SIMD_ISAS have a vector header each, kernels/simd/v_<name>.h, and a table, kernels/isa/<name>.c. SCALAR is the reference
 * implementation, PORTABLE the plain-C twin of the SIMD sources: both run anywhere. AMX has tiles of bf16 beside AVX-512's vectors, so its
 * table holds the ops of bf16 alone, and floats are computed by the best of the others (isa_best()). */
#define SIMD_ISAS_ARM(X) X(NEON, neon, ON_ARM) X(SVE256, sve256, ON_ARM_BY_NAME)
#define SIMD_ISAS_X86(X) X(AVX2, avx2, ON_X86) X(AVX512VL, avx512vl, ON_X86_BY_NAME) X(AVX512, avx512, ON_X86)
#define SIMD_ISAS_RISCV(X) X(RVV256, rvv256, ON_RISCV)
#define SIMD_ISAS(X) SIMD_ISAS_ARM(X) SIMD_ISAS_RISCV(X) SIMD_ISAS_X86(X)
#define ISAS(X) X(SCALAR, scalar, ON_ANY) X(PORTABLE, portable, ON_ANY) SIMD_ISAS(X) X(AMX, amx, ON_X86)

/* What on() is: its arguments, or nothing. On every CPU: */
#define ON_ANY(...) __VA_ARGS__
/* x86-64 alone */
#if defined(__x86_64__)
#define ON_X86(...) __VA_ARGS__
#else
#define ON_X86(...)
#endif
/* 64-bit Arm alone */
#if defined(__aarch64__)
#define ON_ARM(...) __VA_ARGS__
#else
#define ON_ARM(...)
#endif
/* 64-bit RISC-V alone */
#if defined(__riscv)
#define ON_RISCV(...) __VA_ARGS__
#else
#define ON_RISCV(...)
#endif
/* What `--isa auto` leaves out (ISAS_BY_NAME) is left out of builds, too, that are made with -DCONVGAUGE_ISAS_BY_NAME=OFF. */
#ifdef CONVGAUGE_NO_ISAS_BY_NAME
#define ON_X86_BY_NAME(...)
#define ON_ARM_BY_NAME(...)
#else
#define ON_X86_BY_NAME(...) ON_X86(__VA_ARGS__)
#define ON_ARM_BY_NAME(...) ON_ARM(__VA_ARGS__)
#endif

/* ISA_SCALAR … in the order of the list; a set of them is a mask, 1u << ISA_AVX2. */
#define ISA_NUMBER(NAME, name, on) ISA_##NAME,
enum isa { ISAS(ISA_NUMBER) ISA_COUNT };
#undef ISA_NUMBER

/* Those that `--isa auto` leaves out: AVX512VL, AVX-512 on half its width, is never the best of a CPU that has both, and benches that time
 * all would time it in vain: whose CPU clocks down under 512 bits names it. SVE256 has been checked under emulation and timed on no CPU. */
#define ISAS_BY_NAME (1u << ISA_AVX512VL | 1u << ISA_SVE256)

/* Sets that can run here. AVX2 means AVX2 and FMA with the OS saving ymm (XCR0 & 6), AVX512 means AVX-512F with zmm saved (XCR0 & 0xE6),
 * AVX512VL that and AVX-512VL, NEON means aarch64 with AdvSIMD, SVE256 that and SVE with vectors of 256 bits, RVV256 RISC-V's vectors of
 * 256 bits, AMX tiles of bf16: the CPU must have them, the operating system save them, and Linux grant this process their use, which the
 * first call asks for. SCALAR and PORTABLE are always in. */
unsigned cpu_detect(void);

/* As --isa takes it: "scalar", "portable", "avx2". Static storage. */
const char *isa_name(enum isa isa);

/* The isa of that name, or -1: no such name. A known one need be neither built nor able to run here: see cpu_detect and kernels_built. */
int isa_parse(const char *name);

/* "scalar portable avx2" for a mask; writes at most `size` bytes with the final 0 and returns `text`. */
const char *isa_list(unsigned isas, char *text, size_t size);

/* The CPU's marketing name ("AMD EPYC 9B45"), or its architecture where the system does not tell. Static storage, filled at first call. */
const char *cpu_name(void);

#endif
