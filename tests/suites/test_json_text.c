/* SPDX-License-Identifier: MIT
 * json_text against jansson: the same texts are taken, and the same members found. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../../bench/record/json_text.h"
#include "../../kernels/runtime/rng.h"

static struct members m;

static const char *const taken[] = {
    "{}",
    " { \"a\" : 1 } \r",
    "{\"a\":-0.5e-3,\"b\":[1,[2,{}],[]],\"c\":{\"a\":null},\"d\":true,\"e\":false}",
    "{\"a\":\"\\u00e9 \\\" \\\\ \\/ \\b\\f\\n\\r\\t \\ud83d\\ude00 é 😀\"}",
    "{\"a\":9223372036854775807,\"b\":-9223372036854775808,\"c\":1.7e308,\"d\":1e-400,\"e\":123456789012345678901.5}",
    "{\"\":0}",
};

static const char *const refused[] = {
    "",
    "[]",
    "1",
    "\"a\"",
    "null",
    "{",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,}",
    "{\"a\" 1}",
    "{a:1}",
    "{'a':1}",
    "{\"a\":1} x",
    "{\"a\":01}",
    "{\"a\":+1}",
    "{\"a\":.5}",
    "{\"a\":1.}",
    "{\"a\":1e}",
    "{\"a\":1e+}",
    "{\"a\":-}",
    "{\"a\":NaN}",
    "{\"a\":Infinity}",
    "{\"a\":nul}",
    "{\"a\":[1,]}",
    "{\"a\":[1 2]}",
    "{\"a\":{\"b\"}}",
    "{\"a\":\"\\x\"}",
    "{\"a\":\"\\u12\"}",
    "{\"a\":\"\\ud800\"}",
    "{\"a\":\"\\udc00\"}",
    "{\"a\":\"\\ud800\\u0041\"}",
    "{\"a\":\"\\u0000\"}",
    "{\"a\":\"\x01\"}",
    "{\"a\":\"\xff\"}",
    "{\"a\":\"\xc0\x80\"}",
    "{\"a\":\"\xed\xa0\x80\"}",
    "{\"a\":\"\xf4\x90\x80\x80\"}",
    "{\"a\":\"\xe2\x82\"}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":9223372036854775808}",
    "{\"a\":1e999}",
    "{\"a\":-1e309}",
};

static bool jansson_takes(const char *text, size_t size)
{
    json_t *made = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const bool object = json_is_object(made);
    json_decref(made);
    return object;
}

Test(json_text, takes_what_jansson_takes)
{
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        cr_assert(jansson_takes(taken[i], strlen(taken[i])), "%s", taken[i]);
        cr_assert_null(json_members(taken[i], strlen(taken[i]), &m), "%s", taken[i]);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        cr_assert(!jansson_takes(refused[i], strlen(refused[i])), "%s", refused[i]);
        cr_assert(json_members(refused[i], strlen(refused[i]), &m), "%s", refused[i]);
    }
}

/* Keys with escapes aside: of those only the one says anything. */
Test(json_text, takes_what_jansson_takes_of_damaged_rows)
{
    static const char row[] = "{\"id\":\"0a\",\"net\":\"1x4 dense2 \\u00e9é\",\"seed\":3,"
                              "\"x\":[1.5,-2e-3,null,{\"y\":[]}],\"ok\":true,\"z\":\"😀\"}";
    static const char bytes[] = "{}[]\",:\\u0129.eE+-tfn \t\n\x01\x80\xc3\xf0";
    char text[sizeof row];
    int same = 0;
    struct rng rng = rng_start(rng_stream_key(7, STREAM_TEST, 0, 0));
    for (uint32_t i = 0; i < 200000; i++) {
        size_t size = sizeof row - 1;
        memcpy(text, row, sizeof row);
        for (uint32_t k = 0; k < 1 + i % 3; k++) text[rng_below(&rng, (uint32_t)size)] = bytes[rng_below(&rng, sizeof bytes - 1)];
        if (i % 5 == 0) size = rng_below(&rng, (uint32_t)size);
        const bool takes = jansson_takes(text, size);
        const char *wrong = json_members(text, size, &m);
        if (wrong && strcmp(wrong, "a key with an escape") == 0) continue;
        cr_assert(takes == !wrong, "%.*s: %s", (int)size, text, wrong ? wrong : "taken");
        same += takes;
    }
    cr_assert(same > 1000, "%d of them were whole", same);
}

Test(json_text, members_as_they_stand)
{
    static const char text[] = "{ \"a\" : 1.50 , \"b\":\"x\\n\" ,\"c\": [1, 2] }";
    cr_assert_null(json_members(text, strlen(text), &m));
    cr_assert(m.count == 3 && text_is(m.list[0].key, "a") && text_is(m.list[0].value, "1.50") && text_is(m.list[2].value, "[1, 2]"));
    cr_assert(json_text_number(json_member(&m, "a")) == 1.5 && isnan(json_text_number(json_member(&m, "b"))));
    cr_assert(text_is(json_text_string(json_member(&m, "b")), "x\\n") && !json_text_string(json_member(&m, "a")).at);
    cr_assert(!json_member(&m, "d").at && isnan(json_text_number(json_member(&m, "d"))));
}

Test(json_text, torn_is_told_from_wrong)
{
    static const char text[] = "{\"a\":[1,\"x\\u00e9é\",{\"b\":true}],\"c\":-1.5e-3}";
    for (size_t size = 0; size < sizeof text - 1; size++) {
        const char *wrong = json_members(text, size, &m);
        cr_assert(wrong && strcmp(wrong, JSON_TORN) == 0, "%zu: %s", size, wrong ? wrong : "taken");
    }
    cr_assert_str_neq(json_members("{\"a\":x}", 7, &m), JSON_TORN);
}

Test(json_text, limits)
{
    enum { DEEP = 100000 };
    char *text = malloc(DEEP + 64);
    cr_assert(text);
    memcpy(text, "{\"a\":", 5);
    memset(text + 5, '[', DEEP);
    cr_assert_str_eq(json_members(text, DEEP + 5, &m), "nested too deeply");
    int used = snprintf(text, 3, "{");
    for (int i = 0; i < 2000; i++) used += snprintf(text + used, 32, "%s\"k%d\":0", i ? "," : "", i);
    text[used++] = '}';
    cr_assert_str_eq(json_members(text, (size_t)used, &m), "more fields than any row has");
    used = snprintf(text, 32, "{\"a\":1");
    memset(text + used, '0', 100);
    memcpy(text + used + 100, "e-99}", 5);
    cr_assert_str_eq(json_members(text, (size_t)used + 105, &m), "a number beyond range");
    free(text);
}
