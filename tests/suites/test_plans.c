/* SPDX-License-Identifier: MIT
 * Plans: tensors, refusals, shared buffers, what they print, and how weights start. */
#include <errno.h>
#include <math.h>
#include "planned.h"
#include "../../nets/zoo/zoo.h"

extern const struct zoo_study mnist_architectures;

/* ---- plans ------------------------------------------------------------------------------------------------------------------------- */

Test(plans, tensors_in_net_order)
{
    static const char *const names[] = { "0.conv.weight",         "0.conv.bias",   "2.bn.gamma",     "2.bn.beta",   "2.bn.running_mean",
                                         "2.bn.running_variance", "3.conv.weight", "5.dense.weight", "5.dense.bias" };
    struct plan *plan = plan_of("2x8x8 conv3 relu bn conv5r3s2b0 tanh dense10",
                                (struct plan_options){ .batch = 20, .training = true, .optimizer_slots = 1 });
    cr_assert_eq(plan_tensors(plan), (int)(sizeof names / sizeof *names));
    const real *last = NULL;
    for (int i = 0; i < plan_tensors(plan); i++) {
        struct tensor t = plan_tensor(plan, i);
        cr_assert_str_eq(t.name, names[i]);
        cr_assert_eq((uintptr_t)t.value % 64, 0);
        cr_assert_eq(t.trained, i != 4 && i != 5);
        cr_assert_eq(t.gradient != NULL, t.trained);
        cr_assert_eq(plan_optimizer_slot(plan, 0, i) != NULL, t.trained);
        cr_assert_null(plan_optimizer_slot(plan, 1, i));
        cr_assert(!t.trained || !last || t.value > last);
        last = t.trained ? t.value : last;
    }
    struct tensor w = plan_tensor(plan, 6);
    cr_assert(w.rank == 4 && w.extent[0] == 5 && w.extent[1] == 3 && w.extent[2] == 2 && w.extent[3] == 3 && w.count == 90);
    cr_assert_eq(plan_tensor(plan, 7).extent[1], 4 * 5 * 5);
    struct plan_bytes b = plan_bytes(plan);
    cr_assert(b.gradients > 0 && b.optimizer == b.gradients && b.parameters > b.gradients && b.activations > 0 && b.scratch > 0);
    plan_close(plan);
}

