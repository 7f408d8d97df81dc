/* SPDX-License-Identifier: MIT
 * Is the gradient the derivative? In double, along random directions: (L(w + h d) - L(w - h d)) / 2h against <gradient, d>. Every layer
 * type in small nets with one direction per tensor, random nets with adds in all places, every net of the zoo. A direction that moves an
 * element across a kink (a ReLU's sign, a maximum's place) between w - h d and w + h d says nothing: another is drawn, with a smaller h. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../kernels/runtime/rng.h"
#include "../../nets/plan/internal.h"
#include "../../nets/zoo/zoo.h"

extern const struct zoo_study vanishing_canvas, mnist_architectures, scratch_cnn, kernel_size, compact_net;

_Static_assert(sizeof(real) == sizeof(double), "this suite links nets_double");

enum { REDRAWS = 12 };
static const double RELATIVE = 2e-7, ABSOLUTE = 2e-10;
static const struct pass_key key = { .seed = 5, .step = 3 };

struct subject {
    struct plan *plan;
    int n;
    struct rng rng;
};

/* kept: what the layers made can be looked at after a pass. */
static struct subject subject_open(const char *text, int n, uint64_t seed, bool kept)
{
    struct net net;
    struct why why = { "" };
    cr_assert_eq(net_parse(text, &net, &why), 0, "%s", why.text);
    struct plan_options options = { .batch = n, .training = true, .isas = 1u << ISA_SCALAR, .no_blocks = kept };
    struct subject s = { .n = n, .rng = rng_start(rng_stream_key(seed, STREAM_TEST, 1, 0)) };
    cr_assert_eq(net_plan(&net, &options, &s.plan, &why), 0, "%s", why.text);
    plan_init(s.plan, (struct init){ INIT_DEFAULT, false }, seed);
    size_t pixels = (size_t)net.in.c * (size_t)net.in.h * (size_t)net.in.w;
    int classes = net.layers[net.count - 1].out.c;
    real *x = plan_input(s.plan);
    for (size_t i = 0; i < (size_t)image_blocks(n) * pixels * LANES; i++)
        x[i] = (int)(i / (pixels * LANES)) * LANES + (int)(i % LANES) < n ? rng_normal(&s.rng) : 0;
    for (int i = 0; i < image_blocks(n) * LANES; i++) plan_labels(s.plan)[i] = (uint8_t)(i < n ? rng_below(&s.rng, (uint32_t)classes) : 0);
    /* Away from the start, where batch norm's beta is 0 and its outputs sit around ReLU's kink alike. */
    for (int i = 0; i < plan_tensors(s.plan); i++) {
        struct tensor t = plan_tensor(s.plan, i);
        for (size_t j = 0; t.trained && t.rank == 1 && j < t.count; j++) t.value[j] += 0.2 * rng_normal(&s.rng);
    }
    return s;
}

static double loss_at(struct subject *s)
{
    double sum = 0;
    plan_forward(s->plan, s->n, true, key);
    for (int i = 0; i < s->n; i++) sum += plan_losses(s->plan)[i];
    return sum / s->n;
}

static uint64_t mix(uint64_t hash, uint64_t bits) { return (hash ^ bits) * 0x100000001B3ull; }

/* On which side of every kink the last pass was. Where dropout wrote over a ReLU, dropped elements count as off both times. */
static uint64_t sides(const struct subject *s)
{
    uint64_t hash = 0xCBF29CE484222325ull;
    for (int i = 0; i < s->plan->net.count; i++) {
        const struct layer *l = &s->plan->net.layers[i];
        const struct planned *p = &s->plan->layers[i];
        size_t count = (size_t)image_blocks(s->n) * LANES * (size_t)l->out.c * (size_t)l->out.h * (size_t)l->out.w;
        bool kinked = l->kind == LAYER_ACTIVATION && l->activation.kind != ACTIVATION_TANH;
        for (size_t j = 0; j < count; j++) {
            if (kinked) hash = mix(hash, p->y[j] > 0);
            if (p->argmax) hash = mix(hash, p->argmax[j]);
        }
    }
    return hash;
}

