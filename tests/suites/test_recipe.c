/* SPDX-License-Identifier: MIT
 * Recipes: text both ways, what is refused and how it is said, rates against PyTorch's formulas, scalars of a step. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../../nets/train/recipe_keys.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct recipe parse(const char *text)
{
    struct recipe r;
    struct why why = { "" };
    cr_assert_eq(recipe_parse(text, &r, &why), 0, "%s: %s", text, why.text);
    return r;
}

static void assert_prints(const char *text, const char *want)
{
    char got[1024];
    struct recipe r = parse(text);
    cr_assert_str_eq(recipe_print(&r, got, sizeof got), want);
}

static void assert_refused(const char *text, const char *part)
{
    struct recipe r;
    struct why why = { "" };
    cr_assert_eq(recipe_parse(text, &r, &why), -EINVAL, "%s was taken", text);
    cr_assert_not_null(strstr(why.text, part), "\"%s\" does not say \"%s\"", why.text, part);
    cr_assert_null(strchr(why.text, '\n'));
}

/* All fields as numbers, since structs have padding. The seed of permute is apart: doubles do not hold 64 bits. */
static int fields(const struct recipe *r, double *out)
{
    const struct transform *t = &r->transform;
    const double all[] = { r->optimizer,   r->eps_form,  r->rate,      r->momentum,    r->weight_decay, r->beta1,          r->beta2,
                           r->eps,         r->nesterov,  r->schedule,  r->step_epochs, r->step_factor,  r->warm_share,     r->warmup_steps,
                           r->batch,       r->epochs,    r->updates,   r->drop_last,   r->init.kind,    r->init.zero_bias, t->mean,
                           t->sd,          t->raw,       t->pad,       t->red,         t->permute,      t->augments,       r->train.kind,
                           r->train.count, r->test.kind, r->test.count };
    memcpy(out, all, sizeof all);
    int n = COUNT(all);
    for (int i = 0; i < t->augments; i++) {
        out[n++] = t->augment[i].kind;
        out[n++] = t->augment[i].amount;
        out[n++] = t->augment[i].probability;
    }
    return n;
}

static void assert_same(const struct recipe *a, const struct recipe *b)
{
    double x[64], y[64];
    int n = fields(a, x);
    cr_assert_eq(n, fields(b, y));
    for (int i = 0; i < n; i++) cr_assert_eq(x[i], y[i], "field %d: %.17g, %.17g", i, x[i], y[i]);
    cr_assert_eq(a->transform.permute_seed, b->transform.permute_seed);
}

Test(recipe, prints_what_it_reads)
{
    static const char *const canonical[] = {
        "opt=sgd lr=0.01 batch=64 epochs=1",
        "opt=adam lr=0.01 batch=64 epochs=20 norm=0.1307,0.3081",
        "opt=adam lr=0.001 eps=1e-07 epsform=keras batch=32 epochs=10 init=xavier_uniform",
        "opt=sgd lr=0.1 momentum=0.9 nesterov=1 wd=0.0005 schedule=onecycle:0.3 batch=512 epochs=24",
        "opt=adamw lr=0.001 wd=0.05 beta1=0.8 beta2=0.99 schedule=cosine warmup=100 batch=128 epochs=5 drop_last=1",
        "opt=adam lr=0.01 schedule=step:10:0.1 batch=10000 epochs=100 raw=1 select=perclass:1000 testselect=perclass:100",
        "opt=sgd lr=0.0005 batch=1 epochs=1 updates=500 bias=zero pad=32 channel=red permute=18446744073709551615 select=single:0",
        "opt=sgd lr=0.01 batch=64 epochs=1 augment=cropresize:22:0.1,rotate:15,shift:2 select=split:55000",
        "opt=sgd lr=0.30000000000000004 batch=64 epochs=1 testselect=first:3000",
    };
    for (size_t i = 0; i < COUNT(canonical); i++) {
        char text[1024];
        struct recipe once = parse(canonical[i]);
        cr_assert_str_eq(recipe_print(&once, text, sizeof text), canonical[i]);
        struct recipe twice = parse(text);
        assert_same(&once, &twice);
    }
}

Test(recipe, defaults_are_pytorchs)
{
    struct recipe r = parse("");
    cr_assert(r.optimizer == OPTIMIZER_SGD && r.rate == 0.01 && r.batch == 64 && r.epochs == 1 && r.momentum == 0);
    cr_assert(r.beta1 == 0.9 && r.beta2 == 0.999 && r.eps == 1e-8 && r.eps_form == EPS_PYTORCH);
    cr_assert_eq(parse("opt=adam").weight_decay, 0);
    cr_assert_eq(parse("opt=adamw").weight_decay, 0.01);
    cr_assert_eq(parse("wd=0 opt=adamw").weight_decay, 0);
    assert_prints("opt=adamw", "opt=adamw lr=0.01 batch=64 epochs=1");
    assert_prints("opt=adamw wd=0", "opt=adamw lr=0.01 wd=0 batch=64 epochs=1");
}

