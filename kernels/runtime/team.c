/* SPDX-License-Identifier: MIT
 * Fork-join through one mailbox per worker: the caller writes a job into the mailboxes of those who have work, does its own piece, and
 * waits for each of them. Workers without work are not woken, and a job is written only while its worker is known to wait, so that jobs
 * need no lock. A mailbox has two gates, "start" and "done": counters that one side raises and the other waits for, spinning first
 * (a step of a small net is tens of fork-joins of some 10 us each), then asleep on a condition variable.
 * Spinning steals the PU from whoever has the work when workers share one: then nobody spins.
 *
 * A worker owns a contiguous piece of the units. The first half of it is surely its own; the rest it offers, and takes itself, half by
 * half. Who is done takes what others still offer, so that nobody waits long for one whose PU was taken away or whose units cost more. */
#include "team.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "internal.h"

enum { SPINS = 2000, SEPARATE = 128 }; /* pauses before sleep; bytes between data of different threads (lines come in pairs) */

#if defined(__x86_64__)
static inline void spin_pause(void) { __asm__ volatile("pause"); }
#elif defined(__aarch64__)
/* `yield` is a no-op on most cores; `isb` waits some ten nanoseconds, as x86's pause does. */
static inline void spin_pause(void) { __asm__ volatile("isb"); }
#else
static inline void spin_pause(void) {}
#endif

struct gate {
    _Alignas(SEPARATE) atomic_uint value;
    atomic_bool sleeper;
    pthread_mutex_t lock;
    pthread_cond_t moved;
};

struct worker {
    struct gate start, done;
    /* The job: written by the caller before start is raised, read by the worker after. fn NULL: go home. */
    _Alignas(SEPARATE) team_fn *fn;
    void *context;
    int begin, end, sharing;                  /* surely its own units; workers 0 … sharing-1 may have units to offer */
    _Alignas(SEPARATE) atomic_ullong offered; /* units that nobody has taken yet: the first << 32 | the end */
    /* Set at the start, constant after. */
    struct team *team;
    pthread_t thread;
    int index, planned_pu;
};

struct team {
    struct topology *topology;
    struct binding *callers_binding; /* before we bound it; NULL when we did not */
    struct worker *workers;          /* [count], 0 is the caller's and has no thread */
    int count, spins;
    bool running, crowded;
    team_watch_fn *watch; /* NULL but where somebody measures */
    void *watch_context;
};

static void gate_open(struct gate *gate)
{
    atomic_init(&gate->value, 0);
    atomic_init(&gate->sleeper, false);
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->moved, NULL);
}

static void gate_close(struct gate *gate)
{
    pthread_cond_destroy(&gate->moved);
    pthread_mutex_destroy(&gate->lock);
}

/* The write of `value` and the load of `sleeper` here, and their mirror in gate_await, are sequentially consistent: at least one side sees
 * the other's, so either the waiter finds the value or the raiser finds the sleeper. Weaker orders would lose a wake-up. Exchanges cost
 * x86 the same as such stores, and an emulator of aarch64 on x86 cannot let the load overtake them either. */
static void gate_raise(struct gate *gate, unsigned value)
{
    atomic_exchange(&gate->value, value);
    if (atomic_load(&gate->sleeper)) {
        pthread_mutex_lock(&gate->lock);
        pthread_cond_signal(&gate->moved);
        pthread_mutex_unlock(&gate->lock);
    }
}

static void gate_await(struct gate *gate, unsigned value, int spins)
{
    for (int i = 0; i < spins; i++) {
        if (atomic_load_explicit(&gate->value, memory_order_acquire) == value) return;
        spin_pause();
    }
    pthread_mutex_lock(&gate->lock);
    atomic_exchange(&gate->sleeper, true);
    while (atomic_load(&gate->value) != value) pthread_cond_wait(&gate->moved, &gate->lock);
    atomic_store(&gate->sleeper, false);
    pthread_mutex_unlock(&gate->lock);
}

/* Binds the calling thread as planned for `worker`; refused, the plan is forgotten. */
static void bind_worker(struct worker *worker)
{
    if (worker->planned_pu >= 0 && topology_bind_self(worker->team->topology, worker->planned_pu) != 0) worker->planned_pu = -1;
}

