/* SPDX-License-Identifier: MIT
 * Passes: their bits depend on nothing but net, data and seed: not on workers, on what shares memory, on the planned batch or on how a
 * batch is fed. Whether gradients are right is test_gradient's. */
#include <malloc.h>
#include <math.h>
#include "planned.h"

/* ---- passes ------------------------------------------------------------------------------------------------------------------------ */

static uint64_t three_steps(const char *text, int n, struct plan_options options)
{
    struct plan *plan = plan_of(text, options);
    for (uint32_t step = 0; step < 3; step++) train_step(plan, n, step);
    uint64_t h = hash_weights(plan);
    plan_close(plan);
    return h;
}

Test(passes, same_bits_for_any_number_of_workers)
{
    static const char *const nets[] = { COMPACT, RICH, PLAIN };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        uint64_t want = three_steps(nets[i], 17, (struct plan_options){ .batch = 17, .training = true });
        for (int workers = 2; workers <= 5; workers++) {
            struct team *team;
            cr_assert_eq(team_open(&team, workers, BIND_NONE, NULL), 0);
            cr_assert_eq(three_steps(nets[i], 17, (struct plan_options){ .batch = 17, .training = true, .team = team }), want);
            team_close(team);
        }
        cr_assert_eq(three_steps(nets[i], 17, (struct plan_options){ .batch = 17, .training = true, .workers = 64 }), want,
                     "planned for 64");
    }
}

/* A short last batch in a larger plan: memory behind it, whatever it holds, does not matter. */
Test(passes, same_bits_for_any_planned_batch)
{
    static const char *const nets[] = { COMPACT, RICH, PLAIN };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        uint64_t want = three_steps(nets[i], 21, (struct plan_options){ .batch = 21, .training = true });
        cr_assert_eq(three_steps(nets[i], 21, (struct plan_options){ .batch = 100, .training = true }), want);
        struct plan *plan = plan_of(nets[i], (struct plan_options){ .batch = 100, .training = true });
        train_step(plan, 100, 9);
        plan_init(plan, (struct init){ INIT_DEFAULT, false }, 1);
        for (uint32_t step = 0; step < 3; step++) train_step(plan, 21, step);
        cr_assert_eq(hash_weights(plan), want);
        plan_close(plan);
    }
}

Test(passes, simd_isas_agree_bit_by_bit)
{
    static const char *const nets[] = { RICH, PLAIN };
    unsigned isas = cpu_detect() & kernels_built() & ~(1u << ISA_SCALAR | 1u << ISA_AMX);
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        uint64_t want = three_steps(nets[i], 17, (struct plan_options){ .batch = 17, .training = true, .isas = 1u << ISA_PORTABLE });
        for (int isa = 0; isa < ISA_COUNT; isa++)
            if (isas >> isa & 1)
                cr_assert_eq(three_steps(nets[i], 17, (struct plan_options){ .batch = 17, .training = true, .isas = 1u << isa }), want,
                             "%s differs from portable on %s", isa_name((enum isa)isa), nets[i]);
    }
}

/* Did both passes of n images come out on the same side of every kink: the taps that max-pools took, the signs that activations saw? */
static bool same_sides(const struct plan *a, const struct plan *b, int n)
{
    for (int i = 0; i < a->net.count; i++) {
        const struct layer *l = &a->net.layers[i];
        const struct planned *p = &a->layers[i], *q = &b->layers[i];
        size_t pixels = (size_t)l->out.c * (size_t)l->out.h * (size_t)l->out.w;
        for (size_t j = 0; j < (size_t)image_blocks(n) * pixels * LANES; j++) {
            if ((int)(j / (pixels * LANES)) * LANES + (int)(j % LANES) >= n) continue;
            if ((p->argmax && p->argmax[j] != q->argmax[j]) || (l->kind == LAYER_ACTIVATION && (p->y[j] > 0) != (q->y[j] > 0)))
                return false;
        }
    }
    return true;
}

