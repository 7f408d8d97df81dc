/* SPDX-License-Identifier: MIT
 * What the machine can do, measured in the run that cites it: the FMA peak by ISA and the bandwidth of every level of memory. The loops
 *are in peak_loops.h, compiled once per ISA; here they get a team, arrays that fit the level, and a clock. */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../kernels/runtime/clock.h"
#include "../../kernels/runtime/team.h"
#include "machine.h"
#include "peak.h"

#define ISA_CEILING(NAME, name, on) extern const struct ceiling ceiling_##name;
SIMD_ISAS(ISA_CEILING)
ON_X86(extern const struct ceiling ceiling_amx;)
#undef ISA_CEILING

#define ISA_CEILING(NAME, name, on) on([ISA_##NAME] = &ceiling_##name, )
static const struct ceiling *const ceilings[ISA_COUNT] = { [ISA_SCALAR] = NULL, SIMD_ISAS(ISA_CEILING) ON_X86([ISA_AMX] = &ceiling_amx) };
#undef ISA_CEILING

const char *const cache_names[CACHE_LEVELS] = { "L1", "L2", "L3", "DRAM" };

/* ---- FMA peak ---- */

/* Of one call on one worker: about 100 us. */
static const double PEAK_FLOPS = 1e7, AMX_PEAK_FLOPS = 1e8;

static long peak_rounds(int isa) { return (long)((isa == ISA_AMX ? AMX_PEAK_FLOPS : PEAK_FLOPS) / ceilings[isa]->flops_per_round); }

bool peak_has(int isa)
{
    assert(isa >= 0);
    assert(isa < ISA_COUNT);
    return ceilings[isa] != NULL;
}

static void peak_units(void *context, int begin, int end, int worker)
{
    const struct peak *p = context;
    (void)worker;
    for (int i = begin; i < end; i++) {
        volatile float keep = ceilings[p->isa]->fma(peak_rounds(p->isa));
        (void)keep;
    }
}

void peak_run(void *peak)
{
    const struct peak *p = peak;
    assert(peak_has(p->isa));
    team_run(p->team, team_workers(p->team), peak_units, peak);
}

double peak_flops(const struct peak *p) { return (double)peak_rounds(p->isa) * ceilings[p->isa]->flops_per_round * team_workers(p->team); }

double peak_measure(int isa, struct team *team)
{
    struct peak p = { team, isa };
    double best = INFINITY;
    if (!peak_has(isa)) return NAN;
    for (int i = 0; i < 50; i++) {
        const uint64_t start = clock_ns();
        peak_run(&p);
        best = fmin(best, (double)(clock_ns() - start));
    }
    return peak_flops(&p) / best;
}

/* ---- caches ---- */

/* "32K", "1024K", "32M" of the first CPU's caches that hold data; 0 where the system does not tell. */
static size_t cache_size(int level)
{
    assert(level >= 1);
    for (int i = 0; i < 8; i++) {
        char path[96], type[16] = "", unit = 0;
        int is = 0;
        size_t size = 0;
        static const char *const files[] = { "level", "type", "size" };
        for (int f = 0; f < 3; f++) {
            snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", i, files[f]);
            FILE *file = fopen(path, "r");
            if (!file) return 0;
            int got = f == 0 ? fscanf(file, "%d", &is) : f == 1 ? fscanf(file, "%15s", type) : fscanf(file, "%zu%c", &size, &unit);
            fclose(file);
            if (got < 1) return 0;
        }
        if (is == level && strcmp(type, "Instruction") != 0) return size << (unit == 'M' ? 20 : 10);
    }
    return 0;
}

/* ---- bandwidth ---- */

struct streams {
    const struct ceiling *ceiling;
    float **array;
    size_t count;
    int rounds;
    bool triad;
};

static void stream_units(void *context, int begin, int end, int worker)
{
    const struct streams *s = context;
    (void)worker;
    for (int i = begin; i < end; i++) {
        float *a = s->array[i];
        for (int round = 0; round < s->rounds; round++) {
            if (s->triad) {
                s->ceiling->triad(a, a + s->count / 3, a + s->count / 3 * 2, s->count / 3);
            } else {
                volatile float keep = s->ceiling->read(a, s->count);
                (void)keep;
            }
        }
    }
}

