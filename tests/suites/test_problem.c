/* SPDX-License-Identifier: MIT
 * Problems as text and back, what is refused and in which words, work, chunks; the tables and their look-ups. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "../../kernels/kernels.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { TEXT = 128 };

/* ---- text ---- */

/* Parses and prints again; what is wrong, or NULL. */
static const char *op_again(enum op op, const char *text, char *out)
{
    union {
#define OP_PROBLEM(NAME, name) struct name name;
        OPS(OP_PROBLEM)
#undef OP_PROBLEM
        struct optimizer_problem step;
    } p;
    int vectors;
    const char *wrong = "not an op with problem strings";
    *out = 0;
    switch (op) {
    case OP_CONV: return (wrong = conv_parse(text, &p.conv)) ? wrong : (conv_print(&p.conv, out, TEXT), NULL);
    case OP_POOL: return (wrong = pool_parse(text, &p.pool)) ? wrong : (pool_print(&p.pool, out, TEXT), NULL);
    case OP_BATCHNORM: return (wrong = batchnorm_parse(text, &p.batchnorm)) ? wrong : (batchnorm_print(&p.batchnorm, out, TEXT), NULL);
    case OP_DENSE: return (wrong = dense_parse(text, &p.dense)) ? wrong : (dense_print(&p.dense, out, TEXT), NULL);
    case OP_ADD: return (wrong = add_parse(text, &p.add)) ? wrong : (add_print(&p.add, out, TEXT), NULL);
    case OP_LOSS: return (wrong = loss_parse(text, &p.loss)) ? wrong : (loss_print(&p.loss, out, TEXT), NULL);
    case OP_OPTIMIZER: return (wrong = optimizer_parse(text, &p.step)) ? wrong : (optimizer_print(&p.step, out, TEXT), NULL);
    case OP_CONV_BF16: return (wrong = conv_bf16_parse(text, &p.conv_bf16)) ? wrong : (conv_bf16_print(&p.conv_bf16, out, TEXT), NULL);
    case OP_ACTIVATION:
        wrong = activation_parse(text, &p.activation, &vectors);
        if (!wrong) activation_print(&p.activation, vectors, out, TEXT);
        return wrong;
    case OP_DROPOUT:
        wrong = dropout_parse(text, &p.dropout, &vectors);
        if (!wrong) dropout_print(&p.dropout, vectors, out, TEXT);
        return wrong;
    default: return wrong;
    }
}

/* The same by the op whose strings begin so; no other op may read it. */
static const char *again(const char *text, char *out)
{
    static const struct {
        const char *begins;
        enum op op;
    } beginnings[] = { { "max:", OP_POOL },       { "avg:", OP_POOL },       { "bn:", OP_BATCHNORM },    { "dense:", OP_DENSE },
                       { "relu", OP_ACTIVATION }, { "tanh", OP_ACTIVATION }, { "leaky", OP_ACTIVATION }, { "add:", OP_ADD },
                       { "drop:", OP_DROPOUT },   { "loss:", OP_LOSS },      { "sgd:", OP_OPTIMIZER },   { "adam", OP_OPTIMIZER },
                       { "bf16:", OP_CONV_BF16 } };
    enum op op = OP_CONV;
    for (size_t i = 0; i < COUNT(beginnings); i++)
        if (strncmp(text, beginnings[i].begins, strlen(beginnings[i].begins)) == 0) op = beginnings[i].op;
    for (int i = 0; i < OP_COUNT; i++)
        if (i != (int)op) cr_assert_not_null(op_again((enum op)i, text, out), "%s reads %s", op_name((enum op)i), text);
    return op_again(op, text, out);
}

