/* SPDX-License-Identifier: MIT
 * The keys of recipes: readers and writers of values, then the table. What a reader accepts is what the row's `takes` says. */
#include "recipe_keys.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(enum eps_form) == sizeof(int) && sizeof(enum init_kind) == sizeof(int) && sizeof(enum precision) == sizeof(int),
               "WORD values are read and written as int");

/* ---- values ---------------------------------------------------------------------------------------------------------------------- */

/* Reads a finite number in [low, high] up to `end`, a character that must follow it. Returns what is after `end`, NULL if it is not so. */
static const char *number_before(const char *text, char end, double low, double high, double *value)
{
    char *rest;
    if (isspace((unsigned char)*text) || *text == 0) return NULL;
    *value = strtod(text, &rest);
    if (rest == text || *rest != end || !isfinite(*value) || *value < low || *value > high) return NULL;
    return end ? rest + 1 : rest;
}

static const char *count_before(const char *text, char end, int low, int high, int *value)
{
    double number;
    const char *rest = number_before(text, end, low, high, &number);
    if (!rest || number != floor(number)) return NULL;
    *value = (int)number;
    return rest;
}

static int word_index(const char *const *words, const char *value)
{
    assert(words);
    assert(value);
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], value) == 0) return i;
    return -1;
}

/* The fewest significant digits that read back to the same double; 17 always do. */
static void number_print(double value, char *text, size_t size)
{
    assert(isfinite(value));
    assert(size >= 32);
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, value);
        if (strtod(text, NULL) == value) return;
    }
}

static bool starts_with(const char **text, const char *prefix)
{
    size_t length = strlen(prefix);
    if (strncmp(*text, prefix, length) != 0) return false;
    *text += length;
    return true;
}

/* ---- keys with a form of their own ------------------------------------------------------------------------------------------------- */

double recipe_default_decay(enum optimizer_kind kind) { return kind == OPTIMIZER_ADAMW ? 0.01 : 0; }

static const char *const optimizer_words[] = { [OPTIMIZER_SGD] = "sgd", [OPTIMIZER_ADAM] = "adam", [OPTIMIZER_ADAMW] = "adamw", NULL };

/* Changing the optimizer drops what was said before for the other family, so that an arm may add "opt=sgd" to a recipe of Adam's. */
static bool read_optimizer(const char *value, struct recipe *r)
{
    int kind = word_index(optimizer_words, value);
    if (kind < 0) return false;
    struct recipe fresh = recipe_default();
    r->optimizer = (enum optimizer_kind)kind;
    if (kind == OPTIMIZER_SGD) {
        r->beta1 = fresh.beta1;
        r->beta2 = fresh.beta2;
        r->eps = fresh.eps;
        r->eps_form = fresh.eps_form;
    } else {
        r->momentum = fresh.momentum;
        r->nesterov = fresh.nesterov;
    }
    return true;
}

static void write_optimizer(const struct recipe *r, char *text, size_t size) { snprintf(text, size, "%s", optimizer_words[r->optimizer]); }

static bool read_schedule(const char *value, struct recipe *r)
{
    struct recipe fresh = recipe_default();
    r->step_epochs = fresh.step_epochs;
    r->step_factor = fresh.step_factor;
    r->warm_share = fresh.warm_share;
    if (strcmp(value, "constant") == 0) {
        r->schedule = SCHEDULE_CONSTANT;
    } else if (strcmp(value, "cosine") == 0) {
        r->schedule = SCHEDULE_COSINE;
    } else if (starts_with(&value, "step:")) {
        r->schedule = SCHEDULE_STEP;
        value = count_before(value, ':', 1, INT_MAX, &r->step_epochs);
        return value && number_before(value, 0, 1e-30, 1e30, &r->step_factor);
    } else if (starts_with(&value, "onecycle:")) {
        r->schedule = SCHEDULE_ONE_CYCLE;
        return number_before(value, 0, 0, 1, &r->warm_share) != NULL;
    } else {
        return false;
    }
    return true;
}

