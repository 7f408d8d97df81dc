/* SPDX-License-Identifier: MIT
 * The same bits everywhere: hashes of the weights after three training steps on 17 images of strokes (a full image block and a nearly dead
 * one), equal on every SIMD ISA, any number of workers, gcc and clang, release and debug, native and emulated. The scalar kernels are not
 * held to it: they are compared within bounds.
 *
 * tests/golden/nets.txt lists nets and recipes that never change, weights.txt their hashes: its own hash is the "numerics" in every row's
 * id, so it changes when bits change, and only then. Cells that the zoo has beside them are the same on everything that runs here; those
 * with a line in zoo.txt, whose hash is in no row, also elsewhere. Adding a study or a cell leaves all rows valid.
 *
 * bf16_nets.txt and bf16.txt are the same for training in bf16, on every SIMD ISA's tiles and AMX's; "numerics" of rows in bf16 has both
 * files of hashes.
 *
 * CONVGAUGE_GOLDEN=FILE writes what this machine gets to FILE instead of comparing: look at the difference before committing it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../nets/data/strokes.h"
#include "../../nets/plan/plan.h"
#include "../../nets/train/recipe.h"
#include "../../nets/sha256.h"
#include "../../nets/zoo/zoo.h"

enum { IMAGES = 17, STEPS = 3, MAX_LINES = 256, TEXT = 2048 };
/* Multiply-adds per image above which a slow run (the portable twin, an emulator, a sanitizer) leaves a net to the others. */
static const double slow_limit = 1.5e6;
#ifdef CONVGAUGE_SLOW
static const bool slow_build = true;
#else
static const bool slow_build = false;
#endif

struct line {
    char name[96], hash[65];
};

static struct line golden[MAX_LINES];
static int golden_count;

/* Pixels of 17 images, in the middle of the net's input and on each of its channels. */
static void fill(struct plan *plan, struct shape in)
{
    real *x = plan_input(plan);
    uint8_t *labels = plan_labels(plan), pixels[STROKES_PIXELS];
    size_t floats = (size_t)in.h * (size_t)in.w * (size_t)in.c * LANES;
    memset(x, 0, 2 * floats * sizeof *x);
    memset(labels, 0, 2 * LANES);
    int top = (in.h - STROKES_SIDE) / 2, left = (in.w - STROKES_SIDE) / 2;
    for (int n = 0; n < IMAGES; n++) {
        labels[n] = (uint8_t)strokes_draw((uint64_t)n, pixels);
        for (int p = 0; p < STROKES_PIXELS; p++) {
            size_t h = (size_t)(p / STROKES_SIDE + top), w = (size_t)(p % STROKES_SIDE + left);
            real *pixel = x + (size_t)(n / LANES) * floats + (h * (size_t)in.w + w) * (size_t)in.c * LANES + (size_t)(n % LANES);
            for (int c = 0; c < in.c; c++) pixel[c * LANES] = (real)pixels[p] / 255;
        }
    }
}

static void hash_weights(struct plan *plan, char hash[65])
{
    struct sha256_part parts[NET_MAX_LAYERS * 4];
    int count = 0;
    for (int i = 0; i < plan_tensors(plan); i++) {
        struct tensor t = plan_tensor(plan, i);
        parts[count++] = (struct sha256_part){ t.value, t.count * sizeof *t.value };
    }
    sha256_hex(parts, count, hash);
}

