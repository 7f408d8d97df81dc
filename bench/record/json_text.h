/* SPDX-License-Identifier: MIT
 * Strict JSON, checked whole in place, and the members of its object told as spans of the text. Nothing is built from it, so
 * that a file of a million rows is read in the time that its bytes take; what is in a member is the caller's to read. */
#ifndef BENCH_RECORD_JSON_TEXT_H
#define BENCH_RECORD_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    const char *at;
    size_t size;
};

struct member {
    struct text key, value; /* the key between its quotes; the value as it stands, strings with theirs */
};

/* Fields, brackets in each other, characters of a number. */
enum { MEMBERS_MOST = 1024, DEPTH_MOST = 256, NUMBER_MOST = 64 };
#define JSON_TORN "it ends too early"

struct members {
    int count;
    struct member list[MEMBERS_MOST];
};

/* Takes what jansson takes with JSON_REJECT_DUPLICATES, but for keys with escapes and what passes the limits above; of inner objects
 * duplicates are not looked for. NULL, or what is wrong: JSON_TORN where the text ends inside the object. The spans live as long as the
 * text. */
const char *json_members(const char *text, size_t size, struct members *m);

/* The value; .at NULL: no such key. */
struct text json_member(const struct members *m, const char *key);

/* A number, NAN where it is none. */
double json_text_number(struct text value);
/* What stands between the quotes of a string, escapes as they are; .at NULL where it is no string. */
struct text json_text_string(struct text value);
bool text_is(struct text span, const char *text);

#endif
