/* SPDX-License-Identifier: MIT
 * log, sin, cos and pow on IEEE + - * / sqrt alone, in double: the same bits on every host and compiler, which libm does not promise
 * (glibc picks FMA variants by CPU). For schedules, inits and data; accuracy about 1e-15 relative, far more than those need. */
#ifndef RUNTIME_EXACT_H
#define RUNTIME_EXACT_H

double exact_log(double x); /* x > 0 */
double exact_sin(double x); /* |x| <= 1000 */
double exact_cos(double x);
double exact_pow(double x, double y); /* x > 0, or 0 to a positive power */

#endif
