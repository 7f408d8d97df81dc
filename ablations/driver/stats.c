/* SPDX-License-Identifier: MIT
 * Means and shares with intervals, and differences with their p. Runs of one cell are taken as independent draws, near normal: hence
 * Student's t; over common seeds the differences are (pairing). Shares of runs have Wilson's interval, their differences Newcombe's and
 * Fisher's exact p. The t distribution comes from the incomplete beta function by Lentz's continued fraction, good to about 1e-12. */
#include "driver.h"

#include <assert.h>
#include <math.h>

/* ---- Student's t ------------------------------------------------------------------------------------------------------------------- */

/* The continued fraction of the incomplete beta function, for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d, change = 0;
    for (int m = 1; m <= 500 && fabs(change - 1) > 1e-15; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 + even * d;
        c = 1 + even / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        h *= d * (fabs(c) < tiny ? tiny : c);
        d = 1 + odd * d;
        c = 1 + odd / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        change = d * (fabs(c) < tiny ? tiny : c);
        h *= change;
    }
    return h;
}

static double incomplete_beta(double a, double b, double x)
{
    assert(x >= 0 && x <= 1);
    if (x == 0 || x == 1) return x;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double student_p(double t, double df)
{
    assert(df > 0);
    if (!isfinite(t)) return isnan(t) ? NAN : 0;
    return incomplete_beta(df / 2, 0.5, df / (df + t * t));
}

/* Bisection: p falls with t. */
double student_t975(double df)
{
    assert(df > 0);
    double low = 0, high = 1e6;
    for (int i = 0; i < 200 && high - low > 1e-13 * high; i++) {
        double middle = (low + high) / 2;
        if (student_p(middle, df) > 0.05) low = middle;
        else high = middle;
    }
    return high;
}

/* ---- means ------------------------------------------------------------------------------------------------------------------------- */

struct summary summarize(const double *values, int n)
{
    assert(n >= 0);
    struct summary s = { 0, NAN, NAN, NAN, NAN };
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        if (isfinite(values[i])) {
            sum += values[i];
            s.n++;
        }
    if (s.n == 0) return s;
    s.mean = sum / s.n;
    for (int i = 0; i < n; i++)
        if (isfinite(values[i])) squares += (values[i] - s.mean) * (values[i] - s.mean);
    if (s.n == 1) return s;
    s.sd = sqrt(squares / (s.n - 1));
    double half = student_t975(s.n - 1) * s.sd / sqrt(s.n);
    s.low = s.mean - half;
    s.high = s.mean + half;
    assert(s.low <= s.mean && s.mean <= s.high);
    return s;
}

void one_more(const struct summary *s, double *low, double *high)
{
    double half = s->n < 2 ? NAN : student_t975(s->n - 1) * s->sd * sqrt(1 + 1.0 / s->n);
    *low = s->mean - half;
    *high = s->mean + half;
}

/* ---- differences ------------------------------------------------------------------------------------------------------------------- */

static const struct effect unknown = { .n = 0, .than_n = 0, .mean = NAN, .low = NAN, .high = NAN, .p = NAN };

/* No spread at all: equal is equal, and different for sure. */
static double p_of(double mean, double error, double df) { return error > 0 ? student_p(mean / error, df) : mean == 0 ? 1 : 0; }

struct effect effect_paired(const double *differences, int n)
{
    struct summary s = summarize(differences, n);
    struct effect e = { .n = s.n, .than_n = s.n, .mean = s.mean, .low = s.low, .high = s.high, .p = NAN };
    if (s.n >= 2) e.p = p_of(s.mean, s.sd / sqrt(s.n), s.n - 1);
    return e;
}

