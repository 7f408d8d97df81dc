/* SPDX-License-Identifier: MIT
 * How much memory all of a sweep takes, before anything is read: the data sets, which its runs share, and as many runs as are side by
 * side, each as the largest of them. Plans tell their arenas without touching them. A limit of the process (ulimit -v, -d) has to take the
 * data and one run, since each run is a process; a limit of its cgroup or an ancestor takes all of them. Free memory can come back: where
 * it is too little, that is a warning. */
#include "driver.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Of a run beside its plan: its program, its heap, the batch being put together. */
static const double RUN_BYTES = 24e6;

struct need {
    double data, run, stacks; /* stacks of the other threads: address space alone, hardly any of it is ever touched */
    int jobs;
};

struct allowed {
    double bytes;   /* left; INFINITY: no limit */
    const char *by; /* what allows no more */
};

struct limits {
    struct allowed process, all; /* of each process; of all of them together */
    double free;                 /* of the machine at the moment; INFINITY: not told */
};

static double whole(const struct need *n, int jobs) { return n->data + jobs * n->run; }

static const char *size_text(double bytes, char text[32])
{
    if (bytes < 1e9) snprintf(text, 32, "%.0f MB", ceil(bytes / 1e6));
    else snprintf(text, 32, "%.1f GB", bytes / 1e9);
    return text;
}

/* ---- what is needed */

static double folder_bytes(const char *path)
{
    double sum = 0;
    struct stat is;
    char name[4096];
    DIR *folder = opendir(path);
    for (struct dirent *d; folder && (d = readdir(folder));) {
        snprintf(name, sizeof name, "%s/%s", path, d->d_name);
        if (stat(name, &is) == 0 && S_ISREG(is.st_mode)) sum += (double)is.st_size;
    }
    if (folder) closedir(folder);
    return sum;
}

static int train_images(const char *data_name) { return strcmp(data_name, "cifar-10") == 0 ? 50000 : 60000; }

/* Bytes as they lie in memory: a byte a pixel and one for its label; of a folder of the user's own what its files have, packed or not. */
static double data_bytes(const struct sweep *s, const char *name)
{
    assert(name);
    if (s->wish->directory) return folder_bytes(s->options->data_dir);
    return strcmp(name, "cifar-10") == 0 ? 60000 * 3073.0 : 70000 * 785.0;
}

/* What train() plans for: no more than the images that are trained on, and of a large batch a wave where no layer mixes images. */
static int batch_of(const struct entry *e, const struct recipe *r, const struct net *net)
{
    assert(r->batch >= 1);
    const struct selection *t = &r->train;
    const int most = t->kind == SELECT_SINGLE                             ? 1
                     : t->kind == SELECT_PER_CLASS                        ? (t->count <= INT_MAX / 10 ? 10 * t->count : INT_MAX)
                     : t->kind == SELECT_FIRST || t->kind == SELECT_SPLIT ? t->count
                                                                          : train_images(e->data_name);
    const int batch = r->batch < most ? r->batch : most;
    assert(batch >= 1);
    return batch > PLAN_WAVE && !net_mixes_images(net) ? PLAN_WAVE : batch;
}

/* Its arenas and its share of the rest; infinite where the arenas alone are beyond the limit, 0 where it cannot be planned, which is said
 * later. */
static double run_bytes(const struct sweep *s, const struct entry *e, int threads)
{
    assert(threads >= 1);
    static struct net net;
    struct recipe recipe;
    struct plan *plan;
    if (net_parse(e->net, &net, NULL) || recipe_parse(e->recipe, &recipe, NULL)) return 0;
    const struct plan_options options = { .batch = batch_of(e, &recipe, &net),
                                          .training = true,
                                          .isas = s->options->isas,
                                          .algo = s->options->algo,
                                          .no_fuse = s->options->no_fuse,
                                          .optimizer_slots = recipe_optimizer_slots(&recipe) };
    const int status = net_plan(&net, &options, &plan, NULL);
    if (status) return status == -ENOMEM ? INFINITY : 0;
    const struct plan_bytes b = plan_bytes(plan);
    plan_close(plan);
    return (double)(b.parameters + b.gradients + b.optimizer + b.activations) + (double)b.scratch * threads + RUN_BYTES;
}

static struct need need_of(const struct sweep *s)
{
    assert(s->cores >= 1);
    const struct options *o = s->options;
    struct need n = { 0 };
    double runs = 0;
    int threads = o->thread_count || (s->wish->tier != TIER_SPEEDRUNS && !s->wish->timing) ? 1 : s->cores;
    for (int i = 0; i < o->thread_count; i++) {
        const int count = o->threads[i] == THREADS_ALL ? s->cores : o->threads[i];
        threads = count > threads ? count : threads;
    }
    for (int i = 0; i < s->entry_count; i++) {
        const struct entry *e = &s->entries[i];
        bool seen = false, planned = false;
        runs += o->seed_count ? o->seed_count : entry_seeds(s, e);
        for (int k = 0; k < i; k++) {
            seen = seen || strcmp(s->entries[k].data_name, e->data_name) == 0;
            planned = planned || (s->entries[k].batch == e->batch && strcmp(s->entries[k].net, e->net) == 0);
        }
        if (!seen) n.data += data_bytes(s, e->data_name);
        if (!planned) n.run = fmax(n.run, run_bytes(s, e, threads));
    }
    const int most = s->wish->timing ? 1 : o->jobs ? o->jobs : s->cores / threads;
    n.jobs = (int)fmax(1, fmin(most, runs));
    struct rlimit stack;
    if (getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur != RLIM_INFINITY)
        n.stacks = (threads > s->cores ? threads : s->cores) * (double)stack.rlim_cur;
    return n;
}

