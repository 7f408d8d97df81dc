/* SPDX-License-Identifier: MIT
 * A data set by its name is what its authors published, to the bit: the files are unpacked, checked piece by piece so that a message can
 * name the piece, and the whole is compared with the known SHA-256. So a row that says "mnist" was measured on MNIST, whichever folder was
 * given. Other data of the same form are opened by their directory and are called "custom". */
#include "dataset.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../sha256.h"
#include "cifar.h"
#include "idx.h"
#include "source.h"
#include "strokes.h"

const char *const dataset_names[] = { "mnist", "fashion-mnist", "cifar-10", "strokes", NULL };

/* "0" … "259": the digits' names, and those of custom classes (a label is one byte). */
#define TEN(t) t "0", t "1", t "2", t "3", t "4", t "5", t "6", t "7", t "8", t "9"
static const char *const number_names[] = { TEN(""),   TEN("1"),  TEN("2"),  TEN("3"),  TEN("4"),  TEN("5"),  TEN("6"),
                                            TEN("7"),  TEN("8"),  TEN("9"),  TEN("10"), TEN("11"), TEN("12"), TEN("13"),
                                            TEN("14"), TEN("15"), TEN("16"), TEN("17"), TEN("18"), TEN("19"), TEN("20"),
                                            TEN("21"), TEN("22"), TEN("23"), TEN("24"), TEN("25") };