Test(problem, texts_print_as_they_were_read)
{
    /* clang-format off */
    static const char *const texts[] = {
        "n64c16h26k16r3pad0", "n1c1h1k1r1pad0", "n64c1h28k8r3pad1", "n5c3h9w7k2r5s3step2b0pad2,1,0,2", "n17c2h4w1k3r1step4pad0",
        "n8c1h1w9k1r1s3pad0,0,1,1",
        "n64c16h8k16r11pad10", "max:n64c32h28r2step2pad0", "max:n3c5h7r3pad1", "avg:n3c5h7w9r7s9pad0", "avg:n3c5h7r3step2count1pad1,0,2,1",
        "max:n1c1h16r16pad0", "bn:n64c16h24", "bn:n7c3h5w2", "dense:n64c784k10", "dense:n1c1k1b0",
        "relu:v37", "leaky:v1", "tanh:v134217727", "add:n17c3h4w5bh6bw7", "drop:t0v1", "drop:t65535v9", "loss:n64k256",
        "sgd:v37m900n1f0d5", "sgd:v1m0n0f1d9999", "adam:v37t3d0k1", "adamw:v31t1000d100k0",
    };
    /* clang-format on */
    for (size_t i = 0; i < COUNT(texts); i++) {
        char text[TEXT];
        const char *wrong = again(texts[i], text);
        cr_assert_null(wrong, "%s: %s", texts[i], wrong);
        cr_assert_str_eq(text, texts[i]);
    }
}

Test(problem, defaults_may_be_spelled_out)
{
    /* clang-format off */
    static const char *const pairs[][2] = {
        { "n64c16h26w26k16r3s3step1b1pad0,0,0,0", "n64c16h26k16r3pad0" }, { "max:n2c1h4w4r2s2step1pad1,1,1,1", "max:n2c1h4r2pad1" },
        { "avg:n2c1h4r2count0pad0", "avg:n2c1h4r2pad0" }, { "dense:n2c3k4b1", "dense:n2c3k4" }, { "bn:n2c3h4w4", "bn:n2c3h4" },
        { "sgd:v1m0n1f0d0", "sgd:v1m0n0f0d0" }, { "loss:n064k10", "loss:n64k10" },
    };
    /* clang-format on */
    for (size_t i = 0; i < COUNT(pairs); i++) {
        char text[TEXT];
        cr_assert_null(again(pairs[i][0], text));
        cr_assert_str_eq(text, pairs[i][1]);
    }
}

Test(problem, fields_and_output_sizes)
{
    struct conv conv;
    cr_assert_null(conv_parse("n5c3h9w7k2r5s3step2b0pad2,1,0,2", &conv));
    cr_assert(conv.n == 5 && conv.c == 3 && conv.h == 9 && conv.w == 7 && conv.k == 2 && conv.r == 5 && conv.s == 3 && conv.step == 2);
    cr_assert(conv.top == 2 && conv.bottom == 1 && conv.left == 0 && conv.right == 2 && !conv.bias);
    cr_assert(conv.p == (9 + 3 - 5) / 2 + 1 && conv.q == (7 + 2 - 3) / 2 + 1);
    struct pool pool;
    cr_assert_null(pool_parse("avg:n3c5h7r3step2count1pad1,0,2,1", &pool));
    cr_assert(pool.kind == POOL_AVG && pool.count_pad && pool.step == 2 && pool.left == 2 && pool.p == 3 && pool.q == 4);
    struct dense dense;
    cr_assert_null(dense_parse("dense:n64c784k10", &dense));
    cr_assert(dense.n == 64 && dense.c == 784 && dense.k == 10 && dense.bias);
    cr_assert_eq(dense_scratch_bytes(&dense), 64u * DENSE_STRIP * sizeof(real));
}

