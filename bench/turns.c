/* SPDX-License-Identifier: MIT
 * Two starts of a bench are interleaved, as the cases of a group are: a disturbance of the machine then meets both. A byte in a pipe is the
 * turn: who has read it works, whatever the work is, and the other one waits. With the turn goes a word, '+' or '.': whether the group
 * needs more samples; the group goes on while either needs them, so that both leave it after as many turns and their samples are pairs. */
#include "bench.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    int in, out;
    bool here, first; /* there is a partner; it had no turn before our first one */
    char word;        /* its last one */
} partner;

/* A partner that has ended needs nothing more. */
static void wait_for_turn(void)
{
    assert(partner.in >= 0);
    ssize_t bytes;
    do bytes = read(partner.in, &partner.word, 1);
    while (bytes < 0 && errno == EINTR);
    if (bytes == 1) return;
    partner.here = false;
    partner.word = '.';
}

int turns_open(const char *text)
{
    assert(text);
    char rest;
    if (sscanf(text, "%d,%d%c", &partner.in, &partner.out, &rest) != 2 || partner.in < 0 || partner.out < 0) return -EINVAL;
    signal(SIGPIPE, SIG_IGN); /* the partner may end before us */
    partner.here = true;
    wait_for_turn();
    if (!partner.here) return -EINVAL;
    partner.first = partner.word == '1';
    return 0;
}

bool turns_pass(bool more)
{
    if (!partner.here) return more;
    const char before = partner.word;
    assert(partner.out >= 0);
    ssize_t bytes;
    do bytes = write(partner.out, more ? "+" : ".", 1);
    while (bytes < 0 && errno == EINTR);
    wait_for_turn();
    /* Who is first has heard the other's word on the turn just taken, the other one had heard it before taking its own. */
    return more || (partner.first ? partner.word : before) == '+';
}
