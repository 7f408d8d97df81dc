/* SPDX-License-Identifier: MIT
 * Topology and team: how units are cut, that nothing depends on the number of workers, that pinning is real where the system allows it
 * and honestly denied where not. Races are race_team.c's business. Machines this one is not come as hwloc descriptions with PU numbers
 * no machine has, so that hwloc's restriction to this process's own PUs does not apply. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../../kernels/runtime/internal.h"
#include "../../kernels/runtime/rng.h"
#include "../../kernels/runtime/team.h"

#if defined(__linux__)
#include <sched.h>
#endif

static struct team *open_team(int workers, enum bind bind)
{
    struct team *team = NULL;
    struct why why = { "" };
    cr_assert_eq(team_open(&team, workers, bind, &why), 0, "%s", why.text);
    cr_assert_eq(team_workers(team), workers);
    return team;
}

static struct topology *open_topology(const char *description)
{
    struct topology *topology = NULL;
    struct why why = { "" };
    if (description) setenv("HWLOC_SYNTHETIC", description, 1);
    cr_assert_eq(topology_open(&topology, &why), 0, "%s", why.text);
    return topology;
}

Test(topology, bindings_have_names)
{
    cr_assert_str_eq(bind_name(BIND_CORE), "core");
    for (int bind = BIND_CORE; bind <= BIND_NONE; bind++) cr_assert_eq(bind_parse(bind_name((enum bind)bind)), bind);
    cr_assert_eq(bind_parse("socket"), -1);
    cr_assert_eq(bind_parse(""), -1);
}

/* As many different places as there are, then around again. */
static void expect_plan_without_doubles(const struct topology *t, enum bind bind, int places)
{
    for (int n = 1; n <= 2 * places + 1; n++) {
        for (int i = 0; i < n; i++) {
            int pu = topology_pu(t, bind, i, n);
            cr_assert_geq(pu, 0);
            for (int j = 0; j < i; j++)
                cr_assert_eq(pu == topology_pu(t, bind, j, n), (i - j) % places == 0, "%s: %d and %d of %d", bind_name(bind), j, i, n);
        }
    }
}

Test(topology, this_machine)
{
    struct topology *t = open_topology(NULL);
    cr_assert_geq(topology_cores(t), 1);
    cr_assert_geq(topology_pus(t), topology_cores(t));
    cr_assert_eq(topology_pu(t, BIND_NONE, 0, 1), -1);
    if (topology_pus(t) <= 16) {
        expect_plan_without_doubles(t, BIND_CORE, topology_cores(t));
        expect_plan_without_doubles(t, BIND_PU, topology_pus(t));
    }
    topology_close(t);
    topology_close(NULL);
}

static const char two_sockets[] = "pack:2 core:3 pu:2(indexes=70000,70001,70002,70003,70004,70005,70006,70007,70008,70009,70010,70011)";

Test(topology, two_sockets_of_hyperthreads)
{
    struct topology *t = open_topology(two_sockets);
    cr_assert_eq(topology_cores(t), 6);
    cr_assert_eq(topology_pus(t), 12);
    expect_plan_without_doubles(t, BIND_CORE, 6);
    expect_plan_without_doubles(t, BIND_PU, 12);
    cr_assert_eq(topology_pu(t, BIND_CORE, 1, 2), 70006, "two workers take a socket each");
    for (int i = 0; i < 6; i++) cr_assert_eq(topology_pu(t, BIND_CORE, i, 6) % 2, 0, "the core's first PU");
    topology_close(t);
}

Test(topology, a_described_machine_cannot_be_bound_to)
{
    struct topology *t = open_topology(two_sockets);
    cr_assert_lt(topology_bind_self(t, topology_pu(t, BIND_CORE, 0, 1)), 0);
    cr_assert_eq(topology_where_am_i(t), -1);
    topology_close(t);
}

enum { MOST_UNITS = 1000, MOST_WORKERS = 8 };

struct ledger {
    atomic_int times[MOST_UNITS];
    int begin[MOST_WORKERS], end[MOST_WORKERS], calls[MOST_WORKERS];
};

static void enter(void *context, int begin, int end, int worker)
{
    struct ledger *ledger = context;
    for (int i = begin; i < end; i++) atomic_fetch_add(&ledger->times[i], 1);
    if (ledger->calls[worker]++) return;
    ledger->begin[worker] = begin;
    ledger->end[worker] = end;
}

