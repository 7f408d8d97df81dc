/* SPDX-License-Identifier: MIT
 * Where workers live, by hwloc: the cores or PUs this process may use, in the order that workers take them. */
#ifndef RUNTIME_TOPOLOGY_H
#define RUNTIME_TOPOLOGY_H

#include <stdbool.h>
#include "why.h"

enum bind { BIND_CORE, BIND_PU, BIND_NONE }; /* one worker per core, per PU (hyperthread), or wherever the OS likes */

struct topology; /* opaque: wraps hwloc_topology_t */

/* Loads the machine as this process is allowed to use it (taskset, cgroups). 0 or negative errno. Free with topology_close. */
int topology_open(struct topology **t, struct why *why);
void topology_close(struct topology *t);

int topology_cores(const struct topology *t); /* usable cores */
int topology_pus(const struct topology *t);   /* usable hardware threads */

/* Claims the cores of `workers` workers (runtime/claims.h) for as long as t is open, and from here on t has no others. CLAIMED_NONE: fewer
 * than that are free, t is as before and *free (may be NULL) says how many; workers had better not be pinned then. CLAIMS_OFF: this process
 * does not claim, or is told of a machine that it is not on; t is as before. */
enum claimed { CLAIMED, CLAIMED_NONE, CLAIMS_OFF };
enum claimed topology_claim(struct topology *t, enum bind bind, int workers, int *free);
/* How many usable cores other runs have claimed. */
int topology_taken(const struct topology *t);

/* The OS index of the PU planned for worker i of n (hwloc_distrib then singlify; i wraps around when n exceeds what is there).
 * -1 for BIND_NONE. */
int topology_pu(const struct topology *t, enum bind bind, int i, int n);

/* Binds the calling thread to that PU. 0, or negative errno where binding is refused (containers, macOS): callers go on unpinned and
 * record it. */
int topology_bind_self(const struct topology *t, int pu);

/* Where the calling thread may run now, to be given back later; NULL where the system does not tell. Owned by the caller until then. */
struct binding;
struct binding *topology_binding_of_self(const struct topology *t);

/* Binds the calling thread as it was and frees `binding`. NULL is fine. */
void topology_give_back(const struct topology *t, struct binding *binding);

/* "core", "pu", "none" both ways; parse gives -1 for anything else. */
const char *bind_name(enum bind bind);
int bind_parse(const char *name);

#endif
