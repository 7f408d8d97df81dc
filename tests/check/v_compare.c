/* SPDX-License-Identifier: MIT
 * Every function of the vector contract against its plain-C twin, lane by lane and bit by bit (any NaN equals any NaN where the result is a
 * float). A header that is wrong is told from a template that is wrong in one run. */
#include "v_api.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "check.h"

static const struct v_api *const tables[ISA_COUNT] = { [ISA_PORTABLE] = &v_portable,
#define V_TABLE(NAME, name, on) on([ISA_##NAME] = &v_##name, )
                                                       SIMD_ISAS(V_TABLE)
#undef V_TABLE
};

const struct v_api *v_api_of(enum isa isa)
{
    assert((int)isa >= 0 && isa < ISA_COUNT);
    return tables[isa];
}

static const char *const names[V_FUNCTIONS] = {
    [V_LOAD] = "v_load",        [V_SET] = "v_set",         [V_ZERO] = "v_zero",       [V_ADD] = "v_add",         [V_SUB] = "v_sub",
    [V_MUL] = "v_mul",          [V_DIV] = "v_div",         [V_SQRT] = "v_sqrt",       [V_NEG] = "v_neg",         [V_FMA] = "v_fma",
    [V_MAX] = "v_max",          [V_GT] = "v_gt",           [V_EQ] = "v_eq",           [V_SELECT] = "v_select",   [V_KEEP] = "v_keep",
    [V_MASK] = "v_mask",        [V_BITS] = "v_bits",       [VU_SET] = "vu_set",       [VU_LOAD] = "vu_load",     [VU_ADD] = "vu_add",
    [VU_XOR] = "vu_xor",        [VU_AND] = "vu_and",       [VU_SHR_1] = "vu_shr 1",   [VU_SHR_16] = "vu_shr 16", [VU_SHR_31] = "vu_shr 31",
    [VU_SHL_1] = "vu_shl 1",    [VU_SHL_16] = "vu_shl 16", [VU_SHL_23] = "vu_shl 23", [VU_SHL_31] = "vu_shl 31", [VU_LT] = "vu_lt",
    [VU_MUL] = "vu_mul",        [VU_MULHI] = "vu_mulhi",   [VU_OF] = "vu_of",         [V_OF] = "v_of",           [VU_ROUND] = "vu_round",
    [V_FROM_INT] = "v_from_int"
};

const char *v_name(enum v_fn fn) { return names[fn]; }

/* ---- values ---- */

static const float special[] = {
    0.0f,        -0.0f,    1,         -1,    0x1p-149f, -0x1p-149f, 0x1.fffffcp-127f, 0x1p-126f, 0x1.fffffep127f, -0x1.fffffep127f,
    0.5f,        1.5f,     2.5f,      -0.5f, -2.5f,     0x1p23f,    0x1.000002p0f,    8388609,   -8388609,        2147483520,
    -2147483520, INFINITY, -INFINITY, NAN
};
enum { SPECIALS = sizeof special / sizeof *special };

/* Any bits at all, special values, or values near one: what a lane gets has nothing to do with its neighbours. */
static void draw_lane(struct rng *r, union lanes *to, int lane)
{
    switch (rng_below(r, 3)) {
    case 0: to->u[lane] = rng_u32(r); break;
    case 1: to->f[lane] = special[rng_below(r, SPECIALS)]; break;
    default: to->f[lane] = (float)(int32_t)rng_u32(r) * 0x1p-30f; break;
    }
}

/* vu_round's domain: below 2^31 in size, every second value half way between two integers. */
static void draw_rounded(struct rng *r, union lanes *to)
{
    for (int i = 0; i < LANES; i++) {
        const int32_t whole = (int32_t)rng_u32(r) >> draw_between(r, 0, 31);
        to->f[i] = i % 2 ? (float)(whole >> 9) + 0.5f : (float)(whole == INT32_MAX ? 0 : whole);
        if (to->f[i] >= 0x1p31f) to->f[i] = 2147483520;
    }
}

/* ---- comparisons ---- */

struct comparison {
    const struct v_api *api;
    char *text;
    size_t size;
    long made;
};

static bool same(float a, float b) { return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)); }

static bool is_float(enum v_fn fn) { return fn <= V_MAX || fn == V_SELECT || fn == V_KEEP || fn == V_MASK || fn == V_FROM_INT; }

static bool compare_fn(struct comparison *c, enum v_fn fn, const struct v_args *in)
{
    union lanes got, want;
    struct v_args args = *in;
    if (fn == V_SET || fn == VU_SET) /* one value per vector: the narrowest has four lanes */
        for (int i = 0; i < LANES; i++) args.a.u[i] = in->a.u[0];
    c->api->run(fn, &args, &got);
    v_portable.run(fn, &args, &want);
    c->made++;
    for (int i = 0; i < LANES; i++) {
        if (is_float(fn) ? same(got.f[i], want.f[i]) : got.u[i] == want.u[i]) continue;
        snprintf(c->text, c->size, "%s lane %d: got %08x, want %08x of a = %08x (%.9g), b = %08x (%.9g), c = %08x (%.9g), bits %x",
                 v_name(fn), i, got.u[i], want.u[i], args.a.u[i], (double)args.a.f[i], args.b.u[i], (double)args.b.f[i], args.c.u[i],
                 (double)args.c.f[i], args.bits);
        return false;
    }
    return true;
}

