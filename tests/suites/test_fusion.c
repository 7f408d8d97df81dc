/* SPDX-License-Identifier: MIT
 * Layers done together give the bits that they give one by one: the studied nets and random ones, training and inference, block by block
 * and group by group, on one worker and on several that do not divide the images. Before every pass all that it is to write is filled with
 * NaNs, so that a row that is read before it is made does not go unseen. */
#include <limits.h>
#include "planned.h"
#include "../../nets/layers/tiles.h"
#include "../../nets/zoo/zoo.h"

/* Of the studied nets a sanitizer sees those of so many multiply-adds an image: the larger ones have the same layers. */
#ifdef CONVGAUGE_SLOW
enum { RANDOM_NETS = 15, STUDIED_MACS = 2000000 };
#else
enum { RANDOM_NETS = 60, STUDIED_MACS = INT_MAX };
#endif

/* Of all plans of a test, which has a process of its own. */
static enum precision precision;

static void poison_lines(struct plan *plan, const struct planned *l)
{
    const int all = image_blocks(plan->at_once), lines = l->lines_own ? l->lines_own * plan->workers : all,
              dlines = l->dlines_own ? l->dlines_own * plan->workers : all;
    if (l->lines) memset(l->lines, 0xff, (size_t)lines * tiles_lines_block(&l->conv) * sizeof *l->lines);
    if (l->dlines) memset(l->dlines, 0xff, (size_t)dlines * tiles_dlines_block(&l->conv) * sizeof *l->dlines);
}

static void poison(struct plan *plan)
{
    for (int i = 0; i < plan->net.count; i++) poison_lines(plan, &plan->layers[i]);
    const struct buffers *b = &plan->buffers;
    const size_t images = (size_t)image_blocks(plan->at_once) * LANES, own = (size_t)plan->workers * LANES;
    for (int i = 0; i < b->values; i++) memset(plan->values[i], 0xff, b->value_size[i] * (b->value_local[i] ? own : images));
    for (int i = 0; i < b->gradients; i++)
        memset(plan->value_gradients[i], 0xff, b->gradient_size[i] * (b->gradient_local[i] ? own : images));
}

static int longest_group(const struct plan *plan)
{
    int longest = 0;
    for (int pass = 0; pass < PASSES; pass++)
        for (int g = 0; g < plan->schedule[pass].groups; g++)
            longest = plan->schedule[pass].group[g].count > longest ? plan->schedule[pass].group[g].count : longest;
    for (int pass = TRAINING_PASS; pass <= INFERENCE_PASS; pass++)
        for (int p = 0; p < plan->course[pass].phases; p++)
            longest = plan->course[pass].phase[p].count > longest ? plan->course[pass].phase[p].count : longest;
    return longest;
}

static uint64_t results(const struct plan *plan, uint64_t h, int n)
{
    h = hash(h, plan_losses(plan), (size_t)n * sizeof(real));
    return hash(h, plan_predicted(plan), (size_t)n);
}

/* Two steps in training, then inference in the same plan. */
static uint64_t trained(const struct net *net, int n, struct plan_options options, int *longest)
{
    struct plan *plan;
    struct why why = { "" };
    options.isas = cpu_detect();
    options.precision = precision;
    options.training = true;
    cr_assert_eq(net_plan(net, &options, &plan, &why), 0, "%s", why.text);
    plan_init(plan, (struct init){ INIT_DEFAULT, false }, 1);
    *longest = longest_group(plan);
    uint64_t h = 1;
    for (uint32_t step = 0; step < 2; step++) {
        poison(plan);
        train_step(plan, n, step);
        h = results(plan, h, n);
    }
    poison(plan);
    plan_forward(plan, n, false, (struct pass_key){ 0 });
    h = hash(results(plan, h, n), plan->gradients, plan->trained * sizeof(real));
    h = hash(h, plan->parameters, plan->trained * sizeof(real));
    plan_close(plan);
    return h;
}

