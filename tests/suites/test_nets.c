/* SPDX-License-Identifier: MIT
 * Nets as text both ways, what is said about wrong ones, and what follows from them: parameters, receptive fields, the summary. */
#include <errno.h>
#include "planned.h"
#include "../../nets/zoo/zoo.h"

extern const struct zoo_study mnist_architectures, vanishing_canvas;

/* ---- text -------------------------------------------------------------------------------------------------------------------------- */

static void assert_prints(const char *text, const char *want)
{
    struct net net = toy_net(text), again;
    char printed[8192];
    cr_assert_str_eq(net_print(&net, printed, sizeof printed), want);
    cr_assert_eq(net_parse(printed, &again, NULL), 0);
    cr_assert_str_eq(net_print(&again, printed, sizeof printed), want);
}

Test(nets, text_has_one_canonical_form)
{
    assert_prints(COMPACT, COMPACT);
    assert_prints(RICH, RICH);
    assert_prints(" 1x28x28\tconv8r3s3step1pad1b1\nrelu  gap ", "1x28x28 conv8same relu gap");
    assert_prints("1x28x28 conv8r5s3pad2,2,1,1 gap", "1x28x28 conv8r5s3same gap");
    assert_prints("1x28x28 conv8b0pad1,0,1,0step2r5 gap", "1x28x28 conv8r5step2pad1,0,1,0b0 gap");
    assert_prints("1x28x28 conv8r1same max2step2s2pad0 gap", "1x28x28 conv8r1 max2 gap");
    assert_prints("1x28x28 avg3count1step2pad1 bnmom0.10eps1e-05 gap", "1x28x28 avg3step2pad1count1 bn gap");
    assert_prints("1x28x28 bnmom0.25eps0.001 leaky0.20 drop5e-1 gap", "1x28x28 bneps0.001mom0.25 leaky0.2 drop0.5 gap");
}

Test(nets, zoo_prints_as_written)
{
    int cells = 0;
    for (int s = 0; zoo_studies[s]; s++)
        for (const struct zoo_cell *cell = zoo_studies[s]->cells; cell->cell; cell++, cells++) assert_prints(cell->net, cell->net);
    cr_assert_geq(cells, 30);
}

Test(nets, edited_layers_are_checked_again)
{
    struct net net = toy_net("1x28x28 conv8same relu max2 dense10");
    char text[128];
    net.layers[0].conv.r = net.layers[0].conv.s = 5;
    cr_assert_eq(net_check(&net, NULL), 0);
    cr_assert_str_eq(net_print(&net, text, sizeof text), "1x28x28 conv8r5same relu max2 dense10");
    cr_assert_eq(net.layers[0].out.h, 28);
    cr_assert_str_eq(net_print(&net, text, 12), "1x28x28 con");
}

static void assert_refused(const char *text, const char *first, const char *second)
{
    struct net net;
    struct why why = { "" };
    cr_assert_eq(net_parse(text, &net, &why), -EINVAL, "accepted: %s", text);
    cr_assert_not_null(strstr(why.text, first), "\"%s\" does not say \"%s\"", why.text, first);
    cr_assert_not_null(strstr(why.text, second), "\"%s\" does not say \"%s\"", why.text, second);
    cr_assert_null(strchr(why.text, '\n'));
    cr_assert_eq(net_parse(text, &net, NULL), -EINVAL);
}