/* Three steps of a net under a recipe; running statistics are hashed too. */
static void train_steps(const char *net_text, const char *recipe_text, unsigned isas, int workers, char hash[65])
{
    struct net net;
    struct recipe recipe;
    struct plan *plan;
    struct team *team;
    struct why why = { "" };
    cr_assert_eq(net_parse(net_text, &net, &why), 0, "%s", why.text);
    cr_assert_eq(recipe_parse(recipe_text, &recipe, &why), 0, "%s", why.text);
    cr_assert_eq(team_open(&team, workers, BIND_NONE, &why), 0, "%s", why.text);
    struct plan_options options = { .batch = IMAGES,
                                    .training = true,
                                    .isas = isas,
                                    .optimizer_slots = recipe_optimizer_slots(&recipe),
                                    .team = team,
                                    .precision = recipe.precision };
    cr_assert_eq(net_plan(&net, &options, &plan, &why), 0, "%s", why.text);
    plan_init(plan, recipe.init, 1);
    fill(plan, net.in);
    for (int step = 0; step < STEPS; step++) {
        struct pass_key key = { .seed = 1, .step = (uint32_t)step };
        struct optimizer o = recipe_optimizer(&recipe, step, STEPS, STEPS);
        plan_gradients(plan, IMAGES, IMAGES, false, key);
        plan_step(plan, &o);
    }
    hash_weights(plan, hash);
    plan_close(plan);
    team_close(team);
}

static FILE *open_golden(const char *path)
{
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "run from the top of the tree: %s is not here", path);
    return file;
}

static void load_golden(const char *path)
{
    FILE *file = open_golden(path);
    while (golden_count < MAX_LINES && fscanf(file, "%95s %64s", golden[golden_count].name, golden[golden_count].hash) == 2) golden_count++;
    fclose(file);
}

/* NULL: it has no line. */
static const char *wanted(const char *name)
{
    for (int i = 0; i < golden_count; i++) {
        if (strcmp(golden[i].name, name) == 0) return golden[i].hash;
    }
    return NULL;
}

static bool slow(const char *net_text, unsigned isa)
{
    struct net net;
    struct why why;
    double macs = 0;
    cr_assert_eq(net_parse(net_text, &net, &why), 0);
    for (int i = 0; i < net.count; i++) macs += net_layer_facts(&net, i).macs;
    return macs > slow_limit && (slow_build || isa == ISA_PORTABLE || isa == ISA_NEON);
}

/* What this suite runs: every SIMD ISA of this CPU, or (test_golden_halves.c) AVX-512's table alone, done by halves on AVX2. */
static unsigned runnable(void)
{
#ifdef GOLDEN_BY_HALVES
    return cpu_detect() & 1u << ISA_AVX2 ? 1u << ISA_AVX512 : 0;
#else
    return cpu_detect() & kernels_built() & ~(1u << ISA_SCALAR | 1u << ISA_AMX);
#endif
}

/* AMX comes with the best ISA for floats. */
static unsigned isas_with(enum isa isa) { return 1u << isa | (isa == ISA_AMX ? 1u << isa_best(runnable()) : 0); }

/* Those that this recipe runs on: AMX has bf16 alone. */
static unsigned runnable_in(const char *recipe)
{
    const bool rounded = strstr(recipe, "precision=bf16") != NULL;
#ifdef GOLDEN_BY_HALVES
    return rounded ? 0 : runnable();
#else
    return runnable() | (rounded ? cpu_detect() & kernels_built() & 1u << ISA_AMX : 0);
#endif
}

/* One net on every SIMD ISA here and several numbers of workers, against its line or, without one, the first of them. */
static int check(const char *name, const char *net_text, const char *recipe_text, FILE *write)
{
    static const int workers[] = { 1, 2, 3, 8 };
    char hash[65] = "", first[65] = "";
    const char *want = wanted(name);
    int wrong = 0;
    for (int isa = ISA_PORTABLE; isa < ISA_COUNT; isa++) {
        if (!(runnable_in(recipe_text) & 1u << isa) || slow(net_text, (unsigned)isa)) continue;
        if (isa == ISA_PORTABLE && runnable() & 1u << ISA_NEON) /* often emulated, and kernelcheck sets the two side by side */
            continue;
        int counts = isa == ISA_PORTABLE ? 1 : slow_build || isa == ISA_NEON || ISAS_BY_NAME >> isa & 1 ? 2 : 4;
        for (int i = 0; i < counts; i++) {
            train_steps(net_text, recipe_text, isas_with((enum isa)isa), workers[i], hash);
            if (!want) want = strcpy(first, hash);
            if (write || strcmp(hash, want) == 0) continue;
            fprintf(stderr, "%s on %s with %d workers: got %s, %s %s\n", name, isa_name((enum isa)isa), workers[i], hash,
                    first[0] ? "another gives" : "golden", want);
            wrong++;
        }
    }
    if (write && hash[0]) fprintf(write, "%s %s\n", name, hash);
    return wrong;
}

