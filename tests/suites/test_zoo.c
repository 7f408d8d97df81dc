/* SPDX-License-Identifier: MIT
 * The zoo: every cell's strings are canonical, its net has the parameters it says and fits its study's data, names are unique. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "../../nets/train/recipe.h"
#include "../../nets/zoo/zoo.h"

extern const struct zoo_study vanishing_canvas, mnist_architectures, scratch_cnn, kernel_size, compact_net;

static struct net parse(const char *text)
{
    struct net net;
    struct why why = { "" };
    cr_assert_eq(net_parse(text, &net, &why), 0, "%s: %s", text, why.text);
    return net;
}

static const struct zoo_cell *find(const struct zoo_study *study, const char *name)
{
    const struct zoo_cell *cell = study->cells;
    while (cell->cell && strcmp(cell->cell, name) != 0) cell++;
    cr_assert_not_null(cell->cell, "%s/%s is gone", study->study, name);
    return cell;
}

Test(zoo, strings_are_canonical_and_parameters_true)
{
    int cells = 0;
    for (int s = 0; zoo_studies[s]; s++)
        for (const struct zoo_cell *cell = zoo_studies[s]->cells; cell->cell; cell++, cells++) {
            char text[1024];
            struct net net = parse(cell->net);
            cr_assert_str_eq(net_print(&net, text, sizeof text), cell->net);
            cr_assert_eq(net_parameters(&net), cell->parameters, "%s/%s: %ld parameters, not %ld", zoo_studies[s]->study, cell->cell,
                         net_parameters(&net), cell->parameters);
            struct recipe r;
            struct why why = { "" };
            cr_assert_eq(recipe_parse(cell->recipe, &r, &why), 0, "%s", why.text);
            cr_assert_str_eq(recipe_print(&r, text, sizeof text), cell->recipe);
            cr_assert(cell->published_acc >= 0 && cell->published_acc <= 100 && cell->published_loss >= 0);
            cr_assert(cell->published_as && strlen(cell->published_as) > 0);
        }
    cr_assert_geq(cells, 34, "only %d cells", cells);
}

Test(zoo, nets_fit_their_data)
{
    for (int s = 0; zoo_studies[s]; s++)
        for (const struct zoo_cell *cell = zoo_studies[s]->cells; cell->cell; cell++) {
            const char *data = cell->data ? cell->data : zoo_studies[s]->data;
            bool cifar = strcmp(data, "cifar-10") == 0;
            struct dataset d = { .name = data, .classes = 10, .c = cifar ? 3 : 1, .h = cifar ? 32 : 28, .w = cifar ? 32 : 28 };
            struct recipe r;
            int c, h, w;
            cr_assert_eq(recipe_parse(cell->recipe, &r, NULL), 0);
            struct net net = parse(cell->net);
            transform_shape(&r.transform, &d, &c, &h, &w);
            cr_assert(net.in.c == c && net.in.h == h && net.in.w == w, "%s/%s does not take %s", zoo_studies[s]->study, cell->cell, data);
            struct shape out = net.layers[net.count - 1].out;
            cr_assert(out.c == 10 && out.h == 1 && out.w == 1, "%s/%s does not end in ten classes", zoo_studies[s]->study, cell->cell);
        }
}

Test(zoo, names_are_unique_and_the_promised_ones_are_there)
{
    for (int s = 0; zoo_studies[s]; s++)
        for (const struct zoo_cell *cell = zoo_studies[s]->cells; cell->cell; cell++)
            cr_assert_eq(find(zoo_studies[s], cell->cell), cell, "%s/%s is there twice", zoo_studies[s]->study, cell->cell);
    find(&compact_net, "published");
    static const char *const kernels[] = { "dense", "3x3", "5x5", "7x7" };
    for (int i = 0; i < 4; i++) find(&kernel_size, kernels[i]);
    for (int i = 1; i <= 5; i++) {
        char name[8] = { 'e', 'x', 'p', (char)('0' + i) };
        find(&mnist_architectures, name);
    }
}

/* The receptive fields that the texts give (compact-net, right) or get wrong (exp5: 12 16 20 24 after the pool, not 12 20 28). */
Test(zoo, receptive_fields_of_the_studies)
{
    static const int compact[] = { 3, 5, 6, 10, 14, 16, 24, 32 }, exp5[] = { 3, 5, 7, 8, 12, 16, 20, 24 };
    const struct {
        const struct zoo_cell *cell;
        const int *fields;
    } cases[] = {
        { find(&compact_net, "published"), compact },
        { find(&mnist_architectures, "exp5"), exp5 },
    };
    for (int i = 0; i < 2; i++) {
        struct net net = parse(cases[i].cell->net);
        int at = 0;
        for (int l = 0; l < net.count && at < 8; l++)
            if (net.layers[l].kind == LAYER_CONV || net.layers[l].kind == LAYER_POOL) {
                int field = net_layer_facts(&net, l).field;
                cr_assert_eq(field, cases[i].fields[at], "case %d, layer %d: %d, want %d", i, l, field, cases[i].fields[at]);
                at++;
            }
        cr_assert_eq(at, 8);
    }
}

/* vanishing-canvas at depth D: two layers a block, each block sees three pixels more, and the canvas is one smaller. */
Test(zoo, vanishing_canvas_grows_what_it_sees)
{
    for (int depth = 1; depth <= 15; depth++) {
        char name[16];
        snprintf(name, sizeof name, "d%d", depth);
        struct net net = parse(find(&vanishing_canvas, name)->net);
        int last = 3 * depth - 1;
        cr_assert_eq(net.layers[last].kind, LAYER_POOL);
        cr_assert_eq(net_layer_facts(&net, last).field, 1 + 3 * depth, "%s", name);
        cr_assert_eq(net.layers[last].out.h, 28 - depth, "%s", name);
    }
}

/* The counts that the studies' notes give, typed again: the table's own could be wrong together with the net. */
Test(zoo, parameters_of_the_notes)
{
    static const struct {
        const struct zoo_study *study;
        const char *cell;
        long parameters;
    } notes[] = {
        { &vanishing_canvas, "d5", 16246 },       { &vanishing_canvas, "d9", 11542 },
        { &vanishing_canvas, "d10", 10516 },      { &vanishing_canvas, "d15", 6286 },
        { &mnist_architectures, "exp1", 480176 }, { &mnist_architectures, "exp1b", 21000 },
        { &mnist_architectures, "exp2", 27738 },  { &mnist_architectures, "exp3", 23426 },
        { &mnist_architectures, "exp3s", 4418 },  { &mnist_architectures, "exp3s-dense50", 12968 },
        { &mnist_architectures, "exp4", 17054 },  { &mnist_architectures, "exp5", 17302 },
        { &scratch_cnn, "published", 7856 },      { &kernel_size, "dense", 101770 },
        { &kernel_size, "3x3", 220234 },          { &kernel_size, "5x5", 253514 },
        { &kernel_size, "7x7", 303434 },          { &compact_net, "published", 8070 },
    };
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        struct net net = parse(find(notes[i].study, notes[i].cell)->net);
        cr_assert_eq(net_parameters(&net), notes[i].parameters, "%s/%s", notes[i].study->study, notes[i].cell);
    }
}