struct effect effect_welch(const double *values, int n, const double *than, int than_n)
{
    struct summary a = summarize(values, n), b = summarize(than, than_n);
    if (a.n < 2 || b.n < 2) return unknown;
    double va = a.sd * a.sd / a.n, vb = b.sd * b.sd / b.n, error = sqrt(va + vb);
    double df = error > 0 ? (va + vb) * (va + vb) / (va * va / (a.n - 1) + vb * vb / (b.n - 1)) : a.n + b.n - 2;
    double mean = a.mean - b.mean, half = student_t975(df) * error;
    return (struct effect){ .n = a.n, .than_n = b.n, .mean = mean, .low = mean - half, .high = mean + half, .p = p_of(mean, error, df) };
}

/* ---- shares ------------------------------------------------------------------------------------------------------------------------ */

static const double z975 = 1.959963984540054;

void wilson(int count, int n, double *low, double *high)
{
    assert(count >= 0 && count <= n);
    if (n == 0) {
        *low = 0;
        *high = 1;
        return;
    }
    double p = (double)count / n, z2 = z975 * z975 / n, middle = (p + z2 / 2) / (1 + z2);
    double half = z975 * sqrt(p * (1 - p) / n + z2 / (4 * n)) / (1 + z2);
    *low = count == 0 ? 0 : middle - half;
    *high = count == n ? 1 : middle + half;
}

/* ln of the number of ways to choose. */
static double choose(int n, int k) { return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0); }

/* All tables with the same margins that are no likelier than this one; the slack is for rounding. */
static double fisher(int count, int n, int than_count, int than_n)
{
    int total = count + than_count, least = total > than_n ? total - than_n : 0, most = total < n ? total : n;
    double here = choose(n, count) + choose(than_n, than_count), all = choose(n + than_n, total), p = 0;
    for (int k = least; k <= most; k++) {
        double other = choose(n, k) + choose(than_n, total - k);
        if (other <= here + 1e-9) p += exp(other - all);
    }
    return p < 1 ? p : 1;
}

struct effect effect_shares(int count, int n, int than_count, int than_n)
{
    if (n == 0 || than_n == 0) return unknown;
    double p = (double)count / n, q = (double)than_count / than_n, low, high, than_low, than_high;
    wilson(count, n, &low, &high);
    wilson(than_count, than_n, &than_low, &than_high);
    return (struct effect){
        .n = n,
        .than_n = than_n,
        .mean = p - q,
        .p = fisher(count, n, than_count, than_n),
        .low = p - q - sqrt((p - low) * (p - low) + (than_high - q) * (than_high - q)),
        .high = p - q + sqrt((high - p) * (high - p) + (q - than_low) * (q - than_low)),
    };
}

/* The exact binomial p: all counts no likelier than this one. */
struct effect effect_share(int count, int n, double than)
{
    assert(than >= 0 && than <= 1);
    if (n == 0) return unknown;
    struct effect e = { .n = n, .than_n = 0, .mean = (double)count / n - than, .p = 0 };
    wilson(count, n, &e.low, &e.high);
    e.low -= than;
    e.high -= than;
    if (than == 0 || than == 1) {
        e.p = (double)count / n == than ? 1 : 0;
        return e;
    }
    double here = choose(n, count) + count * log(than) + (n - count) * log1p(-than);
    for (int k = 0; k <= n; k++) {
        double other = choose(n, k) + k * log(than) + (n - k) * log1p(-than);
        if (other <= here + 1e-9) e.p += exp(other);
    }
    e.p = e.p < 1 ? e.p : 1;
    return e;
}

/* ---- many tests -------------------------------------------------------------------------------------------------------------------- */

void holm(double *p, int n)
{
    assert(n >= 0 && n <= MAX_TESTS);
    int order[MAX_TESTS], count = 0;
    for (int i = 0; i < n; i++) {
        if (isnan(p[i])) continue;
        int at = count++;
        for (; at > 0 && p[order[at - 1]] > p[i]; at--) order[at] = order[at - 1];
        order[at] = i;
    }
    double before = 0;
    for (int k = 0; k < count; k++) {
        double adjusted = fmin(1, (count - k) * p[order[k]]);
        before = p[order[k]] = fmax(before, adjusted);
    }
}
