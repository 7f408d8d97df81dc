/* SPDX-License-Identifier: MIT
 * The runtime floor without its team (test_team.c): messages, clock, CPU features, random numbers, elementary functions, arenas.
 * Sums over the bits of long sequences are golden: they must be the same on every host, compiler and optimisation level. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include "../../kernels/runtime/arena.h"
#include "../../kernels/runtime/clock.h"
#include "../../kernels/runtime/cpu.h"
#include "../../kernels/runtime/exact.h"
#include "../../kernels/runtime/internal.h"
#include "../../kernels/runtime/rng.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* FNV-1a over the bits of a double. */
static uint64_t mix(uint64_t hash, double value)
{
    unsigned char bytes[sizeof value];
    memcpy(bytes, &value, sizeof value);
    for (size_t i = 0; i < sizeof bytes; i++) hash = (hash ^ bytes[i]) * 0x100000001b3ull;
    return hash;
}

static const uint64_t HASH_START = 0xcbf29ce484222325ull;
static const uint64_t GOLDEN_NORMALS = 0x6edb4ee844b0e46b, GOLDEN_EXP_LOG = 0x44ae39b28a0781ba;
static const uint64_t GOLDEN_SIN_COS = 0x14618b38275eab84, GOLDEN_POW = 0xc1de1e0b4268bee0;

Test(why, message_is_cut_and_the_code_returned)
{
    struct why why;
    cr_assert_eq(why_fail(&why, -EINVAL, "%s of %d", "three", 7), -EINVAL);
    cr_assert_str_eq(why.text, "three of 7");
    char endless[2 * sizeof why.text];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    cr_assert_eq(why_fail(&why, -EIO, "%s", endless), -EIO);
    cr_assert_eq(strlen(why.text), sizeof why.text - 1);
    cr_assert_eq(why_fail(NULL, -ENOENT, "nobody asked"), -ENOENT);
}

Test(clock, never_runs_backwards)
{
    uint64_t last = clock_ns();
    cr_assert_gt(last, 0u);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_ns();
        cr_assert_geq(now, last);
        last = now;
    }
}

Test(cpu, names_both_ways)
{
    for (int isa = 0; isa < ISA_COUNT; isa++) cr_assert_eq(isa_parse(isa_name((enum isa)isa)), isa);
    cr_assert_eq(isa_parse("avx"), -1);
    cr_assert_eq(isa_parse("AVX2"), -1);
}

Test(cpu, list_is_cut_inside_its_buffer)
{
    char text[16];
    unsigned isas = 1u << ISA_SCALAR | 1u << ISA_PORTABLE | 1u << ISA_AVX2;
    cr_assert_str_eq(isa_list(0, text, sizeof text), "");
    cr_assert_str_eq(isa_list(isas, text, sizeof text), "scalar portable");
    for (size_t size = 1; size < sizeof text; size++) {
        memset(text, '#', sizeof text);
        cr_assert_eq(strlen(isa_list(isas, text, size)), size - 1);
        cr_assert_eq(text[size], '#', "wrote past %zu bytes", size);
    }
}

Test(cpu, detects_what_runs_anywhere_and_is_consistent)
{
    unsigned isas = cpu_detect();
    cr_assert(isas & 1u << ISA_SCALAR);
    cr_assert(isas & 1u << ISA_PORTABLE);
    cr_assert(!(isas & 1u << ISA_AVX512) || (isas & 1u << ISA_AVX2));
    cr_assert(!(isas & 1u << ISA_AVX512VL) || (isas & 1u << ISA_AVX512));
    cr_assert(!(isas & 1u << ISA_NEON) || !(isas & 1u << ISA_AVX2));
    cr_assert_eq(isas, cpu_detect());
    cr_assert_gt(strlen(cpu_name()), 0u);
    cr_assert_eq(cpu_name(), cpu_name());
    cr_assert_null(strstr(cpu_name(), "  "));
}

/* Random123's tests/kat_vectors, "philox4x32 10": counter, key, output. */
Test(rng, philox_known_answers)
{
    static const struct {
        uint64_t low, high;
        struct philox_key key;
        struct philox_block want;
    } vectors[] = {
        { 0, 0, { { 0, 0 } }, { { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } } },
        { UINT64_MAX, UINT64_MAX, { { UINT32_MAX, UINT32_MAX } }, { { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } } },
        { 0x85a308d3243f6a88, 0x0370734413198a2e, { { 0xa4093822, 0x299f31d0 } }, { { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } } },
    };
    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct philox_block got = rng_philox(vectors[i].key, vectors[i].low, vectors[i].high);
        cr_assert_eq(memcmp(&got, &vectors[i].want, sizeof got), 0, "vector %zu", i);
    }
}

