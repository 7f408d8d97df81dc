/* SPDX-License-Identifier: MIT
 * In place of onednn.c where the library was not there at build time. */
#include "peers.h"

#include <assert.h>
#include <stddef.h>

const char *onednn_version(unsigned isas, struct why *why)
{
    (void)isas;
    why_fail(why, -1, "built without it: tools/install-packages (libdnnl-dev) or bench/tools/bench-peers --install; then build anew");
    return NULL;
}

struct onednn *onednn_open(const struct problem *p, int direction, struct team *team, char *text, size_t size)
{
    (void)p, (void)direction, (void)team, (void)text, (void)size;
    return NULL;
}

void onednn_run(void *onednn)
{
    (void)onednn;
    assert(false);
}

const char *onednn_compare(struct onednn *o, char *text, size_t size)
{
    (void)o, (void)text, (void)size;
    return NULL;
}

void onednn_close(struct onednn *o) { (void)o; }
