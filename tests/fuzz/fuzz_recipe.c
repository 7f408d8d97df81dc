/* SPDX-License-Identifier: MIT
 * Recipe strings: what is taken prints as a string that means the same, and its rates can be asked for at any step. */
#include "../../nets/train/recipe_keys.h"
#include "fuzz.h"

enum { TEXT = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct recipe r, again;
    char first[TEXT], second[TEXT];
    struct why why = { "" };
    char *text = fuzz_text(data, size);
    int code = recipe_parse(text, &r, &why);
    free(text);
    if (code) {
        fuzz_refused(code, &why);
        return 0;
    }
    recipe_print(&r, first, sizeof first);
    assert(recipe_parse(first, &again, &why) == 0);
    assert(strcmp(first, recipe_print(&again, second, sizeof second)) == 0);
    assert(r.rate == again.rate && r.batch == again.batch && r.transform.sd == again.transform.sd);
    assert(recipe_optimizer_slots(&r) >= 0 && recipe_optimizer_slots(&r) <= 2);
    for (int step = 0; step < 12; step++) {
        struct optimizer o = recipe_optimizer(&r, step, 4, 12);
        assert(o.kind == r.optimizer && recipe_rate(&r, step, 4, 12) >= 0);
    }
    return 0;
}
