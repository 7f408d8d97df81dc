/* SPDX-License-Identifier: MIT
 * Each run is a forked child (child.c): the data are in memory already and shared, peak memory is its own, and a crash takes nothing else
 * along. The parent starts as many as there are jobs, reads what they tell, and stores their rows. */
#include "driver.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../../bench/record/machine.h"
#include "../../kernels/runtime/clock.h"

/* How often the user asked to stop, and by which signal; in a child: that its parent did. */
static volatile sig_atomic_t stops, stop_signal;

static void on_stop(int number)
{
    stops++;
    stop_signal = number;
}

struct slot {
    pid_t pid; /* 0: free */
    int fd;
    const struct run *run;
    char *text;
    size_t used, room; /* what has come through the pipe and is no whole line yet */
    double share;
    bool beside; /* another program's run was there when it began */
    json_t *result;
    char message[512];
    uint64_t start_ns;
};

struct driver {
    const struct sweep *s;
    struct rows *rows;
    struct slot *slots;
    struct cores cores;
    struct progress progress;
    struct outcome outcome;
    json_t *environment;
    bool warned_pinning;
};

/* False: no process to be had. Stop signals wait until both sides know who they are. */
static bool start(struct driver *d, int slot, const struct run *run)
{
    assert(slot < d->s->jobs);
    assert(!d->slots[slot].pid);
    int ends[2];
    sigset_t stopping, before;
    if (pipe(ends)) return false;
    sigemptyset(&stopping);
    sigaddset(&stopping, SIGINT);
    sigaddset(&stopping, SIGTERM);
    sigaddset(&stopping, SIGHUP);
    sigprocmask(SIG_BLOCK, &stopping, &before);
    fflush(stdout);
    fflush(stderr);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        close(d->rows->fd); /* with its lock: a child that outlives us must not keep the next run out */
        stops = 0;
        signal(SIGINT, SIG_IGN); /* the terminal sends them to all; the parent passes them on as SIGTERM */
        signal(SIGHUP, SIG_IGN);
        sigprocmask(SIG_SETMASK, &before, NULL);
        run_child(d->s, d->rows, run, &d->cores, slot, &stops, ends[1]);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return false;
    }
    d->slots[slot] =
        (struct slot){ .pid = pid, .fd = ends[0], .run = run, .beside = topology_taken(d->cores.all) > 0, .start_ns = clock_ns() };
    return true;
}

static void heard(struct driver *d, struct slot *slot, const char *line)
{
    int epoch;
    double test_acc, test_loss, running, loss;
    char name[320];
    if (line[0] == 'p') {
        slot->share = strtod(line + 1, NULL);
    } else if (line[0] == 'e' && sscanf(line, "e %d %lg %lg %lg %lg", &epoch, &test_acc, &test_loss, &running, &loss) == 5) {
        if (d->s->wish->epoch_lines)
            progress_say(&d->progress, "%s  epoch %d of %d: test %.2f %%, loss %.4f; train running %.2f %%, loss %.4f",
                         run_name(d->s, slot->run, name, sizeof name), epoch, slot->run->entry->epochs, test_acc, test_loss, running, loss);
    } else if (line[0] == 'r') {
        json_decref(slot->result);
        slot->result = json_loads(line + 2, 0, NULL);
    } else if (line[0] == 'w') {
        progress_say(&d->progress, "%s", line + 2);
    } else if (line[0] == 'x') {
        snprintf(slot->message, sizeof slot->message, "%s", line + 2);
    }
}

/* False at the end of the pipe. */
static bool listen_to(struct driver *d, struct slot *slot)
{
    if (slot->room - slot->used < 4096) {
        char *text = realloc(slot->text, slot->room + 65536);
        if (!text) return false;
        slot->text = text;
        slot->room += 65536;
    }
    ssize_t got = read(slot->fd, slot->text + slot->used, slot->room - slot->used - 1);
    if (got < 0) return errno == EINTR;
    slot->used += (size_t)got;
    char *line = slot->text, *end;
    while ((end = memchr(line, '\n', slot->used - (size_t)(line - slot->text)))) {
        *end = 0;
        heard(d, slot, line);
        line = end + 1;
    }
    slot->used -= (size_t)(line - slot->text);
    memmove(slot->text, line, slot->used);
    return got > 0;
}

static double work_done(const struct driver *d)
{
    double work = d->progress.work_done;
    for (int i = 0; i < d->s->jobs; i++)
        if (d->slots[i].pid) work += d->slots[i].share * run_work(d->slots[i].run);
    return work;
}

