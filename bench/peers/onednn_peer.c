/* SPDX-License-Identifier: MIT
 * oneDNN as bench-kernels sees it: a process apart per direction of a problem. It finds its fastest way there, times itself, and compares
 * its result with ours, which lies in its memory since the fork. A layout and algorithm at which it crashes or hangs is left out and named,
 * and the next process goes on with the rest: oneDNN still gets its best. */
#include "peers.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "../apart.h"
#include "onednn.h"

/* How long one answer may take: trying all ways of a large problem takes seconds each where only the reference code does it. */
static const double ANSWER_SECONDS = 120;

enum want { WANT_VERSION, WANT_OPEN, WANT_TIME, WANT_COMPARE };

struct request {
    enum want want;
    int calls;
};

struct answer {
    bool ok;
    double seconds;
    char text[512];
};

struct onednn_peer {
    struct apart process;
    unsigned isas;
    const struct problem *problem;
    int direction;
    struct team *team;
    struct onednn_trials *trials; /* shared */
    struct onednn *onednn;        /* of the process apart */
    struct why end;               /* of the process, once it has come to one */
};

static unsigned capped;

/* ---- in the process apart ---- */

static size_t serve(void *context, const void *asked, void *given)
{
    assert(asked);
    assert(given);
    struct onednn_peer *o = context;
    const struct request *request = asked;
    struct answer *a = given;
    *a = (struct answer){ .seconds = NAN };
    switch (request->want) {
    case WANT_VERSION: a->ok = onednn_start(o->isas, a->text, sizeof a->text); break;
    case WANT_OPEN:
        if (onednn_start(o->isas, a->text, sizeof a->text))
            o->onednn = onednn_quickest(o->problem, o->direction, o->team, o->trials, a->text, sizeof a->text);
        a->ok = o->onednn;
        break;
    case WANT_TIME:
        a->seconds = onednn_time(o->onednn, request->calls);
        a->ok = true;
        break;
    case WANT_COMPARE: a->ok = !onednn_compare(o->onednn, a->text, sizeof a->text); break;
    }
    return sizeof *a;
}

/* ---- here ---- */

/* False: the process is no more; o->end says why. */
static bool ask(struct onednn_peer *o, struct request request, struct answer *a)
{
    return apart_ask(&o->process, &request, sizeof request, a, sizeof *a, ANSWER_SECONDS, &o->end) == 0;
}

const char *onednn_version(unsigned isas, struct why *why)
{
    static struct answer a;
    struct onednn_peer o = { .isas = isas };
    const bool answered = apart_open(&o.process, serve, &o, &o.end) == 0 && ask(&o, (struct request){ WANT_VERSION, 0 }, &a);
    apart_close(&o.process);
    capped = isas;
    if (answered && a.ok) return a.text;
    why_fail(why, -1, "it %s", answered ? a.text : o.end.text);
    return NULL;
}

/* Adds to the note what has to be left out. */
static void note_death(const struct onednn_peer *o, int trial, char *left, size_t size)
{
    assert(trial >= 0);
    assert(trial < ONEDNN_TRIALS);
    static const char *const layouts[ONEDNN_LAYOUTS] = ONEDNN_LAYOUT_NAMES;
    const size_t used = strlen(left);
    snprintf(left + used, size - used, "%s%s, algorithm %d, %s", used ? "; " : "", layouts[trial / ONEDNN_ALGORITHMS],
             trial % ONEDNN_ALGORITHMS, o->end.text);
}

/* True: it has a way. Every round ends in an answer, or with a way less. */
static bool find_way(struct onednn_peer *o, char *text, size_t size)
{
    assert(o->trials);
    char left[256] = "";
    struct answer a;
    for (int round = 0; round <= ONEDNN_TRIALS; round++) {
        o->trials->at = ONEDNN_TRIALS;
        if (apart_open(&o->process, serve, o, &o->end)) break;
        if (ask(o, (struct request){ WANT_OPEN, 0 }, &a)) {
            snprintf(text, size, "%s%s%s%s", a.text, *left ? " (left out: " : "", left, *left ? ")" : "");
            return a.ok;
        }
        apart_close(&o->process);
        if (o->trials->at == ONEDNN_TRIALS) break; /* before or after the ways */
        o->trials->died[o->trials->at] = true;
        note_death(o, o->trials->at, left, sizeof left);
    }
    return false;
}

struct onednn_peer *onednn_peer_open(const struct problem *p, int direction, struct team *team, char *text, size_t size)
{
    struct onednn_peer *o = calloc(1, sizeof *o);
    if (!o) return NULL;
    *o = (struct onednn_peer){ .process = { .socket = -1 }, .isas = capped, .problem = p, .direction = direction, .team = team };
    o->trials = mmap(NULL, sizeof *o->trials, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (o->trials == MAP_FAILED) o->trials = NULL;
    if (o->trials && find_way(o, text, size)) return o;
    onednn_peer_close(o);
    return NULL;
}

double onednn_peer_time(void *peer, int calls)
{
    struct onednn_peer *o = peer;
    struct answer a;
    assert(calls > 0);
    return ask(o, (struct request){ WANT_TIME, calls }, &a) ? a.seconds : NAN;
}

const char *onednn_peer_compare(struct onednn_peer *o, char *text, size_t size)
{
    struct answer a;
    const bool answered = ask(o, (struct request){ WANT_COMPARE, 0 }, &a);
    if (answered && a.ok) return NULL;
    snprintf(text, size, "%s", answered ? a.text : o->end.text);
    return text;
}

const char *onednn_peer_end(const struct onednn_peer *o) { return o->process.pid ? NULL : o->end.text; }

void onednn_peer_close(struct onednn_peer *o)
{
    if (!o) return;
    apart_close(&o->process);
    if (o->trials) munmap(o->trials, sizeof *o->trials);
    free(o);
}
