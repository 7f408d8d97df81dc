/* SPDX-License-Identifier: MIT
 * The name beside is NAME.<16 hexadecimal digits>.part. Its writer holds a lock on it, which goes with the process: a file of such a name
 * whose lock is free is a dead writer's. */
#include "whole_file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SHARE = 200, RANDOM_DIGITS = 16, TRIES = 16 }; /* NAME_SHARE: of a name beside; 255 is what file systems take */
static const char ending[] = ".part";

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* To be freed; NULL: out of memory. */
static char *folder_of(const char *path)
{
    const char *name = name_of(path);
    return name == path ? strdup(".") : strndup(path, name - path > 1 ? (size_t)(name - path) - 1 : 1);
}

int sync_folder(const char *path)
{
    assert(path);
    char *folder = folder_of(path);
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    free(folder);
    if (fd < 0) return 0; /* one that may be written but not read */
    const int error = fsync(fd) ? errno : 0;
    close(fd);
    return error == EIO || error == ENOSPC || error == EDQUOT ? -error : 0;
}

/* ---- what killed writers left */

static bool is_stray(const char *name, const char *of, size_t share)
{
    if (strncmp(name, of, share) != 0 || name[share] != '.') return false;
    name += share + 1;
    return strspn(name, "0123456789abcdef") == RANDOM_DIGITS && strcmp(name + RANDOM_DIGITS, ending) == 0;
}

/* Without following a link or waiting for a FIFO; whose lock is free and who is still there under the lock goes. */
static void sweep_one(int folder, const char *name)
{
    struct stat is, there;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return;
    if (fstat(fd, &is) == 0 && S_ISREG(is.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
        fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_ino == is.st_ino && there.st_dev == is.st_dev)
        unlinkat(folder, name, 0);
    close(fd);
}

static void sweep(const char *path)
{
    char *folder = folder_of(path);
    DIR *list = folder ? opendir(folder) : NULL;
    const size_t share = strnlen(name_of(path), NAME_SHARE);
    free(folder);
    if (!list) return;
    for (struct dirent *entry; (entry = readdir(list));)
        if (is_stray(entry->d_name, name_of(path), share)) sweep_one(dirfd(list), entry->d_name);
    closedir(list);
}

/* ---- one of our own */

/* Opens a file of a name that was not there, locked. -1 with errno. A sweeper may come between the two: then another is made. */
static int open_beside(struct whole_file *w, mode_t mode)
{
    assert(w->path);
    uint64_t random;
    struct stat is;
    for (int i = 0; i < TRIES; i++) {
        if (getentropy(&random, sizeof random)) return -1;
        free(w->beside);
        const int head = (int)(name_of(w->path) - w->path), share = (int)strnlen(name_of(w->path), NAME_SHARE);
        if (asprintf(&w->beside, "%.*s.%016llx%s", head + share, w->path, (unsigned long long)random, ending) < 0) w->beside = NULL;
        if (!w->beside) return -1;
        int fd = open(w->beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0 && errno == EEXIST) continue;
        if (fd < 0) return -1;
        const bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; /* file systems without locks: nobody sweeps */
        if (locked && fstat(fd, &is) == 0 && is.st_nlink > 0) return fd;
        unlink(w->beside); /* if the sweeper has not */
        close(fd);
    }
    errno = EEXIST;
    return -1;
}

static void forget(struct whole_file *w)
{
    free(w->path);
    free(w->beside);
    *w = (struct whole_file){ .file = NULL };
}

/* Where the file goes: links followed to what they name. */
static int find_place(struct whole_file *w, const char *path, struct stat *there, bool *exists, struct why *why)
{
    assert(!w->path);
    struct stat itself;
    *exists = stat(path, there) == 0;
    const bool link = lstat(path, &itself) == 0 && S_ISLNK(itself.st_mode);
    if (link && !*exists) return why_fail(why, -ENOENT, "%s: a symlink to nothing; name the file itself", path);
    if (*exists && S_ISDIR(there->st_mode)) return why_fail(why, -EISDIR, "%s: %s; name a file", path, strerror(EISDIR));
    w->path = link && S_ISREG(there->st_mode) ? realpath(path, NULL) : strdup(path);
    return w->path ? 0 : why_fail(why, -errno, "%s: %s; name the file itself", path, strerror(errno));
}

int whole_open(struct whole_file *w, const char *path, struct why *why)
{
    assert(w);
    assert(path);
    assert(*path);
    struct stat there;
    bool exists;
    *w = (struct whole_file){ .file = NULL };
    int status = find_place(w, path, &there, &exists, why), fd;
    if (status) return status;
    if (exists && !S_ISREG(there.st_mode)) {
        fd = open(w->path, O_WRONLY | O_CLOEXEC);
    } else {
        sweep(w->path);
        fd = open_beside(w, 0666);
        if (fd >= 0 && exists) (void)!fchmod(fd, there.st_mode & 0777); /* a file system may know no modes */
    }
    w->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (w->file) return 0;
    status = why_fail(why, -errno, "%s: %s; give another place to write", path, strerror(errno));
    if (fd >= 0) {
        close(fd);
        if (w->beside) unlink(w->beside);
    }
    forget(w);
    return status;
}

int whole_close(struct whole_file *w, struct why *why)
{
    assert(w);
    assert(w->file);
    int error = fflush(w->file) ? errno : 0;
    if (!error && ferror(w->file)) error = write(fileno(w->file), " ", 1) < 0 ? errno : EIO; /* stdio has forgotten why: asked again */
    if (!error && w->beside && fsync(fileno(w->file)) && errno != EINVAL && errno != EROFS) error = errno;
    if (!error && w->beside && rename(w->beside, w->path)) error = errno; /* under the lock: a sweeper finds it gone */
    if (fclose(w->file) && !error) error = errno;
    if (!error && w->beside) error = -sync_folder(w->path);
    else if (error && w->beside) unlink(w->beside);
    if (error) why_fail(why, -error, "%s: %s; make room or give another place to write", w->path, strerror(error));
    forget(w);
    return -error;
}

bool whole_unchanged(struct whole_file *w)
{
    assert(w);
    assert(w->file);
    if (!w->beside || fflush(w->file)) return false;
    FILE *one = fopen(w->beside, "re"), *other = fopen(w->path, "re");
    bool same = one && other;
    char a[4096], b[4096];
    for (size_t n = 1; same && n > 0;) {
        n = fread(a, 1, sizeof a, one);
        same = fread(b, 1, sizeof b, other) == n && memcmp(a, b, n) == 0;
    }
    same = same && !ferror(one) && !ferror(other);
    if (one) fclose(one);
    if (other) fclose(other);
    return same;
}

void whole_drop(struct whole_file *w)
{
    assert(w);
    if (w->beside) unlink(w->beside);
    if (w->file) fclose(w->file);
    forget(w);
}
