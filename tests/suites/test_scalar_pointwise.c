/* SPDX-License-Identifier: MIT
 * The reference kernels that work pixel by pixel (batch norm, activations, dropout, loss, optimizers) and the plain parts that all ISAs
 * share with them. Oracles: the formula in double in the images' natural order, differences where a gradient is claimed, the runtime's
 * Philox. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include "../../kernels/kernels.h"
#include "../../kernels/runtime/rng.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct rng numbers(uint32_t which) { return rng_start(rng_stream_key(3, STREAM_TEST, 0x901e7, which)); }

static void draw(struct rng *r, real *to, size_t count, double middle, double spread)
{
    for (size_t i = 0; i < count; i++) to[i] = (real)(middle + spread * rng_normal(r));
}

static void close_to(double got, double want, double tolerance, const char *what)
{
    cr_assert(fabs(got - want) <= tolerance * (1 + fabs(want)), "%s: %.9g, want %.9g", what, got, want);
}

/* ---- batch norm ---- */

enum { BN_COUNT = 3 * LANES * 6 * 5 * 2 };
static const struct batchnorm bn = { .n = 37, .c = 2, .h = 6, .w = 5 }; /* three blocks, the last with five images */

static int bn_channel(int i) { return i / LANES % bn.c; }

static bool bn_live(int i) { return i / (LANES * bn.h * bn.w * bn.c) * LANES + i % LANES < bn.n; }

/* The loss sum(dy * batchnorm(x)) in double, by the formula at the top of the header. */
static double bn_loss(const double *x, const double *dy, const double *gamma, const double *beta, double eps)
{
    double loss = 0;
    for (int c = 0; c < bn.c; c++) {
        double sum = 0, squares = 0;
        const double count = (double)bn.n * bn.h * bn.w;
        for (int i = 0; i < BN_COUNT; i++) sum += bn_channel(i) == c && bn_live(i) ? x[i] : 0;
        for (int i = 0; i < BN_COUNT; i++) squares += bn_channel(i) == c && bn_live(i) ? (x[i] - sum / count) * (x[i] - sum / count) : 0;
        for (int i = 0; i < BN_COUNT; i++) {
            if (bn_channel(i) == c && bn_live(i)) loss += dy[i] * ((x[i] - sum / count) / sqrt(squares / count + eps) * gamma[c] + beta[c]);
        }
    }
    return loss;
}

struct bn_test {
    real x[BN_COUNT], y[BN_COUNT], dy[BN_COUNT], dx[BN_COUNT];
    real gamma[2], beta[2], mean[2], variance[2], dgamma[2], dbeta[2];
    int chunks;
};

static struct bn_test bn_run(real eps)
{
    static struct bn_test t;
    struct rng r = numbers(1);
    const struct batchnorm_variant *v = kernels_of(ISA_SCALAR)->batchnorm;
    const struct span all = { 0, 3 * bn.h };
    draw(&r, t.x, BN_COUNT, 5, 2);
    draw(&r, t.dy, BN_COUNT, 0, 1);
    draw(&r, t.gamma, 2, 1, 0.5);
    draw(&r, t.beta, 2, 0, 0.5);
    for (int i = 0; i < BN_COUNT; i++) t.dy[i] = bn_live(i) ? t.dy[i] : 0;
    real chunk_mean[18][2], chunk_m2[18][2], scale[2], shift[2], sum_dy[2], sum_dyx[2], a[2], b[2], d[2];
    t.chunks = batchnorm_chunks(&bn);
    for (int i = 0; i < t.chunks; i++) v->stats(&bn, batchnorm_chunk(&bn, i), t.x, chunk_mean[i], chunk_m2[i]);
    batchnorm_merge(&bn, chunk_mean[0], chunk_m2[0], t.mean, t.variance);
    batchnorm_fold(bn.c, eps, t.mean, t.variance, t.gamma, t.beta, scale, shift);
    v->apply(&bn, (struct span){ 0, 7 }, t.x, scale, shift, t.y);
    v->apply(&bn, (struct span){ 7, all.end }, t.x, scale, shift, t.y);
    v->bwd_stats(&bn, all, t.x, t.dy, t.mean, sum_dy, sum_dyx);
    batchnorm_bwd_fold(&bn, eps, t.variance, t.gamma, sum_dy, sum_dyx, &(struct batchnorm_folded){ t.dgamma, t.dbeta, a, b, d });
    v->bwd_apply(&bn, all, t.x, t.dy, &(struct batchnorm_back){ t.mean, a, b, d }, t.dx);
    return t;
}

