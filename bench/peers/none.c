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

struct onednn_peer *onednn_peer_open(const struct problem *p, int direction, struct team *team, char *text, size_t size)
{
    (void)p, (void)direction, (void)team, (void)text, (void)size;
    return NULL;
}

double onednn_peer_time(void *peer, int calls)
{
    (void)peer, (void)calls;
    assert(false);
    return 0;
}

const char *onednn_peer_compare(struct onednn_peer *o, char *text, size_t size)
{
    (void)o, (void)text, (void)size;
    return NULL;
}

const char *onednn_peer_end(const struct onednn_peer *o)
{
    (void)o;
    return NULL;
}

void onednn_peer_close(struct onednn_peer *o) { (void)o; }