Test(rng, streams_differ_in_every_part_of_their_key)
{
    struct philox_key keys[] = { rng_stream_key(1, STREAM_INIT, 2, 3),          rng_stream_key(2, STREAM_INIT, 2, 3),
                                 rng_stream_key(1, STREAM_ORDER, 2, 3),         rng_stream_key(1, STREAM_INIT, 3, 3),
                                 rng_stream_key(1, STREAM_INIT, 2, 2),          rng_stream_key(1, STREAM_INIT, 3, 2),
                                 rng_stream_key(1ull << 32, STREAM_INIT, 2, 3), rng_stream_key(1ull << 32 | 1, STREAM_INIT, 2, 3) };
    for (size_t i = 0; i < COUNT(keys); i++)
        for (size_t j = 0; j < i; j++) cr_assert_neq(memcmp(&keys[i], &keys[j], sizeof keys[i]), 0, "streams %zu and %zu", i, j);
}

Test(rng, reader_walks_the_blocks_in_order)
{
    struct philox_key key = rng_stream_key(7, STREAM_TEST, 0, 0);
    struct rng r = rng_start(key);
    for (uint64_t block = 0; block < 5; block++) {
        struct philox_block want = rng_philox(key, block, 0);
        for (int i = 0; i < 4; i++) cr_assert_eq(rng_u32(&r), want.w[i]);
    }
}

/* Chi-square at 1 - 1e-6 or so: 6 cells, 5 degrees of freedom, limit 37. The second n is the worst case for biased methods: what is too
 * many falls on the low values where remainders are taken, and on every third value where products are. */
Test(rng, below_is_uniform)
{
    struct rng r = rng_start(rng_stream_key(7, STREAM_TEST, 1, 0));
    static const uint32_t limits[] = { 6, 0xC0000000u };
    for (size_t k = 0; k < 2 * COUNT(limits); k++) {
        enum { CELLS = 6, DRAWS = 60000 };
        int cells[CELLS] = { 0 };
        uint32_t n = limits[k / 2];
        for (int i = 0; i < DRAWS; i++) {
            uint32_t value = rng_below(&r, n);
            cr_assert_lt(value, n);
            cells[k % 2 ? value % CELLS : (uint64_t)value * CELLS / n]++;
        }
        double chi = 0;
        for (int i = 0; i < CELLS; i++) chi += (cells[i] - DRAWS / CELLS) * (double)(cells[i] - DRAWS / CELLS) / (DRAWS / CELLS);
        cr_assert_lt(chi, 37.0, "n %u: chi-square %g", n, chi);
    }
    for (int i = 0; i < 100; i++) cr_assert_eq(rng_below(&r, 1), 0u);
}

Test(rng, normals_have_the_moments_and_golden_bits)
{
    enum { DRAWS = 200000 };
    struct rng r = rng_start(rng_stream_key(42, STREAM_TEST, 2, 0));
    double power[5] = { 0 };
    uint64_t hash = HASH_START;
    for (int i = 0; i < DRAWS; i++) {
        double x = rng_normal(&r), term = 1;
        hash = mix(hash, x);
        for (int k = 1; k <= 4; k++) power[k] += term *= x;
    }
    double limit = 5 / sqrt(DRAWS); /* five standard errors: 1, sqrt 2, sqrt 15, sqrt 96 of 1 / sqrt n */
    cr_assert_lt(fabs(power[1] / DRAWS), limit);
    cr_assert_lt(fabs(power[2] / DRAWS - 1), limit * sqrt(2));
    cr_assert_lt(fabs(power[3] / DRAWS), limit * sqrt(15));
    cr_assert_lt(fabs(power[4] / DRAWS - 3), limit * sqrt(96));
    cr_assert_eq(hash, GOLDEN_NORMALS, "got 0x%016llx", (unsigned long long)hash);
}

Test(rng, uniform_stays_below_one)
{
    struct rng r = { .block = { { 0, UINT32_MAX, 0, 0 } }, .used = 0 };
    cr_assert_eq(rng_uniform(&r), 0.0);
    cr_assert_lt(rng_uniform(&r), 1.0);
    struct rng zeros = { .used = 0 }; /* the smallest uniform: the radius is finite */
    cr_assert_lt(rng_normal(&zeros), 6.7);
    cr_assert_gt(zeros.used, 0);
}