/* ---- what is allowed */

/* The number that follows `key` in a file ("" : the first thing there); NAN where there is none, as of "max". */
static double number_in(const char *path, const char *key)
{
    assert(path);
    assert(key);
    char line[512];
    double value = NAN;
    FILE *f = fopen(path, "r");
    while (f && isnan(value) && fgets(line, sizeof line, f)) {
        char *end, *text = line + strlen(key);
        if (strncmp(line, key, strlen(key)) != 0) continue;
        const double got = strtod(text, &end);
        if (end != text) value = got;
    }
    if (f) fclose(f);
    return value;
}

static void lower(struct allowed *a, double bytes, const char *by)
{
    assert(by);
    if (isfinite(bytes) && bytes < a->bytes) *a = (struct allowed){ bytes, by };
}

/* The group at `path` below `root` and all above it; files that can be dropped count as free. */
static void lower_by_groups(struct allowed *a, const char *root, const char *path, const char *most, const char *used, const char *files)
{
    char group[1280], name[1400];
    snprintf(group, sizeof group, "%s%s", root, path);
    for (;;) {
        snprintf(name, sizeof name, "%s/%s", group, most);
        const double limit = number_in(name, "");
        snprintf(name, sizeof name, "%s/%s", group, used);
        const double current = number_in(name, "");
        snprintf(name, sizeof name, "%s/memory.stat", group);
        const double dropped = number_in(name, files);
        lower(a, limit - (isnan(current) ? 0 : current) + (isnan(dropped) ? 0 : dropped), "the cgroup");
        char *slash = strrchr(group, '/');
        if (strlen(group) <= strlen(root) || !slash) return;
        *slash = 0;
    }
}

static void lower_by_rlimit(struct allowed *a, const struct rlimit *limit, const char *used, const char *by)
{
    if (limit->rlim_cur != RLIM_INFINITY) lower(a, (double)limit->rlim_cur - number_in("/proc/self/status", used) * 1024, by);
}

static struct limits limits_here(void)
{
    struct limits l = { { INFINITY, "the machine" }, { INFINITY, "" }, INFINITY };
    char line[1024];
    const double available = number_in("/proc/meminfo", "MemAvailable:") * 1024;
    if (isfinite(available)) l.free = available;
    FILE *f = fopen("/proc/self/cgroup", "r");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        const char *memory = strstr(line, ":memory:");
        if (strncmp(line, "0::", 3) == 0)
            lower_by_groups(&l.all, "/sys/fs/cgroup", line + 3, "memory.max", "memory.current", "inactive_file ");
        else if (memory)
            lower_by_groups(&l.all, "/sys/fs/cgroup/memory", memory + 8, "memory.limit_in_bytes", "memory.usage_in_bytes",
                            "total_inactive_file ");
    }
    if (f) fclose(f);
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0) lower_by_rlimit(&l.process, &limit, "VmSize:", "the limit of a process (ulimit -v)");
    if (getrlimit(RLIMIT_DATA, &limit) == 0) lower_by_rlimit(&l.process, &limit, "VmData:", "the limit of a process (ulimit -d)");
    return l;
}

/* What helps where all of it is more than `left`. */
static const char *way_out(const struct need *n, double left, char text[64])
{
    char size[32];
    const int fit = n->run > 0 ? (int)fmax(0, floor((left - n->data) / n->run)) : 0;
    if (fit >= 1) snprintf(text, 64, "--jobs %d needs %s", fit, size_text(whole(n, fit), size));
    else snprintf(text, 64, "a smaller batch= in --recipe needs less");
    return text;
}

void memory_check(const struct sweep *s)
{
    char data[32], run[32], all[32], left[32], way[64];
    struct stat is;
    const char *folder = s->options->data_dir;
    if (folder && (stat(folder, &is) || !S_ISDIR(is.st_mode))) return; /* which is said when they are opened */
    const struct need n = need_of(s);
    const struct limits l = limits_here();
    const double most = fmin(l.all.bytes, l.free);
    size_text(n.data, data);
    size_text(n.run, run);
    size_text(whole(&n, n.jobs), all);
    if (!isfinite(n.run))
        quit(EXIT_FAIL, "one run alone needs more memory than %s leaves: a smaller batch= in --recipe needs less", l.process.by);
    if (whole(&n, 1) + n.stacks > l.process.bytes)
        quit(EXIT_FAIL, "one run needs %s (%s of data and %s of its own), and %s leaves %s: a smaller batch= in --recipe needs less",
             size_text(whole(&n, 1) + n.stacks, all), data, size_text(n.run + n.stacks, run), l.process.by,
             size_text(l.process.bytes, left));
    if (whole(&n, n.jobs) > l.all.bytes)
        quit(EXIT_FAIL, "needs %s (%s of data and %d x %s), and %s leaves %s: %s", all, data, n.jobs, run, l.all.by,
             size_text(l.all.bytes, left), way_out(&n, l.all.bytes, way));
    if (whole(&n, n.jobs) > l.free)
        warn("needs %s (%s of data and %d x %s), and %s are free: %s", all, data, n.jobs, run, size_text(l.free, left),
             way_out(&n, l.free, way));
    else if (!s->options->quiet && isfinite(most))
        fprintf(stderr, "%s: memory: %s of data and %d x %s, %s of %s\n", s->study, data, n.jobs, run, all, size_text(most, left));
}
