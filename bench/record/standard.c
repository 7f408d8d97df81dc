/* SPDX-License-Identifier: MIT
 * Descriptors 0, 1 and 2 as every program needs them before it opens anything, and what a program says when it is told to stop. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "cli.h"

static char last_words[2][1024]; /* of the handler; the second is being written while it may still read the first */
static const char *volatile stop_words = last_words[0], *volatile stop_removes;
static const char *name = "convgauge";

enum { STACK_LEAST = 256 << 10, STACK = 8 << 20 };

static const struct {
    int signal;
    enum exit_code code;
} stops[] = { { SIGINT, EXIT_INTERRUPTED }, { SIGTERM, EXIT_TERMINATED }, { SIGHUP, EXIT_HANGUP } };

enum exit_code exit_of_signal(int number)
{
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        if (stops[i].signal == number) return stops[i].code;
    return EXIT_FAIL;
}

/* Only what a handler may call. */
static void stop(int number)
{
    const char *words = stop_words, *useless = stop_removes;
    const ssize_t written = write(STDERR_FILENO, words, strlen(words));
    (void)written;
    if (useless) unlink(useless);
    _exit((int)exit_of_signal(number));
}

void stop_says(const char *words, const char *removes)
{
    assert(words);
    char *next = stop_words == last_words[0] ? last_words[1] : last_words[0];
    snprintf(next, sizeof *last_words, "%s: interrupted%s%s\n", name, *words ? ": " : "", words);
    stop_words = next;
    stop_removes = removes;
}

const char *stop_useless(void) { return stop_removes; }

/* Where the stack may not grow to what we need, a segmentation fault would be all that is said. Threads have their size from the start. */
static void open_stack(void)
{
    struct rlimit stack;
    if (getrlimit(RLIMIT_STACK, &stack) || stack.rlim_cur >= STACK_LEAST) return; /* RLIM_INFINITY is the largest number */
    stack.rlim_cur = stack.rlim_max < STACK ? stack.rlim_max : STACK;
    if (stack.rlim_cur < STACK_LEAST || setrlimit(RLIMIT_STACK, &stack))
        quit(EXIT_FAIL, "the stack may have %zu KB, and %zu are needed: ulimit -s", (size_t)stack.rlim_max >> 10,
             (size_t)STACK_LEAST >> 10);
#ifdef __GLIBC__
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes)) return;
    if (pthread_attr_setstacksize(&attributes, (size_t)stack.rlim_cur) == 0) pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
#endif
}

/* A closed 0, 1 or 2 would be the next file that is opened, and words for people would land among its rows. stdin cannot be read then and
 * stdout not be written, as if they were closed still; a dead stderr costs the messages alone, and a pipe that nobody reads is an error of
 * write(), not the end. */
void open_standard(const char *program)
{
    assert(program);
    static const int how[] = { O_WRONLY, O_RDONLY, O_RDWR };
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", how[fd]) != fd) quit(EXIT_FAIL, "/dev/null: %s", strerror(errno));
    signal(SIGPIPE, SIG_IGN);
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 1); /* workers allocate nothing: no 64 MB of address space for each thread's own heap */
#endif
    name = program;
    open_stack();
    stop_says("", NULL);
    char words[256];
    snprintf(words, sizeof words, "%.200s: out of memory: free some, or raise its limit", program);
    out_of_memory_says(STDERR_FILENO, words);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        const struct sigaction say = { .sa_handler = stop };
        struct sigaction before;
        const int asked = sigaction(stops[i].signal, NULL, &before);
        assert(asked == 0);
        /* nohup ignores the one, shells ignore the other for what runs in the background: this program is asked to stop by it all the same
         */
        if (before.sa_handler != SIG_IGN || stops[i].signal != SIGHUP) sigaction(stops[i].signal, &say, NULL);
    }
}

/* Has | head seen enough? Asked of the pipe, since the write that failed may be long ago, and its errno with it. */
static bool nobody_reads(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO };
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

int finished(int code)
{
    errno = 0;
    if (!fflush(stdout) && !ferror(stdout)) return code;
    if (errno == EPIPE || nobody_reads()) return EXIT_FAIL; /* no words for that */
    quit(EXIT_FAIL, "stdout: %s; what was asked for could not be printed", strerror(errno ? errno : EIO));
}