Test(plans, refusals)
{
    static const struct {
        const char *net;
        struct plan_options options;
        const char *says;
    } cases[] = {
        { COMPACT, { .batch = 0 }, "batch of 0" },
        { COMPACT, { .batch = 64, .isas = 1u << ISA_COUNT }, "built in" },
        { COMPACT, { .batch = 64, .algo = "no-such" }, "layer 0 \"conv8same\" (n64c1h28k8r3pad1): no convolution \"no-such\"" },
        { "1x8x8 gap bn dense2", { .batch = 1, .training = true }, "layer 1 \"bn\" gets 1x1x1: a batch of 1 image" },
        { COMPACT, { .batch = 100000000 }, "layer 0 \"conv8same\" gets 1x28x28 at batch 100000000" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct net net = toy_net(cases[i].net);
        struct plan_options options = cases[i].options;
        struct plan *plan;
        struct why why = { "" };
        options.isas = options.isas ? options.isas : cpu_detect();
        cr_assert_eq(net_plan(&net, &options, &plan, &why), -EINVAL);
        cr_assert_null(plan);
        cr_assert_not_null(strstr(why.text, cases[i].says), "\"%s\" does not say \"%s\"", why.text, cases[i].says);
    }
    plan_close(NULL);
}

static int buffer_count(const char *text, bool training)
{
    struct net net = toy_net(text);
    struct buffers b;
    buffers_assign(&net, training, NULL, &b);
    return b.values;
}

Test(plans, buffers_are_shared_where_nobody_reads_again)
{
    cr_assert_eq(buffer_count("1x8x8 conv4 relu drop0.2 max2 dense4", true), 3); /* relu and dropout in place */
    cr_assert_eq(buffer_count("1x8x8 conv4 tanh drop0.2 max2 dense4", true), 4); /* tanh's output is read again */
    cr_assert_eq(buffer_count("1x8x8 conv4 relu bn relu gap", true), 3);         /* bn reads relu's output, its own is free */
    cr_assert_eq(buffer_count("1x8x8 relu conv4 gap", true), 3);                 /* the input is not ours to write */
    cr_assert_eq(buffer_count("1x8x8 conv4same conv4same relu add3 gap", true), 4);
    cr_assert_eq(buffer_count("1x8x8 conv4same relu conv4same add2 relu gap", true), 3); /* add in place, its source kept */
    cr_assert_eq(buffer_count(COMPACT, false), 2);
    cr_assert_eq(buffer_count("1x8x8 conv4same relu conv4same relu conv4same add4 gap", false), 3);
    struct plan *training = plan_of(COMPACT, (struct plan_options){ .batch = 64, .training = true, .optimizer_slots = 2 });
    struct plan *inference = plan_of(COMPACT, (struct plan_options){ .batch = 64 });
    struct plan_bytes a = plan_bytes(training), b = plan_bytes(inference);
    cr_assert(b.gradients == 0 && b.optimizer == 0);
    cr_assert_lt(3 * b.activations, a.activations);
    plan_close(training);
    plan_close(inference);
}

Test(plans, print_shows_layers_variants_and_arenas)
{
    struct plan *plan = plan_of(RICH, (struct plan_options){ .batch = 32, .training = true, .isas = 1u << ISA_SCALAR });
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    plan_print(plan, out);
    fclose(out);
    static const char *const parts[] = {
        "training, batch 32, scalar, 1 worker", "conv5same", "scalar/plain", "in place", "3.bn.gamma@", "dy0", "activations", "scratch"
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_assert_not_null(strstr(text, parts[i]), "no \"%s\" in\n%s", parts[i], text);
    free(text);
    plan_close(plan);
}

/* Chunks' sums would take 100 MB in a wave of 64 blocks: fewer blocks a wave, by shape alone. */
Test(plans, heavy_convolutions_sum_in_shorter_waves)
{
    struct plan *small = plan_of("64x28x28 conv64r11same gap", (struct plan_options){ .batch = 16, .training = true });
    struct plan *large = plan_of("64x28x28 conv64r11same gap", (struct plan_options){ .batch = 320, .training = true });
    int wave = large->layers[0].wave;
    struct conv waves = large->layers[0].conv;
    cr_assert(small->layers[0].wave == wave && wave > 1 && wave < WAVE_BLOCKS);
    cr_assert_leq(large->partial_count * sizeof(real), 64u << 20);
    waves.n = wave * LANES;
    cr_assert_eq((size_t)conv_chunks(large->layers[0].variant[CONV_BWD_WEIGHTS], &waves) * plan_stride(large, 0), large->partial_count);
    waves.n *= 2;
    cr_assert_gt((size_t)conv_chunks(large->layers[0].variant[CONV_BWD_WEIGHTS], &waves) * plan_stride(large, 0) * sizeof(real), 64u << 20);
    plan_close(small);
    plan_close(large);
}

/* ---- starts ------------------------------------------------------------------------------------------------------------------------ */

static int nth_of_kind(const struct net *net, enum layer_kind kind, int n)
{
    for (int i = 0; i < net->count; i++)
        if (net->layers[i].kind == kind && n-- == 0) return i;
    return -1;
}

Test(starts, batch_norm_leaves_convolutions_as_they_were)
{
    struct plan_options options = { .batch = 16, .training = true };
    struct plan *a = plan_of(mnist_architectures.cells[7].net, options), *b = plan_of(mnist_architectures.cells[8].net, options);
    cr_assert_eq(net_parameters(plan_net(b)), 17302);
    for (int n = 0; n < 8; n++) {
        enum layer_kind kind = n < 7 ? LAYER_CONV : LAYER_DENSE;
        int i = nth_of_kind(plan_net(a), kind, n % 7), j = nth_of_kind(plan_net(b), kind, n % 7);
        size_t bytes = plan_stride(a, i) * sizeof(real);
        cr_assert_eq(plan_stride(b, j) * sizeof(real), bytes);
        cr_assert_arr_eq(plan_value_of(a, i, 0), plan_value_of(b, j, 0), bytes);
    }
    plan_close(a);
    plan_close(b);
}

/* Largest magnitude and root mean square of one tensor. */
static void measure(struct plan *plan, int tensor, double *largest, double *rms)
{
    struct tensor t = plan_tensor(plan, tensor);
    *largest = *rms = 0;
    for (size_t i = 0; i < t.count; i++) {
        *largest = fmax(*largest, fabs((double)t.value[i]));
        *rms += (double)t.value[i] * (double)t.value[i];
    }
    *rms = sqrt(*rms / (double)t.count);
}

Test(starts, scales_are_the_named_ones)
{
    const double in = 16 * 9, out = 64 * 9;
    const struct {
        enum init_kind kind;
        bool normal;
        double scale;
    } cases[] = {
        { INIT_DEFAULT, false, sqrt(1 / in) },
        { INIT_HE_UNIFORM, false, sqrt(6 / in) },
        { INIT_HE_NORMAL, true, sqrt(2 / in) },
        { INIT_XAVIER_UNIFORM, false, sqrt(6 / (in + out)) },
        { INIT_XAVIER_NORMAL, true, sqrt(2 / (in + out)) },
    };
    struct plan *plan = plan_of("16x5x5 conv64 gap", (struct plan_options){ .batch = 16, .training = true, .optimizer_slots = 2 });
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double largest, rms, bias;
        plan_optimizer_slot(plan, 1, 0)[3] = 7;
        plan_init(plan, (struct init){ cases[i].kind, false }, 9);
        measure(plan, 0, &largest, &rms);
        cr_assert(fabs(rms - cases[i].scale / (cases[i].normal ? 1 : sqrt(3))) < 0.02 * cases[i].scale);
        cr_assert(cases[i].normal ? largest > 3 * cases[i].scale : largest <= cases[i].scale && largest > 0.99 * cases[i].scale);
        measure(plan, 1, &bias, &rms);
        cr_assert(i == 0 ? bias > 0.5 * cases[i].scale && bias <= cases[i].scale : bias == 0);
        cr_assert_eq(plan_optimizer_slot(plan, 1, 0)[3], 0);
    }
    double bias, rms;
    plan_init(plan, (struct init){ INIT_DEFAULT, true }, 9);
    measure(plan, 1, &bias, &rms);
    cr_assert_eq(bias, 0);
    uint64_t first = hash_weights(plan);
    plan_init(plan, (struct init){ INIT_DEFAULT, true }, 10);
    cr_assert_neq(hash_weights(plan), first);
    plan_close(plan);
}
