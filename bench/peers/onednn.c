/* SPDX-License-Identifier: MIT
 * oneDNN through its C API (version 2 or 3), in a process of its own (onednn_peer.c). Every combination of a layout (its own choice, nchw,
 * nhwc, blocks) and an algorithm that it takes is built and tried for a moment; the fastest is timed. Its reorders are not counted: in a
 * net of its own it would keep its layout. */
#include "onednn.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../kernels/runtime/clock.h"

static dnnl_engine_t engine;
static dnnl_stream_t stream;

struct onednn {
    const struct problem *problem;
    struct onednn_shape shape;
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[ONEDNN_ARGS];
    dnnl_exec_arg_t exec[ONEDNN_ARGS];
    dnnl_primitive_desc_t forward; /* the hint that backward passes want */
    bool failed;                   /* a run did */
};

const char *onednn_start(unsigned isas, char *text, size_t size)
{
    const dnnl_version_t *v = dnnl_version();
    const bool tiles = isas >> ISA_AMX & 1, half = isas >> ISA_AVX512VL & 1 && !(isas >> ISA_AVX512 & 1) && !tiles;
    const bool wide = half || tiles || isas >> ISA_AVX512 & 1, avx2 = isas >> ISA_AVX2 & 1;
    if (v->major != DNNL_VERSION_MAJOR) return snprintf(text, size, "it is version %d, built for %d", v->major, DNNL_VERSION_MAJOR), NULL;
    if (!tiles) dnnl_set_max_cpu_isa(wide ? dnnl_cpu_isa_avx512_core_bf16 : avx2 ? dnnl_cpu_isa_avx2 : dnnl_cpu_isa_sse41);
    if (half) dnnl_set_cpu_isa_hints(dnnl_cpu_isa_prefer_ymm);
    /* a primitive from the cache need not lie as the description that found it says */
    dnnl_set_primitive_cache_capacity(0);
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) || dnnl_stream_create(&stream, engine, dnnl_stream_default_flags))
        return snprintf(text, size, "it gives no engine here"), NULL;
    const int isa = (int)dnnl_get_effective_cpu_isa();
    snprintf(text, size, "%d.%d.%d (%s)", v->major, v->minor, v->patch,
             isa == (int)dnnl_cpu_isa_sse41                                        ? "sse41"
             : isa == (int)dnnl_cpu_isa_avx                                        ? "avx"
             : isa == (int)dnnl_cpu_isa_avx2 || isa == (int)dnnl_cpu_isa_avx2_vnni ? "avx2"
                                                                                   : "avx512");
    return text;
}

/* OpenMP's threads are kept between regions: bound once, each to the core where our worker of that number runs. */
static void use_cores_of(struct team *team)
{
    const int workers = team_workers(team);
    struct topology *t;
    omp_set_num_threads(workers);
    if (!team_pinned(team) || topology_open(&t, NULL)) return;
#pragma omp parallel num_threads(workers)
    topology_bind_self(t, team_planned_pu(team, omp_get_thread_num()));
    topology_close(t);
}

/* ---- memory ---- */

static dnnl_status_t reorder(dnnl_memory_t from, dnnl_memory_t to)
{
    onednn_md a, b;
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t r;
    dnnl_memory_get_memory_desc(from, &a);
    dnnl_memory_get_memory_desc(to, &b);
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&pd, a, engine, b, engine, NULL);
    if (status) return status;
    status = dnnl_primitive_create(&r, pd);
    dnnl_primitive_desc_destroy(pd);
    if (status) return status;
    const dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, to } };
    status = dnnl_primitive_execute(r, stream, 2, args);
    dnnl_stream_wait(stream);
    dnnl_primitive_destroy(r);
    return status;
}

/* Ours [B][H][W][C][16] to and from plain n c h w. */
static void from_lanes(const float *lanes, float *plain, const dnnl_dim_t *d, int rank)
{
    const dnnl_dim_t H = rank > 2 ? d[2] : 1, W = rank > 2 ? d[3] : 1;
    for (dnnl_dim_t n = 0; n < d[0]; n++)
        for (dnnl_dim_t c = 0; c < d[1]; c++)
            for (dnnl_dim_t hw = 0; hw < H * W; hw++)
                plain[(n * d[1] + c) * H * W + hw] = lanes[((n / LANES * H * W + hw) * d[1] + c) * LANES + n % LANES];
}

