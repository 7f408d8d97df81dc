/* SPDX-License-Identifier: MIT
 * Comparing tensors and making inputs. Every comparison counts all that is wrong and names the first by its coordinates. */
#include "check.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

size_t view_count(const struct tensor_view *t)
{
    size_t count = 1;
    for (int i = 0; i < t->rank; i++) count *= (size_t)t->extent[i];
    return count;
}

/* "y[0][3][7][5][2]" */
static const char *place(const struct tensor_view *t, size_t at, char *text, size_t size)
{
    size_t index[5] = { 0 };
    assert(t->rank <= 5);
    for (int i = t->rank - 1; i >= 0; i--) {
        index[i] = at % (size_t)t->extent[i];
        at /= (size_t)t->extent[i];
    }
    int used = snprintf(text, size, "%s", t->name);
    for (int i = 0; i < t->rank && used < (int)size; i++) used += snprintf(text + used, size - (size_t)used, "[%zu]", index[i]);
    return text;
}

/* Element i as a lane of an image that exists; tensors that are not in lanes are alive all over. */
struct living {
    size_t per_block;
    int images;
};

static struct living living_of(const struct tensor_view *t)
{
    assert(t->images == 0 || t->extent[t->rank - 1] == LANES);
    return (struct living){ view_count(t) / (size_t)t->extent[0], t->images };
}

static bool is_live(struct living l, size_t i) { return l.images == 0 || (int)(i / l.per_block) * LANES + (int)(i % LANES) < l.images; }

struct findings {
    size_t wrong, first, seen;
};

static void note(struct findings *f, size_t at)
{
    if (f->wrong++ == 0) f->first = at;
}

static void tell(struct check *c, const struct tensor_view *t, struct findings f, double got, double want, const char *against)
{
    char at[96];
    check_fail(c, "%s = %.9g, want %.9g%s%s; %zu of %zu wrong", place(t, f.first, at, sizeof at), got, want, *against ? " as " : "",
               against, f.wrong, f.seen);
}

/* The error in units of what is allowed; infinite where a class (NaN, infinity) is missed. */
static double error_of(float got, double want, double size, struct tolerance e)
{
    if (!isfinite(want)) {
        if (e.loose) return isfinite(got) ? INFINITY : 0;
        return isnan(want) ? (isnan(got) ? 0 : INFINITY) : (double)got == want ? 0 : INFINITY;
    }
    if (isinf(size)) return 0;
    double error = fabs((double)got - want), allowed = e.bound * 0x1p-24 * size + e.tiny;
    return error == 0 ? 0 : allowed > 0 && isfinite(got) ? error / allowed : INFINITY;
}

static void worst_is(struct check *c, double worst)
{
    if (worst <= c->line->worst) return;
    c->line->worst = worst;
    snprintf(c->line->worst_problem, CHECK_TEXT, "%s", c->problem);
}

void check_close(struct check *c, const struct tensor_view *t, size_t begin, size_t end, const float *got, const double *want,
                 const double *size, struct tolerance tolerance)
{
    assert(begin <= end && end <= view_count(t));
    struct living live = living_of(t);
    struct findings f = { 0 };
    double worst = 0;
    for (size_t i = begin; i < end; i++) {
        if (!is_live(live, i)) continue;
        f.seen++;
        double error = error_of(got[i], want[i], size ? size[i] : 0, tolerance);
        if (error > worst) worst = error;
        if (!(error <= 1)) note(&f, i);
    }
    if (f.wrong) tell(c, t, f, (double)got[f.first], want[f.first], "");
    else worst_is(c, worst);
}

void check_bits(struct check *c, const struct tensor_view *t, size_t begin, size_t end, const float *got, const float *want,
                const char *against)
{
    assert(begin <= end && end <= view_count(t));
    struct living live = living_of(t);
    struct findings f = { 0 };
    for (size_t i = begin; i < end; i++) {
        if (!is_live(live, i)) continue;
        f.seen++;
        if (memcmp(&got[i], &want[i], sizeof *got) != 0 && !(isnan(got[i]) && isnan(want[i]))) note(&f, i);
    }
    if (f.wrong) tell(c, t, f, (double)got[f.first], (double)want[f.first], against);
}

