/* SPDX-License-Identifier: MIT
 * merge: one file of rows from many, of shards and machines: each id once, in a fixed order. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <popt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../../nets/whole_file.h"
#include "../record/cli.h"
#include "entries.h"

static const char what_it_does[] =
    "Merges files of rows (.jsonl, .jsonl.xz, committed or not) of shards and machines: each id once, in a fixed order.\n"
    "Rows with the same id must agree in weights, accuracies and losses. Conflicts are named, and so are ids that --expect lists and no\n"
    "file has; the exit code is then 1, and after a conflict nothing is written. A timing row belongs to its host: the last one of an id\n"
    "counts. Lines that the programs would refuse are named and left out here, too. An output with rows that no file has is refused.";

/* The place of the output, locked before anything is read, so that no row can come there unseen. */
struct place {
    const char *path;
    int fd; /* -1: stdout, a device, or a file system without locks */
    bool made;
};

static int place_take(struct place *p, const char *path, struct why *why)
{
    struct stat there;
    *p = (struct place){ .path = path, .fd = -1 };
    if (!path) return 0;
    make_folders(path);
    for (int i = 0; i < OPEN_TRIES; i++) {
        const bool exists = stat(path, &there) == 0;
        if (exists && !S_ISREG(there.st_mode)) return 0;
        p->made = !exists;
        p->fd = open(path, O_RDONLY | O_CLOEXEC | (exists ? 0 : O_CREAT | O_EXCL), 0666);
        if (p->fd < 0 && (errno == EEXIST || errno == ENOENT) && exists != (access(path, F_OK) == 0)) continue;
        if (p->fd < 0) return why_fail(why, -errno, "%s: %s; give a place to write with --output", path, strerror(errno));
        if (flock(p->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
            return why_fail(why, -EAGAIN, "%s: a run writes there; wait for it, or write elsewhere", path);
        if (stat(path, &there) == 0 && is_file(p->fd, &there)) return 0;
        close(p->fd); /* replaced meanwhile */
        p->fd = -1;
    }
    return why_fail(why, -EAGAIN, "%s: cannot be held: %s; write elsewhere", path, strerror(errno));
}

/* The empty file that held the place goes when nothing took it. */
static void place_leave(struct place *p, bool written)
{
    struct stat there;
    if (p->made && !written && stat(p->path, &there) == 0 && is_file(p->fd, &there) && there.st_size == 0) unlink(p->path);
    if (p->fd >= 0) close(p->fd);
}

/* ---- --expect */

/* Names what is missing; how many were asked for and are not there. The file is what --dry-run --format json prints, once or more often. */
static int expected(const struct merging *g, const char *path, size_t *asked, size_t *missing, struct why *why)
{
    assert(path);
    assert(asked);
    assert(missing);
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!file) return why_fail(why, -errno, "--expect %s: %s", path, strerror(errno));
    int status = 0;
    for (int c; status == 0 && (c = getc(file)) != EOF;) {
        if (strchr(" \t\r\n", c)) continue;
        ungetc(c, file);
        json_t *list = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL), *run;
        size_t i;
        if (!json_is_array(list))
            status = why_fail(why, -EINVAL, "--expect %s: give what a program's --dry-run --format json prints", path);
        json_array_foreach(list, i, run)
        {
            const char *id = NULL, *study = "", *cell = "", *arm = "";
            json_int_t seed = 0;
            json_unpack(run, "{s:s, s?s, s?s, s?s, s?I}", "id", &id, "study", &study, "cell", &cell, "arm", &arm, "seed", &seed);
            if (!id) status = why_fail(why, -EINVAL, "--expect %s: run %zu has no id", path, i);
            if (!id || merging_has(g, id)) continue;
            warn("missing: %s/%s/%s seed %lld", study, cell, arm, (long long)seed);
            ++*missing;
        }
        *asked += json_array_size(list);
        json_decref(list);
    }
    if (file != stdin) fclose(file);
    return status;
}

/* ---- output */

