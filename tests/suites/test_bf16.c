/* SPDX-License-Identifier: MIT
 * Training in bf16 as docs/kernels/bf16.md defines it: every product of a step against sums in double of the very numbers it read, rounded
 * where the definition says so; what is rounded, and what is not; how far a step is from one in float32. That schedules, workers and
 * instruction sets agree bit by bit is test_fusion's and test_golden's. */
#include <errno.h>
#include <math.h>
#include "../../nets/layers/tiles.h"
#include "planned.h"

static const double UNIT = 0x1p-24, HALF_BF16 = 0x1p-8; /* half a unit of float32, of bf16, relative */

/* No layer writes over its input, so that every value is there after a pass. */
static const char *const chains[] = {
    "3x9x8 conv8same conv16same conv24 dense40 dense10",
    "1x12x11 conv16r5same conv12r3step2pad1 conv20r1 dense33 dense10",
    "2x10x10 conv9r7 max2step1 conv17r2s3pad1,0,1,1b0 conv16same avg2 dense64b0 dense12",
};

static struct plan *opened(const char *text, int n, enum precision precision)
{
    return plan_of(text, (struct plan_options){ .batch = n, .training = true, .no_fuse = true, .precision = precision });
}

static bool is_bf16(real x) { return x == (real)bf16_value(bf16_of((float)x)) && isfinite(x); }

static void assert_bf16(const real *x, size_t vectors, bool wanted, const char *what, int layer)
{
    size_t others = 0;
    for (size_t i = 0; i < vectors * LANES; i++) others += !is_bf16(x[i]);
    cr_assert_eq(others == 0, wanted, "%s of layer %d: %zu of %zu are no numbers of bf16", what, layer, others, vectors * LANES);
}

static size_t vectors_of(struct shape s, int n) { return (size_t)image_blocks(n) * (size_t)s.c * (size_t)s.h * (size_t)s.w; }

/* ---- products in double ------------------------------------------------------------------------------------------------------------ */

/* A convolution or dense layer of the plan with what it read. */
struct product {
    const struct plan *plan;
    int layer, n;
    struct conv p;
    const real *x, *dy, *w;
    bool tiles;
};

static struct product product_of(struct plan *plan, int i, int n)
{
    const struct layer *what = &plan->net.layers[i];
    struct product s = { .plan = plan, .layer = i, .n = n, .tiles = plan->layers[i].tiles != NULL, .w = plan_value_of(plan, i, 0) };
    s.x = i > 0 ? plan_output(plan, i - 1) : plan_input(plan);
    s.dy = plan_output_gradient(plan, i);
    if (what->kind == LAYER_CONV) s.p = what->conv;
    else
        s.p = (struct conv){ .c = what->in.c,
                             .h = what->in.h,
                             .w = what->in.w,
                             .k = what->out.c,
                             .r = what->in.h,
                             .s = what->in.w,
                             .step = 1,
                             .bias = what->dense.bias };
    s.p.n = n;
    cr_assert_null(conv_complete(&s.p));
    return s;
}

static double weight(const struct product *s, int k, int r, int t, int c)
{
    const real w = s->w[(((size_t)k * (size_t)s->p.r + (size_t)r) * (size_t)s->p.s + (size_t)t) * (size_t)s->p.c + (size_t)c];
    return s->tiles ? (double)bf16_value(bf16_of((float)w)) : (double)w;
}

static size_t at(int image, int h, int w, int c, int H, int W, int C)
{
    const size_t pixel = ((size_t)(image / LANES) * (size_t)H + (size_t)h) * (size_t)W + (size_t)w;
    return (pixel * (size_t)C + (size_t)c) * LANES + (size_t)(image % LANES);
}

/* A sum of products, and that of their absolute values. */
struct sum {
    double value, size;
};
static void add(struct sum *sum, double a, double b)
{
    sum->value += a * b;
    sum->size += fabs(a * b);
}

