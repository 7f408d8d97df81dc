/* SPDX-License-Identifier: MIT
 * Recipes: text to struct and back, and what a recipe means at a given update. Rates are plain double arithmetic on our own cosine,
 * rounded once to float: the same bits on every host. */
#include "recipe.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../../kernels/runtime/exact.h"
#include "recipe_keys.h"

struct recipe recipe_default(void)
{
    struct recipe r = { .optimizer = OPTIMIZER_SGD,
                        .eps_form = EPS_PYTORCH,
                        .rate = 0.01,
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .eps = 1e-8,
                        .schedule = SCHEDULE_CONSTANT,
                        .step_epochs = 1,
                        .step_factor = 1,
                        .warm_share = 0.3,
                        .batch = 64,
                        .epochs = 1,
                        .init = { INIT_DEFAULT, false },
                        .transform = { .mean = 0, .sd = 1 } };
    return r;
}

/* ---- text -------------------------------------------------------------------------------------------------------------------------- */

static const char *key_names(char *text, size_t size)
{
    size_t used = 0;
    for (const struct key *key = recipe_keys; key->name; key++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "", key->name);
    assert(used < size);
    return text;
}

/* One "key=value"; the copy is ours to cut. */
static int parse_word(char *word, struct recipe *r, struct why *why)
{
    char names[256];
    char *value = strchr(word, '=');
    if (!value) return why_fail(why, -EINVAL, "recipe: \"%.80s\" is not key=value; keys are %s", word, key_names(names, sizeof names));
    *value++ = 0;
    for (const struct key *key = recipe_keys; key->name; key++) {
        if (strcmp(key->name, word) != 0) continue;
        if (strlen(value) >= VALUE_SIZE || !key_read(key, value, r))
            return why_fail(why, -EINVAL, "recipe: %s=%.80s: %s takes %s", word, value, word, key->takes);
        return 0;
    }
    return why_fail(why, -EINVAL, "recipe: there is no \"%.80s\"; keys are %s", word, key_names(names, sizeof names));
}

/* Words that make no sense together. */
static int check(const struct recipe *r, struct why *why)
{
    const struct recipe fresh = recipe_default();
    if (r->optimizer != OPTIMIZER_SGD && (r->momentum > 0 || r->nesterov))
        return why_fail(why, -EINVAL, "recipe: momentum and nesterov belong to opt=sgd; leave them out, or set beta1");
    if (r->optimizer == OPTIMIZER_SGD &&
        (r->beta1 != fresh.beta1 || r->beta2 != fresh.beta2 || r->eps != fresh.eps || r->eps_form != fresh.eps_form))
        return why_fail(why, -EINVAL, "recipe: beta1, beta2, eps and epsform belong to opt=adam and adamw; write opt= before them");
    if (r->nesterov && r->momentum == 0) return why_fail(why, -EINVAL, "recipe: nesterov=1 needs momentum, such as momentum=0.9");
    if (r->train.kind == SELECT_SPLIT && r->test.kind != SELECT_ALL)
        return why_fail(why, -EINVAL, "recipe: select=split tests on the images left over; leave testselect out");
    return 0;
}

int recipe_parse(const char *text, struct recipe *r, struct why *why)
{
    assert(text);
    assert(r);
    bool decay_given = false;
    *r = recipe_default();
    while (text += strspn(text, " \t\n"), *text) {
        char word[VALUE_SIZE + 32];
        size_t length = strcspn(text, " \t\n");
        if (length >= sizeof word)
            return why_fail(why, -EINVAL, "recipe: \"%.40s...\" is longer than words can be; separate them by spaces", text);
        memcpy(word, text, length);
        word[length] = 0;
        text += length;
        decay_given |= strncmp(word, "wd=", 3) == 0;
        int code = parse_word(word, r, why);
        if (code) return code;
    }
    if (!decay_given) r->weight_decay = recipe_default_decay(r->optimizer);
    if (r->init.kind != INIT_DEFAULT) r->init.zero_bias = false; /* zero there anyway: one way to say it */
    return check(r, why);
}

const char *recipe_print(const struct recipe *r, char *text, size_t size)
{
    assert(r);
    assert(text);
    assert(size > 0);
    struct recipe base = recipe_default();
    base.weight_decay = recipe_default_decay(r->optimizer);
    size_t used = 0;
    text[0] = 0;
    for (const struct key *key = recipe_keys; key->name; key++) {
        char value[VALUE_SIZE], usual[VALUE_SIZE];
        key_write(key, r, value);
        key_write(key, &base, usual);
        if (!key->always && strcmp(value, usual) == 0) continue;
        int length = snprintf(text + used, size - used, "%s%s=%s", used ? " " : "", key->name, value);
        used += (size_t)length < size - used ? (size_t)length : size - used - 1;
    }
    return text;
}

/* ---- schedule ---------------------------------------------------------------------------------------------------------------------- */

static const double pi = 3.14159265358979323846;

/* From `from` at share 0 to `to` at share 1, along half a cosine. */
static double anneal(double from, double to, double share) { return to + (from - to) / 2 * (exact_cos(pi * share) + 1); }

/* PyTorch's OneCycleLR with its default factors: rate/25 up to rate over the warm share, then down to rate/25e4. The two phases meet at
 * step warm * steps - 1, which need not be whole. */
static double one_cycle(double rate, double warm, int step, int steps)
{
    assert(step < steps);
    double peak = warm * steps - 1, last = steps - 1;
    if (step <= peak) return anneal(rate / 25, rate, peak > 0 ? step / peak : 1);
    return anneal(rate, rate / 25e4, last > peak ? (step - peak) / (last - peak) : 1);
}

double recipe_rate(const struct recipe *r, int step, int steps_per_epoch, int steps)
{
    assert(step >= 0);
    assert(step < steps);
    assert(steps_per_epoch > 0);
    double rate = r->rate;
    switch (r->schedule) {
    case SCHEDULE_CONSTANT: break;
    case SCHEDULE_STEP: /* one multiplication per fall, as PyTorch's StepLR */
        for (int fall = step / steps_per_epoch / r->step_epochs; fall > 0; fall--) rate *= r->step_factor;
        break;
    case SCHEDULE_COSINE: rate = anneal(rate, 0, (double)step / steps); break;
    case SCHEDULE_ONE_CYCLE: rate = one_cycle(rate, r->warm_share, step, steps); break;
    }
    return step < r->warmup_steps ? rate * (step + 1) / r->warmup_steps : rate;
}

int recipe_optimizer_slots(const struct recipe *r)
{
    assert(r);
    if (r->optimizer != OPTIMIZER_SGD) return 2;
    return r->momentum > 0 ? 1 : 0;
}

struct optimizer recipe_optimizer(const struct recipe *r, int step, int steps_per_epoch, int steps)
{
    double rate = recipe_rate(r, step, steps_per_epoch, steps);
    struct optimizer o = { .kind = r->optimizer,
                           .rate = (float)rate,
                           .momentum = (float)r->momentum,
                           .nesterov = r->nesterov,
                           .first = step == 0,
                           .weight_decay = (float)r->weight_decay };
    if (r->optimizer != OPTIMIZER_SGD) optimizer_fold(&o, r->eps_form, rate, r->beta1, r->beta2, r->eps, step + 1);
    return o;
}