static const char *const fashion_names[] = { "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                             "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot" };
static const char *const cifar_names[] = { "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck" };

enum form { FORM_IDX, FORM_CIFAR };
enum { MAX_FILES = 6, MAX_FOLDERS = 8, IDX_FILES = 4, CIFAR_FILES = 6 };

/* Images and labels of the training set, then of the test set. */
static const char *const idx_stems[IDX_FILES] = { "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                                  "t10k-labels-idx1-ubyte" };
static const char *const cifar_stems[CIFAR_FILES] = { "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                                      "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin" };
static const char *const packings[] = { "", ".gz", ".xz" };

struct published {
    const char *name;
    enum form form;
    int c, h, w, train, test;
    const char *const *class_names;
    const char *sha256; /* as `struct dataset` defines it */
};

static const struct published published[] = {
    { "mnist", FORM_IDX, 1, 28, 28, 60000, 10000, number_names, "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16" },
    { "fashion-mnist", FORM_IDX, 1, 28, 28, 60000, 10000, fashion_names,
      "ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f" },
    { "cifar-10", FORM_CIFAR, 3, 32, 32, 50000, 10000, cifar_names, "80387ddb9a0edf3fc4a964ee3770296169bb26a651050df20035579673099660" },
};
enum { PUBLISHED = sizeof published / sizeof *published };

/* The files of one form in one folder. */
struct files {
    enum form form;
    int count, present;
    const char *missing; /* the first stem that is not there, NULL if all are */
    char path[MAX_FILES][PATH_MAX];
};

static void look_into(const char *folder, enum form form, struct files *f)
{
    const char *const *stems = form == FORM_IDX ? idx_stems : cifar_stems;
    *f = (struct files){ .form = form, .count = form == FORM_IDX ? IDX_FILES : CIFAR_FILES };
    for (int i = 0; i < f->count; i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof packings / sizeof *packings && !found; k++) {
            int length = snprintf(f->path[i], PATH_MAX, "%s/%s%s", folder, stems[i], packings[k]);
            found = length < PATH_MAX && access(f->path[i], F_OK) == 0;
        }
        f->present += found;
        if (!found && !f->missing) f->missing = stems[i];
    }
    assert((f->present == f->count) == !f->missing);
}

/* Reading all files of a set at once, one per unit of work. */
struct load {
    const struct files *files;
    struct dataset *d;
    int label_count[2], h[2], w[2]; /* of train, test */
    int error[MAX_FILES];
    struct why why[MAX_FILES];
};

static void load_idx_files(void *context, int begin, int end, int worker)
{
    struct load *l = context;
    (void)worker;
    for (int i = begin; i < end; i++) {
        int part = i / 2;
        struct images *images = part ? &l->d->test : &l->d->train;
        const char *path = l->files->path[i];
        l->error[i] = i % 2 ? idx_read_labels(path, &l->label_count[part], &images->labels, &l->why[i])
                            : idx_read_images(path, &images->count, &l->h[part], &l->w[part], &images->pixels, &l->why[i]);
    }
}

static void load_cifar_files(void *context, int begin, int end, int worker)
{
    struct load *l = context;
    (void)worker;
    for (int i = begin; i < end; i++) {
        bool test = i == CIFAR_FILES - 1;
        struct images *images = test ? &l->d->test : &l->d->train;
        size_t first = test ? 0 : (size_t)i * CIFAR_RECORDS;
        l->error[i] = cifar_read(l->files->path[i], images->pixels + first * CIFAR_PIXELS, images->labels + first, &l->why[i]);
    }
}

static int allocate(struct images *images, int count, size_t pixels, struct why *why)
{
    images->count = count;
    images->pixels = malloc((size_t)count * pixels);
    images->labels = malloc((size_t)count);
    if (!images->pixels || !images->labels)
        return why_fail(why, -ENOMEM, "no memory for %d images (%zu bytes)", count, (size_t)count * (pixels + 1));
    return 0;
}

static int agree(const struct load *l, struct why *why)
{
    if (l->files->form != FORM_IDX) return 0;
    for (int part = 0; part < 2; part++) {
        int images = part ? l->d->test.count : l->d->train.count;
        if (images != l->label_count[part])
            return why_fail(why, -EINVAL, "%s: %d labels, expected %d, as many as images in %s: " SOURCE_WAY_OUT,
                            l->files->path[2 * part + 1], l->label_count[part], images, l->files->path[2 * part]);
    }
    if (l->h[0] != l->h[1] || l->w[0] != l->w[1])
        return why_fail(why, -EINVAL, "%s: images of %dx%d, expected %dx%d, as in %s: " SOURCE_WAY_OUT, l->files->path[2], l->h[1], l->w[1],
                        l->h[0], l->w[0], l->files->path[0]);
    return 0;
}

/* Reads `files` into d's images and shape; h and w of `d` say what is expected, 0 anything. */
static int load_files(const struct files *files, struct team *team, struct dataset *d, struct why *why)
{
    struct load *l = calloc(1, sizeof *l);
    if (!l) return why_fail(why, -ENOMEM, "no memory to read %s", files->path[0]);
    bool idx = files->form == FORM_IDX;
    int error = 0;
    *l = (struct load){ .files = files, .d = d, .h = { d->h, d->h }, .w = { d->w, d->w } };
    if (!idx) {
        error = allocate(&d->train, (CIFAR_FILES - 1) * CIFAR_RECORDS, CIFAR_PIXELS, why);
        if (!error) error = allocate(&d->test, CIFAR_RECORDS, CIFAR_PIXELS, why);
        l->h[0] = l->w[0] = CIFAR_SIDE;
    }
    if (!error) team_run(team, files->count, idx ? load_idx_files : load_cifar_files, l);
    for (int i = 0; i < files->count && !error; i++)
        if (l->error[i]) error = why_fail(why, l->error[i], "%s", l->why[i].text);
    if (!error) error = agree(l, why);
    d->c = idx ? 1 : CIFAR_CHANNELS;
    d->h = l->h[0];
    d->w = l->w[0];
    free(l);
    return error;
}

static int check_labels(const struct images *images, const struct files *files, bool test, int classes, struct why *why)
{
    for (int i = 0; i < images->count; i++) {
        if (images->labels[i] < classes) continue;
        int cifar_file = test ? CIFAR_FILES - 1 : i / CIFAR_RECORDS;
        const char *path = files->path[files->form == FORM_IDX ? (test ? 3 : 1) : cifar_file];
        return why_fail(why, -EINVAL, "%s: image %d has label %d, expected 0 … %d: " SOURCE_WAY_OUT, path, i, images->labels[i],
                        classes - 1);
    }
    return 0;
}

static void hash(struct dataset *d)
{
    size_t pixels = (size_t)d->c * (size_t)d->h * (size_t)d->w, train = (size_t)d->train.count, test = (size_t)d->test.count;
    assert(train > 0);
    assert(test > 0);
    assert(pixels > 0);
    const struct sha256_part parts[] = {
        { d->train.pixels, train * pixels }, { d->train.labels, train }, { d->test.pixels, test * pixels }, { d->test.labels, test }
    };
    sha256_hex(parts, 4, d->sha256);
}

/* Is `d` what was published under this name? Another published set's files in the folder are called by their own name. */
static int check_published(const struct published *p, const struct files *files, struct dataset *d, struct why *why)
{
    int error = check_labels(&d->train, files, false, d->classes, why);
    if (!error) error = check_labels(&d->test, files, true, d->classes, why);
    if (error) return error;
    if (d->train.count != p->train || d->test.count != p->test)
        return why_fail(why, -EINVAL,
                        "%s: %d + %d images, expected %d + %d for %s: " SOURCE_WAY_OUT "; your own data go to train by "
                        "--data-dir alone",
                        files->path[0], d->train.count, d->test.count, p->train, p->test, p->name);
    hash(d);
    for (int i = 0; i < PUBLISHED; i++)
        if (strcmp(d->sha256, published[i].sha256) == 0 && &published[i] != p)
            return why_fail(why, -EINVAL, "%s: this is %s, expected %s: say --data %s, or give another place by --data-dir", files->path[0],
                            published[i].name, p->name, published[i].name);
    if (strcmp(d->sha256, p->sha256) != 0)
        return why_fail(why, -EINVAL,
                        "%s and the files beside it are not the published %s (sha256 %.16s…, expected %.16s…): " SOURCE_WAY_OUT,
                        files->path[0], p->name, d->sha256, p->sha256);
    return 0;
}

static int open_published(const struct published *p, const struct files *files, struct team *team, struct dataset *d, struct why *why)
{
    d->classes = 10;
    d->class_names = p->class_names;
    d->h = p->h;
    d->w = p->w;
    int error = load_files(files, team, d, why);
    return error ? error : check_published(p, files, d, why);
}

/* A folder that was named and is none is said, before anybody looks into it. */
static int check_folder(const char *dir, struct why *why)
{
    struct stat is;
    if (stat(dir, &is)) return why_fail(why, -errno, "%s: %s; give a folder that is there by --data-dir", dir, strerror(errno));
    if (S_ISDIR(is.st_mode)) return 0;
    return why_fail(why, -ENOTDIR, "%s: a %s, not a folder; give the folder of the files by --data-dir", dir,
                    S_ISREG(is.st_mode)    ? "file"
                    : S_ISFIFO(is.st_mode) ? "FIFO"
                                           : "device or socket");
}

/* The first folder that has any of the set's files decides: half a set is an error, not a reason to look on. */
static int find_published(const struct published *p, const char *const *roots, struct files *files, struct why *why)
{
    char looked[400] = "", folder[PATH_MAX];
    size_t used = 0;
    for (int i = 0; roots[i]; i++) {
        for (int inside = 1; inside >= 0; inside--) {
            if (snprintf(folder, sizeof folder, "%s%s%s", roots[i], inside ? "/" : "", inside ? p->name : "") >= (int)sizeof folder)
                return why_fail(why, -ENAMETOOLONG, "%.200s…: the path is too long", roots[i]);
            look_into(folder, p->form, files);
            if (files->present == files->count) return 0;
            if (files->present > 0)
                return why_fail(why, -ENOENT, "%s: %s is missing beside %d other files of %s: " SOURCE_WAY_OUT, folder, files->missing,
                                files->present, p->name);
            if (used < sizeof looked) used += (size_t)snprintf(looked + used, sizeof looked - used, "%s%s", used ? ", " : "", folder);
        }
    }
    return why_fail(why, -ENOENT,
                    "no %s here: run tools/fetch-data %s, give its place by --data-dir, or take --data strokes, which needs no "
                    "files (looked in %s)",
                    p->name, p->name, looked);
}

static int open_strokes(struct team *team, struct dataset *d, struct why *why)
{
    d->synthetic = true;
    d->classes = STROKES_CLASSES;
    d->class_names = number_names;
    d->c = 1;
    d->h = d->w = STROKES_SIDE;
    int error = allocate(&d->train, STROKES_TRAIN, STROKES_PIXELS, why);
    if (!error) error = allocate(&d->test, STROKES_TEST, STROKES_PIXELS, why);
    if (error) return error;
    strokes_make(team, 0, STROKES_TRAIN, d->train.pixels, d->train.labels);
    strokes_make(team, STROKES_FIRST_TEST, STROKES_TEST, d->test.pixels, d->test.labels);
    hash(d);
    return 0;
}

static int open_files(const struct published *p, const char *dir, const char *env_dir, struct team *team, struct dataset *d,
                      struct why *why)
{
    const char *given[] = { dir, NULL }, *usual[] = { "./data", "../shared/data", NULL }, *all[] = { env_dir, usual[0], usual[1], NULL };
    struct files *files = calloc(1, sizeof *files);
    if (!files) return why_fail(why, -ENOMEM, "no memory to look for %s", p->name);
    int error = dir ? check_folder(dir, why) : 0;
    if (!error) error = find_published(p, dir ? given : env_dir ? all : usual, files, why);
    if (!error) error = open_published(p, files, team, d, why);
    free(files);
    return error;
}

int dataset_open(const char *name, const char *dir, const char *env_dir, struct team *team, struct dataset *d, struct why *why)
{
    assert(name);
    assert(d);
    *d = (struct dataset){ 0 };
    int error = -EINVAL, which = 0;
    while (dataset_names[which] && strcmp(dataset_names[which], name) != 0) which++;
    if (!dataset_names[which])
        return why_fail(why, -EINVAL, "no data set is called %.100s: choose mnist, fashion-mnist, cifar-10 or strokes", name);
    d->name = dataset_names[which];
    for (int i = 0; i < PUBLISHED; i++)
        if (strcmp(published[i].name, name) == 0) error = open_files(&published[i], dir, env_dir, team, d, why);
    if (strcmp(name, "strokes") == 0) error = open_strokes(team, d, why);
    if (error) dataset_close(d);
    return error;
}

/* The classes of a custom set are counted by its labels. */
static void count_classes(struct dataset *d)
{
    int most = 1;
    for (int i = 0; i < d->train.count; i++) most = d->train.labels[i] > most ? d->train.labels[i] : most;
    for (int i = 0; i < d->test.count; i++) most = d->test.labels[i] > most ? d->test.labels[i] : most;
    d->classes = most + 1;
}

int dataset_open_directory(const char *dir, struct dataset *d, struct why *why)
{
    assert(dir);
    assert(d);
    *d = (struct dataset){ .name = "custom", .class_names = number_names };
    struct files *files = calloc(1, sizeof *files);
    if (!files) return why_fail(why, -ENOMEM, "no memory to look into %s", dir);
    int error = check_folder(dir, why);
    if (!error) look_into(dir, FORM_IDX, files);
    if (!error && files->present == 0) look_into(dir, FORM_CIFAR, files);
    if (!error && files->present == 0)
        error = why_fail(why, -ENOENT,
                         "%s: neither idx (%s …) nor CIFAR-10 files (%s …): put them there under these names, or name a set "
                         "by --data",
                         dir, idx_stems[0], cifar_stems[0]);
    else if (!error && files->missing)
        error = why_fail(why, -ENOENT, "%s: %s is missing beside %d other files: put it there, plain, .gz or .xz", dir, files->missing,
                         files->present);
    if (!error) error = load_files(files, NULL, d, why);
    free(files);
    if (error) {
        dataset_close(d);
        return error;
    }
    count_classes(d);
    hash(d);
    return 0;
}

void dataset_close(struct dataset *d)
{
    free(d->train.pixels);
    free(d->train.labels);
    free(d->test.pixels);
    free(d->test.labels);
    *d = (struct dataset){ 0 };
}