/* Where rounding tips an element over a kink, gradients may differ by more than rounding, and say nothing: another batch is taken. */
Test(passes, simd_is_near_scalar)
{
    static const char *const nets[] = { COMPACT, RICH, PLAIN };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct plan_options whole = { .batch = 37, .training = true, .no_blocks = true }; /* all that same_sides looks at is kept */
        struct plan *b = plan_of(nets[i], whole);
        whole.isas = 1u << ISA_SCALAR;
        struct plan *a = plan_of(nets[i], whole);
        cr_assert_neq(b->kernels->isa, ISA_SCALAR);
        bool same = false;
        for (uint32_t batch = 0; batch < 8 && !same; batch++) {
            plan_init(a, (struct init){ INIT_DEFAULT, false }, 1);
            plan_init(b, (struct init){ INIT_DEFAULT, false }, 1);
            train_step(a, 37, batch);
            train_step(b, 37, batch);
            same = same_sides(a, b, 37);
        }
        cr_assert(same, "%s: every batch tips over a kink", nets[i]);
        double scale = 0, apart = 0;
        for (size_t j = 0; j < a->trained; j++) {
            scale = fmax(scale, fabs((double)a->gradients[j]));
            apart = fmax(apart, fabs((double)a->gradients[j] - (double)b->gradients[j]));
        }
        cr_assert(scale > 0 && apart <= 1e-4 * scale, "%s: %g of %g", nets[i], apart, scale);
        plan_close(a);
        plan_close(b);
    }
}

/* Batch norm on the input itself: the statistics of what came in, a tenth of them per pass, the variance unbiased; then inference with
 * them. */
Test(passes, running_statistics_follow_the_batches)
{
    enum { N = 21, AREA = 6 };
    struct plan *plan = plan_of("1x2x3 bn gap", (struct plan_options){ .batch = N, .training = true });
    double mean = 0, variance = 1;
    for (int pass = 0; pass < 2; pass++) {
        double sum = 0, squares = 0;
        fill(plan, 100 * pass, N);
        for (int i = 0; i < image_blocks(N) * AREA * LANES; i++) { /* dead lanes hold zeros */
            sum += (double)plan->input[i];
            squares += (double)plan->input[i] * (double)plan->input[i];
        }
        const double count = N * AREA, of_batch = sum / count;
        plan_forward(plan, N, true, (struct pass_key){ 1, (uint32_t)pass, 0 });
        mean = 0.9 * mean + 0.1 * of_batch;
        variance = 0.9 * variance + 0.1 * (squares - count * of_batch * of_batch) / (count - 1);
        cr_assert_float_eq((double)plan_tensor(plan, 2).value[0], mean, 1e-6);
        cr_assert_float_eq((double)plan_tensor(plan, 3).value[0], variance, 1e-6);
    }
    plan_forward(plan, 1, false, (struct pass_key){ 0 });
    double sum = 0;
    for (int i = 0; i < AREA; i++) sum += (double)plan->input[i * LANES];
    cr_assert_float_eq((double)plan_logits(plan)[0], (sum / AREA - mean) / sqrt(variance + 1e-5), 1e-5);
    plan_close(plan);
}

/* Images of 0 to 255 are constant in places: what batch norm makes of a constant channel is beta, but for one rounding of beta - mean *
 * scale. Here that is 80,638 at most, whose roundings are of up to 0.004; PyTorch gives 0.005 and 0.011. */
Test(passes, batch_norm_of_a_constant_channel_is_beta)
{
    enum { N = 50, C = 6, AREA = 28 * 28 };
    static const float values[C] = { 255, 200, 200.7f, 0.1f, 254.99f, -1000 / 7.0f };
    for (int isa = 0; isa < ISA_AMX; isa++) {
        if (!(cpu_detect() & kernels_built() & 1u << isa)) continue;
        struct plan_options options = { .batch = N, .training = true, .isas = 1u << isa, .no_fuse = true };
        struct plan *plan = plan_of("6x28x28 bn gap", options);
        real *x = plan_input(plan);
        for (int i = 0; i < image_blocks(N) * AREA * C * LANES; i++) {
            const int image = i / (AREA * C * LANES) * LANES + i % LANES;
            x[i] = image < N ? (real)values[i / LANES % C] : 0;
        }
        plan_forward(plan, N, true, (struct pass_key){ 1, 0, 0 });
        const real *y = plan_output(plan, 0);
        for (int c = 0; c < C; c++) {
            cr_assert_float_eq((double)y[c * LANES], 0, 0.004, "%s: %g of %g", isa_name((enum isa)isa), (double)y[c * LANES],
                               (double)values[c]);
            cr_assert_eq(plan_tensor(plan, 3).value[c], 0.9f, "a variance of 0 was tracked");
        }
        plan_close(plan);
    }
}

