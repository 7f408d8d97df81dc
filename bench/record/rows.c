/* SPDX-License-Identifier: MIT
 * The file of rows, JSON Lines. A row is one write() under O_APPEND, then synced: a kill or a power cut loses at most the runs in flight.
 * A line torn by a kill or a full disk is reported, ignored when reading, and ended with a newline when the file is opened to go on. One
 * program writes to a file at a time: it holds the file's lock. */
#include "rows.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli.h"
#include "row_text.h"

json_t *real_or_null(double value) { return isfinite(value) ? json_real(value) : json_null(); }

enum field { ID, NET, ISA, SEED, THREADS, QUIET, ARENAS, NUMBERS };

/* The fields of a struct row; from NUMBERS on a double at `offset`. */
static const struct {
    const char *key;
    size_t size;
    enum field field;
    size_t offset;
} fields[] = {
#define FIELD(key, field, offset) \
    { \
        key, sizeof key - 1, field, offset \
    }
#define REAL(key) FIELD(#key, NUMBERS, offsetof(struct row, key))
    FIELD("id", ID, 0),
    FIELD("net", NET, 0),
    FIELD("isa", ISA, 0),
    FIELD("seed", SEED, 0),
    FIELD("threads", THREADS, 0),
    FIELD("quiet", QUIET, 0),
    FIELD("bytes_parameters", ARENAS, 0),
    FIELD("bytes_gradients", ARENAS, 0),
    FIELD("bytes_optimizer", ARENAS, 0),
    FIELD("bytes_activations", ARENAS, 0),
    FIELD("bytes_scratch", ARENAS, 0),
    REAL(batch),
    REAL(test_acc),
    REAL(best_test_acc),
    REAL(train_acc),
    REAL(test_loss),
    REAL(train_images_per_s),
    REAL(infer_images_per_s),
    REAL(peak_rss_bytes),
#undef REAL
#undef FIELD
};

static void missing(struct row *row)
{
    *row = (struct row){ .threads = 0 };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].field == NUMBERS) *(double *)((char *)row + fields[i].offset) = NAN;
}

/* An integer from 0 to `most`, else 0. */
static uint64_t whole(struct text text, double most)
{
    const double value = json_text_number(text);
    if (!(value >= 0 && value < most) || memchr(text.at, '.', text.size)) return 0;
    return strtoull(text.at, NULL, 10); /* what follows the digits ends it */
}

static void copy(char *to, size_t size, struct text text)
{
    assert(size > 0);
    if (!text.at || text.size >= size) text = (struct text){ "", 0 };
    memcpy(to, text.at, text.size);
    to[text.size] = 0;
}

static void set(struct row *row, size_t which, struct text value, struct text *net)
{
    assert(which < sizeof fields / sizeof *fields);
    switch (fields[which].field) {
    case ID: copy(row->id, sizeof row->id, json_text_string(value)); break;
    case NET: *net = json_text_string(value); break;
    case ISA: copy(row->isa, sizeof row->isa, json_text_string(value)); break;
    case SEED: row->seed = whole(value, 0x1p63); break;
    case THREADS: row->threads = (int)whole(value, INT_MAX); break;
    case QUIET: row->quiet = text_is(value, "true"); break;
    case ARENAS: row->bytes_arenas += json_text_number(value); break;
    default: *(double *)((char *)row + fields[which].offset) = json_text_number(value);
    }
}

/* False when the object is no row. */
static bool row_of(const struct members *m, struct row *row, struct text *net)
{
    int arenas = 0;
    missing(row);
    *net = (struct text){ NULL, 0 };
    for (int i = 0; i < m->count; i++) {
        const struct text key = m->list[i].key;
        for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
            if (fields[k].size == key.size && memcmp(fields[k].key, key.at, key.size) == 0) {
                set(row, k, m->list[i].value, net);
                arenas += fields[k].field == ARENAS;
            }
    }
    if (arenas < 5) row->bytes_arenas = NAN;
    return *row->id && net->at;
}

/* -EINVAL, without a reason: no row. */
static int rows_add(struct rows *r, const struct members *m, struct why *why)
{
    assert(r->count <= r->room);
    if (r->count == r->room) {
        int room = r->room ? 2 * r->room : 256;
        struct row *list = r->count < INT_MAX / 2 ? realloc(r->list, (size_t)room * sizeof *list) : NULL;
        if (!list) return why_fail(why, -ENOMEM, "%s: out of memory for %d rows", r->path, room);
        r->list = list;
        r->room = room;
    }
    struct row *row = &r->list[r->count];
    struct text net;
    if (!row_of(m, row, &net)) return -EINVAL;
    row->net = names_keep(&r->names, net);
    if (!row->net) return why_fail(why, -ENOMEM, "%s: out of memory for %d rows", r->path, r->count);
    r->count++;
    return 0;
}

