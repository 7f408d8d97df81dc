/* SPDX-License-Identifier: MIT
 * Mean and standard deviation over runs: all that a program says by itself. Intervals, tests and verdicts are tools/report's. */
#include "driver.h"

#include <assert.h>
#include <math.h>

struct summary summarize(const double *values, int n)
{
    assert(n >= 0);
    struct summary s = { 0, NAN, NAN };
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
    return s;
}