Test(rng, permutation_holds_everyone_once)
{
    static int order[1000], other[1000], seen[1000];
    rng_permutation(rng_stream_key(1, STREAM_ORDER, 0, 0), 1000, order);
    rng_permutation(rng_stream_key(1, STREAM_ORDER, 1, 0), 1000, other);
    for (int i = 0; i < 1000; i++) {
        cr_assert(order[i] >= 0 && order[i] < 1000);
        cr_assert_eq(seen[order[i]]++, 0, "%d stands twice", order[i]);
    }
    cr_assert_neq(memcmp(order, other, sizeof order), 0);
    rng_permutation(rng_stream_key(1, STREAM_ORDER, 0, 0), 1, order);
    cr_assert_eq(order[0], 0);
    rng_permutation(rng_stream_key(1, STREAM_ORDER, 0, 0), 0, NULL);
}

/* The largest relative error of a long comparison, and where: an assertion per value would take minutes. */
struct worst {
    double error, x, y;
};

static void compare(struct worst *worst, double got, double want, double x, double y)
{
    double error = want == 0 ? fabs(got) : fabs(got - want) / fabs(want);
    if (!(error <= worst->error)) *worst = (struct worst){ error, x, y };
}

static void expect_close(const char *what, struct worst worst)
{
    cr_assert_lt(worst.error, 2e-15, "%s(%a, %a): relative error %g", what, worst.x, worst.y, worst.error);
}

Test(exact, exp_and_log_against_libm)
{
    uint64_t hash = HASH_START;
    struct worst of_exp = { 0 }, of_log = { 0 };
    for (int i = 0; i <= 400000; i++) {
        double x = -708 + i * (1417.0 / 400000), y = exp(x), near = 0.5 + i / 400000.0;
        double e = exact_exp(x), l = exact_log(near);
        compare(&of_exp, e, y, x, 0);
        compare(&of_log, l, log(near), near, 0);
        compare(&of_log, exact_log(y), log(y), y, 0);
        hash = mix(mix(hash, e), l);
    }
    expect_close("exp", of_exp);
    expect_close("log", of_log);
    cr_assert_eq(hash, GOLDEN_EXP_LOG, "got 0x%016llx", (unsigned long long)hash);
}

/* The ends of the range and the neighbours of 1, where a careless formula loses everything. */
Test(exact, exp_and_log_at_the_edges)
{
    cr_assert_eq(exact_exp(0), 1.0);
    cr_assert_eq(exact_exp(-0.0), 1.0);
    cr_assert_eq(exact_exp(-INFINITY), 0.0);
    cr_assert_eq(exact_exp(INFINITY), INFINITY);
    cr_assert_eq(exact_exp(710), INFINITY);
    cr_assert_eq(exact_exp(-746), 0.0);
    cr_assert(isnan(exact_exp(NAN)));
    cr_assert_eq(exact_log(1), 0.0);
    cr_assert_eq(exact_log(INFINITY), INFINITY);
    for (int i = -745; i < -708; i++) /* subnormal: absolute, in units of the smallest double */
        cr_assert_leq(fabs(exact_exp(i + 0.37) - exp(i + 0.37)), 0x1p-1074, "exp(%d.37)", i);
    static const double values[] = { 0x1p-1074,   0x1.8p-1060, 0x1p-1022,   1 - 0x1p-53,
                                     1 + 0x1p-52, 1 + 0x1p-30, 1 - 0x1p-20, 0x1.fffffffffffffp1023 };
    struct worst worst = { 0 };
    for (size_t i = 0; i < COUNT(values); i++) compare(&worst, exact_log(values[i]), log(values[i]), values[i], 0);
    expect_close("log", worst);
}

Test(exact, sin_and_cos_against_libm)
{
    uint64_t hash = HASH_START;
    struct worst of_sin = { 0 }, of_cos = { 0 };
    for (int i = -400000; i <= 400000; i++) {
        double x = i / 400.0, s = exact_sin(x), c = exact_cos(x);
        compare(&of_sin, s, sin(x), x, 0);
        compare(&of_cos, c, cos(x), x, 0);
        hash = mix(mix(hash, s), c);
    }
    for (int k = -636; k <= 636; k++) { /* the doubles nearest to the zeros */
        double x = k * 1.57079632679489661923;
        compare(&of_sin, exact_sin(x), sin(x), x, 0);
        compare(&of_cos, exact_cos(x), cos(x), x, 0);
    }
    expect_close("sin", of_sin);
    expect_close("cos", of_cos);
    cr_assert_eq(hash, GOLDEN_SIN_COS, "got 0x%016llx", (unsigned long long)hash);
}

Test(exact, pow_against_libm)
{
    uint64_t hash = HASH_START;
    struct worst worst = { 0 };
    for (int i = 1; i <= 600; i++) {
        for (int j = -600; j <= 600; j++) {
            double x = i / 97.0, y = j * 0.71, want = pow(x, y), got = exact_pow(x, y);
            hash = mix(hash, got);
            if (want >= 0x1p-1022 && want < INFINITY) compare(&worst, got, want, x, y);
        }
    }
    for (int step = 1; step < 2000000; step += 991) /* Adam's bias correction: bases near 1, large powers */
        compare(&worst, exact_pow(0.9999, step), pow(0.9999, step), 0.9999, step);
    expect_close("pow", worst);
    cr_assert_eq(hash, GOLDEN_POW, "got 0x%016llx", (unsigned long long)hash);
}