static void refused(void *context, const char *path, int number, const char *words)
{
    (void)context;
    warn("%s:%d: %s; ignored, its run will be made again", path, number, words);
}

static int by_id(const void *a, const void *b, void *list)
{
    const int i = *(const int *)a, k = *(const int *)b;
    const struct row *rows = list;
    const int order = strcmp(rows[i].id, rows[k].id);
    return order ? order : (i > k) - (i < k);
}

static int sort_by_id(struct rows *r, struct why *why)
{
    assert(!r->by_id);
    r->by_id = malloc(((size_t)r->count + 1) * sizeof *r->by_id);
    if (!r->by_id) return why_fail(why, -ENOMEM, "%s: out of memory for %d rows", r->path, r->count);
    for (int i = 0; i < r->count; i++) r->by_id[i] = i;
    qsort_r(r->by_id, (size_t)r->count, sizeof *r->by_id, by_id, r->list);
    r->sorted = r->count;
    return 0;
}

int rows_read(struct rows *r, const char *path, struct why *why)
{
    assert(r);
    assert(path);
    struct stat stat_;
    struct row_lines *l = NULL;
    *r = (struct rows){ .path = path, .fd = -1, .regular = true };
    if (stat(path, &stat_) == 0) r->regular = S_ISREG(stat_.st_mode);
    if (!r->regular) return 0;
    l = calloc(1, sizeof *l);
    if (!l) return why_fail(why, -ENOMEM, "%s: out of memory", path);
    l->refused = refused;
    int status = row_lines_open(l, path, NULL, why);
    if (status == 0 && fstat(fileno(l->file), &r->seen)) r->seen = (struct stat){ .st_ino = 0 };
    while (status == 0 && (status = row_lines_next(l, why)) == 1) {
        status = rows_add(r, &l->members, why);
        if (status == -EINVAL) {
            refused(NULL, path, l->number, "no row: it has no id and net");
            status = 0;
        }
    }
    r->torn_end = l->torn_end;
    row_lines_close(l);
    free(l);
    if (status == 0) status = sort_by_id(r, why);
    return status == -ENOENT ? 0 : status;
}

/* What a rename or a new file needs to outlast a power cut. Where a file system cannot, it has no such promise to give. */
static void sync_folder(const char *path)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = 0;
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

void make_folders(const char *path)
{
    assert(path);
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(folder, 0777); /* what is wrong with it shows when the file is opened */
        *slash = '/';
    }
}

bool is_file(int fd, const struct stat *other)
{
    assert(other);
    struct stat one;
    return fstat(fd, &one) == 0 && one.st_dev == other->st_dev && one.st_ino == other->st_ino;
}

/* Is the file what was read? Nothing read and nothing there is the same, too. */
static bool as_seen(const struct rows *r, const struct stat *there)
{
    if (r->seen.st_ino == 0) return there->st_size == 0;
    return r->seen.st_dev == there->st_dev && r->seen.st_ino == there->st_ino && r->seen.st_size == there->st_size &&
           r->seen.st_mtim.tv_sec == there->st_mtim.tv_sec && r->seen.st_mtim.tv_nsec == there->st_mtim.tv_nsec;
}

