/* SPDX-License-Identifier: MIT
 * The default problems: the shapes that this suite is measured by (each op has its own), and every layer of the studied nets, at 64 images.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../nets/net.h"
#include "../nets/zoo/zoo.h"
#include "kernel.h"
#include "kernel_problems.h"

enum { IMAGES = 64 };

static int add(struct problem_list *list, const char *text)
{
    assert(text);
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
    assert(size > 0);
    text[0] = 0;
    if (layer->kind == LAYER_CONV) {
        struct conv p = layer->conv;
        p.n = IMAGES;
        conv_complete(&p);
        assert(p.p > 0);
        conv_print(&p, text, size);
    } else if (layer->kind == LAYER_POOL) {
        struct pool p = layer->pool;
        p.n = IMAGES;
        pool_complete(&p);
        assert(p.p > 0);
        pool_print(&p, text, size);
    } else if (layer->kind == LAYER_DENSE) {
        struct dense p = layer->dense;
        p.n = IMAGES;
        dense_print(&p, text, size);
    } else if (layer->kind == LAYER_BATCHNORM) {
        const struct batchnorm p = { .n = IMAGES, .c = layer->in.c, .h = layer->in.h, .w = layer->in.w };
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
    for (int op = 0; op < OP_COUNT; op++)
        for (const char *const *text = op_benches[op]->problems; !status && *text; text++) status = add(list, *text);
    for (int i = 0; !status && !table_alone && zoo_studies[i]; i++)
        for (const struct zoo_cell *cell = zoo_studies[i]->cells; !status && cell->cell; cell++) status = add_net(list, cell->net, why);
    return status == -ENOMEM ? why_fail(why, status, "out of memory") : status;
}

int problems_read(struct problem_list *list, const char *path, struct why *why)
{
    assert(list);
    assert(path);
    char line[256];
    int status = 0;
    FILE *f = fopen(path, "r");
    if (!f) return why_fail(why, -errno, "%s: %s; name a file with one problem a line", path, strerror(errno));
    while (!status && fgets(line, sizeof line, f)) {
        line[strcspn(line, " \t\r\n#")] = 0;
        if (*line) status = add(list, line);
    }
    fclose(f);
    if (!status && !list->count) status = why_fail(why, -EINVAL, "%s: holds no problem; one a line, like n64c16h26k16r3pad0", path);
    return status;
}

int problems_add(struct problem_list *list, const char *text)
{
    assert(text);
    assert(*text);
    return add(list, text);
}

void problems_free(struct problem_list *list)
{
    for (int i = 0; i < list->count; i++) free(list->text[i]);
    free(list->text);
}