/* Every unit once; pieces in order, sizes at most one apart, of which everyone begins with the first half; nobody called without work. */
static void expect_fair_cut(struct team *team, int units)
{
    static struct ledger ledger;
    memset(&ledger, 0, sizeof ledger);
    team_run(team, units, enter, &ledger);
    int active = units < team_workers(team) ? units : team_workers(team), next = 0, wrong = 0;
    for (int w = 0; w < team_workers(team); w++) {
        int size = w < active ? units / active + (w < units % active) : 0;
        cr_assert_eq(ledger.calls[w] > 0, w < active, "worker %d of %d, %d units", w, team_workers(team), units);
        cr_assert(w >= active || ledger.begin[w] == next);
        cr_assert(w >= active || ledger.end[w] == next + (active > 1 ? (size + 1) / 2 : size));
        next += size;
    }
    for (int i = 0; i < MOST_UNITS; i++) wrong += atomic_load(&ledger.times[i]) != (i < units);
    cr_assert_eq(wrong, 0, "%d units on %d workers: %d ran not once", units, team_workers(team), wrong);
}

Test(team, cuts_units_evenly)
{
    static const int units[] = { 0, 1, 2, 3, 5, 7, 8, 9, 15, 64, 999, MOST_UNITS };
    for (int workers = 1; workers <= MOST_WORKERS; workers++) {
        struct team *team = open_team(workers, BIND_CORE);
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) expect_fair_cut(team, units[i]);
        team_close(team);
    }
}

/* The first unit waits for all others: its worker never comes to the second half of its piece. */
static void wait_for_the_rest(void *context, int begin, int end, int worker)
{
    struct ledger *ledger = context;
    (void)worker;
    for (int i = begin; i < end; i++) {
        for (int other = end; i == 0 && other < 8;)
            if (atomic_load(&ledger->times[other])) other++;
            else sched_yield();
        atomic_fetch_add(&ledger->times[i], 1);
    }
}

Test(team, who_is_done_takes_what_others_have_left, .timeout = 60)
{
    static struct ledger ledger;
    struct team *team = open_team(2, BIND_CORE);
    team_run(team, 8, wait_for_the_rest, &ledger);
    for (int i = 0; i < 8; i++) cr_assert_eq(atomic_load(&ledger.times[i]), 1);
    team_close(team);
}

struct seen {
    int runs, units;
};

static void see(void *context, int units, uint64_t nanoseconds)
{
    struct seen *seen = context;
    seen->runs++;
    seen->units += units;
    cr_assert_lt(nanoseconds, (uint64_t)60e9);
}

/* As long as it is asked for, and of everything that has units, whoever runs them. */
Test(team, tells_a_watcher_of_every_fork_join)
{
    for (int workers = 1; workers <= 3; workers++) {
        struct team *team = open_team(workers, BIND_NONE);
        struct ledger ledger = { 0 };
        struct seen seen = { 0 };
        team_run(team, 5, enter, &ledger);
        team_watch(team, see, &seen);
        team_run(team, 5, enter, &ledger);
        team_run(team, 0, enter, &ledger);
        team_run(team, 1, enter, &ledger);
        cr_assert_eq(seen.runs, 2);
        cr_assert_eq(seen.units, 6);
        team_watch(team, NULL, NULL);
        team_run(team, 5, enter, &ledger);
        cr_assert_eq(seen.runs, 2);
        team_close(team);
    }
}

Test(team, none_at_all_is_a_team_of_one)
{
    struct ledger ledger = { 0 };
    team_run(NULL, 5, enter, &ledger);
    team_run(NULL, 0, enter, &ledger);
    cr_assert_eq(ledger.calls[0], 1);
    cr_assert_eq(ledger.end[0], 5);
    cr_assert_eq(team_workers(NULL), 1);
    cr_assert(!team_pinned(NULL));
    cr_assert_eq(team_planned_pu(NULL, 0), -1);
    cr_assert_eq(team_actual_pu(NULL, 0), -1);
    team_close(NULL);
}

/* A reduction as kernels do it: a partial sum per unit, in doubles whose order matters, then one order for all. */
struct sums {
    double part[MOST_UNITS];
};

static void sum_unit(void *context, int begin, int end, int worker)
{
    struct sums *sums = context;
    (void)worker;
    for (int unit = begin; unit < end; unit++) {
        struct rng r = rng_start(rng_stream_key(3, STREAM_TEST, (uint32_t)unit, 0));
        for (int i = 0; i < 50; i++) sums->part[unit] += rng_normal(&r);
    }
}

static double sum_on(int workers, enum bind bind)
{
    static struct sums sums;
    memset(&sums, 0, sizeof sums);
    struct team *team = open_team(workers, bind);
    team_run(team, MOST_UNITS, sum_unit, &sums);
    team_close(team);
    double sum = 0;
    for (int i = 0; i < MOST_UNITS; i++) sum += sums.part[i];
    return sum;
}

