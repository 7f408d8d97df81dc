/* SPDX-License-Identifier: MIT
 * What a page can draw of a trained net, as .npy files that any numpy opens, in a folder per cell and arm: its filters, the feature maps of
 * one test image, the confusion matrix, the test images it takes for something else; beside them looks.json with what the study measured
 * inside the run, and per data set an overview: counts, mean image and ten images of each class. Only the first seed is drawn. */
#include "driver.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../../nets/whole_file.h"

enum { SHOWN_WRONG = 100, SHOWN_EACH = 10 };

bool pictures_wanted(const struct sweep *s, const struct run *r)
{
    const struct options *o = s->options;
    return s->wish->pictures && !s->wish->timing && r->seed == (o->seed_count ? o->seeds[0] : 0);
}

/* DIR/study/cell or DIR/study/cell-arm; what is no letter or digit becomes a dash. */
const char *pictures_folder(const struct sweep *s, const struct run *r, char *text, size_t size)
{
    assert(s->wish->pictures);
    assert(size > 0);
    size_t used = (size_t)snprintf(text, size, "%s/%s/", s->wish->pictures, s->study), from = used;
    used += (size_t)snprintf(text + used, size - used, "%s%s%s", r->entry->cell, *r->entry->arm ? "-" : "", r->entry->arm);
    for (size_t i = from; i < used && i < size - 1; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '.') text[i] = '-';
    return text;
}

bool pictures_missing(const struct sweep *s, const struct run *r)
{
    char path[4096];
    size_t used = strlen(pictures_folder(s, r, path, sizeof path - 32));
    snprintf(path + used, sizeof path - used, "/looks.json");
    return access(path, F_OK) != 0;
}

/* ---- files ------------------------------------------------------------------------------------------------------------------------- */

struct place {
    char path[4096];
};

/* Makes the folders on the way. */
static struct place place(const char *folder, const char *name)
{
    assert(folder);
    assert(name);
    struct place p;
    snprintf(p.path, sizeof p.path, "%s/%s", folder, name);
    make_folders(p.path);
    return p;
}

/* Version 1.0 of numpy's format; type is "<f4", "<i4" or "|u1". A file that cannot be written is missing, which is said. */
static void npy_write(const char *folder, const char *name, const char *type, int rank, const int *extent, const void *data)
{
    assert(rank >= 1);
    assert(data);
    char header[128], shape[80] = "";
    size_t used = 0, count = 1, size = type[1] == 'u' ? 1 : 4;
    for (int i = 0; i < rank; i++) {
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%d,", extent[i]);
        count *= (size_t)extent[i];
    }
    int length = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, shape);
    assert(length > 0);
    assert(length < 117);
    memset(header + length, ' ', sizeof header - (size_t)length);
    header[117] = '\n';
    struct place p = place(folder, name);
    struct whole_file w;
    struct why why;
    int status = whole_open(&w, p.path, &why);
    if (status == 0) {
        fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, w.file); /* what fails is told when it is closed */
        fwrite(header, 1, 118, w.file);
        fwrite(data, size, count, w.file);
        status = whole_close(&w, &why);
    }
    if (status) warn("%s: --pictures", why.text);
}

static void *room_for(size_t count, size_t size)
{
    assert(size > 0);
    void *room = calloc(count ? count : 1, size);
    if (!room) quit(EXIT_FAIL, "out of memory for pictures");
    return room;
}

/* ---- nets -------------------------------------------------------------------------------------------------------------------------- */

static void write_filters(const struct look *look, const struct plan *plan)
{
    char name[80];
    for (int i = 0; i < plan_tensors(plan); i++) {
        struct tensor t = plan_tensor(plan, i);
        if (t.rank != 4) continue;
        float *values = room_for(t.count, sizeof *values);
        for (size_t k = 0; k < t.count; k++) values[k] = (float)t.value[k];
        snprintf(name, sizeof name, "%s.npy", t.name);
        npy_write(look->folder, name, "<f4", t.rank, t.extent, values);
        free(values);
    }
}

/* Lane 0 of y[1][H][W][C][16] as [C][H][W]. */
static void write_maps(const struct look *look, const char *name, struct shape s, const real *y)
{
    assert(y);
    const int extent[] = { s.c, s.h, s.w };
    float *maps = room_for((size_t)s.c * (size_t)s.h * (size_t)s.w, sizeof *maps);
    for (int c = 0; c < s.c; c++)
        for (int i = 0; i < s.h * s.w; i++)
            maps[(size_t)c * (size_t)(s.h * s.w) + (size_t)i] = (float)y[((size_t)i * (size_t)s.c + (size_t)c) * LANES];
    npy_write(look->folder, name, "<f4", 3, extent, maps);
    free(maps);
}