Test(scalar_batchnorm, normalises_live_lanes)
{
    const struct bn_test t = bn_run((real)1e-5);
    const double count = (double)bn.n * bn.h * bn.w;
    for (int c = 0; c < bn.c; c++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < BN_COUNT; i++) {
            cr_assert(isfinite(t.y[i]));
            if (bn_channel(i) != c || !bn_live(i)) continue;
            const double y = ((double)t.y[i] - (double)t.beta[c]) / (double)t.gamma[c];
            sum += y;
            squares += y * y;
        }
        close_to(sum / count, 0, 1e-5, "mean");
        close_to(squares / count, 1, 1e-5, "variance");
    }
}

Test(scalar_batchnorm, gradients_are_the_loss_differences)
{
    const struct bn_test t = bn_run((real)0.1);
    static double x[BN_COUNT], dy[BN_COUNT];
    double gamma[2], beta[2];
    for (int i = 0; i < BN_COUNT; i++) x[i] = (double)t.x[i], dy[i] = (double)t.dy[i];
    for (int c = 0; c < 2; c++) gamma[c] = (double)t.gamma[c], beta[c] = (double)t.beta[c];
    const double step = 1e-4;
    for (int i = 0; i < BN_COUNT; i += 97) {
        const double kept = x[i];
        x[i] = kept + step;
        const double up = bn_loss(x, dy, gamma, beta, (double)(real)0.1);
        x[i] = kept - step;
        const double down = bn_loss(x, dy, gamma, beta, (double)(real)0.1);
        x[i] = kept;
        close_to((double)t.dx[i], (up - down) / (2 * step), 2e-5, "dx");
        if (!bn_live(i)) cr_assert_eq(t.dx[i], 0);
    }
    for (int c = 0; c < 2; c++) {
        double unit[2] = { c == 0, c == 1 };
        close_to((double)t.dgamma[c], bn_loss(x, dy, unit, (double[2]){ 0 }, (double)(real)0.1), 1e-5, "dgamma");
        close_to((double)t.dbeta[c], bn_loss(x, dy, (double[2]){ 0 }, unit, (double)(real)0.1), 1e-5, "dbeta");
    }
}

/* Chunks of 600 and 196 pixels, a last block with few images, means far from zero: the merge must know each chunk's count. */
Test(batchnorm, merge_weighs_chunks_by_their_live_values)
{
    static const struct batchnorm shapes[] = { { .n = 1, .c = 1, .h = 1, .w = 1 },
                                               { .n = 37, .c = 3, .h = 60, .w = 20 },
                                               { .n = 100, .c = 33, .h = 14, .w = 14 },
                                               { .n = 17, .c = 2, .h = 40, .w = 40 },
                                               { .n = 70, .c = 1, .h = 3, .w = 3 } };
    for (size_t s = 0; s < COUNT(shapes); s++) {
        const struct batchnorm *p = &shapes[s];
        real chunk_mean[64 * 33], chunk_m2[64 * 33], mean[33], variance[33];
        const int chunks = batchnorm_chunks(p);
        cr_assert_leq(chunks, 64);
        for (int c = 0; c < p->c; c++) {
            double count = 0, sum = 0, squares = 0;
            for (int i = 0; i < chunks; i++) {
                const struct span rows = batchnorm_chunk(p, i);
                double values = 0;
                for (int row = rows.begin; row < rows.end; row++) {
                    const int left = p->n - row / p->h * LANES;
                    values += (left < LANES ? left : LANES) * p->w;
                }
                const double m = 100 + i + c, v = 1 + 0.25 * i; /* exact in float */
                chunk_mean[i * p->c + c] = (real)m;
                chunk_m2[i * p->c + c] = (real)(v * values);
                count += values;
                sum += values * m;
                squares += values * (v + m * m);
            }
            cr_assert_eq(count, (double)p->n * p->h * p->w);
            mean[c] = (real)(sum / count);
            variance[c] = (real)(squares / count - sum / count * (sum / count));
        }
        real got_mean[33], got_variance[33];
        batchnorm_merge(p, chunk_mean, chunk_m2, got_mean, got_variance);
        for (int c = 0; c < p->c; c++) {
            close_to((double)got_mean[c], (double)mean[c], 1e-6, "mean");
            close_to((double)got_variance[c], (double)variance[c], 1e-6, "variance");
        }
    }
}