/* Inference plans use buffers again, training plans keep them, and both write in place by different rules. */
Test(passes, inference_plans_agree_with_training_plans)
{
    static const char *const nets[] = { COMPACT, RICH, PLAIN,
                                        "3x9x9 conv3same add2 relu drop0.5 add2 conv3 tanh add2 add4 drop0.1 bn add3 dense5",
                                        "1x6x6 drop0.5 tanh drop0.5 drop0.5 relu dense3" };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct plan *a = plan_of(nets[i], (struct plan_options){ .batch = 40, .training = true });
        struct plan *b = plan_of(nets[i], (struct plan_options){ .batch = 40 });
        train_step(a, 40, 0);
        for (int t = 0; t < plan_tensors(a); t++)
            memcpy(plan_tensor(b, t).value, plan_tensor(a, t).value, plan_tensor(a, t).count * sizeof(real));
        for (int n = 40; n > 0; n -= 13) {
            fill(a, 0, n);
            fill(b, 0, n);
            plan_forward(a, n, false, (struct pass_key){ 0 });
            plan_forward(b, n, false, (struct pass_key){ 0 });
            size_t logits = (size_t)image_blocks(n) * LANES * (size_t)plan_net(a)->layers[plan_net(a)->count - 1].out.c;
            cr_assert_arr_eq(plan_logits(a), plan_logits(b), logits * sizeof(real), "%s, %d images", nets[i], n);
            cr_assert_arr_eq(plan_predicted(a), plan_predicted(b), (size_t)n);
            cr_assert_arr_eq(plan_losses(a), plan_losses(b), (size_t)n * sizeof(real));
        }
        plan_close(a);
        plan_close(b);
    }
}

/* A batch of two and a half waves at once, and wave by wave. */
Test(passes, micro_batches_of_whole_waves_give_the_same_bits)
{
    enum { N = 2 * PLAN_WAVE + 500 };
    struct plan *whole = plan_of(PLAIN, (struct plan_options){ .batch = N, .training = true });
    struct plan *parts = plan_of(PLAIN, (struct plan_options){ .batch = PLAN_WAVE, .training = true });
    const struct pass_key key = { .seed = 1 };
    fill(whole, 0, N);
    plan_gradients(whole, N, N, false, key);
    for (int done = 0; done < N; done += PLAN_WAVE) {
        int n = N - done < PLAN_WAVE ? N - done : PLAN_WAVE;
        fill(parts, done, n);
        plan_gradients(parts, n, N, done > 0, key);
        cr_assert_arr_eq(plan_losses(parts), plan_losses(whole) + done, (size_t)n * sizeof(real));
    }
    cr_assert_arr_eq(parts->gradients, whole->gradients, whole->trained * sizeof(real));
    plan_close(whole);
    plan_close(parts);
}

/* Unlike the above, micro-batches of any size and nets with dropout add up only nearly. */
Test(passes, accumulated_gradients_add_up)
{
    struct plan *plan = plan_of(RICH, (struct plan_options){ .batch = 20, .training = true });
    const struct pass_key key = { .seed = 1 };
    real *once = malloc(plan->trained * sizeof(real));
    fill(plan, 0, 20);
    plan_gradients(plan, 20, 20, false, key);
    memcpy(once, plan->gradients, plan->trained * sizeof(real));
    plan_gradients(plan, 20, 40, false, key);
    for (size_t i = 0; i < plan->trained; i++) cr_assert_float_eq(plan->gradients[i], once[i] / 2, 1e-6f);
    plan_gradients(plan, 20, 40, true, key);
    for (size_t i = 0; i < plan->trained; i++) cr_assert_float_eq(plan->gradients[i], once[i], 1e-6f);
    free(once);
    plan_close(plan);
}