/* Parameters are moved by `h` times the direction from where they were kept. */
static void move(struct subject *s, const double *from, const double *direction, double h)
{
    for (size_t i = 0; i < s->plan->trained; i++) s->plan->parameters[i] = from[i] + h * direction[i];
    plan_changed(s->plan);
}

/* Tensor `only`, or all of them for -1. */
static void draw(struct subject *s, int only, double *direction)
{
    memset(direction, 0, s->plan->trained * sizeof *direction);
    for (int i = 0; i < s->plan->tensors; i++) {
        const struct placed *p = &s->plan->tensor[i];
        for (size_t j = 0; p->tensor.trained && (only < 0 || only == i) && j < p->tensor.count; j++)
            direction[p->offset + j] = rng_normal(&s->rng) / sqrt((double)p->tensor.count);
    }
}

/* False: it crossed a kink. */
static bool try_direction(struct subject *s, const double *at, const double *direction, double h, double *slope)
{
    move(s, at, direction, h);
    double above = loss_at(s);
    uint64_t side = sides(s);
    move(s, at, direction, -h);
    double below = loss_at(s);
    bool same = sides(s) == side;
    move(s, at, direction, 0);
    *slope = (above - below) / (2 * h);
    return same;
}

static void check_direction(struct subject *s, const char *text, int only, const double *at, const double *gradient)
{
    double *direction = malloc(s->plan->trained * sizeof *direction), h = 1e-5, slope = 0;
    bool clean = false;
    for (int i = 0; i < REDRAWS && !clean; i++) {
        draw(s, only, direction);
        clean = try_direction(s, at, direction, h, &slope);
        if (!clean) h /= 2;
    }
    cr_assert(clean, "%s: every direction crosses a kink", text);
    double want = 0;
    for (size_t i = 0; i < s->plan->trained; i++) want += gradient[i] * direction[i];
    double allowed = RELATIVE * fabs(want) + ABSOLUTE * (1e-5 / h);
    const char *name = only < 0 ? "all tensors" : s->plan->tensor[only].tensor.name;
    if (getenv("GRADIENT_VERBOSE"))
        fprintf(stderr, "%-24s h %.1e slope %.12g gradient %.12g error %.2f of allowed\n", name, h, slope, want,
                fabs(slope - want) / allowed);
    cr_expect(fabs(slope - want) <= allowed, "%s\n  %s: slope %.12g, gradient says %.12g (h %g)", text, name, slope, want, h);
    free(direction);
}

/* `each`: one direction per tensor, too. */
static void check_net(const char *text, int n, uint64_t seed, bool each)
{
    struct subject s = subject_open(text, n, seed, true), by_block = subject_open(text, n, seed, false);
    size_t bytes = s.plan->trained * sizeof(double);
    double *at = malloc(bytes), *gradient = malloc(bytes);
    memcpy(at, s.plan->parameters, bytes);
    plan_gradients(by_block.plan, n, n, false, key);
    memcpy(gradient, by_block.plan->gradients, bytes);
    plan_close(by_block.plan);
    check_direction(&s, text, -1, at, gradient);
    for (int i = 0; each && i < s.plan->tensors; i++)
        if (s.plan->tensor[i].tensor.trained) check_direction(&s, text, i, at, gradient);
    free(at);
    free(gradient);
    plan_close(s.plan);
}

Test(gradient, every_layer_type)
{
    static const char *const nets[] = {
        "2x5x4 dense3",
        "2x5x4 dense6b0 tanh dense3",
        "2x5x4 conv3 gap",
        "2x5x4 conv3b0 gap",
        "3x7x6 conv4r3s2step2pad1,0,1,1 relu dense3",
        "1x6x6 conv4same leaky0.1 conv3r5same tanh gap",
        "1x6x6 conv4r2pad1,0,0,1 relu conv5r1 relu dense4",
        "1x7x7 conv4 relu max2 dense3",
        "1x7x7 conv4 tanh max3step1pad1 dense3",
        "1x7x7 conv4 leaky0.2 max2s3step1pad0,1,1,0 dense3",
        "1x7x7 conv4 avg2 dense3",
        "1x7x7 conv4 relu avg3step2pad1 dense3",
        "1x7x7 conv4 relu avg3step2pad1count1 dense3",
        "1x7x7 conv4 bn relu dense3",
        "1x7x7 conv4 relu bn conv3 bn gap",
        "1x6x6 conv3b0 bneps0.1 tanh dense4 bn",
        "1x6x6 conv4 relu drop0.3 dense8 leaky0.1 drop0.5 dense3",
        "1x6x6 conv4 drop0.3 relu dense8 tanh drop0.5 dense3 drop0.2",
        "1x6x6 bn drop0.1 relu conv3 gap",
        "1x9x9 max2 relu avg2step1 dense3 dense3",
        "1x6x6 conv3 relu tanh leaky0.3 relu dense3",
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        check_net(nets[i], 3, 10 + i, true);
        check_net(nets[i], 19, 40 + i, true);
    }
}

