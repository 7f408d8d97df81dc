/* SPDX-License-Identifier: MIT
 * The default problems: the table of shapes that this suite is measured by, and every layer of the studied nets, at 64 images. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../nets/net.h"
#include "../nets/zoo/zoo.h"
#include "kernel_problems.h"

enum { IMAGES = 64 };

static const char *const table[] = { "n64c16h24k16r3pad0",
                                     "n64c32h26k16r3pad0",
                                     "n64c32h26k64r3pad0",
                                     "n64c64h26k32r3pad0",
                                     "n64c32h14k64r3pad1",
                                     "n64c32h14k64r5pad2",
                                     "n64c32h14k64r7pad3",
                                     "n64c1h28k32r3pad1",
                                     "n64c1h28k32r5pad2",
                                     "n64c1h28k32r7pad3",
                                     "n64c1h28k8r3pad1",
                                     "n64c3h24k3r3pad1",
                                     "n64c2h15k4r3pad0",
                                     "n64c8h28k8r3pad1",
                                     "n64c8h14k16r3pad1",
                                     "n64c16h14k16r3pad1",
                                     "n64c16h9k16r3pad0",
                                     "n64c16h7k16r3pad0",
                                     "n64c16h5k12r3pad0",
                                     "n64c16h5k10r3pad0",
                                     "max:n64c32h28r2step2pad0",
                                     "max:n64c3h28r2pad0",
                                     "bn:n64c32h26",
                                     "dense:n64c784k128",
                                     "dense:n64c3136k64",
                                     "relu:v12544",
                                     "leaky:v12544",
                                     "tanh:v1024",
                                     "add:n64c3h24w24bh28bw28",
                                     "drop:t13107v12544",
                                     "loss:n64k10",
                                     "sgd:v6360m900n0f0d0",
                                     "adam:v6360t100d0k0",
                                     NULL };

static int add(struct problem_list *list, const char *text)
{
    for (int i = 0; i < list->count; i++)
        if (strcmp(list->text[i], text) == 0) return 0;
    char **more = realloc(list->text, (size_t)(list->count + 1) * sizeof *more);
    if (!more) return -ENOMEM;
    list->text = more;
    list->text[list->count] = strdup(text);
    return list->text[list->count] ? list->count++, 0 : -ENOMEM;
}

/* A layer as a problem; "" for those that the table has, since their shape matters little (activations, dropout, skips). */
static const char *layer_problem(const struct layer *layer, char *text, size_t size)
{
    text[0] = 0;
    if (layer->kind == LAYER_CONV) {
        struct conv p = layer->conv;
        p.n = IMAGES;
        conv_complete(&p);
        conv_print(&p, text, size);
    } else if (layer->kind == LAYER_POOL) {
        struct pool p = layer->pool;
        p.n = IMAGES;
        pool_complete(&p);
        pool_print(&p, text, size);
    } else if (layer->kind == LAYER_DENSE) {
        struct dense p = layer->dense;
        p.n = IMAGES;
        dense_print(&p, text, size);
    } else if (layer->kind == LAYER_BATCHNORM) {
        const struct batchnorm p = { IMAGES, layer->in.c, layer->in.h, layer->in.w };
        batchnorm_print(&p, text, size);
    }
    return text;
}

static int add_net(struct problem_list *list, const char *string, struct why *why)
{
    struct net net;
    char text[128];
    int status = net_parse(string, &net, why);
    for (int i = 0; !status && i < net.count; i++)
        if (*layer_problem(&net.layers[i], text, sizeof text)) status = add(list, text);
    return status;
}

int problems_default(struct problem_list *list, bool table_alone, struct why *why)
{
    int status = 0;
    for (int i = 0; !status && table[i]; i++) status = add(list, table[i]);
    for (int i = 0; !status && !table_alone && zoo[i]; i++)
        for (const struct zoo_cell *cell = zoo[i]->cells; !status && cell->cell; cell++) status = add_net(list, cell->net, why);
    return status == -ENOMEM ? fail(why, status, "out of memory") : status;
}

int problems_read(struct problem_list *list, const char *path, struct why *why)
{
    char line[256];
    int status = 0;
    FILE *f = fopen(path, "r");
    if (!f) return fail(why, -errno, "%s: %s; name a file with one problem a line", path, strerror(errno));
    while (!status && fgets(line, sizeof line, f)) {
        line[strcspn(line, " \t\r\n#")] = 0;
        if (*line) status = add(list, line);
    }
    fclose(f);
    if (!status && !list->count) status = fail(why, -EINVAL, "%s: holds no problem; one a line, like n64c16h26k16r3pad0", path);
    return status;
}

int problems_add(struct problem_list *list, const char *text)
{
    assert(text && *text);
    return add(list, text);
}

void problems_free(struct problem_list *list)
{
    for (int i = 0; i < list->count; i++) free(list->text[i]);
    free(list->text);
}