/* Rows of the file that is there already would be lost with it, unless the files have them, too. */
static int would_lose(const struct merging *g, const struct place *p, struct why *why)
{
    struct merging there = { .count = 0 };
    size_t lost = 0;
    for (int i = 0; i < g->source_count && p->fd >= 0; i++) {
        const struct stat source = { .st_dev = g->sources[i].device, .st_ino = g->sources[i].inode };
        if (is_file(p->fd, &source)) return 0;
    }
    if (p->fd < 0 || p->made) return 0;
    int status = merging_read(&there, (const char *[]){ p->path, NULL }, why);
    for (size_t i = 0; status == 0 && i < there.count; i++) lost += !merging_has(g, there.list[i].id);
    if (lost > 0) status = why_fail(why, -EEXIST, "%s: %zu of its rows are in no file given; name it, too, or remove it", p->path, lost);
    merging_close(&there);
    return status;
}

static int write_rows(struct merging *g, FILE *out, struct compact *compact, struct why *why)
{
    assert(out || compact);
    int status = 0;
    for (size_t i = 0; status == 0 && i < g->chosen_count; i++) {
        size_t length;
        char *line = merging_line(g, i, &length, why);
        if (!line) return -EIO;
        if (compact) status = compact_add(compact, line, length - 1, why);
        else if (fwrite(line, 1, length, out) < length) status = why_fail(why, -errno, "%s; make room", strerror(errno));
        free(line);
    }
    return status;
}

static int write_plain(struct merging *g, const char *path, struct why *why)
{
    assert(path);
    struct whole_file w;
    int status = whole_open(&w, path, why);
    if (status) return status;
    status = write_rows(g, w.file, NULL, why);
    if (status == 0 && !whole_unchanged(&w)) return whole_close(&w, why);
    whole_drop(&w);
    return status;
}

static int write_compact(struct merging *g, const char *path, struct why *why)
{
    assert(path);
    struct compact *compact;
    int status = compact_open(&compact, path, why);
    if (status) return status;
    status = write_rows(g, NULL, compact, why);
    if (status == 0) return compact_close(compact, why);
    compact_drop(compact);
    return status;
}

static int write_out(struct merging *g, const char *path, bool compact, struct why *why)
{
    merging_order(g);
    if (path) return compact ? write_compact(g, path, why) : write_plain(g, path, why);
    const int status = write_rows(g, stdout, NULL, why);
    return status ? status : fflush(stdout) ? why_fail(why, -errno, "stdout: %s", strerror(errno)) : 0;
}

/* Files stay open between reading and writing as far as the system lets them. */
static void open_many(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, const char **argv)
{
    char *output = NULL, *expect = NULL;
    int compact = 0;
    const struct poptOption own[] = {
        { "output", 'o', POPT_ARG_STRING, &output, 0, "where to write (default: stdout)", "FILE" },
        { "compact", 0, POPT_ARG_NONE, &compact, 0,
          "write what is committed (needs --output): rows without curves into FILE, those into FILE with .curves.jsonl.xz, and what many "
          "rows share into environments.json beside it; reading takes all of that back",
          NULL },
        { "expect", 0, POPT_ARG_STRING, &expect, 0, "list of runs, as a program's --dry-run --format json prints it; - is stdin", "FILE" },
        POPT_TABLEEND
    };
    const char **files = cli_files("merge", what_it_does, own, argc, argv);
    struct why why = { "" };
    struct merging merging = { .count = 0 };
    struct place place;
    size_t asked = 0, missing = 0;
    if (compact && !output) quit(EXIT_USAGE, "--compact needs --output FILE");
    open_many();
    if (place_take(&place, output, &why)) quit(EXIT_FAIL, "%s", why.text);
    int status = merging_read(&merging, files, &why);
    if (status) {
        warn("%s; give files of rows", why.text);
    } else {
        status = merging_choose(&merging, &why);
        if (status == 0 && expect) status = expected(&merging, expect, &asked, &missing, &why);
        if (status == 0 && merging.conflicts)
            status = why_fail(&why, -EINVAL, "%zu conflicts; nothing is written: one of the files is of other data or a broken build",
                              merging.conflicts);
        if (status == 0) status = would_lose(&merging, &place, &why);
        const size_t count = merging.chosen_count;
        if (status == 0) status = write_out(&merging, output, compact, &why);
        if (status) warn("%s", why.text);
        else if (expect) warn("%zu rows, %zu of %zu missing", count, missing, asked);
        else warn("%zu rows", count);
    }
    place_leave(&place, status == 0);
    merging_close(&merging);
    return status || missing ? EXIT_FAIL : EXIT_OK;
}