static unsigned long long span_of(int begin, int end) { return (unsigned long long)begin << 32 | (unsigned)end; }

/* Half of what the worker still offers. False: nothing. A stale offer is an empty one: a job ends when all is taken. */
static bool take(struct worker *from, int *begin, int *end)
{
    unsigned long long offered = atomic_load(&from->offered);
    for (;;) {
        const int first = (int)(offered >> 32), last = (int)(offered & 0xffffffffu);
        if (first >= last) return false;
        *begin = first;
        *end = first + (last - first + 1) / 2;
        if (atomic_compare_exchange_weak(&from->offered, &offered, span_of(*end, last))) return true;
    }
}

/* Its own piece, then what others offer, its neighbours first. */
static void work(struct worker *own)
{
    int begin, end;
    own->fn(own->context, own->begin, own->end, own->index);
    for (int i = 0; i < own->sharing; i++) {
        struct worker *from = &own->team->workers[(own->index + i) % own->sharing];
        while (take(from, &begin, &end)) own->fn(own->context, begin, end, own->index);
    }
}

static void *live(void *argument)
{
    struct worker *worker = argument;
    unsigned ticket = 1;
    bind_worker(worker);
    gate_raise(&worker->done, ticket);
    for (;;) {
        gate_await(&worker->start, ++ticket, worker->team->spins);
        if (!worker->fn) return NULL;
        work(worker);
        gate_raise(&worker->done, ticket);
    }
}

static void give(struct worker *worker, team_fn *fn, void *context, int begin, int end, int sharing)
{
    worker->fn = fn;
    worker->context = context;
    worker->begin = begin;
    worker->end = begin + (end - begin + 1) / 2;
    worker->sharing = sharing;
    atomic_store(&worker->offered, span_of(worker->end, end));
}

/* Hands a job to a worker that waits; only the caller raises `start`, so its value is the last ticket. */
static void post(struct worker *worker, team_fn *fn, void *context, int begin, int end, int sharing)
{
    give(worker, fn, context, begin, end, sharing);
    gate_raise(&worker->start, atomic_load_explicit(&worker->start.value, memory_order_relaxed) + 1);
}

static void join(struct worker *worker)
{
    gate_await(&worker->done, atomic_load_explicit(&worker->start.value, memory_order_relaxed), worker->team->spins);
}