Test(nets, errors_name_layer_shapes_and_way_out)
{
    static const char *const cases[][3] = {
        { "", "no net", "1x28x28 conv8" },
        { "28x28 conv8", "28x28", "such as 1x28x28" },
        { "1x28x28", "no layers", "dense10" },
        { "0x28x28 dense10", "0x28x28 is empty", "1x28x28" },
        { "1x28x28x1 dense10", "1x28x28x1", "channels x height" },
        { "1x99999x99999 gap", "too large", "1x28x28" },
        { "1x28x28 conv8 cnv8", "layer 1 \"cnv8\" is unknown", "conv max avg gap" },
        { "1x28x28 conv", "layer 0 \"conv\"", "write conv8[r5]" },
        { "1x28x28 conv8r", "layer 0", "write conv8" },
        { "1x28x28 conv8r5r5", "layer 0", "write conv8" },
        { "1x28x28 conv8samepad1", "layer 0", "write conv8" },
        { "1x28x28 conv8pad1,0,1 gap", "layer 0", "pad1,0,1,0" },
        { "1x28x28 conv8b2 gap", "layer 0", "[b0]" },
        { "1x28x28 conv99999999999 gap", "layer 0", "write conv8" },
        { "1x28x28 gap2", "layer 0", "write gap" },
        { "1x28x28 conv0 gap", "layer 0 \"conv0\" gets 1x28x28", "1 or more" },
        { "1x28x28 conv8r12 gap", "1 to 11", "change window" },
        { "1x28x28 conv8step5 gap", "1 to 4", "change window" },
        { "1x28x28 conv8pad3 gap", "padding", "change window" },
        { "1x28x28 conv8r4same gap", "odd kernel", "pad1,0,1,0" },
        { "1x28x28 max2 max2 max2 conv8r5", "layer 3 \"conv8r5\" gets 1x3x3", "shrink the image less" },
        { "1x28x28 max30 gap", "layer 0 \"max30\" gets 1x28x28", "change window" },
        { "1x28x28 max0 gap", "layer 0", "1 or more" },
        { "1x28x28 max17 gap", "256 taps", "change window" },
        { "1x28x28 max2count1 gap", "layer 0", "write max2" },
        { "1x28x28 dense0", "layer 0", "1 or more" },
        { "1x28x28 dense", "layer 0", "write dense10" },
        { "1x28x28 bneps0 gap", "eps", "above 0" },
        { "1x28x28 bnmom2 gap", "momentum", "0 to 1" },
        { "1x28x28 leaky gap", "layer 0", "write leaky0.01" },
        { "1x28x28 leaky0 gap", "slope", "above 0" },
        { "1x28x28 leaky0x1 gap", "layer 0", "leaky0.01" },
        { "1x28x28 drop1 gap", "layer 0", "0 to 0.999" },
        { "1x28x28 dropnan gap", "layer 0", "drop0.2" },
        { "1x28x28 conv1same add1 gap", "add1", "reach back 2 to 2" },
        { "1x28x28 conv1same add3 gap", "add3", "reach back 2 to 2" },
        { "1x28x28 conv3same conv3same add3 gap", "layer 2 \"add3\" gets 3x28x28 and would add the 1x28x28 of the input", "channels" },
        { "1x28x28 max2 avg2step1pad1 conv1r2pad1 add2 gap", "layer 3 \"add2\" gets 1x16x16 and would add the 1x15x15", "no smaller" },
        { "1x28x28 conv8", "ends with 8x26x26", "end with gap or dense10" },
        { "1x28x28 dense300", "ends with 300x1x1", "256 classes" },
        { "1x28x28 conv8rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr gap",
          "characters long", "layer 0" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_refused(cases[i][0], cases[i][1], cases[i][2]);
}

Test(nets, too_many_layers)
{
    char text[NET_MAX_LAYERS * 5 + 32] = "1x4x4";
    for (int i = 0; i < NET_MAX_LAYERS; i++) strcat(text, " relu");
    assert_refused(text, "ends with", "gap");
    strcat(text, " gap");
    assert_refused(text, "more than 128 layers", "fewer");
}

/* ---- facts ------------------------------------------------------------------------------------------------------------------------- */

Test(nets, parameters_are_the_documented_ones)
{
    int cells = 0;
    for (int s = 0; zoo_studies[s]; s++)
        for (const struct zoo_cell *cell = zoo_studies[s]->cells; cell->cell; cell++, cells++) {
            struct net net = toy_net(cell->net);
            cr_assert_eq(net_parameters(&net), cell->parameters, "%s/%s: %ld", zoo_studies[s]->study, cell->cell, net_parameters(&net));
        }
    cr_assert_geq(cells, 30);
    struct net compact = toy_net(COMPACT);
    cr_assert_eq(net_parameters(&compact), 8070);
}

/* After each convolution, max- and average-pool. */
static void assert_fields(const char *text, const int *want)
{
    struct net net = toy_net(text);
    for (int i = 0; i < net.count; i++)
        if (net.layers[i].kind == LAYER_CONV || (net.layers[i].kind == LAYER_POOL && !net.layers[i].global)) {
            int field = net_layer_facts(&net, i).field;
            cr_assert_eq(field, *want, "layer %d of %s sees %d, not %d", i, text, field, *want);
            want++;
        }
    cr_assert_eq(*want, 0);
}

Test(nets, receptive_fields_are_the_studies)
{
    assert_fields(COMPACT, (int[]){ 3, 5, 6, 10, 14, 16, 24, 32, 0 });
    assert_fields(mnist_architectures.cells[7].net, (int[]){ 3, 5, 7, 8, 12, 16, 20, 24, 0 });
    cr_assert_str_eq(mnist_architectures.cells[7].cell, "exp4");
    struct net deep = toy_net(vanishing_canvas.cells[4].net);
    cr_assert_eq(net_layer_facts(&deep, deep.count - 2).field, 1 + 3 * 5);
}

Test(nets, summary_counts_like_torchsummary)
{
    struct net net = toy_net("1x28x28 conv8same relu max2 dense10");
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    net_summary(&net, 64, out);
    fclose(out);
    static const char *const parts[] = { "conv8same",
                                         "8x28x28",
                                         "8x14x14",
                                         "15690",
                                         "15770 parameters",
                                         "72128 MACs per image",
                                         "Input size (MB): 0.19",
                                         "Forward/backward pass size (MB): 6.90",
                                         "Params size (MB): 0.06",
                                         "Estimated Total Size (MB): 7.15" };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_assert_not_null(strstr(text, parts[i]), "no \"%s\" in\n%s", parts[i], text);
    free(text);
}