int rows_open(struct rows *r, struct why *why)
{
    assert(r->path);
    assert(r->fd < 0);
    struct stat there;
    make_folders(r->path);
    for (int i = 0;; i++) {
        r->fd = open(r->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (r->fd < 0) return why_fail(why, -errno, "%s: %s; give a place to write with --output", r->path, strerror(errno));
        if (r->regular && flock(r->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) /* file systems without locks go on without */
            return why_fail(why, -EAGAIN, "%s: another run writes there; wait for it, or give another --output", r->path);
        if (!r->regular || (stat(r->path, &there) == 0 && is_file(r->fd, &there))) break;
        close(r->fd); /* tools/merge has put another file there since */
        r->fd = -1;
        if (i == OPEN_TRIES) return why_fail(why, -EAGAIN, "%s: cannot be held: %s; give another --output", r->path, strerror(errno));
    }
    if (r->regular && !as_seen(r, &there)) {
        struct rows now;
        int status = rows_read(&now, r->path, why); /* another program wrote there between our reading and our lock */
        now.fd = r->fd;
        r->fd = -1;
        rows_close(r);
        *r = now;
        if (status) return status;
    }
    if (r->regular && there.st_size == 0) sync_folder(r->path); /* the name of a new file, too */
    if (r->torn_end && write(r->fd, "\n", 1) != 1)              /* now, not with the next row: there may be none to make */
        return why_fail(why, -errno, "%s: %s; make room or give another --output", r->path, strerror(errno));
    return 0;
}

/* Takes back the part of a row that a full disk let through; only our own bytes at the very end of a regular file. */
static void take_back(const struct rows *r, ssize_t written)
{
    assert(r->fd >= 0);
    struct stat now;
    if (written > 0 && r->regular && fstat(r->fd, &now) == 0 && now.st_size >= written && ftruncate(r->fd, now.st_size - written))
        warn("%s: the torn last line could not be taken back; it will be ignored", r->path);
}

/* One write(); a second only where the first was cut, to learn why. Returns how much went through; errno says why not all. */
static ssize_t write_line(int fd, const char *line, ssize_t length)
{
    assert(length > 0);
    ssize_t done = 0, now = 0;
    while (done < length && (now >= 0 || errno == EINTR)) {
        now = write(fd, line + done, (size_t)(length - done));
        done += now > 0 ? now : 0;
    }
    return done;
}

/* Removed, renamed over or edited in place by a program that writes a new file, the path leads elsewhere by now: what is written to the old
 * one is gone with it. The row goes to the file that has the name, which is locked and read like the first. */
static int follow_path(struct rows *r, struct why *why)
{
    struct stat there;
    if (!r->regular || (stat(r->path, &there) == 0 && is_file(r->fd, &there))) return 0;
    warn("%s: removed or replaced under this run; rows go on to the file of that name", r->path);
    close(r->fd);
    r->fd = -1;
    r->torn_end = false;
    return rows_open(r, why);
}

static int add_line(struct rows *r, const char *line, size_t length, struct why *why)
{
    struct members *m = malloc(sizeof *m);
    if (!m) return why_fail(why, -ENOMEM, "out of memory for a row");
    const char *wrong = json_members(line, length, m);
    assert(!wrong);
    int status = rows_add(r, m, why);
    free(m);
    return status;
}

static int append_line(struct rows *r, const char *line, size_t length, struct why *why)
{
    ssize_t written = write_line(r->fd, line, (ssize_t)length);
    int error = errno;
    if (written == (ssize_t)length && (!r->regular || fdatasync(r->fd) == 0 || errno == EINVAL)) return add_line(r, line, length, why);
    if (written == (ssize_t)length) error = errno; /* a disk may say only now that it is full */
    take_back(r, written);
    return why_fail(why, -error, "%s: %s; its %d earlier rows are intact: make room or give another --output, and start again to continue",
                    r->path, strerror(error), r->count);
}

/* Again and again until the file that has the name has the row: it may be replaced between our look at it and our write. */
int rows_append(struct rows *r, const json_t *row, struct why *why)
{
    assert(json_is_object(row));
    const char *id = json_string_value(json_object_get(row, "id"));
    assert(id);
    size_t length;
    char *line = row_line(row, &length);
    if (!line) return why_fail(why, -ENOMEM, "out of memory for a row");
    int status = follow_path(r, why);
    while (status == 0 && !rows_find(r, id)) {
        status = append_line(r, line, length, why);
        if (status == 0) status = follow_path(r, why);
    }
    free(line);
    return status;
}

const struct row *rows_find(const struct rows *r, const char *id)
{
    assert(strlen(id) == ID_SIZE - 1);
    int low = 0, high = r->sorted;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (strcmp(r->list[r->by_id[middle]].id, id) < 0) low = middle + 1;
        else high = middle;
    }
    if (low < r->sorted && strcmp(r->list[r->by_id[low]].id, id) == 0) return &r->list[r->by_id[low]];
    for (int i = r->sorted; i < r->count; i++) /* this program's own: few */
        if (strcmp(r->list[i].id, id) == 0) return &r->list[i];
    return NULL;
}

void rows_close(struct rows *r)
{
    assert(r);
    if (r->fd >= 0) close(r->fd);
    free(r->list);
    free(r->by_id);
    names_free(&r->names);
    *r = (struct rows){ .fd = -1 };
}