Test(recipe, order_and_spelling_do_not_matter)
{
    assert_prints("  epochs=3\tlr=1e-2 opt=sgd\n batch=64", "opt=sgd lr=0.01 batch=64 epochs=3");
    assert_prints("norm=0,1 raw=0 select=all augment=none schedule=constant", "opt=sgd lr=0.01 batch=64 epochs=1");
    assert_prints("init=he_normal bias=zero", "opt=sgd lr=0.01 batch=64 epochs=1 init=he_normal");
    assert_prints("augment=rotate:15:1", "opt=sgd lr=0.01 batch=64 epochs=1 augment=rotate:15");
}

Test(recipe, later_words_win)
{
    assert_prints("lr=1 lr=0.5", "opt=sgd lr=0.5 batch=64 epochs=1");
    assert_prints("raw=1 norm=0.5,0.5", "opt=sgd lr=0.01 batch=64 epochs=1 norm=0.5,0.5");
    assert_prints("norm=0.5,0.5 raw=1", "opt=sgd lr=0.01 batch=64 epochs=1 raw=1");
    assert_prints("opt=adam eps=1e-7 epsform=keras batch=32 opt=sgd momentum=0.9", "opt=sgd lr=0.01 momentum=0.9 batch=32 epochs=1");
    assert_prints("momentum=0.9 opt=adam", "opt=adam lr=0.01 batch=64 epochs=1");
    assert_prints("schedule=step:5:0.1 schedule=cosine", "opt=sgd lr=0.01 schedule=cosine batch=64 epochs=1");
    assert_prints("augment=rotate:15,shift:2 augment=shift:1", "opt=sgd lr=0.01 batch=64 epochs=1 augment=shift:1");
}

Test(recipe, refusals_name_the_word_and_what_it_takes)
{
    assert_refused("adam", "\"adam\" is not key=value; keys are opt lr momentum");
    assert_refused("rate=1", "there is no \"rate\"; keys are opt lr momentum");
    assert_refused("opt=lion", "opt=lion: opt takes sgd, adam or adamw");
    assert_refused("lr=0", "lr=0: lr takes a number above 0");
    assert_refused("lr=", "lr takes");
    assert_refused("lr=nan", "lr takes");
    assert_refused("lr=1e999", "lr takes");
    assert_refused("lr=0.1x", "lr takes");
    assert_refused("momentum=1", "from 0, below 1");
    assert_refused("batch=0", "a whole number, 1 or more");
    assert_refused("batch=1.5", "a whole number");
    assert_refused("batch=99999999999", "a whole number");
    assert_refused("nesterov=yes", "0 or 1");
    assert_refused("schedule=step", "step:EVERY:FACTOR");
    assert_refused("schedule=step:0:0.1", "step:EVERY:FACTOR");
    assert_refused("schedule=step:5:0.1:2", "step:EVERY:FACTOR");
    assert_refused("schedule=onecycle:1.5", "onecycle:WARM");
    assert_refused("init=zeros", "he_uniform");
    assert_refused("norm=0.5", "MEAN,SD");
    assert_refused("norm=0.5,0", "MEAN,SD");
    assert_refused("permute=-1", "a seed, or none");
    assert_refused("permute=18446744073709551616", "a seed, or none");
    assert_refused("augment=rotate", "rotate:DEGREES");
    assert_refused("augment=blur:2", "rotate:DEGREES");
    assert_refused("augment=shift:1.5", "shift:PIXELS");
    assert_refused("augment=rotate:15:2", "PROBABILITY");
    assert_refused("augment=shift:1,shift:1,shift:1,shift:1,shift:1", "up to 4");
    assert_refused("augment=", "none, or up to 4");
    assert_refused("select=perclass:0", "perclass:K");
    assert_refused("select=perclassy:5", "perclass:K");
    assert_refused("testselect=split:5", "testselect takes all, train, perclass:K");
    assert_refused("opt=adam momentum=0.9", "belong to opt=sgd");
    assert_refused("beta1=0.8", "belong to opt=adam");
    assert_refused("nesterov=1", "needs momentum");
    assert_refused("select=split:100 testselect=first:5", "leave testselect out");
}

Test(recipe, long_words_are_refused_and_short_buffers_cut)
{
    char endless[1000], text[40];
    memset(endless, '1', sizeof endless);
    memcpy(endless, "lr=", 3);
    endless[999] = 0;
    assert_refused(endless, "longer than words can be");
    endless[280] = 0;
    assert_refused(endless, "lr takes");
    struct recipe r = parse("norm=0.1307,0.3081");
    for (size_t size = 1; size < sizeof text; size++) {
        memset(text, '#', sizeof text);
        cr_assert_eq(strlen(recipe_print(&r, text, size)), size - 1);
        cr_assert_eq(text[size], '#');
    }
}