static void write_schedule(const struct recipe *r, char *text, size_t size)
{
    char number[32];
    switch (r->schedule) {
    case SCHEDULE_CONSTANT: snprintf(text, size, "constant"); break;
    case SCHEDULE_COSINE: snprintf(text, size, "cosine"); break;
    case SCHEDULE_STEP:
        number_print(r->step_factor, number, sizeof number);
        snprintf(text, size, "step:%d:%s", r->step_epochs, number);
        break;
    case SCHEDULE_ONE_CYCLE:
        number_print(r->warm_share, number, sizeof number);
        snprintf(text, size, "onecycle:%s", number);
        break;
    }
}

static bool read_norm(const char *value, struct recipe *r)
{
    r->transform.raw = false;
    value = number_before(value, ',', -1e6, 1e6, &r->transform.mean);
    return value && number_before(value, 0, 1e-6, 1e6, &r->transform.sd);
}

static void write_norm(const struct recipe *r, char *text, size_t size)
{
    char mean[32], sd[32];
    number_print(r->transform.mean, mean, sizeof mean);
    number_print(r->transform.sd, sd, sizeof sd);
    snprintf(text, size, "%s,%s", mean, sd);
}

/* raw and norm exclude each other; the later word wins, as everywhere. */
static bool read_raw(const char *value, struct recipe *r)
{
    int raw;
    if (!count_before(value, 0, 0, 1, &raw)) return false;
    r->transform.raw = raw;
    if (raw) {
        r->transform.mean = 0;
        r->transform.sd = 1;
    }
    return true;
}

static void write_raw(const struct recipe *r, char *text, size_t size) { snprintf(text, size, "%d", r->transform.raw); }

static bool read_permute(const char *value, struct recipe *r)
{
    r->transform.permute = strcmp(value, "none") != 0;
    r->transform.permute_seed = 0;
    if (!r->transform.permute) return true;
    char *rest;
    errno = 0;
    r->transform.permute_seed = strtoull(value, &rest, 10);
    return isdigit((unsigned char)*value) && *rest == 0 && errno == 0;
}

static void write_permute(const struct recipe *r, char *text, size_t size)
{
    if (r->transform.permute) snprintf(text, size, "%llu", (unsigned long long)r->transform.permute_seed);
    else snprintf(text, size, "none");
}

static const struct {
    const char *name;
    double low, high;
    bool whole;
} augments[] = {
    [AUGMENT_ROTATE] = { "rotate", 0, 180, false },
    [AUGMENT_SHIFT] = { "shift", 0, 1000, true },
    [AUGMENT_CROP_RESIZE] = { "cropresize", 1, 1000, true },
};

/* One "name:amount[:probability]". */
static bool read_one_augment(char *word, struct augment *a)
{
    char *amount = strchr(word, ':');
    if (!amount) return false;
    *amount++ = 0;
    char *probability = strchr(amount, ':');
    if (probability) *probability++ = 0;
    for (size_t i = 0; i < sizeof augments / sizeof *augments; i++) {
        if (strcmp(augments[i].name, word) != 0) continue;
        a->kind = (enum augment_kind)i;
        a->probability = 1;
        return number_before(amount, 0, augments[i].low, augments[i].high, &a->amount) &&
               (!augments[i].whole || a->amount == floor(a->amount)) &&
               (!probability || number_before(probability, 0, 0, 1, &a->probability));
    }
    return false;
}

static bool read_augment(const char *value, struct recipe *r)
{
    struct transform *t = &r->transform;
    char copy[VALUE_SIZE];
    t->augments = 0;
    memset(t->augment, 0, sizeof t->augment);
    if (strcmp(value, "none") == 0) return true;
    snprintf(copy, sizeof copy, "%s", value);
    for (char *word = copy, *next; word; word = next) {
        next = strchr(word, ',');
        if (next) *next++ = 0;
        if (t->augments == MAX_AUGMENTS || !read_one_augment(word, &t->augment[t->augments])) return false;
        t->augments++;
    }
    return true;
}

static void write_augment(const struct recipe *r, char *text, size_t size)
{
    const struct transform *t = &r->transform;
    size_t used = 0;
    snprintf(text, size, "none");
    for (int i = 0; i < t->augments; i++) {
        char amount[32], probability[33] = "";
        number_print(t->augment[i].amount, amount, sizeof amount);
        if (t->augment[i].probability != 1) {
            probability[0] = ':';
            number_print(t->augment[i].probability, probability + 1, sizeof probability - 1);
        }
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s:%s%s", i ? "," : "", augments[t->augment[i].kind].name, amount, probability);
        assert(used < size);
    }
}