static void first_touch(void *context, int begin, int end, int worker)
{
    const struct streams *s = context;
    (void)worker;
    for (int i = begin; i < end; i++)
        for (size_t j = 0; j < s->count; j++) s->array[i][j] = 1.0f;
}

/* GB/s of the best of a few passes that last about a millisecond each, or one round. */
static double stream_rate(struct streams *s, struct team *team)
{
    assert(s->array);
    const int workers = team_workers(team);
    double best = INFINITY;
    s->rounds = 1;
    for (int pass = 0; pass < 9; pass++) {
        const uint64_t start = clock_ns();
        team_run(team, workers, stream_units, s);
        const double seconds = (double)(clock_ns() - start) * 1e-9;
        if (pass == 1 && seconds < 1e-3) s->rounds = (int)fmin(ceil(1e-3 / fmax(seconds, 1e-7)), 1e5), best = INFINITY;
        else best = fmin(best, seconds / s->rounds);
    }
    return (double)s->count * sizeof(float) * workers / best * 1e-9;
}

/* Bytes per worker: half the level, so that what else lives there does not matter; of the shared L3 a quarter, cut by workers. */
static size_t working_set(const struct machine *m, enum cache_level level, int workers)
{
    assert(level < CACHE_LEVELS);
    assert(workers >= 1);
    const size_t share = (size_t)workers;
    size_t bytes = level <= CACHE_L2   ? m->cache_bytes[level] / 2
                   : level == CACHE_L3 ? m->cache_bytes[CACHE_L3] / 4 / share
                                       : 4 * m->cache_bytes[CACHE_L3] / share;
    if (level == CACHE_L3 && bytes < 2 * m->cache_bytes[CACHE_L2]) bytes = 2 * m->cache_bytes[CACHE_L2];
    const size_t grain = 3 * 256 * sizeof(float);
    return bytes / grain * grain;
}

static int measure_streams(struct machine *m, const struct ceiling *ceiling, struct team *team)
{
    assert(ceiling);
    const int workers = team_workers(team);
    size_t most = 0;
    for (int level = 0; level < CACHE_LEVELS; level++) { /* many workers' L3 pass is larger than their share of memory's */
        const size_t bytes = working_set(m, (enum cache_level)level, workers);
        most = bytes > most ? bytes : most;
    }
    float **array = calloc((size_t)workers, sizeof *array);
    bool memory = array != NULL;
    for (int i = 0; memory && i < workers; i++) memory = (array[i] = aligned_alloc(64, (most + 63) / 64 * 64)) != NULL;
    if (memory) {
        struct streams s = { .ceiling = ceiling, .array = array, .count = most / sizeof(float) };
        team_run(team, workers, first_touch, &s);
        for (int level = 0; level < CACHE_LEVELS; level++) {
            s.count = working_set(m, (enum cache_level)level, workers) / sizeof(float);
            s.triad = false;
            m->read[level] = stream_rate(&s, team);
            s.triad = true;
            m->triad[level] = stream_rate(&s, team);
        }
    }
    for (int i = 0; array && i < workers; i++) free(array[i]);
    free(array);
    return memory ? 0 : -ENOMEM;
}

int machine_measure(struct machine *m, unsigned isas, struct team *team)
{
    static const size_t guess[CACHE_LEVELS] = { 32 << 10, 512 << 10, 8 << 20, 0 };
    const struct ceiling *ceiling = NULL;
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if ((isas >> isa & 1) && ceilings[isa]) ceiling = ceilings[isa];
    for (int level = 0; level < CACHE_LEVELS; level++) {
        const size_t told = level < CACHE_DRAM ? cache_size(level + 1) : 0;
        m->cache_bytes[level] = told ? told : guess[level];
        m->read[level] = m->triad[level] = NAN;
    }
    return ceiling ? measure_streams(m, ceiling, team) : 0;
}

enum cache_level machine_level(const struct machine *m, double bytes, int workers)
{
    assert(bytes >= 0);
    assert(workers >= 1);
    for (int level = CACHE_L1; level < CACHE_DRAM; level++)
        if (bytes <= (double)m->cache_bytes[level] * (level == CACHE_L3 ? 1 : workers)) return (enum cache_level)level;
    return CACHE_DRAM;
}