Test(problem, refusals_say_what_is_wrong)
{
    /* clang-format off */
    static const char *const refused[][2] = {
        { "", "reads n64c16" }, { "n64c16h26k16r3", "reads n64c16" }, { "n64c16h26k16r3pad", "reads" }, { "n64c16h26k16r3pad1,2", "reads" },
        { "n64c16h26k16r3pad0 ", "reads" }, { "n64c16h26k16r3b2pad0", "reads" }, { "n-1c16h26k16r3pad0", "reads" },
        { "c1n1h1k1r1pad0", "reads" },
        { "n0c1h1k1r1pad0", "1 or more" }, { "n1c0h1k1r1pad0", "1 or more" }, { "n1c1h5k0r1pad0", "output channels" },
        { "n1c1h20k1r12pad0", "1 to 11" }, { "n1c1h20k1r0pad0", "1 to 11" }, { "n1c1h20k1r3step5pad0", "1 to 4" },
        { "n1c1h20k1r3step0pad0", "1 to 4" }, { "n1c1h20k1r3pad3", "padding" }, { "n1c1h20k1r3pad3,0,0,0", "padding" },
        { "n1c1h20k1r3pad0,0,0,3", "padding" }, { "n1c1h2k1r5pad1", "exceeds the padded input" },
        { "n99999999999999999999c1h1k1r1pad0", "2^31" }, { "n1c16384h100w100k1r1pad0", "2^31" }, { "n16c1h8192k64r3pad1", "2^31" },
        { "max:n1c1h20r17pad0", "256 taps" }, { "max:n1c1h5r2count1pad0", "reads max:" }, { "max:n1c1h2r3pad0", "exceeds" },
        { "n1c16384h3k16384r3pad0", "2^31" }, { "avg:n1c1h5r2count2pad0", "reads max:" }, { "avg:n1c1h2r2step0pad0", "1 or more" },
        { "avg:n1c1h2r65536step9count1pad65535", "2^31" },
        { "max:n1c1h9r2pad2", "padding" }, { "bn:n1c1", "reads bn:" },
        { "bn:n1c1h0", "1 or more" },
        { "dense:n1c1", "reads dense:" }, { "dense:n1c0k1", "1 or more" }, { "dense:n1c100000k100000", "2^31" },
        { "relu:v0", "1 or more" }, { "relu:v134217728", "2^31" }, { "relu:v 3", "reads relu:" }, { "leaky0.1:v3", "reads" },
        { "add:n1c1h2w2bh2", "reads add:" }, { "add:n1c1h2w2bh2bw1", "not smaller" }, { "add:n1c1h0w2bh2bw2", "1 or more" },
        { "add:n1c65536h1w1bh200bw200", "2^31" }, { "drop:t65536v1", "below 65536" }, { "drop:t1v0", "1 or more" },
        { "loss:n64k257", "256 classes" }, { "loss:n0k1", "1 or more" }, { "sgd:v1m1000n0f0d0", "reads sgd:" },
        { "sgd:v1m0n2f0d0", "reads sgd:" }, { "adam:v1t0d0k0", "reads sgd:" }, { "adamw:v0t1d0k0", "1 or more" },
    };
    /* clang-format on */
    for (size_t i = 0; i < COUNT(refused); i++) {
        char text[TEXT];
        const char *wrong = again(refused[i][0], text);
        cr_assert_not_null(wrong, "%s passed", refused[i][0]);
        cr_assert_not_null(strstr(wrong, refused[i][1]), "%s: %s", refused[i][0], wrong);
    }
}

Test(problem, print_stays_within_its_size)
{
    struct conv conv;
    cr_assert_null(conv_parse("n5c3h9w7k2r5s3step2b0pad2,1,0,2", &conv));
    char text[TEXT];
    memset(text, 'x', sizeof text);
    cr_assert_eq(conv_print(&conv, text, 8), text);
    cr_assert_str_eq(text, "n5c3h9w");
    cr_assert_eq(text[8], 'x');
}

/* ---- work ---- */

static double count_flops(const struct conv *c, bool exact)
{
    double taps = 0;
    for (int p = 0; p < c->p; p++) {
        for (int q = 0; q < c->q; q++) {
            for (int r = 0; r < c->r; r++) {
                for (int s = 0; s < c->s; s++) {
                    const int h = p * c->step + r - c->top, w = q * c->step + s - c->left;
                    taps += !exact || (h >= 0 && h < c->h && w >= 0 && w < c->w);
                }
            }
        }
    }
    return 2 * taps * c->n * c->c * c->k;
}