static FILE *writing(void)
{
    const char *path = getenv("CONVGAUGE_GOLDEN");
    FILE *file = path ? fopen(path, "a") : NULL;
    cr_assert(!path || file, "cannot write %s", path);
    return file;
}

/* Calls `each` for every line of a file: name, net, recipe, between tabs. The number of lines. */
static int nets_in(const char *path, void (*each)(const char *name, const char *net, const char *recipe, void *context), void *context)
{
    FILE *file = open_golden(path);
    char line[3 * TEXT];
    int count = 0;
    while (fgets(line, sizeof line, file)) {
        char *net = strchr(line, '\t'), *recipe = net ? strchr(net + 1, '\t') : NULL;
        cr_assert(recipe, "%s: a line without two tabs: %s", path, line);
        *net++ = *recipe++ = 0;
        recipe[strcspn(recipe, "\n")] = 0;
        each(line, net, recipe, context);
        count++;
    }
    fclose(file);
    return count;
}

struct checking {
    FILE *write;
    int wrong;
};

static void check_fixed(const char *name, const char *net, const char *recipe, void *context)
{
    struct checking *c = context;
    if (!c->write) cr_assert(wanted(name), "%s has no line among the hashes", name);
    c->wrong += check(name, net, recipe, c->write);
}

static void check_file(const char *nets, const char *hashes)
{
    if (!runnable()) cr_skip_test("no ISA of this suite runs here");
    struct checking c = { writing(), 0 };
    if (!c.write) load_golden(hashes);
    const int count = nets_in(nets, check_fixed, &c);
    if (c.write) fclose(c.write);
    cr_assert_eq(c.wrong, 0, "%d hashes differ (above)", c.wrong);
    cr_assert(c.write || count == golden_count, "%d nets, %d hashes", count, golden_count);
}

Test(golden, fixed_nets) { check_file("tests/golden/nets.txt", "tests/golden/weights.txt"); }

Test(golden, fixed_nets_in_bf16) { check_file("tests/golden/bf16_nets.txt", "tests/golden/bf16.txt"); }

struct sought {
    const char *name, *net, *recipe;
    bool found;
};

static void seek(const char *name, const char *net, const char *recipe, void *context)
{
    struct sought *s = context;
    s->found = s->found || (strcmp(name, s->name) == 0 && strcmp(net, s->net) == 0 && strcmp(recipe, s->recipe) == 0);
}

Test(golden, other_cells_of_the_zoo)
{
    if (!runnable()) cr_skip_test("no ISA of this suite runs here");
    FILE *write = writing();
    int wrong = 0;
    if (!write) load_golden("tests/golden/zoo.txt");
    for (int s = 0; zoo_studies[s]; s++) {
        for (const struct zoo_cell *c = zoo_studies[s]->cells; c->cell; c++) {
            char name[96];
            snprintf(name, sizeof name, "%s/%s", zoo_studies[s]->study, c->cell);
            struct sought sought = { name, c->net, c->recipe, false };
            nets_in("tests/golden/nets.txt", seek, &sought);
            wrong += sought.found ? 0 : check(name, c->net, c->recipe, write);
        }
    }
    if (write) fclose(write);
    cr_assert_eq(wrong, 0, "%d hashes differ (above)", wrong);
}