static struct sum output_of(const struct product *s, int image, int p, int q, int k)
{
    const struct conv *c = &s->p;
    const real *b = plan_value_of(s->plan, s->layer, 1);
    struct sum sum = { 0, 0 };
    if (c->bias) add(&sum, (double)b[k], 1);
    for (int r = 0; r < c->r; r++)
        for (int t = 0; t < c->s; t++) {
            const int h = p * c->step + r - c->top, w = q * c->step + t - c->left;
            for (int i = 0; i < c->c && h >= 0 && h < c->h && w >= 0 && w < c->w; i++)
                add(&sum, (double)s->x[at(image, h, w, i, c->h, c->w, c->c)], weight(s, k, r, t, i));
        }
    return sum;
}

static struct sum input_gradient_of(const struct product *s, int image, int h, int w, int i)
{
    const struct conv *c = &s->p;
    struct sum sum = { 0, 0 };
    for (int r = 0; r < c->r; r++)
        for (int t = 0; t < c->s; t++) {
            const int p = h + c->top - r, q = w + c->left - t;
            if (p < 0 || q < 0 || p % c->step || q % c->step || p / c->step >= c->p || q / c->step >= c->q) continue;
            for (int k = 0; k < c->k; k++)
                add(&sum, (double)s->dy[at(image, p / c->step, q / c->step, k, c->p, c->q, c->k)], weight(s, k, r, t, i));
        }
    return sum;
}

static struct sum weight_gradient_of(const struct product *s, int k, int r, int t, int i)
{
    const struct conv *c = &s->p;
    struct sum sum = { 0, 0 };
    for (int image = 0; image < s->n; image++)
        for (int p = 0; p < c->p; p++)
            for (int q = 0; q < c->q; q++) {
                const int h = p * c->step + r - c->top, w = q * c->step + t - c->left;
                if (h < 0 || h >= c->h || w < 0 || w >= c->w) continue;
                add(&sum, (double)s->dy[at(image, p, q, k, c->p, c->q, c->k)], (double)s->x[at(image, h, w, i, c->h, c->w, c->c)]);
            }
    return sum;
}

/* c of the kernel's bound, for sums of so many products; float32's algorithms lose a little more, which their own checks bound. */
static double allowed(const struct product *s, struct sum sum, bool rounded)
{
    const double c = s->tiles ? (double)s->plan->tiles->bound(&s->p) : 1e4;
    return c * UNIT * sum.size + (rounded ? HALF_BF16 * (fabs(sum.value) + c * UNIT * sum.size) : 0) + 1e-30;
}

static void assert_near(const struct product *s, real got, struct sum want, bool rounded, const char *what)
{
    const double off = fabs((double)got - want.value), most = allowed(s, want, rounded);
    cr_assert(off <= most, "%s of layer %d: %.9g, want %.9g: off by %.3g, allowed are %.3g", what, s->layer, (double)got, want.value, off,
              most);
}

static void check_forward(struct plan *plan, int i, int n)
{
    const struct product s = product_of(plan, i, n);
    const struct conv *c = &s.p;
    const real *y = plan_output(plan, i);
    const bool rounded = i < plan->net.count - 1;
    for (int image = 0; image < n; image++)
        for (int p = 0; p < c->p; p++)
            for (int q = 0; q < c->q; q++)
                for (int k = 0; k < c->k; k++)
                    assert_near(&s, y[at(image, p, q, k, c->p, c->q, c->k)], output_of(&s, image, p, q, k), rounded, "y");
}

static void check_backward(struct plan *plan, int layer, int n)
{
    const struct product s = product_of(plan, layer, n);
    const struct conv *c = &s.p;
    const real *dx = layer > plan_lowest(plan) ? plan_output_gradient(plan, layer - 1) : NULL;
    const real *dw = plan_gradient_of(plan, layer, 0);
    for (int image = 0; dx && image < n; image++)
        for (int h = 0; h < c->h; h++)
            for (int w = 0; w < c->w; w++)
                for (int i = 0; i < c->c; i++)
                    assert_near(&s, dx[at(image, h, w, i, c->h, c->w, c->c)], input_gradient_of(&s, image, h, w, i), true, "dx");
    for (int k = 0; k < c->k; k++)
        for (int r = 0; r < c->r; r++)
            for (int t = 0; t < c->s; t++)
                for (int i = 0; i < c->c; i++) assert_near(&s, *dw++, weight_gradient_of(&s, k, r, t, i), false, "dw");
}

static bool multiplies(const struct plan *plan, int i)
{
    return plan->net.layers[i].kind == LAYER_CONV || plan->net.layers[i].kind == LAYER_DENSE;
}

