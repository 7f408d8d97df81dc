/* SPDX-License-Identifier: MIT */
#include "row_text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define KEY "crc32"
enum { DIGITS = 8, TAIL = sizeof ",\"" KEY "\":\"01234567\"}" - 1 };

static unsigned long crc_of(const char *text, size_t size) { return crc32_z(0, (const unsigned char *)text, size); }

char *row_line_of(const char *object, size_t size, size_t *length)
{
    assert(size >= 2);
    assert(object[size - 1] == '}');
    char *line = malloc(size + TAIL + 2);
    if (!line) return NULL;
    memcpy(line, object, size - 1);
    const int tail = snprintf(line + size - 1, TAIL + 2, ",\"" KEY "\":\"%08lx\"}\n", crc_of(object, size - 1));
    assert(tail == TAIL + 1);
    *length = size - 1 + (size_t)tail;
    return line;
}

char *row_line(const json_t *row, size_t *length)
{
    assert(json_object_size(row) > 0);
    assert(!json_object_get(row, KEY));
    char *text = json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(9)), *line = text ? row_line_of(text, strlen(text), length) : NULL;
    free(text);
    return line;
}

/* ---- reading */

static bool is_hex8(struct text value)
{
    if (!value.at || value.size != DIGITS) return false;
    for (size_t i = 0; i < DIGITS; i++)
        if (!memchr("0123456789abcdef", value.at[i], 16)) return false;
    return true;
}

/* Of a line whose members are known. False: what it says of itself is not so, or not in the form above. No other field is last and eight
 * hexadecimal digits: one that is had the key of a checksum before it was damaged. */
static bool checksum_holds(const char *text, size_t size, const struct members *m, bool *checked)
{
    const struct text told = json_member(m, KEY);
    *checked = told.at != NULL;
    if (!told.at) return m->count == 0 || !is_hex8(json_text_string(m->list[m->count - 1].value));
    const char *begin = told.at - (sizeof ",\"" KEY "\":" - 1);
    char tail[TAIL + 1];
    while (size > 0 && text[size - 1] != '}') size--; /* blanks after the object, a carriage return say */
    if (begin <= text || (size_t)(begin - text) + TAIL != size) return false;
    snprintf(tail, sizeof tail, ",\"" KEY "\":\"%08lx\"}", crc_of(text, (size_t)(begin - text)));
    return memcmp(begin, tail, TAIL) == 0;
}

enum { BUFFER = 1 << 18 };

int row_lines_open(struct row_lines *l, const char *path, FILE *file, struct why *why)
{
    assert(l);
    assert(path);
    l->path = path;
    l->file = file ? file : fopen(path, "re");
    l->text = NULL;
    l->room = l->length = 0;
    l->begin = l->taken = 0;
    l->number = 0;
    l->torn_end = l->checked = false;
    if (!l->file) return errno == ENOENT ? -ENOENT : why_fail(why, -errno, "%s: %s", path, strerror(errno));
    setvbuf(l->file, NULL, _IOFBF, BUFFER);
    return 0;
}

int row_lines_next(struct row_lines *l, struct why *why)
{
    assert(l->file);
    assert(l->refused);
    ssize_t length;
    for (;;) {
        l->begin += l->taken;
        errno = 0;
        length = l->taken = getline(&l->text, &l->room, l->file);
        if (length <= 0) break;
        l->number++;
        l->torn_end = l->text[length - 1] != '\n'; /* a row may be whole all the same: an object without its end is none */
        if (!l->torn_end) length--;
        l->length = (size_t)length;
        const char *wrong = length ? json_members(l->text, l->length, &l->members) : NULL;
        if (length && !wrong && checksum_holds(l->text, l->length, &l->members, &l->checked)) return 1;
        if (wrong && strcmp(wrong, JSON_TORN) == 0) wrong = "a torn line (a killed run?)";
        if (length) l->refused(l->context, l->path, l->number, wrong ? wrong : "its checksum is wrong: changed since it was written");
    }
    l->taken = 0;
    if (!feof(l->file)) return why_fail(why, errno ? -errno : -EIO, "%s:%d: %s", l->path, l->number + 1, strerror(errno ? errno : EIO));
    return 0;
}

void row_lines_close(struct row_lines *l)
{
    assert(l);
    free(l->text);
    if (l->file) fclose(l->file);
    l->text = NULL;
    l->file = NULL;
}