static uint64_t inferred(const struct net *net, int n, struct plan_options options)
{
    struct plan *plan;
    struct why why = { "" };
    options.isas = cpu_detect();
    options.precision = precision;
    cr_assert_eq(net_plan(net, &options, &plan, &why), 0, "%s", why.text);
    plan_init(plan, (struct init){ INIT_DEFAULT, false }, 1);
    fill(plan, 0, n);
    poison(plan);
    plan_forward(plan, n, false, (struct pass_key){ 0 });
    const size_t logits = (size_t)image_blocks(n) * LANES * (size_t)net->layers[net->count - 1].out.c;
    const uint64_t h = hash(results(plan, 1, n), plan_logits(plan), logits * sizeof(real));
    plan_close(plan);
    return h;
}

/* On 1, 1 + step … workers. Returns the most stages that one worker does together. */
static int assert_same_bits(const char *text, int n, struct team *const teams[3], int step)
{
    const struct net net = toy_net(text);
    int longest, alone = 0;
    const struct plan_options apart = { .batch = n, .no_fuse = true };
    const uint64_t want = trained(&net, n, apart, &longest), inference = inferred(&net, n, apart);
    cr_assert_eq(longest, 1);
    for (int i = 0; i < 3; i += step)
        for (int blocks = 0; blocks < 2; blocks++) {
            const struct plan_options together = { .batch = n, .team = teams[i], .no_blocks = blocks == 0 };
            const char *how = blocks ? "block by block" : "group by group";
            cr_assert_eq(trained(&net, n, together, &longest), want, "%s, %d images, %d workers, %s", text, n, i + 1, how);
            cr_assert_eq(inferred(&net, n, together), inference, "%s, %d images, %d workers, %s", text, n, i + 1, how);
            alone = i == 0 && blocks == 0 ? longest : alone;
        }
    cr_assert_eq(trained(&net, n, (struct plan_options){ .batch = n, .no_recompute = true }, &longest), want, "%s, all kept", text);
    return alone;
}

static void open_teams(struct team *teams[3])
{
    teams[0] = NULL;
    for (int i = 1; i < 3; i++) cr_assert_eq(team_open(&teams[i], i + 1, BIND_NONE, NULL), 0);
}

static void close_teams(struct team *const teams[3])
{
    for (int i = 1; i < 3; i++) team_close(teams[i]);
}

static double macs_of(const char *text)
{
    const struct net net = toy_net(text);
    double macs = 0;
    for (int i = 0; i < net.count; i++) macs += net_layer_facts(&net, i).macs;
    return macs;
}

Test(fusion, same_bits_for_the_studied_nets)
{
    struct team *teams[3];
    open_teams(teams);
    const char *last = "";
    for (int i = 0; zoo_studies[i]; i++)
        for (const struct zoo_cell *cell = zoo_studies[i]->cells; cell->cell; cell++) {
            if (strcmp(cell->net, last) != 0 && strstr(cell->net, "conv") && macs_of(cell->net) <= STUDIED_MACS)
                cr_assert_gt(assert_same_bits(cell->net, 33, teams, 2), 1, "%s: nothing is done together", cell->net);
            last = cell->net;
        }
    close_teams(teams);
}

/* Whole waves of a batch, and micro-batches that add up; layers of so many channels that workers share their filters. */
Test(fusion, same_bits_for_whole_batches)
{
    struct team *teams[3];
    open_teams(teams);
    assert_same_bits("1x14x14 conv20same conv40same bn dense10", 16, teams, 1);
    assert_same_bits("1x14x14 conv12r5same conv20r5same bn dense10", 16, teams, 1);
    assert_same_bits(PLAIN, PLAN_WAVE + 40, teams, 1);
    assert_same_bits(COMPACT, 160, teams, 1);
    assert_same_bits(RICH, 1, teams, 1);
    close_teams(teams);
}

