/* SPDX-License-Identifier: MIT
 * Files that appear whole: what was there stays until then, planted links catch nothing, what killed writers left is swept. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../../nets/whole_file.h"

static char folder[64], path[128];
static struct why why;

static void setup(void)
{
    snprintf(folder, sizeof folder, "/tmp/whole-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/table.md", folder);
}

static void teardown(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert(system(command) == 0); /* NOLINT(cert-env33-c) */
}

TestSuite(whole_file, .init = setup, .fini = teardown);

static const char *in(const char *name)
{
    static char full[384];
    snprintf(full, sizeof full, "%s/%s", folder, name);
    return full;
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(in(name), "w");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void holds(const char *name, const char *text)
{
    char got[64] = "";
    FILE *f = fopen(in(name), "r");
    cr_assert(f, "%s is not there", name);
    (void)!fread(got, 1, sizeof got - 1, f);
    fclose(f);
    cr_assert_str_eq(got, text, "%s", name);
}

static int entries(void)
{
    int count = 0;
    DIR *list = opendir(folder);
    for (struct dirent *entry; (entry = readdir(list));) count += entry->d_name[0] != '.';
    closedir(list);
    return count;
}

static int write_it(const char *to, const char *text)
{
    struct whole_file w;
    int status = whole_open(&w, to, &why);
    if (status) return status;
    fputs(text, w.file);
    return whole_close(&w, &why);
}

Test(whole_file, appears_when_closed)
{
    struct whole_file w;
    put("table.md", "old");
    cr_assert(chmod(path, 0640) == 0);
    cr_assert(whole_open(&w, path, &why) == 0, "%s", why.text);
    fputs("new", w.file);
    fflush(w.file);
    holds("table.md", "old");
    cr_assert(whole_close(&w, &why) == 0, "%s", why.text);
    holds("table.md", "new");
    struct stat is;
    cr_assert(stat(path, &is) == 0 && (is.st_mode & 0777) == 0640 && entries() == 1);
    cr_assert(whole_open(&w, path, &why) == 0);
    fputs("newer", w.file);
    whole_drop(&w);
    whole_drop(&w);
    holds("table.md", "new");
    cr_assert(entries() == 1);
}

Test(whole_file, unchanged)
{
    struct whole_file w;
    put("table.md", "same");
    cr_assert(whole_open(&w, path, &why) == 0);
    fputs("sam", w.file);
    cr_assert(!whole_unchanged(&w));
    fputs("e", w.file);
    cr_assert(whole_unchanged(&w));
    whole_drop(&w);
}

Test(whole_file, a_link_is_written_through)
{
    put("real.md", "old");
    cr_assert(symlink("real.md", path) == 0);
    cr_assert(write_it(path, "new") == 0, "%s", why.text);
    struct stat is;
    cr_assert(lstat(path, &is) == 0 && S_ISLNK(is.st_mode), "the link stays");
    holds("real.md", "new");
    cr_assert(entries() == 2);
    cr_assert(symlink("nowhere", in("lost.md")) == 0);
    cr_assert(write_it(in("lost.md"), "x") == -ENOENT && strstr(why.text, "a symlink to nothing"), "%s", why.text);
}

/* Names that older writers used, and any that can be foreseen, lead to a victim: it keeps what it has. */
Test(whole_file, planted_links_catch_nothing)
{
    char planted[256];
    const char *const names[] = { "table.md.part", "table.md.tmp" };
    put("victim", "mine");
    for (size_t i = 0; i < 2; i++) cr_assert(symlink("victim", in(names[i])) == 0);
    snprintf(planted, sizeof planted, "%s/table.md.%ld.tmp", folder, (long)getpid());
    cr_assert(symlink("victim", planted) == 0);
    cr_assert(symlink("victim", in("table.md.0123456789abcdef.part")) == 0);
    cr_assert(mkfifo(in("table.md.0123456789abcde0.part"), 0600) == 0);
    cr_assert(write_it(path, "new") == 0, "%s", why.text);
    holds("victim", "mine");
    holds("table.md", "new");
    cr_assert(entries() == 7, "no link is followed, none removed, no FIFO waited for");
}

Test(whole_file, a_killed_writers_file_is_swept)
{
    struct whole_file w;
    int ready[2];
    cr_assert(pipe(ready) == 0);
    pid_t child = fork();
    if (child == 0) {
        if (whole_open(&w, path, &why)) _exit(1);
        (void)!write(ready[1], "x", 1);
        for (;;) pause();
    }
    char c;
    cr_assert(read(ready[0], &c, 1) == 1 && entries() == 1);
    cr_assert(write_it(path, "new") == 0 && entries() == 2, "a living writer's file is left alone");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    put("table.md.part", "another's");
    put("table.md.0123456789ABCDEF.part", "another's");
    cr_assert(entries() == 4);
    cr_assert(write_it(path, "newer") == 0 && entries() == 3, "a dead one's goes, others' stay");
    holds("table.md", "newer");
}

Test(whole_file, full_disk)
{
    struct whole_file w;
    const struct rlimit limit = { 100, RLIM_INFINITY };
    put("table.md", "old");
    signal(SIGXFSZ, SIG_IGN);
    cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    cr_assert(whole_open(&w, path, &why) == 0);
    for (int i = 0; i < 1000; i++) fputs("more than a hundred bytes ", w.file);
    cr_assert(whole_close(&w, &why) == -EFBIG && strstr(why.text, "make room"), "%s", why.text);
    holds("table.md", "old");
    cr_assert(entries() == 1);
}

Test(whole_file, places_that_are_none)
{
    cr_assert(write_it(folder, "x") == -EISDIR && strstr(why.text, folder), "%s", why.text);
    cr_assert(write_it(in("no/such/place"), "x") == -ENOENT);
    cr_assert(write_it("/dev/null", "x") == 0, "%s", why.text);
    cr_assert(write_it("/dev/full", "x") == -ENOSPC, "%s", why.text);
    char name[300];
    memset(name, 'n', 250);
    name[250] = 0;
    cr_assert(write_it(in(name), "long") == 0, "%s", why.text);
    holds(name, "long");
}
