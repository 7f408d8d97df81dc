/* SPDX-License-Identifier: MIT
 * RFC 8259, one function per rule. jansson stays the library for making JSON and for what is read once; reading rows through its trees cost
 * 75 us each. tests/suites/test_json_text.c holds the two against each other. */
#include "json_text.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What is still to read. The first error stays; everything stops there. */
struct reader {
    const char *at, *end;
    const char *wrong;
    bool escaped; /* an escape was read */
};

static bool stop(struct reader *r, const char *wrong)
{
    if (!r->wrong) r->wrong = r->at == r->end ? JSON_TORN : wrong;
    return false;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && is_blank(*r->at)) r->at++;
}

static bool take(struct reader *r, char c)
{
    if (r->at == r->end || *r->at != c) return false;
    r->at++;
    return true;
}

/* ---- strings */

/* What is cut short by the end is torn, not wrong. */
static bool short_of(struct reader *r, size_t size)
{
    if ((size_t)(r->end - r->at) >= size) return false;
    r->at = r->end;
    return true;
}

/* Bytes of the UTF-8 sequence at the reader, 0 where there is none: no overlong forms, surrogates, or code points past U+10FFFF. */
static int utf8(struct reader *r)
{
    assert(r->at < r->end);
    const unsigned char *u = (const unsigned char *)r->at;
    const int n = u[0] >= 0xc2 && u[0] < 0xe0 ? 2 : (u[0] & 0xf0) == 0xe0 ? 3 : u[0] >= 0xf0 && u[0] < 0xf5 ? 4 : 0;
    if (n == 0 || short_of(r, (size_t)n)) return 0;
    for (int i = 1; i < n; i++)
        if ((u[i] & 0xc0) != 0x80) return 0;
    const bool low = (u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xf0 && u[1] < 0x90);
    const bool high = (u[0] == 0xed && u[1] > 0x9f) || (u[0] == 0xf4 && u[1] > 0x8f);
    return low || high ? 0 : n;
}

/* Four hexadecimal digits, or -1. */
static int hex4(struct reader *r)
{
    int value = 0;
    if (short_of(r, 4)) return -1;
    for (int i = 0; i < 4; i++, r->at++) {
        const char c = *r->at;
        const int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (digit < 0) return -1;
        value = 16 * value + digit;
    }
    return value;
}

static bool escape(struct reader *r)
{
    if (r->at == r->end) return false;
    const char c = *r->at++;
    if (c != 'u') return strchr("\"\\/bfnrt", c) && c;
    int code = hex4(r);
    if (code >= 0xd800 && code < 0xdc00) { /* the second half must follow */
        if (!take(r, '\\') || !take(r, 'u')) return false;
        code = hex4(r);
        return code >= 0xdc00 && code < 0xe000;
    }
    return code > 0 && (code < 0xdc00 || code >= 0xe000);
}

/* Does one of 8 bytes need a look: a quote, a backslash, a control character, or what is not ASCII? Each term has its byte's top bit set; a
 * borrow from the byte below can only come where that byte needs a look itself. */
static bool is_plain(const char *at)
{
    const uint64_t each = 0x0101010101010101u, top = 0x80 * each;
    uint64_t x;
    memcpy(&x, at, sizeof x);
    const uint64_t quote = x ^ '"' * each, backslash = x ^ '\\' * each;
    return ((x | (x - 0x20 * each) | (quote - each) | (backslash - each)) & top) == 0;
}

static bool string(struct reader *r)
{
    if (!take(r, '"')) return stop(r, "a string is missing");
    for (;;) {
        const char *at = r->at, *const end = r->end;
        while (end - at >= 8 && is_plain(at)) at += 8;
        while (at < end && (signed char)*at >= 0x20 && *at != '"' && *at != '\\') at++;
        r->at = at;
        if (at == end) return stop(r, "a string does not end");
        const unsigned char c = (unsigned char)*at;
        if (c == '"') {
            r->at++;
            return true;
        }
        if (c == '\\') {
            r->at++;
            r->escaped = true;
            if (!escape(r)) return stop(r, "an escape that JSON does not have");
        } else if (c >= 0x80) {
            const int n = utf8(r);
            if (n == 0) return stop(r, "a byte that is not UTF-8");
            r->at += n;
        } else {
            return stop(r, "a control character in a string");
        }
    }
}

/* ---- values */

static bool digits(struct reader *r)
{
    const char *begin = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
    return r->at > begin;
}

enum { SAFE_DIGITS = 18 };

/* Does a double, or a 64-bit integer, hold what stands there? Few numbers are long enough to ask. */
static bool in_range(const char *begin, size_t size, bool whole)
{
    assert(size > 0);
    char text[NUMBER_MOST + 1];
    if (size > NUMBER_MOST) return false;
    memcpy(text, begin, size);
    text[size] = 0;
    errno = 0;
    if (!whole) return fabs(strtod(text, NULL)) < INFINITY; /* too small to tell from zero is fine */
    strtoll(text, NULL, 10);
    return errno == 0;
}

static bool number(struct reader *r)
{
    const char *begin = r->at;
    bool whole = true, exponent = false;
    take(r, '-');
    if (!take(r, '0') && !digits(r)) return stop(r, "a value is missing");
    if (take(r, '.')) {
        whole = false;
        if (!digits(r)) return stop(r, "a number without digits");
    }
    if (take(r, 'e') || take(r, 'E')) {
        whole = false;
        exponent = true;
        if (!take(r, '+')) take(r, '-');
        if (!digits(r)) return stop(r, "a number without digits");
    }
    const size_t size = (size_t)(r->at - begin);
    if ((exponent || size > SAFE_DIGITS) && !in_range(begin, size, whole)) return stop(r, "a number beyond range");
    return true;
}