/* ReLU goes behind a max-pool where it may: not behind an average, not where a skip asks for what it made, nor do others. The last net has
 * batch norm, and ReLU on it, that a convolution reads through, and such that an add reads. */
Test(fusion, same_bits_with_relu_behind_pools)
{
    static const char *const nets[] = { "2x13x12 conv4same relu max2 conv5 relu max3step1pad1 dense3",
                                        "2x13x12 conv4same relu avg2 dense3",
                                        "1x9x9 conv4same relu max2step1pad0,1,0,1 add2 relu dense3",
                                        "1x9x9 relu max2 conv4same leaky0.1 max2 tanh max2 dense3",
                                        "2x12x12 conv4same bn relu max2 drop0.3 relu max2 dense3",
                                        "1x20x20 conv16same bn relu conv16 bn conv16same bn relu conv16same add2 bn relu max2 dense3" };
    struct team *teams[3];
    open_teams(teams);
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) assert_same_bits(nets[i], 40, teams, 1);
    close_teams(teams);
}

/* ---- random nets ------------------------------------------------------------------------------------------------------------------- */

static const char *const words[] = { "conv%dsame",
                                     "conv%d",
                                     "conv%dr5same",
                                     "conv%dr3step2pad1",
                                     "conv%dr1",
                                     "conv%dr2s3pad1,0,2,1",
                                     "relu",
                                     "leaky0.1",
                                     "tanh",
                                     "bn",
                                     "bn",
                                     "max2",
                                     "max2step1",
                                     "max3step2pad1",
                                     "max3step1pad1",
                                     "avg2",
                                     "avg3step2pad1count1",
                                     "drop0.3",
                                     "add2",
                                     "add3" };

static void draw(struct rng *rng, char *text, size_t size)
{
    int used = snprintf(text, size, "%dx%dx%d", 1 + (int)rng_below(rng, 5), 6 + (int)rng_below(rng, 24), 5 + (int)rng_below(rng, 24));
    for (int i = 3 + (int)rng_below(rng, 9); i > 0; i--) {
        const char *word = words[rng_below(rng, sizeof words / sizeof *words)];
        char filled[64];
        snprintf(filled, sizeof filled, word, 1 + (int)rng_below(rng, 20));
        used += snprintf(text + used, size - (size_t)used, " %s", filled);
    }
    snprintf(text + used, size - (size_t)used, rng_below(rng, 2) ? " dense5" : " gap dense3");
}

static void random_nets(uint32_t stream, int count)
{
    struct rng rng = rng_start(rng_stream_key(5, STREAM_TEST, stream, 0));
    struct team *teams[3];
    int together = 0;
    open_teams(teams);
    for (int made = 0; made < count;) {
        char text[512];
        struct net net;
        draw(&rng, text, sizeof text);
        if (net_parse(text, &net, NULL) != 0) continue;
        together += assert_same_bits(text, 1 + (int)rng_below(&rng, 100), teams, 1) > 2;
        made++;
    }
    cr_assert_gt(together, count / 2);
    close_teams(teams);
}

Test(fusion, same_bits_for_random_nets) { random_nets(0, RANDOM_NETS); }

Test(fusion, same_bits_for_random_nets_in_bf16)
{
    precision = PRECISION_BF16;
    random_nets(1, RANDOM_NETS / 3);
}

static const char MIXED[] =
    "2x12x10 conv8same relu conv8same bn add2 leaky0.1 max2step1 drop0.2 conv12r3step2pad1 tanh drop0.1 "
    "conv16r5same relu avg2step1 conv17r1 bn max3step1pad1 conv16r2s3pad1,0,1,1b0 relu add2 dense40 relu dense36b0 relu dense10";

