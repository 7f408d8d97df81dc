/* SPDX-License-Identifier: MIT
 * Every implementation of the tile contract against its definition, bit by bit (any NaN equals any NaN). Small numbers are drawn where
 * the rules for denormals differ between hardware: sums just below 2^-126, which rounding to 24 bits leaves below or lifts to it. */
#include "t_api.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../../kernels/simd/v_portable.h"
#include "../../kernels/simd/t.h"
#include "check.h"

#define T_TABLE(NAME, name, on) on(&t_##name, )
const struct t_api *const t_apis[] = { &t_portable, SIMD_ISAS(T_TABLE) ON_X86(&t_amx, ) NULL };
#undef T_TABLE

enum kind { ORDINARY, FAR_APART, SMALL, EDGE, DENORMAL, SPECIAL, KINDS };
static const char *const kinds[KINDS] = { "ordinary", "far apart", "near 2^-126", "at the edge", "denormal inputs", "infinities and NaN" };

static bf16 draw_bf16(struct rng *r, int low, int high)
{
    const uint32_t bits = rng_u32(r);
    return (bf16)((bits & 0x807f) | (uint32_t)draw_between(r, low, high) << 7);
}

/* Products of about 2^-126 and of some 2^-151 beside them: sums that end within half a unit of 2^-126 or just outside. */
static void draw_edge_pair(struct rng *r, int k, bf16 *a, bf16 *b)
{
    const int exponent = k < 4 ? -126 : draw_between(r, -153, -149), half = draw_between(r, -70, -60);
    const float sign = k < 4 || rng_below(r, 2) ? 1 : -1;
    *a = bf16_of(sign * ldexpf(k < 4 ? 1 : 1 + (float)rng_below(r, 4) / 4, half));
    *b = k >= 2 && k < 4 ? 0 : bf16_of(ldexpf(1, exponent - half));
}

static void draw_operand(struct rng *r, enum kind kind, bf16 *to, int right)
{
    switch (kind) {
    case ORDINARY: *to = draw_bf16(r, 118, 128); break;
    case FAR_APART: *to = draw_bf16(r, 127 - 60, 127 + 60); break;
    case SMALL: *to = draw_bf16(r, 50, 70); break;
    case DENORMAL: *to = right ? draw_bf16(r, 100, 160) : draw_bf16(r, 0, 2); break;
    default:
        *to = draw_bf16(r, 110, 140);
        if (rng_below(r, right ? 40 : 9) == 0) *to = (bf16)((*to | 0x7f80) & (rng_below(r, 3) ? 0xff80 : 0xffff));
    }
}

static void draw_case(struct rng *r, enum kind kind, struct t_case *t)
{
    memset(t, 0, sizeof *t);
    t->rows = rng_below(r, 2) ? 16 : draw_between(r, 1, 16);
    t->pairs = rng_below(r, 2) ? 16 : draw_between(r, 1, 16);
    t->zero = rng_below(r, 2);
    for (int i = 0; i < 2; i++) {
        for (int m = 0; m < 16; m++)
            for (int k = 0; k < 40; k++) draw_operand(r, kind == EDGE ? SMALL : kind, &t->a[i][m][k], 0);
        for (int k = 0; k < 16; k++)
            for (int n = 0; n < 48; n++) draw_operand(r, kind == EDGE ? SMALL : kind, &t->b[i][k][n], 1);
        for (int k = 0; kind == EDGE && k < 32; k++) {
            bf16 left, right;
            draw_edge_pair(r, k, &left, &right);
            for (int m = 0; m < 16; m++) t->a[i][m][k] = m % 2 ? (bf16)(left ^ 0x8000) : left;
            for (int n = 0; n < 16; n++) t->b[i][k / 2][2 * n + k % 2] = (uint32_t)n < rng_below(r, 32) || k < 4 ? right : 0;
        }
        for (int m = 0; m < 16; m++)
            for (int n = 0; n < 16; n++) {
                const uint32_t exponent = kind == DENORMAL || kind == SMALL || kind == EDGE ? rng_below(r, 3) : 107 + rng_below(r, 40);
                const uint32_t bits = (rng_u32(r) & 0x807fffffu) | exponent << 23;
                memcpy(&t->c[i][m][n], &bits, sizeof bits);
            }
    }
}

