/* SPDX-License-Identifier: MIT
 * The file of rows, JSON Lines. A row is one write() under O_APPEND, then synced: a kill or a power cut loses at most the runs in flight.
 * A line torn by a kill or a full disk is reported, ignored when reading, and ended with a newline when the file is opened to go on. One
 * program writes to a file at a time: it holds the file's lock. */
#include "rows.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli.h"

json_t *real_or_null(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* False when the object is no row. */
static bool row_from_json(const json_t *object, struct row *row)
{
    const char *id = json_string_value(json_object_get(object, "id")), *net = json_string_value(json_object_get(object, "net"));
    if (!id || strlen(id) >= sizeof row->id || !net) return false;
    static const char *const arenas[] = { "bytes_parameters", "bytes_gradients", "bytes_optimizer", "bytes_activations", "bytes_scratch" };
    *row = (struct row){
        .seed = (uint64_t)json_integer_value(json_object_get(object, "seed")),
        .threads = (int)json_integer_value(json_object_get(object, "threads")),
        .quiet = json_is_true(json_object_get(object, "quiet")),
        .batch = number(object, "batch"),
        .test_acc = number(object, "test_acc"),
        .best_test_acc = number(object, "best_test_acc"),
        .train_acc = number(object, "train_acc"),
        .test_loss = number(object, "test_loss"),
        .train_images_per_s = number(object, "train_images_per_s"),
        .infer_images_per_s = number(object, "infer_images_per_s"),
        .peak_rss_bytes = number(object, "peak_rss_bytes"),
    };
    snprintf(row->id, sizeof row->id, "%s", id);
    snprintf(row->net, sizeof row->net, "%s", net);
    const char *isa = json_string_value(json_object_get(object, "isa"));
    snprintf(row->isa, sizeof row->isa, "%s", isa ? isa : "");
    for (size_t i = 0; i < sizeof arenas / sizeof *arenas; i++) row->bytes_arenas += number(object, arenas[i]);
    return true;
}

static int rows_add(struct rows *r, const json_t *object, struct why *why)
{
    if (r->count == r->room) {
        int room = r->room ? 2 * r->room : 256;
        struct row *list = realloc(r->list, (size_t)room * sizeof *list);
        if (!list) return fail(why, -ENOMEM, "out of memory for %d rows", room);
        r->list = list;
        r->room = room;
    }
    if (row_from_json(object, &r->list[r->count])) r->count++;
    else return -EINVAL;
    return 0;
}

int rows_read(struct rows *r, const char *path, struct why *why)
{
    assert(r && path);
    struct stat stat_;
    *r = (struct rows){ .path = path, .fd = -1, .regular = true };
    if (stat(path, &stat_) == 0) r->regular = S_ISREG(stat_.st_mode);
    if (!r->regular) return 0;
    FILE *f = fopen(path, "r");
    if (f && fstat(fileno(f), &r->seen)) r->seen = (struct stat){ 0 };
    if (!f) return errno == ENOENT ? 0 : fail(why, -errno, "%s: %s; give another --output", path, strerror(errno));
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int status = 0;
    for (int n = 1; status == 0 && (length = getline(&line, &room, f)) > 0; n++) {
        r->torn_end = line[length - 1] != '\n'; /* a row may be whole all the same: an object without its end is none */
        json_t *object = json_loadb(line, (size_t)length, JSON_REJECT_DUPLICATES, NULL);
        status = object ? rows_add(r, object, why) : -EINVAL;
        if (status == -EINVAL && length > 1) {
            warn("%s:%d: %s; ignored, its run will be made again", path, n, object ? "not a row" : "a torn line (a killed run?)");
            status = 0;
        } else if (status == -EINVAL) {
            status = 0;
        }
        json_decref(object);
    }
    free(line);
    fclose(f);
    return status;
}

void make_folders(const char *path)
{
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
    assert(r->path && r->fd < 0);
    struct stat there;
    make_folders(r->path);
    for (;;) {
        r->fd = open(r->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (r->fd < 0) return fail(why, -errno, "%s: %s; give a place to write with --output", r->path, strerror(errno));
        if (r->regular && flock(r->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) /* file systems without locks go on without */
            return fail(why, -EAGAIN, "%s: another run writes there; wait for it, or give another --output", r->path);
        if (!r->regular || (stat(r->path, &there) == 0 && is_file(r->fd, &there))) break;
        close(r->fd); /* tools/merge has put another file there since */
    }
    if (r->regular && !as_seen(r, &there)) {
        struct rows now;
        int status = rows_read(&now, r->path, why); /* another program wrote there between our reading and our lock */
        now.fd = r->fd;
        free(r->list);
        *r = now;
        if (status) return status;
    }
    if (r->torn_end && write(r->fd, "\n", 1) != 1) /* now, not with the next row: there may be none to make */
        return fail(why, -errno, "%s: %s; make room or give another --output", r->path, strerror(errno));
    return 0;
}

/* Takes back the part of a row that a full disk let through; only our own bytes at the very end of a regular file. */
static void take_back(const struct rows *r, ssize_t written)
{
    struct stat now;
    if (written > 0 && r->regular && fstat(r->fd, &now) == 0 && now.st_size >= written && ftruncate(r->fd, now.st_size - written))
        warn("%s: the torn last line could not be taken back; it will be ignored", r->path);
}

/* One write(); a second only where the first was cut, to learn why. Returns how much went through; errno says why not all. */
static ssize_t write_line(int fd, const char *line, ssize_t length)
{
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

int rows_append(struct rows *r, const json_t *row, struct why *why)
{
    assert(json_is_object(row));
    int moved = follow_path(r, why);
    if (moved) return moved;
    char *text = json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(9)), *line = NULL;
    int length = text ? asprintf(&line, "%s\n", text) : -1;
    free(text);
    if (length < 0) return fail(why, -ENOMEM, "out of memory for a row");
    ssize_t written = write_line(r->fd, line, length);
    int error = errno;
    free(line);
    if (written == length && r->regular && fdatasync(r->fd) && errno != EINVAL) { /* a disk may say only now that it is full */
        error = errno;
    } else if (written == length) {
        return rows_add(r, row, why);
    }
    take_back(r, written);
    return fail(why, -error, "%s: %s; its %d earlier rows are intact: make room or give another --output, and start again to go on",
                r->path, strerror(error), r->count);
}

const struct row *rows_find(const struct rows *r, const char *id)
{
    assert(strlen(id) == ID_SIZE - 1);
    for (int i = 0; i < r->count; i++)
        if (strcmp(r->list[i].id, id) == 0) return &r->list[i];
    return NULL;
}

void rows_close(struct rows *r)
{
    if (r->fd >= 0) close(r->fd);
    free(r->list);
    *r = (struct rows){ .fd = -1 };
}