/* Layers in bf16 next to those that are not; sums of several waves; lines of few blocks and of all. */
Test(fusion, same_bits_in_bf16)
{
    const char *const nets[] = {
        "1x20x20 conv8 relu conv16 relu max2 conv16 relu dense48 relu dense10",
        MIXED,
        "8x9x9 conv24 relu conv20same bn conv20same add2 relu gap dense20 dense40 dense10",
    };
    struct team *teams[3];
    precision = PRECISION_BF16;
    open_teams(teams);
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        for (int n = 1; n < 100; n += 33) assert_same_bits(nets[i], n, teams, 1);
    assert_same_bits("2x6x6 conv10 bn conv12 dense20 dense4", PLAN_WAVE + 40, teams, 2);
    assert_same_bits(COMPACT, 80, teams, 2);
    close_teams(teams);
}

/* ---- what is said ------------------------------------------------------------------------------------------------------------------ */

static void assert_prints(const struct plan *plan, const char *part, bool wanted)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    plan_print(plan, out);
    fclose(out);
    cr_assert_eq(strstr(text, part) != NULL, wanted, "\"%s\" in\n%s", part, text);
    free(text);
}

Test(fusion, plans_say_what_is_done_together)
{
    struct team *team;
    cr_assert_eq(team_open(&team, 2, BIND_NONE, NULL), 0);
    struct plan *plan = plan_of(COMPACT, (struct plan_options){ .batch = 64, .training = true, .team = team, .no_blocks = true });
    struct plan *apart = plan_of(COMPACT, (struct plan_options){ .batch = 64, .training = true, .no_fuse = true });
    assert_prints(plan, "together, training: 0 conv8same 1 relu, 2 bn statistics; ", true);
    assert_prints(plan, "too little to share", true);
    assert_prints(plan, "block by block", false);
    assert_prints(apart, "together", false);
    cr_assert_str_eq(plan_line(apart, 0).words, "conv8same");
    cr_assert_str_eq(plan_line(plan, 0).words, "conv8same relu bn");
    cr_assert_str_empty(plan_line(plan, 1).words);
    double sums[2] = { 0 };
    for (int i = 0; i < plan_net(plan)->count; i++) sums[0] += plan_line(plan, i).macs, sums[1] += plan_line(apart, i).macs;
    cr_assert(sums[0] > 0 && sums[0] == sums[1]);
    plan_close(plan);
    plan_close(apart);
    team_close(team);
}

/* Inference needs the blocks under way, not the batch. */
Test(fusion, inference_holds_few_images)
{
    struct plan *plan = plan_of(COMPACT, (struct plan_options){ .batch = 640 });
    struct plan *apart = plan_of(COMPACT, (struct plan_options){ .batch = 640, .no_fuse = true });
    cr_assert_lt(5 * plan_bytes(plan).activations, plan_bytes(apart).activations);
    plan_close(plan);
    plan_close(apart);
}

/* ---- block by block ---------------------------------------------------------------------------------------------------------------- */

static const char DEEP[] = "1x28x28 conv3same relu max2step1 conv3same relu max2step1 conv3same relu max2step1 dense10";

/* A net without batch norm is one phase but for the sums that reach over blocks; batch norm ends phases, wide dense layers stay out. */
Test(blocks, phases_are_as_long_as_sums_allow)
{
    const struct plan_options options = { .batch = 96, .training = true };
    struct plan *deep = plan_of(DEEP, options), *compact = plan_of(COMPACT, options);
    struct plan *wide = plan_of("1x28x28 conv4 relu max2 dense300 relu dense10", options);
    const struct course *c = &deep->course[TRAINING_PASS];
    cr_assert_eq(c->phases, 2); /* the last is the dense layer's weights */
    cr_assert_eq(c->phase[0].count, c->entries - 1);
    assert_prints(deep, "block by block, training: 0 conv3same to 9 dense10, loss, 9 dense10 back to 0 conv3same; 1 block at a time", true);
    cr_assert_gt(compact->course[TRAINING_PASS].phases, 12); /* six batch norms, forward and backward */
    assert_prints(wide, "block by block, training: 0 conv4 to 2 relu; ", true);
    plan_close(deep);
    plan_close(compact);
    plan_close(wide);
}