static size_t count_of(const struct onednn_arg *a)
{
    assert(a->rank >= 1);
    size_t count = 1;
    for (int i = 0; i < a->rank; i++) count *= (size_t)a->dims[i];
    return count;
}

/* An argument's tensor as plain floats, to be freed. */
static float *plain_of(const struct problem *p, const struct onednn_arg *a)
{
    assert(a->role < TENSORS);
    float *plain = calloc(count_of(a), sizeof *plain);
    if (plain && a->lanes) from_lanes(p->tensor[a->role], plain, a->dims, a->rank);
    else if (plain) memcpy(plain, p->tensor[a->role] + a->from, count_of(a) * sizeof *plain);
    return plain;
}

static dnnl_status_t fill(dnnl_memory_t memory, const struct problem *p, const struct onednn_arg *a)
{
    float *plain = plain_of(p, a);
    dnnl_memory_t user = NULL;
    dnnl_status_t status = plain ? dnnl_memory_create(&user, a->plain, engine, plain) : dnnl_out_of_memory;
    if (!status) status = reorder(user, memory);
    if (user) dnnl_memory_destroy(user);
    free(plain);
    return status;
}

/* ---- candidates ---- */

void onednn_close(struct onednn *o)
{
    if (!o) return;
    for (int i = 0; i < ONEDNN_ARGS; i++)
        if (o->memory[i]) dnnl_memory_destroy(o->memory[i]);
    if (o->primitive) dnnl_primitive_destroy(o->primitive);
    if (o->forward) dnnl_primitive_desc_destroy(o->forward);
    onednn_shape_close(&o->shape);
    free(o);
}

static dnnl_status_t build(struct onednn *o, const_dnnl_primitive_desc_t described)
{
    const_dnnl_primitive_desc_t pd; /* of what was made, whose layouts count */
    dnnl_status_t status = dnnl_primitive_create(&o->primitive, described);
    if (!status) status = dnnl_primitive_get_primitive_desc(o->primitive, &pd);
    for (int i = 0; !status && i < o->shape.args; i++) {
        const struct onednn_arg *a = &o->shape.arg[i];
        const onednn_md md = a->query == dnnl_query_undef ? a->plain : dnnl_primitive_desc_query_md(pd, a->query, a->index);
        if (!md) return dnnl_invalid_arguments;
        status = dnnl_memory_create(&o->memory[i], md, engine, DNNL_MEMORY_ALLOCATE);
        o->exec[i] = (dnnl_exec_arg_t){ a->name, o->memory[i] };
        if (!status && a->role != TENSORS && a->role != o->shape.result) status = fill(o->memory[i], o->problem, a);
    }
    return status;
}

static void onednn_run(struct onednn *o)
{
    if (dnnl_primitive_execute(o->primitive, stream, o->shape.args, o->exec)) o->failed = true;
    dnnl_stream_wait(stream);
}

/* Backward passes read what a forward pass of the same layout leaves: a workspace, statistics. */
static dnnl_status_t run_forward(struct onednn *o, const struct onednn_shape *s)
{
    struct onednn f = { .problem = o->problem, .shape = *s };
    dnnl_status_t status = build(&f, o->forward);
    if (!status) onednn_run(&f);
    if (f.failed) status = dnnl_runtime_error;
    for (int i = 0; !status && i < o->shape.args; i++)
        for (int j = 0; j < s->args; j++)
            if (o->shape.arg[i].role == TENSORS && o->shape.arg[i].name == s->arg[j].name) status = reorder(f.memory[j], o->memory[i]);
    for (int i = 0; i < s->args; i++)
        if (f.memory[i]) dnnl_memory_destroy(f.memory[i]);
    if (f.primitive) dnnl_primitive_destroy(f.primitive);
    return status;
}