static void say_finished(struct driver *d, const struct slot *slot)
{
    char name[320], took[32], left[32], ending[64] = "";
    const json_t *r = slot->result;
    double seconds = (double)(clock_ns() - slot->start_ns) * 1e-9;
    if (d->progress.done < d->progress.total)
        snprintf(ending, sizeof ending, "; about %s left", duration(progress_left(&d->progress, work_done(d)), left));
    run_name(d->s, slot->run, name, sizeof name);
    const json_t *diverged = json_object_get(r, "diverged_at_update");
    if (diverged)
        progress_say(&d->progress, "[%d/%d] %s: diverged at update %d (its loss is not finite), %s%s", d->progress.done, d->progress.total,
                     name, (int)json_integer_value(diverged), duration(seconds, took), ending);
    else
        progress_say(&d->progress, "[%d/%d] %s: test %.2f %% (best epoch %.2f), %.0f images/s, %s%s", d->progress.done, d->progress.total,
                     name, json_number_value(json_object_get(r, "test_acc")), json_number_value(json_object_get(r, "best_test_acc")),
                     json_number_value(json_object_get(r, "train_images_per_s")), duration(seconds, took), ending);
}

static void store(struct driver *d, struct slot *slot, double peak_rss_bytes)
{
    assert(slot->result);
    struct why why;
    if (d->cores.bind != BIND_NONE && json_is_false(json_object_get(slot->result, "pinned")) && !d->warned_pinning) {
        progress_clear(&d->progress);
        warn("workers cannot be pinned here; continuing unpinned (rows say \"pinned\": false; --bind none silences this)");
        d->warned_pinning = true;
    }
    const bool quiet = d->s->jobs == 1 && !slot->beside && topology_taken(d->cores.all) == 0;
    json_t *row = record_row(d->s, slot->run, slot->result, peak_rss_bytes, quiet, d->environment);
    if (!rows_find(d->rows, slot->run->id) && rows_append(d->rows, row, &why)) {
        progress_clear(&d->progress);
        warn("%s", why.text);
        d->outcome.unwritable = true;
    } else {
        d->outcome.finished++;
        keep_end(d->s, d->rows, slot->run);
        say_finished(d, slot);
    }
    json_decref(row);
}

static double peak_rss(const struct rusage *used)
{
#ifdef __APPLE__
    return (double)used->ru_maxrss;
#else
    return (double)used->ru_maxrss * 1024;
#endif
}

static void finish(struct driver *d, struct slot *slot)
{
    assert(slot->pid > 0);
    int status = 0;
    char name[320];
    struct rusage used = { 0 };
    pid_t ended;
    close(slot->fd);
    while ((ended = wait4(slot->pid, &status, 0, &used)) < 0 && errno == EINTR)
        ;
    d->progress.done++;
    d->progress.work_done += run_work(slot->run);
    bool complete = ended == slot->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 && slot->result;
    slot->pid = 0;
    if (complete && !d->outcome.unwritable) {
        store(d, slot, peak_rss(&used));
    } else if (stops && d->s->wish->save && *slot->message) {
        progress_clear(&d->progress);
        warn("%s", slot->message);
    } else if (!stops && !d->outcome.unwritable) {
        d->outcome.failed++;
        progress_clear(&d->progress);
        run_name(d->s, slot->run, name, sizeof name);
        if (WIFSIGNALED(status))
            warn("%s: was killed by signal %d (%s); the other runs continue", name, WTERMSIG(status), strsignal(WTERMSIG(status)));
        else warn("%s: %s", name, *slot->message ? slot->message : "ended without a result");
    }
    json_decref(slot->result);
    free(slot->text);
    slot->result = NULL;
    slot->text = NULL;
}

static void signal_children(const struct driver *d, int number)
{
    for (int i = 0; i < d->s->jobs; i++)
        if (d->slots[i].pid) kill(d->slots[i].pid, number);
}

