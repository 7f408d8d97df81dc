/* SPDX-License-Identifier: MIT
 * Wall clock for measuring, the one that everything here reads: monotonic, so that no adjustment of the system's time can make a
 * duration wrong. */
#ifndef RUNTIME_CLOCK_H
#define RUNTIME_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds since some moment of this boot (CLOCK_MONOTONIC): only differences mean something. Never fails; any thread may call it.
 * A machine that sleeps meanwhile adds nothing. */
uint64_t clock_ns(void);
/* Does it go forward? It has to; that of a broken virtual machine may not, and then every rate would be infinite: who measures asks first.
 * True at once; false after ten million readings, a fifth of a second. */
bool clock_moves(void);

#endif
