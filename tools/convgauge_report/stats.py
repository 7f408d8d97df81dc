# SPDX-License-Identifier: MIT
"""Means and shares with their intervals, by SciPy. What a verdict rests on is a Family: one estimate and nested intervals around it, one
for every level. docs/statistics.md names each method's source."""

import functools
import math
from collections import namedtuple

import numpy
from scipy import special, stats

Summary = namedtuple('Summary', 'n mean sd low high more_low more_high')  # 95 % of the mean; 95 % prediction interval
Family = namedtuple('Family', 'n estimate at')  # at(alpha): (low, high) of the 1 - alpha interval; wider for a smaller alpha

RANKS_FROM = 8  # seeds; with fewer the signed ranks have too few levels


def mean(values):
    return math.fsum(values) / len(values)


def deviation(values):
    middle = mean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


def t_upper(tail, df):
    """Student's quantile with so much above it; scipy.stats would take half a millisecond of checks for each of ten thousand."""
    return -float(special.stdtrit(df, tail))


def z_upper(tail):
    return -float(special.ndtri(tail))


def summarize(values):
    """None of nothing; without an interval of one."""
    n = len(values)
    if n == 0:
        return None
    if n == 1:
        return Summary(1, values[0], None, None, None, None, None)
    middle, sd, t = mean(values), deviation(values), t_upper(0.025, n - 1)
    half, more = t * sd / math.sqrt(n), t * sd * math.sqrt(1 + 1 / n)
    return Summary(n, middle, sd, middle - half, middle + half, middle - more, middle + more)


# ---- differences over seeds ----------------------------------------------------------------------------------------------------


def student(values):
    """The mean, by Student's t; None of fewer than two."""
    n = len(values)
    if n < 2:
        return None
    middle, error = mean(values), deviation(values) / math.sqrt(n)

    def at(alpha):
        half = error * t_upper(alpha / 2, n - 1)
        return middle - half, middle + half

    return Family(n, middle, at)


@functools.cache
def rank_levels(n):
    """Two-sided levels of the signed-rank test: the k-th is 2 P(T <= k), T the sum of the ranks of one sign."""
    ways = numpy.ones(1)
    for rank in range(1, n + 1):
        ways = numpy.concatenate([ways, numpy.zeros(rank)]) + numpy.concatenate([numpy.zeros(rank), ways])
    return 2 * numpy.cumsum(ways) / 2.0**n


def signed_ranks(values):
    """Hodges and Lehmann's estimate, the median of all means of two, with the values that the signed-rank test does not reject. Levels
    below the test's reach, 2^(1 - n), take Student's interval widened to all values."""
    n, t = len(values), student(values)
    walsh = numpy.sort([(values[i] + values[k]) / 2 for i in range(n) for k in range(i + 1)])

    def at(alpha):
        k = int(numpy.searchsorted(rank_levels(n), alpha, side='right'))
        if k == 0:
            low, high = t.at(alpha)
            return min(low, float(walsh[0])), max(high, float(walsh[-1]))
        return float(walsh[k - 1]), float(walsh[len(walsh) - k])

    return Family(n, float(numpy.median(walsh)), at)


def differences(values):
    return signed_ranks(values) if len(values) >= RANKS_FROM else student(values)


# ---- shares --------------------------------------------------------------------------------------------------------------------


def wilson(count, n, alpha=0.05):
    if n == 0:
        return 0.0, 1.0
    z = z_upper(alpha / 2)
    share, z2 = count / n, z * z / n
    middle, half = (share + z2 / 2) / (1 + z2), z * math.sqrt(share * (1 - share) / n + z2 / (4 * n)) / (1 + z2)
    return 0.0 if count == 0 else middle - half, 1.0 if count == n else middle + half


def weighted(terms):
    """The sum of weight * share over (weight, count, n), its interval by combining Wilson's: one term is Wilson's own, 1 and -1 are
    Newcombe's."""
    estimate = sum(weight * count / n for weight, count, n in terms)

    def at(alpha):
        below = above = 0.0
        for weight, count, n in terms:
            low, high = wilson(count, n, alpha)
            down, up = count / n - low, high - count / n
            below += (weight * (down if weight > 0 else up)) ** 2
            above += (weight * (up if weight > 0 else down)) ** 2
        return estimate - math.sqrt(below), estimate + math.sqrt(above)

    return Family(sum(n for weight, _, n in terms if weight > 0), estimate, at)


def share(strata):
    """Of (count, n) for each stratum; a stratum counts by its runs."""
    total = sum(n for _, n in strata)
    return weighted([(n / total, count, n) for count, n in strata])


def shares_differ(strata):
    """Of ((count, n), (than_count, than_n)) for each stratum, with Mantel and Haenszel's weights."""
    weights = [n * m / (n + m) for (_, n), (_, m) in strata]
    terms = [(w / sum(weights), *one) for w, (one, _) in zip(weights, strata)]
    return weighted(terms + [(-w / sum(weights), *other) for w, (_, other) in zip(weights, strata)])


def minus(family, value):
    """The same less a fixed value."""
    return Family(family.n, family.estimate - value, lambda alpha: tuple(edge - value for edge in family.at(alpha)))


# ---- levels --------------------------------------------------------------------------------------------------------------------

LEAST_P = 1e-15


def smallest_level(decides):
    """The smallest alpha at which decides(alpha); it does at all larger ones, as intervals are nested. 1 where it never does."""
    if decides(LEAST_P):
        return LEAST_P
    if not decides(1.0):
        return 1.0
    low, high = math.log(LEAST_P), 0.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (low, middle) if decides(math.exp(middle)) else (middle, high)
    return math.exp(high)


def holm_levels(ps, alpha=0.05):
    """The level that Holm's step-down leaves each: alpha over the tests not yet decided; after the first that is not, the same for all."""
    levels, left, stopped = [None] * len(ps), len(ps), False
    for i in sorted(range(len(ps)), key=lambda i: ps[i]):
        levels[i] = alpha / left
        stopped = stopped or ps[i] > levels[i]
        left -= not stopped
    return levels


def holm_edges(families):
    """Their intervals at the levels that Holm leaves when each asks whether it leaves 0."""
    ps = [smallest_level(lambda alpha, at=family.at: not at(alpha)[0] <= 0 <= at(alpha)[1]) for family in families]
    return [family.at(level) for family, level in zip(families, holm_levels(ps))]


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
    half = z_upper(0.025) * math.sqrt(variance) / pairs
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