/* By pairs, pairs of pairs …: the first four of equal chunks cancel exactly, which no other order of merging leaves. */
Test(batchnorm, chunks_are_merged_by_a_tree)
{
    const struct batchnorm p = { .n = 64, .c = 1, .h = 28, .w = 28 };
    real chunk_mean[256] = { 1e30f, 1, -1e30f, 1 }, chunk_m2[256] = { 0 }, mean, variance;
    cr_assert(batchnorm_chunks(&p) >= 4 && batchnorm_chunks(&p) <= 256);
    for (int i = 1; i < 4; i++) {
        const struct span first = batchnorm_chunk(&p, 0), chunk = batchnorm_chunk(&p, i);
        cr_assert_eq(chunk.end - chunk.begin, first.end - first.begin);
    }
    batchnorm_merge(&p, chunk_mean, chunk_m2, &mean, &variance);
    cr_assert_eq(mean, 0, "%g", (double)mean);
}

Test(batchnorm, running_statistics_follow_with_the_unbiased_variance)
{
    const struct batchnorm p = { .n = 2, .c = 1, .h = 1, .w = 2 }; /* four values: unbiased = 4/3 biased */
    const real mean = 2, variance = 3;
    real running_mean = 10, running_variance = 1;
    batchnorm_track(&p, (real)0.25, &mean, &variance, &running_mean, &running_variance);
    cr_assert(running_mean == 8 && running_variance == (real)1.75);
    const struct batchnorm single = { .n = 1, .c = 1, .h = 1, .w = 1 };
    const real zero = 0;
    batchnorm_track(&single, (real)0.5, &mean, &zero, &running_mean, &running_variance);
    cr_assert(running_mean == 5 && running_variance == (real)0.875);
}

/* ---- activations ---- */

Test(scalar_activation, values_and_slopes)
{
    const struct activation_variant *v = kernels_of(ISA_SCALAR)->activation;
    real x[3 * LANES] = { (real)NAN, -1, 0, 2, -INFINITY, INFINITY, (real)0.5, -20 }, y[3 * LANES], dy[3 * LANES], dx[3 * LANES];
    for (int i = 0; i < 3 * LANES; i++) dy[i] = 4, y[i] = dx[i] = -7;
    const struct activation relu = { ACTIVATION_RELU, 0 }, leaky = { ACTIVATION_LEAKY, 0.25f }, tanh_ = { ACTIVATION_TANH, 0 };
    v->fwd(&relu, (struct span){ 0, 1 }, x, y);
    v->bwd(&relu, (struct span){ 0, 1 }, y, dy, dx);
    cr_assert(y[0] == 0 && y[1] == 0 && y[2] == 0 && y[3] == 2 && y[4] == 0 && isinf(y[5]) && y[LANES] == -7);
    cr_assert(dx[0] == 0 && dx[2] == 0 && dx[3] == 4 && dx[LANES] == -7);
    v->fwd(&leaky, (struct span){ 0, 1 }, x, y);
    v->bwd(&leaky, (struct span){ 0, 1 }, y, dy, dx);
    cr_assert(isnan(y[0]) && y[1] == (real)-0.25 && y[3] == 2 && dx[1] == 1 && dx[3] == 4);
    v->fwd(&tanh_, (struct span){ 0, 1 }, x, y);
    v->bwd(&tanh_, (struct span){ 0, 1 }, y, dy, dx);
    cr_assert(y[2] == 0 && y[4] == -1 && y[5] == 1 && y[7] == -1);
    close_to((double)y[6], 0.46211715726, 1e-7, "tanh");
    close_to((double)dx[6], 4 * (1 - 0.46211715726 * 0.46211715726), 1e-6, "slope of tanh");
    v->fwd(&relu, (struct span){ 0, 1 }, x, x);
    cr_assert(x[1] == 0 && x[3] == 2, "y may be x");
}

/* ---- dropout ---- */