static void check_chain(const char *text, int n)
{
    struct plan *plan = opened(text, n, PRECISION_BF16);
    const struct pass_key key = { .seed = 1 };
    int tiles = 0;
    fill(plan, 0, n);
    plan_forward(plan, n, true, key);
    assert_bf16(plan_input(plan), vectors_of(plan->net.in, n), true, "the input", -1);
    for (int i = 0; i < plan->net.count; i++) {
        assert_bf16(plan_output(plan, i), vectors_of(plan->net.layers[i].out, n), i + 1 < plan->net.count, "y", i);
        if (multiplies(plan, i)) check_forward(plan, i, n);
        tiles += plan->layers[i].tiles != NULL;
    }
    plan_backward_begin(plan, n, n, false, key);
    for (int i = plan->net.count - 1; i >= plan_lowest(plan); i--) {
        assert_bf16(plan_output_gradient(plan, i), vectors_of(plan->net.layers[i].out, n), true, "dy", i);
        plan_backward_layer(plan, i);
        if (multiplies(plan, i)) check_backward(plan, i, n);
    }
    cr_assert_geq(tiles, 3, "%s: %d layers are in bf16", text, tiles);
    plan_close(plan);
}

Test(bf16, products_are_sums_of_what_was_read)
{
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        check_chain(chains[i], 19);
        check_chain(chains[i], 3);
    }
}

/* Batch norm takes the batch whole, so that its sums are those of two waves. */
Test(bf16, sums_of_several_waves) { check_chain("4x6x6 conv16 bn conv12 bn dense24 dense10", PLAN_WAVE + 16); }

/* ---- what is rounded --------------------------------------------------------------------------------------------------------------- */

/* Of every kind of layer, and of what adds hand back to their sources. */
Test(bf16, values_and_their_gradients_are_rounded)
{
    static const char *const nets[] = {
        "2x12x10 conv8same relu conv8same bn add2 leaky0.1 max2step1 drop0.2 conv12r3step2pad1 tanh drop0.1 conv12same add2 avg2step1 "
        "max3step1pad1 dense40 leaky0.3 dense10",
        "1x9x9 conv8same conv8same add2 add2 bn conv8same add3 gap dense10",
    };
    const struct pass_key key = { .seed = 1 };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct plan *plan = opened(nets[i], 33, PRECISION_BF16);
        const int last = plan->net.count - 1;
        fill(plan, 0, 33);
        plan_forward(plan, 33, true, key);
        for (int l = 0; l <= last; l++) assert_bf16(plan_output(plan, l), vectors_of(plan->net.layers[l].out, 33), l < last, "y", l);
        plan_backward_begin(plan, 33, 33, false, key);
        for (int l = last; l >= plan_lowest(plan); l--) {
            assert_bf16(plan_output_gradient(plan, l), vectors_of(plan->net.layers[l].out, 33), true, "dy", l);
            plan_backward_layer(plan, l);
        }
        plan_close(plan);
    }
}

/* Logits are the last layer's output, or what dropout behind it hands on at inference; so both inference and training say the same. */
Test(bf16, logits_are_not_rounded)
{
    static const char *const nets[] = { "1x8x8 conv16r5 relu dense10", "1x8x8 conv16r5 relu conv10 gap drop0.2 drop0.1",
                                        "1x8x8 conv16r5 relu conv10 bn gap" };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct plan *plan = plan_of(nets[i], (struct plan_options){ .batch = 16, .training = true, .precision = PRECISION_BF16 });
        fill(plan, 0, 16);
        plan_forward(plan, 16, false, (struct pass_key){ 0 });
        assert_bf16(plan_logits(plan), 10, false, "logits", plan->net.count - 1);
        plan_close(plan);
    }
}