static const char *const selection_names[] = {
    [SELECT_ALL] = "all",       [SELECT_PER_CLASS] = "perclass", [SELECT_FIRST] = "first",
    [SELECT_SINGLE] = "single", [SELECT_SPLIT] = "split",        [SELECT_TRAIN] = "train",
};

static bool read_selection(const char *value, struct selection *s, int kinds)
{
    *s = (struct selection){ strcmp(value, "train") == 0 && kinds > SELECT_TRAIN ? SELECT_TRAIN : SELECT_ALL, 0 };
    if (strcmp(value, "all") == 0 || s->kind == SELECT_TRAIN) return true;
    for (int kind = SELECT_PER_CLASS; kind < kinds && kind < SELECT_TRAIN; kind++) {
        const char *rest = value;
        if (starts_with(&rest, selection_names[kind]) && *rest == ':') {
            s->kind = (enum selection_kind)kind;
            return count_before(rest + 1, 0, kind == SELECT_SINGLE ? 0 : 1, INT_MAX, &s->count);
        }
    }
    return false;
}

static void write_selection(const struct selection *s, char *text, size_t size)
{
    if (s->kind == SELECT_ALL || s->kind == SELECT_TRAIN) snprintf(text, size, "%s", selection_names[s->kind]);
    else snprintf(text, size, "%s:%d", selection_names[s->kind], s->count);
}

static bool read_train(const char *value, struct recipe *r) { return read_selection(value, &r->train, SELECT_SPLIT + 1); }

static bool read_test(const char *value, struct recipe *r)
{
    return read_selection(value, &r->test, SELECT_TRAIN + 1) && r->test.kind != SELECT_SPLIT;
}

static void write_train(const struct recipe *r, char *text, size_t size) { write_selection(&r->train, text, size); }

static void write_test(const struct recipe *r, char *text, size_t size) { write_selection(&r->test, text, size); }

/* ---- the table --------------------------------------------------------------------------------------------------------------------- */

#define AT(field) offsetof(struct recipe, field)

static const char *const eps_words[] = { [EPS_PYTORCH] = "pytorch", [EPS_KERAS] = "keras", NULL };
static const char *const init_words[] = { [INIT_DEFAULT] = "default",
                                          [INIT_HE_UNIFORM] = "he_uniform",
                                          [INIT_HE_NORMAL] = "he_normal",
                                          [INIT_XAVIER_UNIFORM] = "xavier_uniform",
                                          [INIT_XAVIER_NORMAL] = "xavier_normal",
                                          NULL };
static const char *const bias_words[] = { "default", "zero", NULL };
static const char *const precision_words[] = { [PRECISION_FLOAT32] = "float32", [PRECISION_BF16] = "bf16", NULL };
static const char *const digits[] = { "0", "1", NULL };
static const char *const channel_words[] = { "all", "red", NULL };
static const char a_count[] = "a whole number, 1 or more", on_or_off[] = "0 or 1", below_one[] = "a number from 0, below 1";