Test(scalar_dropout, draws_the_bits_of_the_runtimes_philox)
{
    enum { VECTORS = 40 };
    const struct dropout_variant *v = kernels_of(ISA_SCALAR)->dropout;
    const struct philox_key key = rng_stream_key(9, STREAM_DROPOUT, 4, 2);
    static const uint32_t thresholds[] = { 0, 1, 16384, 32768, 65535 };
    for (size_t t = 0; t < COUNT(thresholds); t++) {
        const struct dropout p = { thresholds[t], { key.k[0], key.k[1] } };
        real x[VECTORS * LANES], y[VECTORS * LANES], dx[VECTORS * LANES];
        uint16_t mask[VECTORS];
        for (int i = 0; i < VECTORS * LANES; i++) x[i] = 3;
        v->fwd(&p, (struct span){ 13, VECTORS }, x, y, mask);
        v->fwd(&p, (struct span){ 0, 13 }, x, y, mask);
        v->bwd(&p, (struct span){ 0, VECTORS }, x, mask, dx);
        const real scaled = 3 * ((real)65536 / (real)(65536 - thresholds[t]));
        for (int i = 0; i < VECTORS * LANES; i++) {
            const uint64_t vector = (uint64_t)i / LANES, lane = (uint64_t)i % LANES;
            const uint32_t word = rng_philox(key, vector / 8, lane).w[vector % 8 / 2], bits = vector % 2 ? word >> 16 : word & 0xffff;
            const bool keep = bits >= thresholds[t];
            cr_assert_eq(mask[vector] >> lane & 1, keep, "threshold %u, vector %d, lane %d", thresholds[t], (int)vector, (int)lane);
            cr_assert(y[i] == (keep ? scaled : 0) && dx[i] == y[i]);
        }
    }
}

/* ---- loss ---- */

Test(scalar_loss, is_minus_the_log_of_the_labels_share)
{
    enum { K = 7, N = 21 };
    const struct loss p = { N, K };
    loss_fn *loss = kernels_of(ISA_SCALAR)->loss->softmax_xent;
    struct rng r = numbers(2);
    real z[2 * K * LANES], dz[2 * K * LANES], value[2 * LANES];
    uint8_t label[2 * LANES], predicted[2 * LANES];
    draw(&r, z, COUNT(z), 0, 3);
    for (int i = 0; i < 2 * LANES; i++) label[i] = (uint8_t)rng_below(&r, K);
    for (int k = 0; k < K; k++) z[k * LANES] = (real)(k == 3 || k == 5 ? 1e30 : -1e30), z[k * LANES + 1] = 2; /* ties; all equal */
    label[0] = 5;
    loss(&p, (struct span){ 1, 2 }, z, label, value, predicted, dz);
    loss(&p, (struct span){ 0, 1 }, z, label, value, predicted, dz);
    for (int i = 0; i < 2 * LANES; i++) {
        const real *logit = z + i / LANES * K * LANES + i % LANES, *slope = dz + i / LANES * K * LANES + i % LANES;
        double top = -INFINITY, sum = 0;
        int largest = -1;
        for (int k = K - 1; k >= 0; k--) {
            if ((double)logit[k * LANES] >= top) top = (double)logit[k * LANES], largest = k;
        }
        for (int k = 0; k < K; k++) sum += exp((double)logit[k * LANES] - top);
        cr_assert_eq(predicted[i], largest);
        close_to((double)value[i], i < N ? log(sum) + (top - (double)logit[label[i] * LANES]) : 0, 1e-6, "value");
        for (int k = 0; k < K; k++) {
            const double want = i < N ? (exp((double)logit[k * LANES] - top) / sum - (k == label[i])) / N : 0;
            close_to((double)slope[k * LANES], want, 1e-7, "dz");
        }
    }
    close_to((double)value[0], log(2), 1e-6, "two equal logits");
    real again[2 * LANES];
    loss(&p, (struct span){ 0, 2 }, z, label, again, predicted, NULL);
    cr_assert_eq(memcmp(again, value, sizeof again), 0, "dz may be NULL");
    loss(&p, (struct span){ 0, 2 }, z, label, again, predicted, z);
    cr_assert(memcmp(again, value, sizeof again) == 0 && memcmp(z, dz, sizeof z) == 0, "dz may be z");
}

/* ---- optimizers ---- */