Test(team, results_do_not_depend_on_workers_or_binding)
{
    double want = sum_on(1, BIND_CORE);
    cr_assert_neq(want, 0.0);
    for (int workers = 2; workers <= MOST_WORKERS; workers++) {
        cr_assert_eq(sum_on(workers, BIND_CORE), want, "%d workers", workers);
        cr_assert_eq(sum_on(workers, BIND_NONE), want, "%d workers, unbound", workers);
    }
}

static void work(void *context, int begin, int end, int worker)
{
    atomic_long *total = context;
    (void)worker;
    for (int i = begin; i < end; i++) atomic_fetch_add(total, i);
}

/* Awake and asleep: each hundredth run comes after the workers went to sleep. */
Test(team, thousands_of_runs)
{
    static const int units[] = { 0, 1, 2, 3, 100 };
    struct team *team = open_team(2, BIND_CORE);
    atomic_long total = 0;
    long want = 0;
    for (int i = 0; i < 5000; i++) {
        int n = units[i % 5];
        if (i % 100 == 0) usleep(1000);
        team_run(team, n, work, &total);
        want += (long)n * (n - 1) / 2;
    }
    cr_assert_eq(atomic_load(&total), want);
    team_close(team);
}

static void expect_planned_places(enum bind bind)
{
    struct topology *t = open_topology(NULL);
    int most = bind == BIND_CORE ? topology_cores(t) : topology_pus(t);
    topology_close(t);
    for (int workers = 1; workers <= most + 1 && workers <= 16; workers++) {
        struct team *team = open_team(workers, bind);
        if (!team_pinned(team)) {
            team_close(team);
            cr_skip_test("this system refuses to bind threads");
        }
        atomic_long total = 0;
        for (int i = 0; i < 100; i++) team_run(team, 1000, work, &total);
        for (int w = 0; w < workers; w++) {
            cr_assert_geq(team_planned_pu(team, w), 0);
            cr_assert_eq(team_actual_pu(team, w), team_planned_pu(team, w), "worker %d of %d, bind %s", w, workers, bind_name(bind));
        }
        team_close(team);
    }
}

Test(team, workers_are_where_they_were_planned)
{
    expect_planned_places(BIND_CORE);
    expect_planned_places(BIND_PU);
}

Test(team, unbound_says_so)
{
    struct team *team = open_team(3, BIND_NONE);
    cr_assert(!team_pinned(team));
    for (int w = 0; w < 3; w++) cr_assert_eq(team_planned_pu(team, w), -1);
    team_close(team);
}

/* The system itself says no (such PUs do not exist), and a machine that is only described: both go on unpinned. */
Test(team, refused_binding_is_no_error)
{
    setenv("HWLOC_SYNTHETIC", two_sockets, 1);
    for (int real = 0; real <= 1; real++) {
        setenv("HWLOC_THISSYSTEM", real ? "1" : "0", 1);
        struct team *team = open_team(3, BIND_CORE);
        cr_assert(!team_pinned(team));
        cr_assert_eq(team_planned_pu(team, 2), -1);
        expect_fair_cut(team, 100);
        team_close(team);
    }
}

Test(team, works_in_a_forked_child)
{
    struct team *parents = open_team(2, BIND_CORE);
    atomic_long total = 0;
    team_run(parents, 10, work, &total);
    team_close(parents);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        struct team *team = NULL;
        if (team_open(&team, 3, BIND_CORE, NULL) != 0) _exit(2);
        for (int i = 0; i < 100; i++) team_run(team, 10, work, &total);
        team_close(team);
        _exit(atomic_load(&total) == 101 * 45 ? 0 : 1);
    }
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
}

#if defined(__linux__)
Test(team, caller_gets_its_binding_back)
{
    cpu_set_t before, after;
    cr_assert_eq(sched_getaffinity(0, sizeof before, &before), 0);
    for (int workers = 1; workers <= 3; workers++) {
        team_close(open_team(workers, BIND_CORE));
        cr_assert_eq(sched_getaffinity(0, sizeof after, &after), 0);
        cr_assert(CPU_EQUAL(&before, &after), "%d workers", workers);
    }
}

/* A stack no address space has room for. */
Test(team, refused_threads_name_the_way_out)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)1 << 50);
    cr_assert_eq(pthread_setattr_default_np(&attributes), 0);
    struct team *team = NULL;
    struct why why = { "" };
    cr_assert_lt(team_open(&team, 4, BIND_CORE, &why), 0);
    cr_assert_null(team);
    cr_assert_not_null(strstr(why.text, "worker 2 of 4"), "%s", why.text);
    cr_assert_not_null(strstr(why.text, "fewer threads"));
}
#endif
