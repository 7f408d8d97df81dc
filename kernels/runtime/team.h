/* SPDX-License-Identifier: MIT
 * A persistent team of pinned pthreads for fork-join work. The caller is worker 0. Waiting workers spin about 2,000 pauses, then sleep.
 * Work is cut by *unit*, and a unit's result never depends on who ran it, so results have the same bits for any number of workers. */
#ifndef RUNTIME_TEAM_H
#define RUNTIME_TEAM_H

#include <stdbool.h>
#include <stdint.h>
#include "topology.h"
#include "why.h"

struct team;

/* Runs units [begin, end) on behalf of worker `worker` (0 … workers-1; index per-worker scratch with it). */
typedef void team_fn(void *context, int begin, int end, int worker);

/* `workers` >= 1. Starts workers-1 threads and binds all, the caller too; in a process that claims its cores (runtime/claims.h) to cores
 * that nobody else has claimed, and where there are too few of them, to none: team_crowded() tells. Refused binding is not an error either:
 * team_pinned() tells.
 * 0 or negative errno (threads cannot be made). */
int team_open(struct team **team, int workers, enum bind bind, struct why *why);

/* Joins the threads and gives the caller its old binding back. NULL is fine. */
void team_close(struct team *team);

/* Splits units 0 … units-1 into one contiguous, nearly even piece per worker and waits for all. Each begins with the first half of its own
 * piece; who is done takes over parts of what others have left, so fn is called several times, and units of one worker need not lie
 * together. Fewer units than workers: the rest stay idle; as many: each runs its own. units 0 returns at once; one worker (or a NULL team)
 * calls fn directly, once. Not reentrant. */
void team_run(struct team *team, int units, team_fn *fn, void *context);

/* For measuring: after every fork-join of the team's, on the caller's thread, how many units it had and how long it took. NULL (as it is
 * opened): nobody is told, and no clock is read. Set between runs only. */
typedef void team_watch_fn(void *context, int units, uint64_t nanoseconds);
void team_watch(struct team *team, team_watch_fn *watch, void *context);

int team_workers(const struct team *team);                /* 1 for NULL */
bool team_pinned(const struct team *team);                /* every worker is bound as asked; false for BIND_NONE */
bool team_crowded(const struct team *team);               /* other runs have claimed the cores: the system places the workers */
int team_planned_pu(const struct team *team, int worker); /* OS index, -1 if unbound */

#endif