/* Three steps of the recurrences as their papers and PyTorch write them, in double, on gradients that differ per step. */
static double trajectory(struct optimizer o, enum eps_form form, double rate, double decay, double eps)
{
    double w = 1, m = 0, v = 0;
    for (int t = 1; t <= 3; t++) {
        double g = 0.5 * t - 0.8;
        if (o.kind == OPTIMIZER_ADAMW) w -= rate * decay * w;
        else g += decay * w;
        if (o.kind == OPTIMIZER_SGD) {
            m = t == 1 ? g : 0.9 * m + g;
            w -= rate * (o.momentum > 0 ? (o.nesterov ? g + 0.9 * m : m) : g);
            continue;
        }
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        const double c1 = 1 - pow(0.9, t), c2 = 1 - pow(0.999, t);
        if (form == EPS_PYTORCH) w -= rate / c1 * m / (sqrt(v) / sqrt(c2) + eps);
        else w -= rate * sqrt(c2) / c1 * m / (sqrt(v) + eps);
    }
    return w;
}

Test(scalar_optimizer, follows_the_recurrences)
{
    static const struct {
        struct optimizer o;
        enum eps_form form;
        const char *name;
    } cases[] = {
        { { .kind = OPTIMIZER_SGD }, EPS_PYTORCH, "sgd" },
        { { .kind = OPTIMIZER_SGD, .momentum = 0.9f }, EPS_PYTORCH, "momentum" },
        { { .kind = OPTIMIZER_SGD, .momentum = 0.9f, .nesterov = true }, EPS_PYTORCH, "nesterov" },
        { { .kind = OPTIMIZER_ADAM }, EPS_PYTORCH, "adam" },
        { { .kind = OPTIMIZER_ADAM }, EPS_KERAS, "adam, keras" },
        { { .kind = OPTIMIZER_ADAMW }, EPS_PYTORCH, "adamw" },
    };
    const double rate = 0.05, decay = 0.1, eps = 0.01; /* large enough that the place of eps shows */
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct optimizer o = cases[i].o;
        real w[2 * LANES], g[2 * LANES], m[2 * LANES] = { 0 }, v[2 * LANES] = { 0 };
        for (int j = 0; j < 2 * LANES; j++) w[j] = j < LANES;
        if (o.kind == OPTIMIZER_SGD) m[0] = 77; /* the first step must not read it */
        const bool uses_m = o.momentum > 0 || o.kind != OPTIMIZER_SGD;
        o.weight_decay = (float)decay;
        o.rate = (float)rate;
        for (int t = 1; t <= 3; t++) {
            o.first = t == 1;
            for (int j = 0; j < 2 * LANES; j++) g[j] = j < LANES ? (real)(0.5 * t - 0.8) : 0;
            if (o.kind != OPTIMIZER_SGD) optimizer_fold(&o, cases[i].form, rate, 0.9, 0.999, eps, t);
            kernels_of(ISA_SCALAR)->optimizer->step(&o, (struct span){ 0, 1 }, w, g, uses_m ? m : NULL, v);
            kernels_of(ISA_SCALAR)->optimizer->step(&o, (struct span){ 1, 2 }, w, g, uses_m ? m : NULL, v);
        }
        for (int j = 0; j < LANES; j++) close_to((double)w[j], trajectory(o, cases[i].form, rate, decay, eps), 1e-6, cases[i].name);
        for (int j = LANES; j < 2 * LANES; j++) cr_assert(w[j] == 0 && m[j] == 0 && v[j] == 0, "%s: padding must stay zero", cases[i].name);
    }
}

Test(optimizer, fold_rounds_the_bias_corrections_once)
{
    struct optimizer o = { .kind = OPTIMIZER_ADAM };
    optimizer_fold(&o, EPS_PYTORCH, 0.001, 0.9, 0.999, 1e-8, 1);
    cr_assert(o.rate == 0.001f && o.beta1 == 0.9f && o.beta2 == 0.999f && o.eps == 1e-8f);
    cr_assert(o.one_minus_beta1 == (float)(1 - 0.9) && o.one_minus_beta2 == (float)(1 - 0.999));
    close_to((double)o.step_size, 0.01, 1e-7, "step size");
    close_to((double)o.root_scale, 1 / sqrt(0.001), 1e-7, "root scale");
    optimizer_fold(&o, EPS_KERAS, 0.001, 0.9, 0.999, 1e-7, 1);
    close_to((double)o.step_size, 0.01 * sqrt(0.001), 1e-7, "step size");
    cr_assert_eq(o.root_scale, 1.0f);
    optimizer_fold(&o, EPS_PYTORCH, 0.001, 0, 0, 1e-7, 3);
    cr_assert(o.step_size == 0.001f && o.root_scale == 1.0f && o.one_minus_beta1 == 1.0f);
}
