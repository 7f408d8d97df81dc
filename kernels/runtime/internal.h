/* SPDX-License-Identifier: MIT
 * Private to the runtime and its tests: what is tested by itself and no user of the library calls. */
#ifndef RUNTIME_INTERNAL_H
#define RUNTIME_INTERNAL_H

#include "team.h"
#include "topology.h"

/* e^x, the half of exact_pow that can be tested alone. */
double exact_exp(double x);

/* The OS index of the PU the calling thread last ran on, or -1 where the system does not tell. */
int topology_where_am_i(const struct topology *t);
/* The same of a worker, read back by itself. */
int team_actual_pu(struct team *team, int worker);

#endif