/* The master weights, their gradients and running statistics stay float32: some of them are no numbers of bf16. */
Test(bf16, weights_and_statistics_are_float32)
{
    struct plan *plan = plan_of(RICH, (struct plan_options){ .batch = 32, .training = true, .precision = PRECISION_BF16 });
    train_step(plan, 32, 0);
    for (int i = 0; i < plan_tensors(plan); i++) {
        const struct tensor t = plan_tensor(plan, i);
        size_t others[2] = { 0, 0 };
        for (size_t j = 0; j < t.count; j++) {
            others[0] += !is_bf16(t.value[j]);
            others[1] += t.gradient && !is_bf16(t.gradient[j]);
        }
        cr_assert(others[0] > 0, "%s", t.name);
        cr_assert(!t.gradient || others[1] > 0, "gradient of %s", t.name);
    }
    plan_close(plan);
}

/* ---- beside float32 ---------------------------------------------------------------------------------------------------------------- */

/* Gradients of one step, as one vector: apart by so much of its length. A rounding is worth up to 2^-8 of a value, and there are some ten
 * in a row. Nets without kinks: where two pixels of a window round to one number, a maximum's gradient goes to the first of them, which
 * says nothing of arithmetic. */
Test(bf16, a_step_is_near_float32)
{
    static const char *const nets[] = { "1x20x20 conv16r5 tanh conv16 tanh avg2 dense64 tanh dense10",
                                        "1x28x28 conv8same bn conv8same bn avg2 conv16same tanh conv16same bn add2 drop0.2 gap",
                                        "1x28x28 dense128 tanh dense64 tanh dense10" };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct plan *a = plan_of(nets[i], (struct plan_options){ .batch = 64, .training = true });
        struct plan *b = plan_of(nets[i], (struct plan_options){ .batch = 64, .training = true, .precision = PRECISION_BF16 });
        double apart = 0, size = 0;
        train_step(a, 64, 0);
        train_step(b, 64, 0);
        for (size_t j = 0; j < a->trained; j++) {
            const double x = (double)a->gradients[j], y = (double)b->gradients[j];
            apart += (x - y) * (x - y);
            size += x * x;
        }
        cr_assert(apart > 0 && sqrt(apart) <= 0.02 * sqrt(size), "%s: %.3g of %.3g", nets[i], sqrt(apart), sqrt(size));
        plan_close(a);
        plan_close(b);
    }
}

/* ---- which layers ------------------------------------------------------------------------------------------------------------------ */

static bool wanted(const char *text, int layer)
{
    const struct net net = toy_net(text);
    return tiles_wanted(&net, layer);
}

Test(bf16, layers_with_few_products_stay_in_float32)
{
    cr_assert(!wanted("1x28x28 conv32same dense10", 0)); /* 9 multiply-adds per value */
    cr_assert(!wanted("1x28x28 conv32same dense10", 1));
    cr_assert(!wanted("3x28x28 conv3same dense10", 0));
    cr_assert(wanted("1x28x28 conv32r7same dense10", 0));
    cr_assert(wanted("8x28x28 conv8same dense10", 0)); /* 36 */
    cr_assert(wanted("1x28x28 dense128 dense10", 0));
    cr_assert(wanted("64x1x1 conv22r1 dense10", 0) && !wanted("64x1x1 conv21r1 dense10", 0)); /* 16.4 and 15.8 */
}

Test(bf16, plans_say_which_layers_are)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct plan *plan = plan_of("1x28x28 conv16same relu conv16 relu dense10",
                                (struct plan_options){ .batch = 16, .training = true, .precision = PRECISION_BF16 });
    plan_print(plan, out);
    fclose(out);
    cr_assert(strstr(text, "\nfloat32: 0 conv16same, 8.47 multiply-adds per value\n"), "%s", text);
    cr_assert(strstr(text, "\nbf16: 2 conv16, "), "%s", text);
    cr_assert(strstr(text, "/tiles "), "%s", text);
    cr_assert_eq(plan_tiles(plan), isa_bf16(cpu_detect()));
    plan_close(plan);
    free(text);
}

Test(bf16, the_reference_has_none)
{
    const struct net net = toy_net("1x8x8 conv8 dense3");
    const struct plan_options options = { .batch = 4, .isas = 1u << ISA_SCALAR, .precision = PRECISION_BF16 };
    struct plan *plan;
    struct why why = { "" };
    cr_assert_eq(net_plan(&net, &options, &plan, &why), -EINVAL);
    cr_assert(strstr(why.text, "allow portable"), "%s", why.text);
    cr_assert_eq(isa_bf16(1u << ISA_SCALAR), -1);
}
