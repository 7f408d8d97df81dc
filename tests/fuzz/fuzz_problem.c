/* SPDX-License-Identifier: MIT
 * Problem strings: what is taken prints as a string that means the same, and its chunks cut all of its rows. */
#include "../../kernels/kernels.h"
#include "fuzz.h"

enum { TEXT = 256 };

static void check_conv(const char *text)
{
    struct conv p, q;
    char first[TEXT], again[TEXT];
    if (conv_parse(text, &p)) return;
    assert(conv_parse(conv_print(&p, first, TEXT), &q) == NULL);
    assert(strcmp(first, conv_print(&q, again, TEXT)) == 0);
    assert(p.p >= 1 && p.q >= 1 && p.n == q.n && p.bias == q.bias && p.right == q.right);
    assert(conv_flops_exact(&p) <= conv_flops(&p) && conv_flops_exact(&p) > 0);
    const struct conv_variant *v = conv_pick(&p, CONV_FWD, 1u << ISA_PORTABLE, NULL);
    if (!v) return;
    int chunks = conv_chunks(v, &p), rows = image_blocks(p.n) * p.p;
    assert(chunks >= 1 && conv_chunk(v, &p, 0).begin == 0 && conv_chunk(v, &p, chunks - 1).end == rows);
    for (int i = 1; i < chunks && i < 1000; i++)
        assert(conv_chunk(v, &p, i - 1).end == conv_chunk(v, &p, i).begin && conv_chunk(v, &p, i).begin < conv_chunk(v, &p, i).end);
}

static void check_pool(const char *text)
{
    struct pool p, q;
    char first[TEXT], again[TEXT];
    if (pool_parse(text, &p)) return;
    assert(pool_parse(pool_print(&p, first, TEXT), &q) == NULL);
    assert(strcmp(first, pool_print(&q, again, TEXT)) == 0);
    assert(p.p >= 1 && p.q >= 1 && p.kind == q.kind && p.count_pad == q.count_pad);
}

static void check_batchnorm(const char *text)
{
    struct batchnorm p, q;
    char first[TEXT], again[TEXT];
    if (batchnorm_parse(text, &p)) return;
    assert(batchnorm_parse(batchnorm_print(&p, first, TEXT), &q) == NULL);
    assert(strcmp(first, batchnorm_print(&q, again, TEXT)) == 0);
    int chunks = batchnorm_chunks(&p);
    assert(batchnorm_chunk(&p, 0).begin == 0 && batchnorm_chunk(&p, chunks - 1).end == image_blocks(p.n) * p.h);
}

static void check_dense(const char *text)
{
    struct dense p, q;
    char first[TEXT], again[TEXT];
    if (dense_parse(text, &p)) return;
    assert(dense_parse(dense_print(&p, first, TEXT), &q) == NULL);
    assert(strcmp(first, dense_print(&q, again, TEXT)) == 0);
    assert(dense_scratch_bytes(&p) > 0);
}

static void check_add(const char *text)
{
    struct add p, q;
    char first[TEXT], again[TEXT];
    if (add_parse(text, &p)) return;
    assert(add_parse(add_print(&p, first, TEXT), &q) == NULL);
    assert(strcmp(first, add_print(&q, again, TEXT)) == 0 && p.bh >= p.h && p.bw >= p.w);
}

static void check_loss(const char *text)
{
    struct loss p, q;
    char first[TEXT], again[TEXT];
    if (loss_parse(text, &p)) return;
    assert(loss_parse(loss_print(&p, first, TEXT), &q) == NULL);
    assert(strcmp(first, loss_print(&q, again, TEXT)) == 0);
}

static void check_vectors(const char *text)
{
    struct activation a;
    struct dropout d;
    int vectors, same;
    char first[TEXT];
    if (!activation_parse(text, &a, &vectors))
        assert(!activation_parse(activation_print(&a, vectors, first, TEXT), &a, &same) && same == vectors);
    if (!dropout_parse(text, &d, &vectors)) assert(!dropout_parse(dropout_print(&d, vectors, first, TEXT), &d, &same) && same == vectors);
}

static void check_optimizer(const char *text)
{
    struct optimizer_problem p, q;
    char first[TEXT], again[TEXT];
    if (optimizer_parse(text, &p)) return;
    assert(optimizer_parse(optimizer_print(&p, first, TEXT), &q) == NULL);
    assert(strcmp(first, optimizer_print(&q, again, TEXT)) == 0);
    const struct optimizer o = optimizer_of(&p);
    assert(o.kind == p.kind && o.rate > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    check_conv(text);
    check_pool(text);
    check_batchnorm(text);
    check_dense(text);
    check_add(text);
    check_loss(text);
    check_vectors(text);
    check_optimizer(text);
    free(text);
    return 0;
}