/* Fewer blocks than workers: rows are what they share. */
Test(blocks, few_blocks_are_cut_into_rows)
{
    struct team *team;
    cr_assert_eq(team_open(&team, 3, BIND_NONE, NULL), 0);
    for (int n = 16; n <= 96; n += 16) {
        struct plan *plan = plan_of(DEEP, (struct plan_options){ .batch = n, .training = true, .team = team });
        cr_assert_eq(plan->by_block, n == 48 || n == 96 || n == 80, "%d images", n);
        plan_close(plan);
    }
    team_close(team);
}

static size_t working_bytes(const char *text, int batch, bool no_blocks)
{
    struct plan *plan = plan_of(text, (struct plan_options){ .batch = batch, .training = true, .no_blocks = no_blocks });
    const struct shape in = plan->net.in;
    const size_t images = (size_t)image_blocks(batch) * LANES, input = images * (size_t)in.c * (size_t)in.h * (size_t)in.w * sizeof(real);
    const size_t bytes = plan_bytes(plan).activations - input;
    plan_close(plan);
    return bytes;
}

/* What grows with the batch, beside its images, is what the dense layer's sums read, and past a wave only losses and logits. */
Test(blocks, memory_does_not_follow_the_batch)
{
    cr_assert_lt(4 * working_bytes(DEEP, 1000, false), working_bytes(DEEP, 1000, true));
    cr_assert_lt(working_bytes(DEEP, 10000, false) - working_bytes(DEEP, 1024, false), 10000 * 64);
}

/* Batch norm's output, with the activation in place over it, is made anew where a convolution's sums go block by block: at 28x28, not at
 * 5x5, and not where an add reads it, or the loss. Where the convolution can read through both it is not made at all. */
Test(blocks, batch_norm_is_made_anew_where_it_is_read_by_block)
{
    static const char TEXT[] =
        "1x28x28 conv8same bn tanh conv8same bn relu conv8same bn conv8same bn tanh max4 conv8 bn relu conv4 bn relu gap";
    const struct plan_options options = { .batch = 64, .training = true };
    struct plan *plan = plan_of(TEXT, options);
    struct plan *kept = plan_of(TEXT, (struct plan_options){ .batch = 64, .training = true, .no_recompute = true });
    struct plan *source = plan_of("1x28x28 conv8same bn relu conv8same add2 gap", options);
    assert_prints(plan, "made anew in backward: 1 bn, 2 tanh\n", true);
    assert_prints(plan, "read through: 4 bn, 5 relu, 7 bn\n", true);
    assert_prints(kept, "made anew", false);
    assert_prints(kept, "read through", false);
    assert_prints(source, "made anew", false);
    assert_prints(source, "read through", false);
    cr_assert_geq(plan_bytes(kept).activations, plan_bytes(plan).activations + (size_t)3 * 3 * 8 * 28 * 28 * LANES * sizeof(real));
    plan_close(plan);
    plan_close(kept);
    plan_close(source);
}

static void count(void *context, int units, uint64_t nanoseconds)
{
    (void)units, (void)nanoseconds;
    ++*(int *)context;
}

/* Packing, the phase, its sums, the dense layer's weights, the optimizer. */
Test(blocks, a_step_takes_few_fork_joins)
{
    struct team *team;
    int joins = 0;
    cr_assert_eq(team_open(&team, 2, BIND_NONE, NULL), 0);
    struct plan *plan = plan_of(DEEP, (struct plan_options){ .batch = 96, .training = true, .team = team });
    train_step(plan, 96, 0);
    team_watch(team, count, &joins);
    train_step(plan, 96, 1);
    team_watch(team, NULL, NULL);
    cr_assert_eq(joins, 5);
    plan_close(plan);
    team_close(team);
}