static void define(struct t_case *t)
{
    float c[2][16][16] = { 0 };
    for (int i = 0; i < 2; i++)
        for (int m = 0; m < 16 && !(i && t->zero); m++) memcpy(c[i][m], t->c[i][m], sizeof c[i][m]);
    t_product(t->rows, t->pairs, t->a[0][0], 40, t->b[0][0], 48, c[0]);
    t_product(t->rows, t->pairs, t->a[0][0], 40, t->b[1][0], 48, c[1]);
    t_product(t->rows, t->pairs, t->a[1][0], 40, t->b[1][0], 48, c[0]);
    t_product(t->rows, t->pairs, t->a[1][0], 40, t->b[0][0], 48, c[1]);
    for (int i = 0; i < 2; i++)
        for (int m = 0; m < t->rows; m++) memcpy(t->c[i][m], c[i][m], sizeof c[i][m]);
}

static bool same(float a, float b) { return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)); }

static bool compare_turn(const struct t_api *api, struct rng *r, char *text, size_t size)
{
    bf16 from[8 * LINE], to[8][40];
    for (int i = 0; i < 8 * LINE; i++) from[i] = (bf16)rng_u32(r);
    memset(to, 0, sizeof to);
    api->turn8(from, to[0], sizeof to[0]);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 40; k++) {
            const bf16 want = k < 32 ? from[k / 4 * LINE + (2 * i + k % 2) * 2 + k / 2 % 2] : 0;
            if (to[i][k] == want) continue;
            snprintf(text, size, "t_turn8 row %d element %d: got %04x, want %04x", i, k, to[i][k], want);
            return false;
        }
    return true;
}

long t_compare(const struct t_api *api, int cases, uint64_t seed, char *text, size_t size)
{
    struct rng r = rng_start(rng_stream_key(seed, STREAM_TEST, OP_COUNT, 1000));
    long made = 0;
    for (int i = 0; i < cases * KINDS; i++) {
        struct t_case got, want;
        draw_case(&r, (enum kind)(i % KINDS), &got);
        want = got;
        define(&want);
        api->products(&got);
        for (int c = 0; c < 2; c++)
            for (int at = 0; at < 16 * 20; at++) {
                const int m = at / 20, n = at % 20;
                made++;
                if (same(got.c[c][m][n], want.c[c][m][n])) continue;
                snprintf(text, size, "%s: sum %d row %d column %d of %d rows, %d pairs: got %a, want %a", kinds[i % KINDS], c, m, n,
                         got.rows, got.pairs, (double)got.c[c][m][n], (double)want.c[c][m][n]);
                return -1;
            }
        if (!compare_turn(api, &r, text, size)) return -1;
    }
    return made;
}

const char *bf16_compare(char *text, size_t size)
{
    static const uint32_t uppers[] = { 0, 1, 0x7f, 0x80, 0x81, 0x3f80, 0x3f81, 0x4049, 0x7f7e, 0x7f7f };
    for (size_t i = 0; i < 2 * (sizeof uppers / sizeof *uppers); i++) {
        const uint32_t upper = uppers[i / 2] | (i % 2 ? 0x8000u : 0);
        for (uint32_t lower = 0; lower < 0x10000; lower++) {
            const uint32_t bits = upper << 16 | lower;
            const bool up = lower > 0x8000 || (lower == 0x8000 && upper % 2);
            float value;
            memcpy(&value, &bits, sizeof value);
            if (bf16_of(value) == (bf16)(upper + up)) continue;
            snprintf(text, size, "bf16_of(%a) = %04x, want %04x", (double)value, bf16_of(value), (unsigned)(upper + up));
            return text;
        }
    }
    for (uint32_t lower = 1; lower < 0x800000; lower += 13) {
        const uint32_t bits = 0x7f800000u | lower | (lower % 2) << 31;
        float value;
        memcpy(&value, &bits, sizeof value);
        if (bf16_of(value) != 0x7fc0) return snprintf(text, size, "bf16_of(NaN %08x) = %04x", bits, bf16_of(value)), text;
    }
    return bf16_of(INFINITY) == 0x7f80 && bf16_of(-INFINITY) == 0xff80 ? NULL : "bf16_of(infinity)";
}