const struct key recipe_keys[] = {
    { "opt", "sgd, adam or adamw", "optimizer", OTHER, .read = read_optimizer, .write = write_optimizer, .always = true },
    { "lr", "a number above 0", "learning rate", NUMBER, .at = AT(rate), .low = 1e-30, .high = 1e6, .always = true },
    { "momentum", below_one, "of SGD", NUMBER, .at = AT(momentum), .low = 0, .high = 0.9999999 },
    { "nesterov", on_or_off, "Nesterov's momentum", FLAG, .at = AT(nesterov) },
    { "wd", "a number from 0 to 1000", "weight decay", NUMBER, .at = AT(weight_decay), .low = 0, .high = 1000 },
    { "beta1", below_one, "of Adam: decay of the first moment", NUMBER, .at = AT(beta1), .low = 0, .high = 0.9999999 },
    { "beta2", below_one, "of Adam: decay of the second moment", NUMBER, .at = AT(beta2), .low = 0, .high = 0.9999999 },
    { "eps", "a number above 0", "of Adam: added to the root of the second moment", NUMBER, .at = AT(eps), .low = 1e-30, .high = 1 },
    { "epsform", "pytorch or keras", "of Adam: where eps is added", WORD, .at = AT(eps_form), .words = eps_words },
    { "schedule", "constant, step:EVERY:FACTOR (epochs), cosine or onecycle:WARM (share of steps)",
      "how the learning rate changes over the run", OTHER, .read = read_schedule, .write = write_schedule },
    { "warmup", "a whole number of steps", "updates over which the rate grows to lr", COUNT, .at = AT(warmup_steps), .low = 0,
      .high = INT_MAX },
    { "batch", a_count, "images per update", COUNT, .at = AT(batch), .low = 1, .high = INT_MAX, .always = true },
    { "epochs", a_count, "passes over the training images", COUNT, .at = AT(epochs), .low = 1, .high = INT_MAX, .always = true },
    { "updates", "a whole number of steps, 0 for no limit", "this many updates, whatever the epochs", COUNT, .at = AT(updates), .low = 0,
      .high = INT_MAX },
    { "drop_last", on_or_off, "leave out an epoch's last batch when it is not full", FLAG, .at = AT(drop_last) },
    { "init", "default, he_uniform, he_normal, xavier_uniform or xavier_normal", "initial weights", WORD, .at = AT(init.kind),
      .words = init_words },
    { "bias", "default or zero", "initial biases", FLAG, .at = AT(init.zero_bias), .words = bias_words },
    { "precision", "float32 or bf16", "what products, values and their gradients are rounded to; weights stay float32", WORD,
      .at = AT(precision), .words = precision_words },
    { "norm", "MEAN,SD of pixels / 255", "subtract the mean, divide by the standard deviation", OTHER, .read = read_norm,
      .write = write_norm },
    { "raw", on_or_off, "pixels as 0 to 255", OTHER, .read = read_raw, .write = write_raw },
    { "pad", "the side to pad to, 0 for none", "zero-pad images to this side", COUNT, .at = AT(transform.pad), .low = 0, .high = 4096 },
    { "channel", "all or red", "which channels of the image", FLAG, .at = AT(transform.red), .words = channel_words },
    { "permute", "a seed, or none", "one fixed permutation of the pixels", OTHER, .read = read_permute, .write = write_permute },
    { "augment", "none, or up to 4 of rotate:DEGREES, shift:PIXELS, cropresize:SIDE, with :PROBABILITY if wanted, by commas",
      "random changes of training images, in this order", OTHER, .read = read_augment, .write = write_augment },
    { "select", "all, perclass:K, first:K, single:INDEX or split:K", "which images to train on; split: validate on the rest", OTHER,
      .read = read_train, .write = write_train },
    { "testselect", "all, train, perclass:K, first:K or single:INDEX", "which images to test on", OTHER, .read = read_test,
      .write = write_test },
    { .name = NULL },
};

bool key_read(const struct key *key, const char *value, struct recipe *r)
{
    assert(key->name);
    assert(value);
    char *field = (char *)r + key->at;
    int i = 0;
    double d = 0;
    switch (key->type) {
    case NUMBER:
        if (!number_before(value, 0, key->low, key->high, &d)) return false;
        memcpy(field, &d, sizeof d);
        return true;
    case COUNT:
        if (!count_before(value, 0, (int)key->low, (int)key->high, &i)) return false;
        memcpy(field, &i, sizeof i);
        return true;
    case FLAG:
        i = word_index(key->words ? key->words : digits, value);
        if (i >= 0) *(bool *)field = i;
        return i >= 0;
    case WORD:
        i = word_index(key->words, value);
        if (i >= 0) memcpy(field, &i, sizeof i);
        return i >= 0;
    case OTHER: break;
    }
    return key->read(value, r);
}

void key_write(const struct key *key, const struct recipe *r, char text[VALUE_SIZE])
{
    assert(key->name);
    const char *field = (const char *)r + key->at;
    int i;
    double d;
    switch (key->type) {
    case NUMBER:
        memcpy(&d, field, sizeof d);
        number_print(d, text, VALUE_SIZE);
        break;
    case COUNT:
        memcpy(&i, field, sizeof i);
        snprintf(text, VALUE_SIZE, "%d", i);
        break;
    case FLAG: snprintf(text, VALUE_SIZE, "%s", (key->words ? key->words : digits)[*(const bool *)field]); break;
    case WORD:
        memcpy(&i, field, sizeof i);
        snprintf(text, VALUE_SIZE, "%s", key->words[i]);
        break;
    case OTHER: key->write(r, text, VALUE_SIZE); break;
    }
}
