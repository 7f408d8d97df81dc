/* SPDX-License-Identifier: MIT
 * The net as a table, in the shape that torchsummary made familiar, with receptive fields, work and memory beside it. That tool's
 * "estimated sizes" are counted its way (every layer's output kept twice, four bytes each) so that documented figures can be compared; what
 * a run of ours really takes is in the plan. */
#include "net.h"

#include <assert.h>
#include <stdio.h>

static const double MIB = 1 << 20;

static double elements(struct shape s)
{
    return (double)s.c * s.h * s.w;
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

void net_summary(const struct net *net, int batch, void *file)
{
    assert(net && net->count > 0);
    assert(batch >= 1 && file);
    FILE *out = file;
    double macs = 0, outputs = 0;
    fprintf(out, "   #  %-24s  %-14s %12s  %6s %12s %14s\n", "layer", "output", "parameters", "field", "MACs/image", "bytes");
    rule(out);
    for (int i = 0; i < net->count; i++) {
        print_line(out, net, i, batch);
        macs += net_layer_facts(net, i).macs;
        outputs += elements(net->layers[i].out);
    }
    double input = elements(net->in) * batch * sizeof(float) / MIB, passes = 2 * outputs * batch * sizeof(float) / MIB;
    double parameters = (double)net_parameters(net) * sizeof(float) / MIB;
    rule(out);
    fprintf(out, "input %dx%dx%d, batch %d; %ld parameters, %.0f MACs per image forward\n", net->in.c, net->in.h, net->in.w, batch,
            net_parameters(net), macs);
    fprintf(out, "Input size (MB): %.2f\nForward/backward pass size (MB): %.2f\nParams size (MB): %.2f\nEstimated Total Size (MB): %.2f\n",
            input, passes, parameters, input + passes + parameters);
}