/* Workers block all signals: Ctrl-C is for the program's own thread. */
static int start_thread(struct worker *worker)
{
    assert(worker->index > 0);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int code = pthread_create(&worker->thread, NULL, live, worker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -code;
}

static void worker_open(struct team *team, int index, enum bind bind)
{
    assert(index >= 0);
    assert(index < team->count);
    struct worker *worker = &team->workers[index];
    gate_open(&worker->start);
    gate_open(&worker->done);
    atomic_store(&worker->start.value, 1u); /* the ticket of "bound and ready" */
    worker->team = team;
    worker->index = index;
    worker->planned_pu = topology_pu(team->topology, bind, index, team->count);
}

static int allocate(struct team **team, int workers, struct why *why)
{
    assert(workers >= 1);
    void *array = NULL;
    *team = calloc(1, sizeof **team);
    if (!*team || posix_memalign(&array, SEPARATE, (size_t)workers * sizeof(struct worker)) != 0) {
        free(*team);
        *team = NULL;
        return why_fail(why, -ENOMEM, "no memory for a team of %d workers", workers);
    }
    memset(array, 0, (size_t)workers * sizeof(struct worker));
    (*team)->workers = array;
    (*team)->count = workers;
    return 0;
}

static void release(struct team *team, int started)
{
    assert(started <= team->count);
    for (int i = 1; i < started; i++) post(&team->workers[i], NULL, NULL, 0, 0, 0);
    for (int i = 1; i < started; i++) pthread_join(team->workers[i].thread, NULL);
    for (int i = 0; i < team->count; i++) {
        gate_close(&team->workers[i].start);
        gate_close(&team->workers[i].done);
    }
    topology_give_back(team->topology, team->callers_binding);
    topology_close(team->topology);
    free(team->workers);
    free(team);
}

int team_open(struct team **team, int workers, enum bind bind, struct why *why)
{
    assert(team);
    assert(workers >= 1);
    int code = allocate(team, workers, why);
    if (code != 0) return code;
    struct team *t = *team;
    assert(t);
    assert(t->workers);
    code = topology_open(&t->topology, why);
    if (code != 0) {
        free(t->workers);
        free(t);
        *team = NULL;
        return code;
    }
    t->crowded = topology_claim(t->topology, bind, workers, NULL) == CLAIMED_NONE;
    if (t->crowded) bind = BIND_NONE;
    int places = bind == BIND_CORE ? topology_cores(t->topology) : topology_pus(t->topology);
    t->spins = workers <= places && !t->crowded ? SPINS : 0;
    for (int i = 0; i < workers; i++) worker_open(t, i, bind);
    int started = 1;
    while (started < workers && (code = start_thread(&t->workers[started])) == 0) started++;
    for (int i = 1; i < started; i++) join(&t->workers[i]);
    if (code != 0) {
        release(t, started);
        *team = NULL;
        return why_fail(why, code, "cannot start worker %d of %d: %s; use fewer threads", started + 1, workers, strerror(-code));
    }
    if (bind != BIND_NONE) t->callers_binding = topology_binding_of_self(t->topology);
    bind_worker(&t->workers[0]);
    return 0;
}

void team_close(struct team *team)
{
    if (!team) return;
    assert(!team->running);
    release(team, team->count);
}

static void fork_join(struct team *team, int units, team_fn *fn, void *context)
{
    int workers = team_workers(team), active = units < workers ? units : workers;
    if (active <= 1) {
        if (units > 0) fn(context, 0, units, 0);
        return;
    }
    assert(active <= units);
    assert(!team->running);
    team->running = true;
    int each = units / active, longer = units % active; /* the first `longer` pieces have one more */
    int begin = each + (longer > 0);
    const int sharing = units > active ? active : 0; /* a piece of one unit is surely its worker's */
    give(&team->workers[0], fn, context, 0, begin, sharing);
    for (int i = 1; i < active; i++) {
        int end = begin + each + (i < longer);
        post(&team->workers[i], fn, context, begin, end, sharing);
        begin = end;
    }
    assert(begin == units);
    work(&team->workers[0]);
    for (int i = 1; i < active; i++) join(&team->workers[i]);
    team->running = false;
}

void team_run(struct team *team, int units, team_fn *fn, void *context)
{
    assert(fn);
    assert(units >= 0);
    if (!team || !team->watch) {
        fork_join(team, units, fn, context);
        return;
    }
    const uint64_t start = clock_ns();
    fork_join(team, units, fn, context);
    if (units > 0) team->watch(team->watch_context, units, clock_ns() - start);
}

void team_watch(struct team *team, team_watch_fn *watch, void *context)
{
    assert(team);
    assert(!team->running);
    team->watch = watch;
    team->watch_context = context;
}

int team_workers(const struct team *team) { return team ? team->count : 1; }

bool team_pinned(const struct team *team)
{
    if (!team) return false;
    for (int i = 0; i < team->count; i++)
        if (team->workers[i].planned_pu < 0) return false;
    return true;
}

bool team_crowded(const struct team *team) { return team && team->crowded; }

int team_planned_pu(const struct team *team, int worker)
{
    assert(worker >= 0);
    assert(worker < team_workers(team));
    return team ? team->workers[worker].planned_pu : -1;
}

struct whereabouts {
    const struct topology *topology;
    int pu;
};

static void read_back(void *context, int begin, int end, int worker)
{
    (void)begin, (void)end, (void)worker;
    struct whereabouts *where = context;
    where->pu = topology_where_am_i(where->topology);
}

int team_actual_pu(struct team *team, int worker)
{
    assert(worker >= 0);
    assert(worker < team_workers(team));
    if (!team) return -1;
    struct whereabouts where = { team->topology, -1 };
    if (worker == 0) {
        read_back(&where, 0, 1, 0);
    } else {
        post(&team->workers[worker], read_back, &where, 0, 1, 0);
        join(&team->workers[worker]);
    }
    return where.pu;
}