Test(problem, flops_are_those_of_the_loops)
{
    static const char *const texts[] = { "n64c16h26k16r3pad0", "n64c8h28k8r3pad1", "n5c3h9w7k2r5s3step2pad2,1,0,2", "n2c1h1k1r3pad1",
                                         "n1c2h4w6k3r4step3pad3" };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct conv conv;
        cr_assert_null(conv_parse(texts[i], &conv));
        cr_assert_eq(conv_flops(&conv), count_flops(&conv, false), "%s", texts[i]);
        cr_assert_eq(conv_flops_exact(&conv), count_flops(&conv, true), "%s", texts[i]);
    }
}

/* ---- chunks ---- */

/* Chunks partition the rows in order. Large blocks are cut as finely as 96 pixels allow; small ones stay whole, at most four together, and
 * fewer than 96 pixels only where four blocks are too few or the rest of the blocks demands it. */
static void check_chunks(const struct batchnorm *p)
{
    const int blocks = image_blocks(p->n), chunks = batchnorm_chunks(p), band = (96 + p->w - 1) / p->w;
    int next = 0;
    for (int i = 0; i < chunks; i++) {
        const struct span rows = batchnorm_chunk(p, i);
        cr_assert(rows.begin == next && rows.end > rows.begin);
        next = rows.end;
        const int first = rows.begin / p->h, last = (rows.end - 1) / p->h, count = rows.end - rows.begin;
        if (p->h * p->w >= 96) {
            cr_assert(first == last && count >= band && count < 2 * band, "n%dh%dw%d: %d rows", p->n, p->h, p->w, count);
        } else {
            cr_assert(rows.begin % p->h == 0 && rows.end % p->h == 0 && last - first < 4);
            cr_assert(count * p->w >= 96 || chunks == 1 || last > first, "n%dh%dw%d: %d pixels", p->n, p->h, p->w, count * p->w);
        }
    }
    cr_assert_eq(next, blocks * p->h);
}

Test(problem, chunks_partition_the_rows)
{
    for (int n = 1; n <= 160; n += 13) {
        for (int h = 1; h <= 40; h++) {
            for (int w = 1; w <= 230; w += w < 30 ? 1 : 67) check_chunks(&(struct batchnorm){ .n = n, .c = 1, .h = h, .w = w });
        }
    }
}

Test(problem, chunks_of_known_shapes)
{
    static const struct {
        const char *text;
        int chunks, first_end;
    } known[] = {
        { "n64c16h26k16r3pad0", 24, 4 }, /* 24 x 24: six bands of 4 rows in each of 4 blocks */
        { "n64c8h28k8r3pad1", 28, 4 },   /* 28 x 28: bands of 4 rows */
        { "n64c16h5k12r3pad0", 1, 12 },  /* 3 x 3: four blocks together */
        { "n64c32h14k64r3pad1", 8, 7 },  /* 14 x 14: bands of 7 rows */
        { "n80c16h11k16r3pad0", 2, 18 }, /* 81 pixels: blocks by two and three */
        { "n16c1h2k1r1pad0", 1, 2 },
    };
    for (size_t i = 0; i < COUNT(known); i++) {
        struct conv conv;
        cr_assert_null(conv_parse(known[i].text, &conv));
        const struct conv_variant *v = kernels_of(ISA_SCALAR)->conv;
        cr_assert_eq(conv_chunks(v, &conv), known[i].chunks, "%s: %d", known[i].text, conv_chunks(v, &conv));
        cr_assert_eq(conv_chunk(v, &conv, 0).begin, 0);
        cr_assert_eq(conv_chunk(v, &conv, 0).end, known[i].first_end, "%s", known[i].text);
    }
}

