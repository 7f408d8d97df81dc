/* SPDX-License-Identifier: MIT
 * One allocation, measured first, then carved: take() never fails after open(). Everything is 64-byte aligned. Under AddressSanitizer
 * every piece is followed by a poisoned red zone, and debug builds fill pieces with NaN: without them an overrun lands unseen in the
 * next tensor. */
#ifndef RUNTIME_ARENA_H
#define RUNTIME_ARENA_H

#include <stddef.h>
#include "why.h"

struct arena {
    const char *name; /* "parameters", "activations" … for messages and the plan's print; borrowed */
    char *base;
    size_t size; /* bytes in all … */
    size_t used; /* … and taken of them: used <= size */
};

/* Bytes that arena_take(bytes) will use: rounded up to 64, plus the red zone. Sum these to measure. */
size_t arena_room(size_t bytes);

/* Allocates `size` bytes (0 allowed). 0 or -ENOMEM. The OS gives each page (zeroed) on first touch, so the worker that touches it first
 * owns it. Zeros are not promised: debug builds fill. */
int arena_open(struct arena *a, const char *name, size_t size, struct why *why);

/* The next `bytes`, aligned to 64. Aborts (a programming error) when the arena was measured too small. Owned by the arena. */
void *arena_take(struct arena *a, size_t bytes);

/* Frees all of it, what was taken included. A zeroed arena may be closed. */
void arena_close(struct arena *a);

#endif
