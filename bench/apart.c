/* SPDX-License-Identifier: MIT */
#include "apart.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Until the parent closes its end, or is dead. */
static void serve_all(int socket, apart_serve *serve, void *context)
{
    _Alignas(max_align_t) char request[APART_BYTES], answer[APART_BYTES];
    while (recv(socket, request, sizeof request, 0) > 0) {
        const size_t bytes = serve(context, request, answer);
        assert(bytes <= APART_BYTES);
        if (send(socket, answer, bytes, MSG_NOSIGNAL) < 0) break;
    }
    _exit(0); /* what the parent has buffered is the parent's to write */
}

int apart_open(struct apart *a, apart_serve *serve, void *context, struct why *why)
{
    assert(serve);
    int pair[2];
    *a = (struct apart){ .socket = -1 };
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) return why_fail(why, -errno, "no socket: %s", strerror(errno));
    const pid_t parent = getpid();
    a->pid = fork();
    if (a->pid < 0) {
        const int error = errno;
        a->pid = 0;
        close(pair[0]);
        close(pair[1]);
        return why_fail(why, -error, "no process: %s", strerror(error));
    }
    if (a->pid == 0) {
        signal(SIGINT, SIG_IGN); /* a terminal's goes to both: the parent ends us */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pair[0]);
        if (getppid() == parent) serve_all(pair[1], serve, context);
        _exit(0);
    }
    close(pair[1]);
    a->socket = pair[0];
    return 0;
}

/* Its end, in words. */
static int ended(struct apart *a, struct why *why)
{
    assert(a->pid > 0);
    int status = 0;
    while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR) {}
    a->pid = 0;
    if (WIFSIGNALED(status)) return why_fail(why, -ECHILD, "crashed: %s", strsignal(WTERMSIG(status)));
    return why_fail(why, -ECHILD, "ended with exit code %d", WEXITSTATUS(status));
}

int apart_ask(struct apart *a, const void *request, size_t request_bytes, void *answer, size_t answer_bytes, double seconds,
              struct why *why)
{
    assert(request_bytes > 0);
    assert(request_bytes <= APART_BYTES);
    assert(answer_bytes <= APART_BYTES);
    if (!a->pid) return why_fail(why, -ECHILD, "is gone");
    if (send(a->socket, request, request_bytes, MSG_NOSIGNAL) < 0) return ended(a, why);
    struct pollfd wait = { .fd = a->socket, .events = POLLIN };
    int ready;
    while ((ready = poll(&wait, 1, (int)(seconds * 1e3))) < 0 && errno == EINTR) {}
    if (ready == 0) {
        kill(a->pid, SIGKILL);
        ended(a, NULL);
        return why_fail(why, -ETIMEDOUT, "gave no answer in %g s", seconds);
    }
    const ssize_t got = recv(a->socket, answer, answer_bytes, 0);
    assert(got <= 0 || got == (ssize_t)answer_bytes);
    return got > 0 ? 0 : ended(a, why);
}

void apart_close(struct apart *a)
{
    if (a->socket >= 0) close(a->socket);
    if (a->pid) {
        kill(a->pid, SIGKILL);
        ended(a, NULL);
    }
    *a = (struct apart){ .socket = -1 };
}
