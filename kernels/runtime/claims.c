/* SPDX-License-Identifier: MIT
 * A claim is a bound socket that nobody listens to. A fork shares it, as long as the table says so: the child's copy keeps the name bound.
 */
#include "claims.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CLAIMS = 1024, TURN = -1 };

static const char *prefix; /* NULL: not begun */
static int turn = -1;      /* while it is ours to choose */
static struct claim {
    int package, core, fd, count;
} claims[CLAIMS];
static int claim_count;

void claims_begin(const char *name) { prefix = name; }

bool claims_begun(void) { return prefix != NULL; }

/* The socket; -1: somebody has the name, or there are no such names here. */
static int bind_name(int package, int core)
{
    assert(prefix);
#ifdef __linux__
    struct sockaddr_un address = { .sun_family = AF_UNIX }; /* a name that begins with a zero is no file */
    const int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%.60s/core/%d/%d", prefix, package, core);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0) return fd;
    close(fd);
#else
    (void)package, (void)core;
#endif
    return -1;
}

bool claims_choose(void)
{
    assert(turn < 0);
    const struct timespec pause = { 0, 1000000 };
    for (int i = 0; prefix && i < 1000; i++) {
        turn = bind_name(TURN, TURN);
        if (turn >= 0) return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

void claims_chosen(void)
{
    assert(turn >= 0);
    close(turn);
    turn = -1;
}

static struct claim *find(int package, int core)
{
    for (int i = 0; i < claim_count; i++)
        if (claims[i].package == package && claims[i].core == core) return &claims[i];
    return NULL;
}

bool claims_take(int package, int core)
{
    assert(claim_count <= CLAIMS);
    struct claim *own = find(package, core);
    if (own) {
        own->count++;
        return true;
    }
    if (!prefix || claim_count == CLAIMS) return false;
    const int fd = bind_name(package, core);
    if (fd >= 0) claims[claim_count++] = (struct claim){ package, core, fd, 1 };
    return fd >= 0;
}

void claims_release(int package, int core)
{
    struct claim *own = find(package, core);
    assert(own);
    assert(own->count > 0);
    if (--own->count) return;
    close(own->fd);
    *own = claims[--claim_count];
}

bool claims_taken(int package, int core)
{
    if (!prefix || find(package, core)) return false;
    const int fd = bind_name(package, core);
    if (fd >= 0) close(fd);
    return fd < 0;
}
