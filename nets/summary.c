/* SPDX-License-Identifier: MIT
 * The net as a table, in the shape that torchsummary made familiar, with receptive fields, work and memory beside it. That tool's
 * "estimated sizes" are counted its way so that documented values can be compared; what our own runs take is in the plan. */
#include "net.h"

#include <assert.h>
#include <stdio.h>

/* MiB of float32. */
static double mebibytes(struct shape s) { return (double)s.c * s.h * s.w * sizeof(float) / (1 << 20); }

struct estimated net_estimated(const struct net *net, int batch)
{
    assert(net);
    assert(batch >= 1);
    struct estimated e = { .input = mebibytes(net->in) * batch, .parameters = (double)net_parameters(net) * sizeof(float) / (1 << 20) };
    for (int i = 0; i < net->count; i++) e.passes += 2 * mebibytes(net->layers[i].out) * batch;
    e.total = e.input + e.passes + e.parameters;
    return e;
}

static void rule(FILE *out)
{
    fputs("---------------------------------------------------------------------------------------------\n", out);
}

static void print_line(FILE *out, const struct net *net, int i, int batch)
{
    struct layer_facts facts = net_layer_facts(net, i);
    char word[96], shape[40];
    snprintf(shape, sizeof shape, "%dx%dx%d", facts.out.c, facts.out.h, facts.out.w);
    fprintf(out, "%4d  %-24s  %-14s %12ld  %6d %12.0f %14.0f\n", i, layer_print(&net->layers[i], word, sizeof word), shape,
            facts.parameters, facts.field, facts.macs, (double)facts.bytes_activations * batch);
}

void net_summary(const struct net *net, int batch, FILE *out)
{
    assert(net);
    assert(net->count > 0);
    assert(batch >= 1);
    assert(out);
    double macs = 0;
    fprintf(out, "   #  %-24s  %-14s %12s  %6s %12s %14s\n", "layer", "output", "parameters", "field", "MACs/image", "bytes");
    rule(out);
    for (int i = 0; i < net->count; i++) {
        print_line(out, net, i, batch);
        macs += net_layer_facts(net, i).macs;
    }
    const struct estimated e = net_estimated(net, batch);
    rule(out);
    fprintf(out, "input %dx%dx%d, batch %d; %ld parameters, %.0f MACs per image forward\n", net->in.c, net->in.h, net->in.w, batch,
            net_parameters(net), macs);
    fprintf(out, "Input size (MB): %.2f\nForward/backward pass size (MB): %.2f\nParams size (MB): %.2f\nEstimated Total Size (MB): %.2f\n",
            e.input, e.passes, e.parameters, e.total);
}