static void assert_rate(const char *text, int step, int steps_per_epoch, int steps, double want)
{
    struct recipe r = parse(text);
    double got = recipe_rate(&r, step, steps_per_epoch, steps);
    cr_assert(fabs(got - want) <= 1e-14 * want + 1e-18, "%s at %d of %d: %.17g, want %.17g", text, step, steps, got, want);
}

Test(schedule, constant_step_cosine)
{
    assert_rate("lr=0.1", 0, 10, 100, 0.1);
    assert_rate("lr=0.1", 99, 10, 100, 0.1);
    assert_rate("lr=1 schedule=step:2:0.5", 19, 10, 100, 1);
    assert_rate("lr=1 schedule=step:2:0.5", 20, 10, 100, 0.5);
    assert_rate("lr=1 schedule=step:2:0.5", 99, 10, 100, 0.0625);
    assert_rate("lr=1 schedule=cosine", 0, 10, 100, 1);
    assert_rate("lr=1 schedule=cosine", 25, 10, 100, 0.85355339059327373);
    assert_rate("lr=1 schedule=cosine", 50, 10, 100, 0.5);
    assert_rate("lr=1 schedule=cosine", 99, 10, 100, 0.00024671981713419987);
}

/* torch.optim.lr_scheduler.OneCycleLR(max_lr=0.1, total_steps=100, pct_start=0.3), its formula in Python. */
Test(schedule, one_cycle_is_pytorchs)
{
    assert_rate("lr=0.1 schedule=onecycle:0.3", 0, 10, 100, 0.004);
    assert_rate("lr=0.1 schedule=onecycle:0.3", 10, 10, 100, 0.029516394846410082);
    assert_rate("lr=0.1 schedule=onecycle:0.3", 29, 10, 100, 0.1);
    assert_rate("lr=0.1 schedule=onecycle:0.3", 30, 10, 100, 0.09994965352845243);
    assert_rate("lr=0.1 schedule=onecycle:0.3", 60, 10, 100, 0.05892800902855288);
    assert_rate("lr=0.1 schedule=onecycle:0.3", 99, 10, 100, 4e-7);
    for (int warm = 0; warm < 2; warm++) /* the edges divide by nothing */
        for (int steps = 1; steps < 4; steps++)
            for (int step = 0; step < steps; step++) {
                struct recipe r = parse(warm ? "lr=0.1 schedule=onecycle:1" : "lr=0.1 schedule=onecycle:0");
                double rate = recipe_rate(&r, step, 1, steps);
                cr_assert(rate > 0 && rate <= 0.1, "warm %d, step %d of %d: %g", warm, step, steps, rate);
            }
}

Test(schedule, warm_up_multiplies)
{
    assert_rate("lr=0.1 warmup=4", 0, 10, 100, 0.025);
    assert_rate("lr=0.1 warmup=4", 3, 10, 100, 0.1);
    assert_rate("lr=0.1 warmup=4", 4, 10, 100, 0.1);
    assert_rate("lr=1 schedule=step:1:0.5 warmup=4", 1, 1, 100, 0.25);
}

Test(optimizer, slots_and_scalars)
{
    struct recipe plain = parse(""), heavy = parse("momentum=0.9 wd=0.5");
    struct recipe adam = parse("opt=adam lr=0.01"), keras = parse("opt=adam eps=1e-7 epsform=keras");
    cr_assert_eq(recipe_optimizer_slots(&plain), 0);
    cr_assert_eq(recipe_optimizer_slots(&heavy), 1);
    cr_assert_eq(recipe_optimizer_slots(&adam), 2);
    struct optimizer o = recipe_optimizer(&heavy, 0, 10, 100);
    cr_assert(o.kind == OPTIMIZER_SGD && o.first && o.momentum == 0.9f && o.weight_decay == 0.5f && o.rate == 0.01f);
    cr_assert_not(recipe_optimizer(&heavy, 1, 10, 100).first);
    o = recipe_optimizer(&adam, 0, 10, 100); /* first step: m / (1 - 0.9), sqrt(v) / sqrt(1 - 0.999) */
    cr_assert_float_eq(o.step_size, 0.1f, 1e-7);
    cr_assert_float_eq(o.root_scale, 31.6227766f, 1e-5);
    cr_assert(o.kind == OPTIMIZER_ADAM && o.eps == 1e-8f && o.beta1 == 0.9f);
    o = recipe_optimizer(&keras, 0, 10, 100);
    cr_assert_float_eq(o.step_size, 0.01f * 0.0316227766f / 0.1f, 1e-9);
    cr_assert_eq(o.root_scale, 1);
}
