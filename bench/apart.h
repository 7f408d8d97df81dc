/* SPDX-License-Identifier: MIT
 * A process apart: other people's code answers from a fork of this program, so that a crash or an endless loop of it costs one answer and
 * not the run. What lay in memory before the fork is there, too; what is written afterwards is seen by neither, but for shared memory. */
#ifndef BENCH_APART_H
#define BENCH_APART_H

#include <stddef.h>
#include <sys/types.h>
#include "../kernels/runtime/why.h"

enum { APART_BYTES = 1024 }; /* the longest request and answer */

struct apart {
    pid_t pid; /* 0: there is none (any more) */
    int socket;
};

/* Answers one request, in the fork. Returns the answer's bytes, at most APART_BYTES. */
typedef size_t apart_serve(void *context, const void *request, void *answer);

/* 0; a negative errno when no process can be had. Closed by apart_close, also after an error. */
int apart_open(struct apart *a, apart_serve *serve, void *context, struct why *why);
/* The answer in at most so many seconds: 0. -ECHILD: it died, and why says of what ("crashed: Segmentation fault"); -ETIMEDOUT: it gave no
 * answer and was killed. There is no process then, and every further request has the same end. */
int apart_ask(struct apart *a, const void *request, size_t request_bytes, void *answer, size_t answer_bytes, double seconds,
              struct why *why);
void apart_close(struct apart *a);

#endif
