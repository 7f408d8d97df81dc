/* SPDX-License-Identifier: MIT
 * Training steps on three workers, for ThreadSanitizer: any two workers that touch the same element within one layer show here, with every
 * kind of layer, forward and backward, chunks and merges. The bits are compared with one worker's as well. */
#include <stdio.h>
#include <string.h>
#include "../../kernels/runtime/rng.h"
#include "../../nets/plan/internal.h"

static const char *const NETS[] = {
    "2x11x9 conv5same relu conv5same bn add2 leaky0.1 max2 drop0.2 conv6r5s3pad2,1,1,0 tanh avg2step1 conv6same "
    "add2 dense70 relu dense7",
    /* all of it block by block, but for sums over small maps */
    "2x24x20 conv5same relu max2step1 conv6same tanh max2 conv7 leaky0.1 dense9 relu dense7"
};
enum { BATCH = 37, STEPS = 2 };

static void fill(struct plan *plan, uint32_t step)
{
    const struct shape in = plan_net(plan)->in;
    struct rng rng = rng_start(rng_stream_key(1, STREAM_TEST, step, 0));
    int pixels = in.c * in.h * in.w;
    for (int i = 0; i < image_blocks(BATCH) * pixels * LANES; i++)
        plan_input(plan)[i] = i / (pixels * LANES) * LANES + i % LANES < BATCH ? (real)rng_normal(&rng) : 0;
    for (int i = 0; i < image_blocks(BATCH) * LANES; i++) plan_labels(plan)[i] = (uint8_t)(i < BATCH ? i % 7 : 0);
}

static struct plan *trained(const char *text, struct team *team)
{
    struct net net;
    struct plan *plan;
    struct why why;
    const struct plan_options options = { .batch = BATCH, .training = true, .isas = cpu_detect(), .optimizer_slots = 1, .team = team };
    if (net_parse(text, &net, &why) != 0 || net_plan(&net, &options, &plan, &why) != 0) {
        fprintf(stderr, "race_passes: %s\n", why.text);
        return NULL;
    }
    plan_init(plan, (struct init){ INIT_DEFAULT, false }, 1);
    for (uint32_t step = 0; step < STEPS; step++) {
        const struct pass_key key = { .seed = 1, .step = step };
        const struct optimizer o = { .kind = OPTIMIZER_SGD, .rate = 0.1f, .momentum = 0.9f, .first = step == 0 };
        fill(plan, step);
        plan_gradients(plan, BATCH, BATCH, false, key);
        plan_step(plan, &o);
    }
    return plan;
}

int main(void)
{
    struct team *team;
    struct why why;
    if (team_open(&team, 3, BIND_NONE, &why) != 0) {
        fprintf(stderr, "race_passes: %s\n", why.text);
        return 1;
    }
    bool all = true;
    for (size_t i = 0; i < sizeof NETS / sizeof *NETS; i++) {
        struct plan *one = trained(NETS[i], NULL), *three = trained(NETS[i], team);
        bool same = one && three && memcmp(one->parameters, three->parameters, one->trained * sizeof(real)) == 0;
        if (!same) fprintf(stderr, "race_passes: three workers' weights differ from one's: %s\n", NETS[i]);
        plan_close(one);
        plan_close(three);
        all &= same;
    }
    team_close(team);
    return all ? 0 : 1;
}