Test(passes, dropout_follows_seed_step_and_part)
{
    struct plan *plan = plan_of("1x8x8 drop0.5 dense4", (struct plan_options){ .batch = 16, .training = true });
    const struct pass_key keys[] = { { 1, 0, 0 }, { 2, 0, 0 }, { 1, 1, 0 }, { 1, 0, 1 }, { 1, 0, 0 } };
    uint64_t hashes[5];
    fill(plan, 0, 16);
    for (int i = 0; i < 5; i++) {
        plan_forward(plan, 16, true, keys[i]);
        hashes[i] = hash(1, plan_output(plan, 0), 64 * LANES * sizeof(real));
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++) cr_assert_neq(hashes[i], hashes[j]);
    cr_assert_eq(hashes[4], hashes[0]);
    plan_close(plan);
}

Test(passes, dropout_layers_drop_apart)
{
    struct plan *plan = plan_of("1x8x8 drop0.5 tanh drop0.5 dense4", (struct plan_options){ .batch = 16, .training = true });
    fill(plan, 0, 16);
    plan_forward(plan, 16, true, (struct pass_key){ 1, 0, 0 });
    cr_assert_neq(memcmp(plan->layers[0].mask, plan->layers[2].mask, 64 * sizeof *plan->layers[0].mask), 0);
    plan_close(plan);
}

/* Whatever scratch held; dead lanes of activations hold what they like, gradients of them nothing. */
Test(passes, padding_between_tensors_stays_zero)
{
    struct plan *plan = plan_of(RICH, (struct plan_options){ .batch = 33, .training = true });
    memset(plan->partials, 0xff, plan->partial_count * sizeof(real));
    train_step(plan, 33, 0);
    train_step(plan, 33, 1);
    for (int i = 0; i < plan_tensors(plan); i++) {
        struct tensor t = plan_tensor(plan, i);
        for (size_t j = t.count; t.trained && j < round16(t.count); j++) cr_assert(t.value[j] == 0 && t.gradient[j] == 0, "%s", t.name);
        for (size_t j = 0; j < t.count; j++) cr_assert(isfinite(t.value[j]), "%s", t.name);
    }
    plan_close(plan);
}

/* Sixteen images of noise, learned by heart. */
Test(passes, training_learns)
{
    struct plan *plan = plan_of(PLAIN, (struct plan_options){ .batch = 16, .training = true, .optimizer_slots = 2 });
    fill(plan, 0, 16);
    double first = 0, last = 0;
    for (uint32_t step = 0; step < 60; step++) {
        const struct pass_key key = { .seed = 1, .step = step };
        struct optimizer o = { .kind = OPTIMIZER_ADAM };
        optimizer_fold(&o, EPS_PYTORCH, 0.01, 0.9, 0.999, 1e-8, (int)step + 1);
        plan_gradients(plan, 16, 16, false, key);
        plan_step(plan, &o);
        last = 0;
        for (int i = 0; i < 16; i++) last += (double)plan_losses(plan)[i];
        first = step == 0 ? last : first;
    }
    cr_assert_lt(last, 0.05 * first);
    for (int i = 0; i < 16; i++) cr_assert_eq(plan_predicted(plan)[i], plan_labels(plan)[i]);
    plan_close(plan);
}

/* Counted where the C library counts; under a sanitizer, which replaces it, both counts are 0. */
Test(passes, nothing_allocates_after_planning)
{
    struct plan *plan = plan_of(RICH, (struct plan_options){ .batch = 64, .training = true });
    struct mallinfo2 before = mallinfo2();
    for (uint32_t step = 0; step < 3; step++) train_step(plan, 64, step);
    plan_forward(plan, 64, false, (struct pass_key){ 0 });
    struct mallinfo2 after = mallinfo2();
    cr_assert_eq(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd);
    plan_close(plan);
}