/* Has its process ended? Not asked for how yet. */
static bool is_over(const struct slot *slot)
{
    siginfo_t info = { 0 };
    return waitid(P_PID, (id_t)slot->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == slot->pid;
}

/* Waits for news from the running children, at most a fifth of a second; returns how many still run. One has ended when its pipe has, or,
 * should anybody else hold that, when it was over before and nothing is in the pipe. */
static int attend(struct driver *d)
{
    assert(d->s->jobs <= MAX_THREADS);
    struct pollfd polls[MAX_THREADS];
    int of[MAX_THREADS], live = 0;
    bool over[MAX_THREADS];
    for (int i = 0; i < d->s->jobs; i++)
        if (d->slots[i].pid) {
            of[live] = i;
            over[live] = is_over(&d->slots[i]);
            polls[live++] = (struct pollfd){ .fd = d->slots[i].fd, .events = POLLIN };
        }
    if (live == 0 || poll(polls, (nfds_t)live, 200) < 0) return live;
    int ended = 0;
    for (int i = 0; i < live; i++)
        if (polls[i].revents ? !listen_to(d, &d->slots[of[i]]) : over[i]) {
            finish(d, &d->slots[of[i]]);
            ended++;
        }
    return live - ended;
}

static void go(struct driver *d, const struct run *const *todo, int count)
{
    assert(count >= 0);
    int next = 0, live = 0;
    sig_atomic_t passed_on = 0;
    do {
        bool stopping = stops || d->outcome.unwritable;
        for (int i = 0; i < d->s->jobs && next < count && !stopping; i++) {
            if (d->slots[i].pid) continue;
            if (!start(d, i, todo[next])) break;
            next++;
            live++;
        }
        if (live == 0 && next < count && !stopping) {
            warn("cannot start a process: %s; free some, or give fewer --jobs, and start again to continue", strerror(errno));
            d->outcome.failed += count - next;
            return;
        }
        if (stopping && passed_on <= stops) { /* a second signal ends them at once */
            signal_children(d, passed_on > 1 ? SIGKILL : SIGTERM);
            passed_on = stops + 1;
        }
        live = attend(d);
        progress_draw(&d->progress, work_done(d), live);
    } while (live > 0 || (next < count && !stops && !d->outcome.unwritable));
}

/* Runs in bf16 without AMX are slow, and say so. */
static void say_tiles(const struct sweep *s, const struct run *const *todo, int count)
{
    const int tiles = isa_bf16(s->options->isas);
    int runs = 0;
    for (int i = 0; i < count; i++) runs += todo[i]->entry->precision == PRECISION_BF16;
    if (runs > 0 && tiles >= 0 && tiles != ISA_AMX)
        warn("bf16 without AMX (%s): tiles are computed by %s, with the same bits and slower than float32",
             cpu_detect() >> ISA_AMX & 1 ? "left out by --isa" : "this CPU, build or system has none", isa_name((enum isa)tiles));
}

struct outcome sweep_run(const struct sweep *asked, const struct run *const *todo, int count, struct rows *rows)
{
    assert(asked->jobs >= 1);
    assert(asked->jobs <= MAX_THREADS);
    assert(rows->fd >= 0);
    struct sweep own = *asked, *s = &own;
    struct driver d = { .s = s, .rows = rows, .slots = calloc((size_t)s->jobs, sizeof *d.slots), .environment = environment_record() };
    if (s->wish->timing) { /* these runs have the machine to themselves: what one thread could do at most belongs to them */
        const double peak = peak_measure(isa_best(s->options->isas), NULL);
        json_object_set_new(d.environment, "fma_peak_gflops", peak > 0 ? json_real(peak) : json_null());
    }
    struct why why;
    if (!d.slots) quit(EXIT_FAIL, "out of memory");
    say_tiles(s, todo, count);
    if (cores_open(&d.cores, s, todo, count, &why)) quit(EXIT_FAIL, "%s", why.text);
    double work = 0;
    for (int i = 0; i < count; i++) work += run_work(todo[i]);
    struct sigaction stop = { .sa_handler = on_stop }, old_int, old_term, old_hup;
    sigaction(SIGINT, &stop, &old_int);
    sigaction(SIGTERM, &stop, &old_term);
    sigaction(SIGHUP, NULL, &old_hup);
    if (old_hup.sa_handler != SIG_IGN) sigaction(SIGHUP, &stop, NULL); /* under nohup it stays ignored */
    signal(SIGCHLD, SIG_DFL); /* ignored, as some launchers leave it, it would reap children unseen */
    signal(SIGXFSZ, SIG_IGN); /* a file size limit shows as an error of write() */
    progress_open(&d.progress, s->options->quiet, count, work);
    go(&d, todo, count);
    progress_clear(&d.progress);
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGTERM, &old_term, NULL);
    sigaction(SIGHUP, &old_hup, NULL);
    d.outcome.signal = stops ? stop_signal : 0;
    cores_close(&d.cores);
    json_decref(d.environment);
    free(d.slots);
    return d.outcome;
}