Test(exact, pow_at_the_edges)
{
    cr_assert_eq(exact_pow(3, 0), 1.0);
    cr_assert_eq(exact_pow(1, 1e300), 1.0);
    cr_assert_eq(exact_pow(0, 2), 0.0);
    cr_assert_eq(exact_pow(2, 10), 1024.0);
    cr_assert_eq(exact_pow(2, -1074), 0x1p-1074);
    cr_assert_eq(exact_pow(2, 1e300), INFINITY);
    cr_assert_eq(exact_pow(2, -1e300), 0.0);
    cr_assert_eq(exact_pow(0x1p-1074, 1), 0x1p-1074);
}

Test(arena, pieces_are_aligned_apart_and_counted)
{
    struct arena a;
    struct why why = { "" };
    static const size_t sizes[] = { 4, 0, 64, 65, 1000 };
    size_t total = 0;
    for (size_t i = 0; i < COUNT(sizes); i++) total += arena_room(sizes[i]);
    cr_assert_eq(arena_open(&a, "test", total, &why), 0, "%s", why.text);
    char *end = a.base;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char *piece = arena_take(&a, sizes[i]);
        cr_assert_eq((uintptr_t)piece % 64, 0u);
        cr_assert_geq(piece, end);
        memset(piece, 1, sizes[i]);
        end = piece + sizes[i];
    }
    cr_assert_eq(a.used, a.size);
    arena_close(&a);
    cr_assert_null(a.base);
    arena_close(&a);
}

Test(arena, empty_one_opens_and_closes)
{
    struct arena a;
    cr_assert_eq(arena_open(&a, "empty", 0, NULL), 0);
    arena_close(&a);
}

/* 16 MiB and a bit: on a huge page's border on Linux, usable to the last byte. */
Test(arena, large_one_is_usable_to_its_end)
{
    struct arena a;
    size_t bytes = ((size_t)16 << 20) + 100;
    cr_assert_eq(arena_open(&a, "large", arena_room(bytes), NULL), 0);
    cr_assert_eq((uintptr_t)a.base % ((size_t)2 << 20), 0u);
    char *piece = arena_take(&a, bytes);
    piece[0] = 1;
    piece[bytes - 1] = 2;
    cr_assert_eq(piece[0] + piece[bytes - 1], 3);
    arena_close(&a);
}

Test(arena, refused_memory_names_the_arena_and_the_way_out)
{
    struct arena a;
    static const size_t sizes[] = { (size_t)1 << 62, SIZE_MAX };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct why why = { "" };
        cr_assert_eq(arena_open(&a, "activations", sizes[i], &why), -ENOMEM);
        cr_assert(strstr(why.text, "activations") && strstr(why.text, "smaller"));
        arena_close(&a);
    }
}

Test(arena, measured_too_small_aborts, .signal = SIGABRT)
{
    struct arena a;
    cr_assert_eq(arena_open(&a, "small", arena_room(64), NULL), 0);
    arena_take(&a, 64);
    arena_take(&a, 1);
}

#if defined(CONVGAUGE_CHECKS)
Test(arena, debug_builds_fill_with_nan)
{
    struct arena a;
    cr_assert_eq(arena_open(&a, "debug", arena_room(256), NULL), 0);
    float *piece = arena_take(&a, 256);
    for (int i = 0; i < 64; i++) cr_assert(isnan(piece[i]));
    double as_double;
    memcpy(&as_double, piece, sizeof as_double);
    cr_assert(isnan(as_double));
    arena_close(&a);
}
#endif

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#if defined(WITH_ASAN)
#include <sanitizer/asan_interface.h>

Test(arena, red_zones_follow_every_piece)
{
    struct arena a;
    cr_assert_eq(arena_open(&a, "poisoned", 3 * arena_room(100), NULL), 0);
    char *first = arena_take(&a, 100), *second = arena_take(&a, 100);
    for (int i = 0; i < 100; i++) cr_assert(!__asan_address_is_poisoned(first + i) && !__asan_address_is_poisoned(second + i));
    for (char *p = first + 100; p < second; p++)
        cr_assert(__asan_address_is_poisoned(p), "%d bytes after the piece", (int)(p - first) - 100);
    for (char *p = second + 100; p < a.base + a.size; p++) cr_assert(__asan_address_is_poisoned(p), "not given out yet");
    arena_close(&a);
}
#endif
