/* SPDX-License-Identifier: MIT
 * Means with intervals. Runs of one cell are taken as independent draws, near normal: hence Student's t. */
#include "driver.h"

#include <assert.h>
#include <math.h>

/* To 30 degrees of freedom from the table that textbooks print, beyond by the Cornish-Fisher expansion (off by less than 1e-5 there). */
double student_t975(int df)
{
    static const double table[] = {
        12.70620, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.30600, 2.26216, 2.22814,
        2.20099, 2.17881, 2.16037, 2.14479, 2.13145, 2.11991, 2.10982, 2.10092, 2.09302, 2.08596,
        2.07961, 2.07387, 2.06866, 2.06390, 2.05954, 2.05553, 2.05183, 2.04841, 2.04523, 2.04227
    };
    assert(df >= 1);
    if (df <= 30)
        return table[df - 1];
    double z = 1.959963985, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z, n = df;
    return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n);
}

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
    if (s.n == 0)
        return s;
    s.mean = sum / s.n;
    for (int i = 0; i < n; i++)
        if (isfinite(values[i]))
            squares += (values[i] - s.mean) * (values[i] - s.mean);
    if (s.n == 1)
        return s;
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
