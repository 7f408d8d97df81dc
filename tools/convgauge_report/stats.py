# SPDX-License-Identifier: MIT
"""Means and shares with intervals, differences with their p, by SciPy. The same rules as ablations/driver/stats.c: Student's t for means
and paired differences, Welch where pairing is impossible, Wilson, Newcombe and Fisher for shares, Holm over a study's claims."""

import functools
import math
from collections import namedtuple

from scipy import stats

Summary = namedtuple('Summary', 'n mean sd low high more_low more_high')  # 95 % of the mean; 95 % for one more run
Effect = namedtuple('Effect', 'n than_n mean low high p')  # None where n is too small


def mean(values):
    return math.fsum(values) / len(values)


def deviation(values):
    middle = mean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


@functools.cache
def t_quantile(df):
    """Of 97.5 %: asked ten thousand times for a page, and half a millisecond away."""
    return float(stats.t.ppf(0.975, df))


def summarize(values):
    """None of nothing; without an interval of one."""
    n = len(values)
    if n == 0:
        return None
    if n == 1:
        return Summary(1, values[0], None, None, None, None, None)
    middle, sd, t = mean(values), deviation(values), t_quantile(n - 1)
    half, more = t * sd / math.sqrt(n), t * sd * math.sqrt(1 + 1 / n)
    return Summary(n, middle, sd, middle - half, middle + half, middle - more, middle + more)


def p_of(middle, error, df):
    """No spread at all: equal is equal, and different for sure."""
    return float(2 * stats.t.sf(abs(middle / error), df)) if error > 0 else 1.0 if middle == 0 else 0.0


def paired(differences):
    """Against 0; None of fewer than two."""
    s = summarize(differences)
    if s is None or s.n < 2:
        return None
    return Effect(s.n, s.n, s.mean, s.low, s.high, p_of(s.mean, s.sd / math.sqrt(s.n), s.n - 1))


def welch(values, than):
    a, b = summarize(values), summarize(than)
    if a is None or b is None or a.n < 2 or b.n < 2:
        return None
    va, vb = a.sd**2 / a.n, b.sd**2 / b.n
    error, middle = math.sqrt(va + vb), a.mean - b.mean
    df = (va + vb) ** 2 / (va**2 / (a.n - 1) + vb**2 / (b.n - 1)) if error > 0 else a.n + b.n - 2
    half = t_quantile(df) * error
    return Effect(a.n, b.n, middle, middle - half, middle + half, p_of(middle, error, df))


Z = float(stats.norm.ppf(0.975))


def wilson(count, n):
    if n == 0:
        return 0.0, 1.0
    share, z2 = count / n, Z * Z / n
    middle, half = (share + z2 / 2) / (1 + z2), Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n)) / (1 + z2)
    return 0.0 if count == 0 else middle - half, 1.0 if count == n else middle + half


def shares(count, n, than_count, than_n):
    if n == 0 or than_n == 0:
        return None
    p, q = count / n, than_count / than_n
    (low, high), (than_low, than_high) = wilson(count, n), wilson(than_count, than_n)
    fisher = float(stats.fisher_exact([[count, n - count], [than_count, than_n - than_count]])[1])
    return Effect(n, than_n, p - q, p - q - math.hypot(p - low, than_high - q), p - q + math.hypot(high - p, q - than_low), fisher)


def share(count, n, than):
    if n == 0:
        return None
    low, high = wilson(count, n)
    p = float(stats.binomtest(count, n, than).pvalue)
    return Effect(n, 0, count / n - than, low - than, high - than, p)


def concordance(groups):
    """How often a value of the first kind is below one of the second, over pairs within a group, groups being (firsts, seconds); with
    Hanley and McNeil's 95 % interval. None without pairs."""
    pairs = wins = variance = 0.0
    for firsts, seconds in groups:
        m, n = len(firsts), len(seconds)
        if not m or not n:
            continue
        a = float(stats.mannwhitneyu(seconds, firsts, method='asymptotic').statistic) / (m * n)
        spread = a * (1 - a) + (m - 1) * (a / (2 - a) - a * a) + (n - 1) * (2 * a * a / (1 + a) - a * a)
        pairs, wins, variance = pairs + m * n, wins + m * n * a, variance + m * n * spread
    if not pairs:
        return None
    half = float(stats.norm.ppf(0.975)) * math.sqrt(variance) / pairs
    return wins / pairs, max(0.0, wins / pairs - half), min(1.0, wins / pairs + half)


def holm(ps):
    """Corrected p in the order given; None are no tests."""
    order = sorted((i for i, p in enumerate(ps) if p is not None), key=lambda i: ps[i])
    corrected, before = list(ps), 0.0
    for k, i in enumerate(order):
        before = max(before, min(1.0, (len(order) - k) * ps[i]))
        corrected[i] = before
    return corrected


def median_interval(values, level=0.95):
    """Of order statistics; None where there are too few for the level."""
    values, n = sorted(values), len(values)
    outside = int(stats.binom.ppf((1 - level) / 2, n, 0.5))  # P(fewer than this many below the median) stays under half of the rest
    return (values[outside - 1], values[n - outside]) if outside > 0 else None


def geometric_mean(values):
    return math.exp(mean([math.log(value) for value in values]))


def geometric_interval(values):
    """(mean, low, high) of ratios, on the log scale; low and high None of one."""
    s = summarize([math.log(value) for value in values])
    return (math.exp(s.mean), *(None if edge is None else math.exp(edge) for edge in (s.low, s.high)))
