/* SPDX-License-Identifier: MIT
 * Which cores a sweep's runs get: each its own, and none that another program of ours has claimed. */
#include "driver.h"

#include <assert.h>
#ifdef __linux__
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#endif

/* Takes cores that no other run of ours has: as many runs side by side as fit there, unless --jobs says how many; where none does, none is
 * pinned, and the system places them. */
static void take(struct cores *c, struct sweep *s, const struct run *const *todo, int count)
{
    assert(s->jobs >= 1);
    int most = 1, free = 0;
    for (int i = 0; i < count; i++) most = todo[i]->threads > most ? todo[i]->threads : most;
    const int all = topology_cores(c->all), before = s->jobs;
    c->bind = s->options->bind;
    enum claimed got = topology_claim(c->own, c->bind, s->jobs * most, &free);
    if (got == CLAIMED_NONE && !s->options->jobs && free >= most) {
        s->jobs = free / most;
        got = topology_claim(c->own, c->bind, s->jobs * most, &free);
    }
    c->claimed = got == CLAIMED;
    if (got == CLAIMED_NONE) c->bind = BIND_NONE;
    if (s->options->quiet) return;
    if (got == CLAIMED_NONE)
        warn("other runs of ours use %d of %d cores here: workers are not pinned, the system places them", all - free, all);
    else if (s->jobs < before) warn("other runs of ours use %d of %d cores here: %d side by side on the others", all - free, all, s->jobs);
}

int cores_open(struct cores *c, struct sweep *s, const struct run *const *todo, int count, struct why *why)
{
    assert(s->jobs >= 1);
    *c = (struct cores){ .own = NULL };
    int status = topology_open(&c->own, why);
    if (status == 0) status = topology_open(&c->all, why);
    if (status) return status;
    take(c, s, todo, count);
    c->jobs = s->jobs;
    return 0;
}

void cores_close(struct cores *c)
{
    topology_close(c->own);
    topology_close(c->all);
}

/* A parent that dies takes its runs along. Side by side, each run gets its own cores: a team pins itself within those of its process. */
#ifdef __linux__
void cores_confine(const struct cores *c, int slot, int threads)
{
    assert(threads >= 1);
    assert(slot >= 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (c->jobs == 1 && !c->claimed) return;
    cpu_set_t own;
    CPU_ZERO(&own);
    for (int i = 0; i < threads; i++) {
        int pu = topology_pu(c->own, c->bind, slot * threads + i, c->jobs * threads);
        if (pu < 0 || pu >= CPU_SETSIZE) return;
        CPU_SET((size_t)pu, &own);
    }
    sched_setaffinity(0, sizeof own, &own); /* refused: the row says "pinned": false */
}
#else
void cores_confine(const struct cores *c, int slot, int threads) { (void)c, (void)slot, (void)threads; }
#endif
