/* SPDX-License-Identifier: MIT
 * verify: are these files what their writers wrote? */
#include <assert.h>
#include <errno.h>
#include <popt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "../../nets/train/train.h"
#include "../record/cli.h"
#include "../record/row_text.h"
#include "spool.h"

static const char what_it_does[] =
    "Checks files of rows (.jsonl, .jsonl.xz): strict JSON, one object a line, each with the checksum that it was written with; and\n"
    "checkpoints (.safetensors): the format's layout without holes, the sha256 of tensors and of metadata. Older files have no checksums,\n"
    "and their line says so. One line per file; the exit code is 1 if one is broken or missing.";

/* What was found in one file. */
struct found {
    long rows, checked, broken;
    int first;
    char words[128];
};

static void refused(void *context, const char *path, int number, const char *words)
{
    struct found *f = context;
    (void)path;
    assert(f->broken >= 0);
    if (f->broken++ == 0) {
        f->first = number;
        snprintf(f->words, sizeof f->words, "%s", words);
    }
}

/* False: broken; *text says what, or why there is nothing to say. */
static bool verify_rows(const char *path, char *text, size_t size)
{
    assert(size > 0);
    static struct row_lines l;
    struct found f = { .rows = 0 };
    struct why why = { "" };
    FILE *file;
    l.refused = refused;
    l.context = &f;
    int status = spool_open(&file, path, &why);
    if (status == 0) status = row_lines_open(&l, path, file, &why);
    while (status == 0 && (status = row_lines_next(&l, &why)) == 1) {
        const bool named = json_member(&l.members, "id").at || json_member(&l.members, "kind").at;
        if (!named) refused(&f, path, l.number, "no row: it has no id and no kind");
        f.rows += named;
        f.checked += named && l.checked;
        status = 0;
    }
    if (status) snprintf(text, size, "%s", why.text);
    else if (f.broken > 1) snprintf(text, size, "%s: broken: line %d: %s; and %ld lines more", path, f.first, f.words, f.broken - 1);
    else if (f.broken) snprintf(text, size, "%s: broken: line %d: %s", path, f.first, f.words);
    else if (f.rows == f.checked) snprintf(text, size, "%s: %ld rows, all checksums right", path, f.rows);
    else snprintf(text, size, "%s: %ld rows, %ld of them older and without checksums", path, f.rows, f.rows - f.checked);
    row_lines_close(&l);
    return status == 0 && f.broken == 0;
}

static bool verify_checkpoint(const char *path, char *text, size_t size)
{
    assert(size > 0);
    struct why why = { "" };
    int tensors;
    bool sealed;
    if (checkpoint_check(path, &tensors, &sealed, &why)) {
        snprintf(text, size, "%s", why.text);
        return false;
    }
    snprintf(text, size, "%s: %d tensors, %s", path, tensors, sealed ? "checksums right" : "older and without checksums");
    return true;
}

/* By its name, else by what stands where a header begins. */
static bool is_checkpoint(const char *path)
{
    assert(path);
    static const char *const endings[] = { ".jsonl", ".xz", ".safetensors" };
    const size_t length = strlen(path);
    for (size_t i = 0; i < 3; i++)
        if (length > strlen(endings[i]) && strcmp(path + length - strlen(endings[i]), endings[i]) == 0) return i == 2;
    struct stat is;
    if (stat(path, &is) || !S_ISREG(is.st_mode)) return false;
    FILE *f = fopen(path, "re");
    char head[9] = "";
    const bool yes = f && fread(head, 1, sizeof head, f) == sizeof head && head[0] != '{' && head[8] == '{';
    if (f) fclose(f);
    return yes;
}

int main(int argc, const char **argv)
{
    const struct poptOption own[] = { POPT_TABLEEND };
    const char **files = cli_files("verify", what_it_does, own, argc, argv);
    char text[1024];
    bool fine = true;
    for (; *files; files++) {
        fine = (is_checkpoint(*files) ? verify_checkpoint : verify_rows)(*files, text, sizeof text) && fine;
        puts(text);
    }
    if (fflush(stdout)) quit(EXIT_FAIL, "stdout: %s", strerror(errno));
    return fine ? EXIT_OK : EXIT_FAIL;
}