/* Partial loads and stores at the end of a page: what they must not touch is not there. */
struct edge_trial {
    struct comparison *c;
    struct guards *guards;
    const float *values;
    int n;
    bool right;
};

static void edge_work(void *context)
{
    struct edge_trial *t = context;
    const int width = t->c->api->width;
    float loaded[LANES];
    float *from = guard_place(t->guards, 0, "from", (size_t)t->n * sizeof *from, 4, AT_END);
    float *to = guard_place(t->guards, 1, "to", (size_t)t->n * sizeof *to, 4, AT_END);
    for (int i = 0; i < t->n; i++) from[i] = t->values[i];
    guard_seal(t->guards, 0);
    t->c->api->load_n(from, t->n, loaded);
    t->c->api->store_n(to, t->values, t->n);
    for (int i = 0; i < width; i++) {
        const float want = i < t->n ? t->values[i] : 0;
        t->right = t->right && memcmp(&loaded[i], &want, sizeof want) == 0 && (i >= t->n || memcmp(&to[i], &want, sizeof want) == 0);
    }
}

static bool compare_edges(struct comparison *c, const float *values)
{
    struct guards guards = { 0 };
    char found[120];
    const char *wrong = NULL;
    for (int n = 0; !wrong && n <= c->api->width; n++) {
        struct edge_trial t = { c, &guards, values, n, true };
        wrong = guard_call(&guards, edge_work, &t, found, sizeof found);
        if (!wrong) wrong = guard_verify(&guards, found, sizeof found);
        if (!wrong && !t.right) wrong = "wrong lanes";
        if (wrong) snprintf(c->text, c->size, "v_load_n or v_store_n of %d floats: %s", n, wrong);
        c->made += 2;
    }
    guard_close(&guards);
    return !wrong;
}

static bool compare_bytes(struct comparison *c, struct rng *r)
{
    uint8_t bytes[LANES], back[LANES];
    float floats[LANES];
    for (int i = 0; i < LANES; i++) bytes[i] = (uint8_t)rng_below(r, 256);
    c->api->load_u8(bytes, floats);
    c->api->store_u8(back, floats);
    c->made += 2;
    for (int i = 0; i < LANES; i++) {
        if (floats[i] == (float)bytes[i] && back[i] == bytes[i]) continue;
        snprintf(c->text, c->size, "v_load_u8 or v_store_u8 lane %d: %u became %g and then %u", i, bytes[i], (double)floats[i], back[i]);
        return false;
    }
    return true;
}

static bool compare_rows(struct comparison *c, struct rng *r)
{
    float rows[LANES * LANES], got[4], want[4], got16[LANES], want16[LANES], turned[LANES * 19];
    const ptrdiff_t stride = draw_between(r, LANES, 19);
    fill_floats(r, rows, LANES * LANES);
    c->api->sum4(rows, got);
    v_portable.sum4(rows, want);
    c->api->sum16(rows, got16);
    v_portable.sum16(rows, want16);
    c->api->turn16(rows, turned, stride);
    c->made += 3;
    for (int i = 0; i < 4; i++)
        if (!same(got[i], want[i]))
            return snprintf(c->text, c->size, "v_sum4 row %d: got %a, want %a", i, (double)got[i], (double)want[i]), false;
    for (int i = 0; i < LANES; i++)
        if (!same(got16[i], want16[i]))
            return snprintf(c->text, c->size, "v_sum16 row %d: got %a, want %a", i, (double)got16[i], (double)want16[i]), false;
    for (int i = 0; i < LANES * LANES; i++)
        if (turned[i % LANES * stride + i / LANES] != rows[i])
            return snprintf(c->text, c->size, "v_transpose16 row %d lane %d is not where it should be", i / LANES, i % LANES), false;
    return true;
}

long v_compare(const struct v_api *api, int cases, uint64_t seed, char *text, size_t size)
{
    struct comparison c = { api, text, size, 0 };
    struct rng r = rng_start(rng_stream_key(seed, STREAM_TEST, OP_COUNT, (uint32_t)api->isa));
    assert(api->width >= 4 && LANES % api->width == 0);
    for (int i = 0; i < cases; i++) {
        struct v_args in = { .bits = rng_u32(&r) };
        for (int l = 0; l < LANES; l++) {
            draw_lane(&r, &in.a, l);
            draw_lane(&r, &in.b, l);
            draw_lane(&r, &in.c, l);
            if (rng_below(&r, 8) == 0) in.b.u[l] = in.a.u[l]; /* ties */
        }
        for (int fn = 0; fn < V_FUNCTIONS; fn++) {
            struct v_args args = in;
            if (fn == VU_ROUND) draw_rounded(&r, &args.a);
            if (!compare_fn(&c, (enum v_fn)fn, &args)) return -1;
        }
        if (!compare_bytes(&c, &r) || !compare_rows(&c, &r)) return -1;
        if (i % 16 == 0 && !compare_edges(&c, in.a.f)) return -1;
    }
    return c.made;
}