/* Blocks of images are the rows of one block's image, so all that a dense layer has of tensors lies as the convolution expects it. */
Test(chunks, a_dense_layer_is_a_convolution_in_bf16)
{
    const struct conv made = conv_bf16_dense(37, 49, 10, true);
    struct conv completed = made;
    char text[TEXT];
    cr_assert_null(conv_complete(&completed));
    cr_assert(made.p == completed.p && made.q == completed.q && made.pitch == completed.pitch);
    cr_assert_str_eq(conv_print(&made, text, sizeof text), "n16c49h3w1k10r1pad0");
    cr_assert_eq(conv_bf16_chunks(&made), 1);
}

/* ---- tables ---- */

/* The scalar reference does not compute in bf16, AMX in nothing else. */
static bool should_have(int isa, enum op op)
{
    if (isa == ISA_SCALAR) return op != OP_CONV_BF16;
    return isa != ISA_AMX || op == OP_CONV_BF16;
}

Test(variants, every_table_has_every_op)
{
    cr_assert(kernels_built() >> ISA_SCALAR & 1);
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        cr_assert_eq(kernels_of((enum isa)isa) != NULL, kernels_built() >> isa & 1);
        for (int op = 0; op < OP_COUNT; op++) {
            const struct variant *v = variant_at((enum op)op, (enum isa)isa, 0);
            cr_assert_eq(v != NULL, (kernels_built() >> isa & 1) && should_have(isa, (enum op)op), "%s on %s", op_name((enum op)op),
                         isa_name((enum isa)isa));
            int rows = 0;
            for (; (v = variant_at((enum op)op, (enum isa)isa, rows)); rows++) cr_assert(v->isa == (enum isa)isa && v->promises);
            cr_assert_null(variant_at((enum op)op, (enum isa)isa, rows + 5));
        }
    }
}

Test(variants, names_both_ways)
{
    for (int op = 0; op < OP_COUNT; op++) cr_assert_eq(op_parse(op_name((enum op)op)), op);
    cr_assert_eq(op_parse("fft"), -1);
    cr_assert_eq(op_parse(""), -1);
}

Test(variants, pick_takes_the_best_that_fits)
{
    struct conv conv;
    cr_assert_null(conv_parse("n64c16h26k16r3pad0", &conv));
    const struct conv_variant *v = conv_pick(&conv, CONV_FWD, 1u << ISA_SCALAR, "plain");
    cr_assert(v && v->head.isa == ISA_SCALAR);
    cr_assert_str_eq(v->head.algo, "plain");
    cr_assert_eq(conv_pick(&conv, CONV_FWD, ~0u, "plain"), v, "an ISA without the algorithm passes on to the next");
    cr_assert_eq(conv_pick(&conv, CONV_FWD, 1u << ISA_SCALAR, NULL), conv_pick(&conv, CONV_FWD, 1u << ISA_SCALAR, "auto"));
    cr_assert_null(conv_pick(&conv, CONV_FWD, ~0u, "no-such"));
    cr_assert_null(conv_pick(&conv, CONV_FWD, 0, NULL));
    const struct conv_variant *best = conv_pick(&conv, CONV_FWD, ~0u, NULL);
    cr_assert(best && (int)best->head.isa == isa_best(~0u));
    cr_assert(conv_algo_known(~0u, "winograd4") && !conv_algo_known(1u << ISA_SCALAR, "winograd4"));
}

Test(variants, best_isa_is_the_highest_built_in)
{
    cr_assert_eq(isa_best(0), -1);
    cr_assert_eq(isa_best(1u << ISA_SCALAR | 1u << ISA_PORTABLE), kernels_built() >> ISA_PORTABLE & 1 ? ISA_PORTABLE : ISA_SCALAR);
    const unsigned floats = kernels_built() & ~(1u << ISA_AMX);
    cr_assert_eq(floats >> isa_best(~0u), 1u);
    for (int isa = 0; isa < ISA_COUNT; isa++) cr_assert_eq(isa_best(1u << isa), floats >> isa & 1 ? isa : -1);
}