/* Sources read in place, sources of two adds, adds one upon the other, sources larger than what they are added to, the input as source. */
Test(gradient, adds)
{
    static const char *const nets[] = {
        "1x6x6 conv3same relu conv3same add2 relu dense3",
        "1x6x6 conv3same relu conv3same relu add2 relu dense3",
        "1x7x7 conv3 relu conv3 add3 gap",
        "2x5x5 conv2same add2 relu conv2same add5 dense3",
        "3x6x6 conv3same add2 add2 add2 dense3",
        "3x5x5 conv3same conv3same add2 add3 add2 relu add3 drop0.2 add6 gap",
        "3x6x6 bn add2 relu conv3same add3 bn add3 tanh add6 dense3",
        "3x6x6 conv3same relu max2step1 conv3 add3 tanh drop0.2 add3 add6 dense4",
        "3x4x4 tanh drop0.1 add2 conv3same relu add2 drop0.3 add2 gap",
        "2x6x6 relu conv2same drop0.2 add2 relu add3 bn add2 add5 dense3",
        "2x4x4 dense6 dense6 add2 relu dense6 add3 add2 dense3",
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        check_net(nets[i], 3, 70 + i, true);
        check_net(nets[i], 17, 90 + i, false);
    }
}

/* Any order of layers that keeps the channels, so that adds fit wherever no smaller source is asked for. */
static void random_net(struct rng *r, char *text, size_t size)
{
    static const char *const words[] = { "conv2same", "conv2r1b0", "conv2",     "relu",      "leaky0.2",      "tanh",
                                         "bn",        "drop0.25",  "max2step1", "avg2step1", "avg3step1pad1", "add" };
    snprintf(text, size, "2x7x7");
    int layers = 3 + (int)rng_below(r, 9);
    for (int i = 0; i < layers; i++) {
        size_t used = strlen(text), last = sizeof words / sizeof *words - 1;
        size_t pick = rng_below(r, (uint32_t)last + 4); /* adds four times as often as the others */
        if (pick < last) snprintf(text + used, size - used, " %s", words[pick]);
        else if (i > 0) snprintf(text + used, size - used, " add%u", 2 + rng_below(r, (uint32_t)i));
    }
    strncat(text, " dense3", size - strlen(text) - 1);
}

Test(gradient, random_nets)
{
    struct rng r = rng_start(rng_stream_key(1, STREAM_TEST, 2, 0));
    int checked = 0;
    while (checked < 60) {
        char text[512];
        struct net net;
        random_net(&r, text, sizeof text);
        if (net_parse(text, &net, NULL) != 0) continue;
        check_net(text, checked % 2 ? 18 : 2, 200 + (uint64_t)checked, true);
        checked++;
    }
}

static void check_study(const struct zoo_study *study)
{
    int checked = 0;
    for (const struct zoo_cell *cell = study->cells; cell->cell; cell++, checked++) check_net(cell->net, 3, 300 + (uint64_t)checked, false);
    cr_assert_gt(checked, 0);
}

Test(gradient, vanishing_canvas) { check_study(&vanishing_canvas); }
Test(gradient, mnist_architectures) { check_study(&mnist_architectures); }
Test(gradient, scratch_cnn) { check_study(&scratch_cnn); }
Test(gradient, kernel_size) { check_study(&kernel_size); }
Test(gradient, compact_net) { check_study(&compact_net); }
