/* SPDX-License-Identifier: MIT
 * Net strings: what is taken prints as a string that means the same; its facts and its summary can be asked for; and where it is small it
 * is planned, trained for one step and run, with red zones between all tensors. */
#include "../../nets/plan/plan.h"
#include "fuzz.h"

enum { TEXT = 1 << 14, BATCH = 18 };

static bool small(const struct net *net)
{
    double macs = 0, bytes = 4.0 * net->in.c * net->in.h * net->in.w;
    for (int i = 0; i < net->count; i++) {
        struct layer_facts f = net_layer_facts(net, i);
        bool pool = net->layers[i].kind == LAYER_POOL;
        macs += pool ? (double)f.bytes_activations * net->layers[i].pool.r * net->layers[i].pool.s : f.macs;
        bytes += (double)f.bytes_activations;
    }
    return macs < 10000 && bytes < 20000 && net_parameters(net) < 2000;
}

static void fill(struct plan *plan, const struct net *net, int n)
{
    size_t pixels = (size_t)net->in.c * (size_t)net->in.h * (size_t)net->in.w;
    real *x = plan_input(plan);
    for (size_t i = 0; i < (size_t)image_blocks(n) * pixels * LANES; i++)
        x[i] = (int)(i / (pixels * LANES)) * LANES + (int)(i % LANES) < n ? (real)(i * 37 % 101) / 101 : 0;
    memset(plan_labels(plan), 0, (size_t)image_blocks(n) * LANES);
}

static void train_once(const struct net *net, enum isa isa)
{
    struct plan *plan;
    struct why why = { "" };
    struct plan_options options = { .batch = BATCH, .training = true, .isas = 1u << isa, .optimizer_slots = 2 };
    struct optimizer adam = { .kind = OPTIMIZER_ADAM, .rate = 0.01f, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f };
    int code = net_plan(net, &options, &plan, &why);
    if (code) {
        fuzz_refused(code, &why);
        return;
    }
    plan_init(plan, (struct init){ INIT_DEFAULT, false }, 1);
    for (int n = BATCH; n > 1; n /= 3) {
        fill(plan, net, n);
        plan_gradients(plan, n, n, false, (struct pass_key){ 1, 0, 0 });
        plan_step(plan, &adam);
        plan_forward(plan, n, false, (struct pass_key){ 1, 1, 0 });
    }
    plan_close(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct net net, again;
    static char first[TEXT], second[TEXT];
    static FILE *nowhere;
    struct why why = { "" };
    char *text = fuzz_text(data, size);
    int code = net_parse(text, &net, &why);
    free(text);
    if (code) {
        fuzz_refused(code, &why);
        return 0;
    }
    net_print(&net, first, sizeof first);
    assert(net_parse(first, &again, &why) == 0);
    assert(strcmp(first, net_print(&again, second, sizeof second)) == 0);
    assert(net.count == again.count && net_parameters(&net) == net_parameters(&again));
    if (!nowhere) nowhere = fopen("/dev/null", "w");
    net_summary(&net, 64, nowhere);
    if (small(&net)) train_once(&net, size % 2 ? ISA_PORTABLE : ISA_SCALAR);
    return 0;
}