/* The first test image and what each layer that has a picture makes of it. */
static void write_feature_maps(const struct look *look, struct plan *plan, struct batcher *batcher)
{
    const int first = 0;
    char name[160], word[96];
    batcher_fill(batcher, &look->data->test, &first, 1, NULL, plan_input(plan), plan_labels(plan));
    write_maps(look, "sample.npy", look->net->in, plan_input(plan));
    plan_forward(plan, 1, false, (struct pass_key){ 0 });
    for (int i = 0; i < look->net->count; i++) {
        const struct layer *l = &look->net->layers[i];
        if (l->out.h < 2 || (l->kind != LAYER_CONV && l->kind != LAYER_POOL)) continue;
        snprintf(name, sizeof name, "map-%02d-%s.npy", i, layer_print(l, word, sizeof word));
        write_maps(look, name, l->out, plan_output(plan, i));
    }
}

/* Which test images are taken for what. */
static void write_confusion(const struct look *look, struct plan *plan, struct batcher *batcher)
{
    const struct dataset *d = look->data;
    assert(d->classes >= 1);
    int n = d->test.count, wrong = 0;
    int *index = room_for((size_t)n, sizeof *index), *matrix = room_for((size_t)(d->classes * d->classes), sizeof *matrix);
    uint8_t *predicted = room_for((size_t)n, 1), *images = room_for((size_t)(d->h * d->w * d->c), SHOWN_WRONG);
    int list[SHOWN_WRONG][3];
    size_t pixels = (size_t)(d->h * d->w * d->c);
    for (int i = 0; i < n; i++) index[i] = i;
    train_evaluate(plan, batcher, &d->test, index, n, look->batch, predicted);
    for (int i = 0; i < n; i++) {
        matrix[d->test.labels[i] * d->classes + predicted[i]]++;
        if (d->test.labels[i] == predicted[i] || wrong == SHOWN_WRONG) continue;
        memcpy(images + (size_t)wrong * pixels, d->test.pixels + (size_t)i * pixels, pixels);
        memcpy(list[wrong++], (int[]){ i, d->test.labels[i], predicted[i] }, sizeof list[0]);
    }
    npy_write(look->folder, "confusion.npy", "<i4", 2, (int[]){ d->classes, d->classes }, matrix);
    npy_write(look->folder, "wrong.npy", "|u1", 4, (int[]){ wrong, d->h, d->w, d->c }, images);
    npy_write(look->folder, "wrong-index-label-predicted.npy", "<i4", 2, (int[]){ wrong, 3 }, list);
    free(index);
    free(matrix);
    free(predicted);
    free(images);
}

/* ---- data -------------------------------------------------------------------------------------------------------------------------- */

static void write_overview(const char *pictures, const struct dataset *d)
{
    assert(d->classes >= 1);
    char folder[2048];
    snprintf(folder, sizeof folder, "%s/data-%s", pictures, d->name);
    size_t pixels = (size_t)(d->h * d->w * d->c), classes = (size_t)d->classes;
    float *mean = room_for(classes * pixels, sizeof *mean);
    uint8_t *sheet = room_for(classes * SHOWN_EACH, pixels);
    int *counts = room_for(2 * classes, sizeof *counts);
    for (int i = 0; i < d->train.count; i++) {
        size_t class = d->train.labels[i];
        const uint8_t *image = d->train.pixels + (size_t)i * pixels;
        if (counts[class] < SHOWN_EACH) memcpy(sheet + (class * SHOWN_EACH + (size_t)counts[class]) * pixels, image, pixels);
        counts[class]++;
        for (size_t p = 0; p < pixels; p++) mean[class * pixels + p] += image[p];
    }
    for (size_t i = 0; i < classes * pixels; i++) mean[i] /= (float)(counts[i / pixels] ? counts[i / pixels] : 1);
    for (int i = 0; i < d->test.count; i++) counts[classes + d->test.labels[i]]++;
    npy_write(folder, "counts.npy", "<i4", 2, (int[]){ 2, d->classes }, counts);
    npy_write(folder, "mean.npy", "<f4", 4, (int[]){ d->classes, d->h, d->w, d->c }, mean);
    npy_write(folder, "sheet.npy", "|u1", 5, (int[]){ d->classes, SHOWN_EACH, d->h, d->w, d->c }, sheet);
    free(mean);
    free(sheet);
    free(counts);
}

/* ---- all of it --------------------------------------------------------------------------------------------------------------------- */

void pictures_write(const struct sweep *s, const struct look *look, struct plan *plan)
{
    struct batcher *batcher;
    struct why why;
    assert(look->folder);
    assert(look->net->count > 0);
    write_overview(s->wish->pictures, look->data);
    if (batcher_open(&batcher, look->data, &look->recipe->transform, look->options->team, &why)) {
        warn("%s: %s", look->folder, why.text);
        return;
    }
    write_filters(look, plan);
    write_feature_maps(look, plan, batcher);
    write_confusion(look, plan, batcher);
    batcher_close(batcher);
}

void pictures_looks(const struct look *look)
{
    assert(look->folder);
    assert(look->extra);
    static const char *const long_ones[] = { "gradient_rms", "update_rms", "step_tensors" };
    struct place p = place(look->folder, "looks.json");
    if (json_dump_file(look->extra, p.path, JSON_COMPACT | JSON_REAL_PRECISION(6)))
        warn("%s could not be written; give another folder by --pictures", p.path);
    for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++)
        json_object_del(look->extra, long_ones[i]); /* a row is no place for them */
}