static bool word(struct reader *r, const char *text)
{
    const size_t size = strlen(text);
    if (short_of(r, size) || memcmp(r->at, text, size) != 0) return stop(r, "a word that JSON does not have");
    r->at += size;
    return true;
}

static bool value(struct reader *r, int depth);

/* After the opening bracket. */
static bool array(struct reader *r, int depth)
{
    skip_blanks(r);
    if (take(r, ']')) return true;
    do
        if (!value(r, depth)) return false;
    while (take(r, ','));
    return take(r, ']') || stop(r, "an array does not end");
}

/* `key`, if it is not NULL: what stands between the quotes. */
static bool key_and_colon(struct reader *r, struct text *key)
{
    skip_blanks(r);
    const char *begin = r->at + 1;
    if (!string(r)) return false;
    if (key) *key = (struct text){ begin, (size_t)(r->at - 1 - begin) };
    skip_blanks(r);
    return take(r, ':') || stop(r, "a colon is missing");
}

static bool object(struct reader *r, int depth)
{
    skip_blanks(r);
    if (take(r, '}')) return true;
    do
        if (!key_and_colon(r, NULL) || !value(r, depth)) return false;
    while (take(r, ','));
    return take(r, '}') || stop(r, "an object does not end");
}

/* With the blanks around it. Recursion ends at DEPTH_MOST. */
static bool value(struct reader *r, int depth)
{
    bool fine;
    if (depth > DEPTH_MOST) return stop(r, "nested too deeply");
    skip_blanks(r);
    if (r->at == r->end) return stop(r, JSON_TORN);
    switch (*r->at) {
    case '{': r->at++, fine = object(r, depth + 1); break;
    case '[': r->at++, fine = array(r, depth + 1); break;
    case '"': fine = string(r); break;
    case 't': fine = word(r, "true"); break;
    case 'f': fine = word(r, "false"); break;
    case 'n': fine = word(r, "null"); break;
    default: fine = number(r);
    }
    skip_blanks(r);
    return fine;
}

/* ---- the object */

static bool same(struct text a, struct text b) { return a.size == b.size && memcmp(a.at, b.at, a.size) == 0; }

/* Keys of one length and first letter share a bit: only then may there be a duplicate. */
static bool is_new(const struct members *m, struct text key, unsigned long long *seen)
{
    const unsigned long long bit = 1ull << ((key.size * 31 + (key.size ? (unsigned char)key.at[key.size / 2] : 0)) % 64);
    const bool maybe = *seen & bit;
    *seen |= bit;
    for (int i = 0; maybe && i < m->count; i++)
        if (same(m->list[i].key, key)) return false;
    return true;
}

static bool member(struct reader *r, struct members *m, unsigned long long *seen)
{
    struct text key;
    r->escaped = false;
    if (!key_and_colon(r, &key)) return false;
    if (r->escaped) return stop(r, "a key with an escape");
    if (!is_new(m, key, seen)) return stop(r, "a key stands twice");
    if (m->count == MEMBERS_MOST) return stop(r, "more fields than any row has");
    skip_blanks(r);
    const char *begin = r->at;
    if (!value(r, 1)) return false;
    size_t size = (size_t)(r->at - begin);
    while (size && is_blank(begin[size - 1])) size--;
    m->list[m->count++] = (struct member){ key, { begin, size } };
    return true;
}

const char *json_members(const char *text, size_t size, struct members *m)
{
    assert(text);
    assert(m);
    struct reader r = { .at = text, .end = text + size };
    unsigned long long seen = 0;
    m->count = 0;
    skip_blanks(&r);
    if (!take(&r, '{')) return stop(&r, "no JSON object"), r.wrong;
    skip_blanks(&r);
    if (!take(&r, '}')) {
        do
            if (!member(&r, m, &seen)) return r.wrong;
        while (take(&r, ','));
        if (!take(&r, '}')) return stop(&r, "an object does not end"), r.wrong;
    }
    skip_blanks(&r);
    return r.at == r.end ? NULL : "something follows its end";
}

bool text_is(struct text span, const char *text) { return span.at && same(span, (struct text){ text, strlen(text) }); }

struct text json_member(const struct members *m, const char *key)
{
    assert(m);
    assert(key);
    const size_t size = strlen(key);
    for (int i = 0; i < m->count; i++)
        if (m->list[i].key.size == size && memcmp(m->list[i].key.at, key, size) == 0) return m->list[i].value;
    return (struct text){ NULL, 0 };
}

double json_text_number(struct text value)
{
    char text[NUMBER_MOST + 1];
    if (!value.at || value.size == 0 || value.size > NUMBER_MOST || (*value.at != '-' && (*value.at < '0' || *value.at > '9'))) return NAN;
    memcpy(text, value.at, value.size);
    text[value.size] = 0;
    return strtod(text, NULL);
}

struct text json_text_string(struct text value)
{
    if (!value.at || value.size < 2 || *value.at != '"') return (struct text){ NULL, 0 };
    return (struct text){ value.at + 1, value.size - 2 };
}