static struct onednn *candidate(const struct problem *p, int direction, enum onednn_layout layout, int algorithm, char *text, size_t size)
{
    assert(layout < ONEDNN_LAYOUTS);
    assert(algorithm < ONEDNN_ALGORITHMS);
    static const char *const layouts[ONEDNN_LAYOUTS] = ONEDNN_LAYOUT_NAMES;
    struct onednn *o = calloc(1, sizeof *o);
    struct onednn_shape forward = { .mades = 0 };
    dnnl_primitive_desc_t pd = NULL;
    if (!o) return NULL;
    o->problem = p;
    bool ok = onednn_shape(p, direction, layout, algorithm, &o->shape);
    if (ok && direction > 0) ok = onednn_shape(p, 0, layout, algorithm, &forward) && !onednn_describe(&forward, engine, NULL, &o->forward);
    ok = ok && !onednn_describe(&o->shape, engine, o->forward, &pd);
    ok = ok && !build(o, pd) && (!o->shape.needs_forward || !run_forward(o, &forward));
    if (ok) {
        const char *info = "";
        dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &info);
        const char *algorithm_name = o->shape.algorithm ? o->shape.algorithm : "";
        snprintf(text, size, "%s%s%s, %s", layouts[layout], *algorithm_name ? "/" : "", algorithm_name, info);
    }
    if (pd) dnnl_primitive_desc_destroy(pd);
    onednn_shape_close(&forward);
    if (ok) return o;
    onednn_close(o);
    return NULL;
}

/* Nanoseconds; infinite where it cannot run after all. */
static double quickest(struct onednn *o)
{
    double best = INFINITY;
    for (int i = 0; i < 5; i++) {
        const uint64_t start = clock_ns();
        onednn_run(o);
        best = fmin(best, (double)(clock_ns() - start));
        if (best > 1e9) break;
    }
    return o->failed ? INFINITY : best;
}

struct onednn *onednn_quickest(const struct problem *p, int direction, struct team *team, struct onednn_trials *trials, char *text,
                               size_t size)
{
    struct onednn *best = NULL;
    double best_time = INFINITY;
    char what[128];
    assert(engine);
    use_cores_of(team);
    for (int i = 0; i < ONEDNN_TRIALS; i++) {
        if (trials->died[i]) continue;
        trials->at = i;
        struct onednn *o = candidate(p, direction, (enum onednn_layout)(i / ONEDNN_ALGORITHMS), i % ONEDNN_ALGORITHMS, what, sizeof what);
        if (!o) continue;
        /* the reference code only where there is nothing else: it takes seconds */
        const bool last_resort = strstr(what, "ref") != NULL;
        const double seconds = last_resort && best ? INFINITY : quickest(o);
        if (seconds < best_time) {
            onednn_close(best);
            best = o;
            best_time = seconds;
            snprintf(text, size, "%s", what);
        } else {
            onednn_close(o);
        }
    }
    trials->at = ONEDNN_TRIALS;
    return best;
}

double onednn_time(struct onednn *o, int calls)
{
    assert(calls > 0);
    const uint64_t start = clock_ns();
    for (int i = 0; i < calls; i++) onednn_run(o);
    return o->failed ? NAN : (double)(clock_ns() - start) * 1e-9;
}

/* ---- comparing ---- */

/* Of the same operands, sums are the same up to their order, a thousandth of what is usual; in bf16 they are then rounded, to 8 bits. */
static const char *differs(const float *got, const float *want, size_t count, bool rounded, char *text, size_t size)
{
    assert(count > 0);
    double most = 0, sum = 0;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const double rounding = rounded ? 0x1p-8 * fabs((double)want[i]) : 0;
        const double off = fabs((double)got[i] - (double)want[i]) - rounding;
        if (off > most || isnan(off)) most = isnan(off) ? INFINITY : off, at = i;
        sum += (double)want[i] * (double)want[i];
    }
    const double rms = sqrt(sum / (double)count);
    if (most <= 1e-3 * rms) return NULL;
    snprintf(text, size, "element %zu is %.7g, ours %.7g", at, (double)got[at], (double)want[at]);
    return text;
}

const char *onednn_compare(struct onednn *o, char *text, size_t size)
{
    int i = 0;
    while (o->shape.arg[i].role != o->shape.result) i++;
    assert(i < o->shape.args);
    const struct onednn_arg *a = &o->shape.arg[i];
    float *want = plain_of(o->problem, a), *got = calloc(count_of(a), sizeof *got);
    dnnl_memory_t user = NULL;
    const char *found = NULL;
    onednn_run(o);
    if (o->failed || !want || !got || dnnl_memory_create(&user, a->plain, engine, got) || reorder(o->memory[i], user))
        snprintf(text, size, "its result cannot be read"), found = text;
    else found = differs(got, want, count_of(a), o->shape.result_type == dnnl_bf16, text, size);
    if (user) dnnl_memory_destroy(user);
    free(want);
    free(got);
    return found;
}