void check_bytes(struct check *c, const struct tensor_view *t, size_t begin, size_t end, const uint8_t *got, const uint8_t *want,
                 const char *against)
{
    assert(begin <= end && end <= view_count(t));
    struct living live = living_of(t);
    struct findings f = { 0 };
    for (size_t i = begin; i < end; i++) {
        if (!is_live(live, i)) continue;
        f.seen++;
        if (got[i] != want[i]) note(&f, i);
    }
    if (f.wrong) tell(c, t, f, got[f.first], want[f.first], against);
}

void check_unwritten(struct check *c, const struct tensor_view *t, size_t begin, size_t end, const float *got)
{
    struct findings f = { .seen = end - begin };
    if (guard_unwritten(got, begin * sizeof *got, (end - begin) * sizeof *got)) return;
    for (size_t i = begin; i < end; i++)
        if (!guard_unwritten(got, i * sizeof *got, sizeof *got)) note(&f, i);
    char at[96];
    if (f.wrong) check_fail(c, "wrote %s outside its span; %zu of %zu", place(t, f.first, at, sizeof at), f.wrong, f.seen);
}

void check_dead(struct check *c, const struct tensor_view *t, size_t begin, size_t end, const float *got, enum dead dead)
{
    if (t->images % LANES == 0) return;
    struct living live = living_of(t);
    struct findings f = { 0 };
    for (size_t i = begin; i < end; i++) {
        if (is_live(live, i)) continue;
        f.seen++;
        bool right = dead == DEAD_ZERO ? fpclassify(got[i]) == FP_ZERO : (bool)isfinite(got[i]);
        if (!right) note(&f, i);
    }
    char at[96];
    if (f.wrong)
        check_fail(c, "dead lane %s = %.9g, want %s; %zu of %zu wrong", place(t, f.first, at, sizeof at), (double)got[f.first],
                   dead == DEAD_ZERO ? "0" : "a finite value", f.wrong, f.seen);
}

void check_number(struct check *c, const char *what, double got, double want, double allowed)
{
    double error = fabs(got - want);
    if (!(error <= allowed)) check_fail(c, "%s = %.9g, want %.9g +- %.3g", what, got, want, allowed);
    else if (allowed > 0) worst_is(c, error / allowed);
}

/* ---- inputs ---- */

int draw_between(struct rng *r, int low, int high)
{
    assert(low <= high);
    return low + (int)rng_below(r, (uint32_t)(high - low) + 1);
}

enum edge draw_edge(struct rng *r) { return rng_below(r, 3) == 0 ? AT_START : AT_END; }

int draw_images(struct rng *r)
{
    static const int telling[] = { 1, 15, 16, 17, 31, 32, 33, 48 };
    return rng_below(r, 2) ? telling[rng_below(r, 8)] : draw_between(r, 1, 49);
}

int draw_vectors(struct rng *r) { return rng_below(r, 4) ? draw_between(r, 1, 40) : draw_between(r, 41, 700); }

void fill_integers(struct rng *r, float *to, size_t count, int largest)
{
    assert(largest >= 1);
    const uint32_t values = 2 * (uint32_t)largest + 1;
    for (size_t i = 0; i < count; i++) to[i] = (float)((int)((uint64_t)rng_u32(r) * values >> 32) - largest);
}

void fill_floats(struct rng *r, float *to, size_t count)
{
    for (size_t i = 0; i < count; i++) to[i] = (float)(int32_t)rng_u32(r) * 0x1p-31f;
}

void sprinkle_specials(struct rng *r, float *to, size_t count)
{
    static const float special[] = { NAN, INFINITY, -INFINITY, -0.0f, 0x1p-149f, -0x1.8p-130f, 0x1p-126f };
    enum { COUNT = sizeof special / sizeof *special };
    size_t many = count < 64 ? 1 : 3;
    for (size_t i = 0; i < many; i++) {
        size_t at = (size_t)(rng_uniform(r) * (double)count);
        to[at] = special[rng_below(r, COUNT)];
        if (at + 1 < count) to[at + 1] = special[3 + rng_below(r, COUNT - 3)];
    }
}

void fill_dead(const struct tensor_view *t, float *to, enum dead dead)
{
    if (t->images % LANES == 0) return;
    struct living live = living_of(t);
    for (size_t i = 0, count = view_count(t); i < count; i++)
        if (!is_live(live, i)) to[i] = dead == DEAD_ZERO ? 0 : i % 2 ? 30011 : -29989;
}

void widen(const float *from, double *to, size_t count, bool absolute)
{
    for (size_t i = 0; i < count; i++) to[i] = absolute ? fabs((double)from[i]) : (double)from[i];
}
