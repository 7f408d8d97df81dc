#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every interval, test and correction against SciPy or a published worked example; and that intervals are nested and hold the truth."""

import random
import unittest

import made_up  # noqa: F401, finds tools/
from convgauge_report import stats
from scipy import stats as scipy

CHANCE = random.Random(1)
DRAWN = [CHANCE.gauss(0.4, 1) for _ in range(12)]


class Near(unittest.TestCase):
    def near(self, got, want, within=1e-6):
        for a, b in zip(got, want, strict=True):
            self.assertAlmostEqual(a, b, delta=within)


class Means(Near):
    def test_mean_and_prediction_interval(self):
        s = stats.summarize([1.0, 2.0, 3.0, 4.0])
        self.near(s[1:], (2.5, 1.290994, 0.445740, 4.554260, -2.093466, 7.093466), 1e-6)
        self.assertEqual(stats.summarize([3.0])[:3], (1, 3.0, None))
        self.assertIsNone(stats.summarize([]))

    def test_student(self):
        for level in (0.2, 0.05, 0.003):
            self.near(stats.student(DRAWN).at(level), scipy.ttest_1samp(DRAWN, 0).confidence_interval(1 - level))
        self.assertIsNone(stats.student([1.0]))

    def test_signed_ranks_of_hollander_and_wolfe(self):
        """Hollander & Wolfe, Nonparametric Statistical Methods (1973), table 3.1: depression before and after a tranquilizer."""
        before = (1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30)
        after = (0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29)
        family = stats.signed_ranks([a - b for a, b in zip(before, after)])
        self.assertAlmostEqual(family.estimate, 0.46, places=6)
        self.near(family.at(0.04), (0.010, 0.786), 1e-9)

    def test_signed_ranks_decide_as_the_test_does(self):
        for n in (8, 9, 12, 30):
            for shift in (0.1, 0.5, 0.9):
                values = [CHANCE.gauss(shift, 1) for _ in range(n)]
                exact = scipy.wilcoxon(values, mode='exact').pvalue
                family = stats.signed_ranks(values)
                p = stats.smallest_level(lambda alpha, at=family.at: not at(alpha)[0] <= 0 <= at(alpha)[1])
                if exact > 2.0 ** (1 - n):
                    self.assertAlmostEqual(p, exact, delta=1e-7 * exact)

    def test_below_the_reach_of_ranks(self):
        """Ten seeds reach 2^-9; below it the interval is Student's and holds all values."""
        values = [1.0 + 0.01 * i for i in range(10)]
        family = stats.signed_ranks(values)
        self.assertEqual(family.at(2.0**-9), (1.0, 1.09))
        low, high = family.at(1e-4)
        self.near((low, high), stats.student(values).at(1e-4))
        self.assertLess(low, 1.0)

    def test_few_seeds_take_student(self):
        self.assertEqual(stats.differences(DRAWN[:7]).estimate, stats.student(DRAWN[:7]).estimate)
        self.assertEqual(stats.differences(DRAWN[:8]).at(0.1), stats.signed_ranks(DRAWN[:8]).at(0.1))


class Shares(Near):
    def test_wilson(self):
        for count, n in ((0, 20), (8, 12), (12, 12), (7, 30)):
            for level in (0.05, 0.001):
                want = scipy.binomtest(count, n).proportion_ci(1 - level, 'wilson')
                self.near(stats.wilson(count, n, level), (want.low, want.high))
                self.near(stats.share([(count, n)]).at(level), (want.low, want.high))

    def test_newcombe(self):
        """Newcombe, Stat. Med. 17 (1998) 873-890, table II, method 10."""
        for a, n, b, m, low, high in (
            (56, 70, 48, 80, 0.0524, 0.3339),
            (9, 10, 3, 10, 0.1705, 0.8090),
            (6, 7, 2, 7, 0.0582, 0.8062),
            (5, 56, 0, 29, -0.0381, 0.1926),
            (0, 10, 0, 20, -0.1611, 0.2775),
            (0, 10, 0, 10, -0.2775, 0.2775),
            (10, 10, 0, 20, 0.6791, 1.0000),
            (10, 10, 0, 10, 0.6075, 1.0000),
        ):
            self.near(stats.shares_differ([((a, n), (b, m))]).at(0.05), (low, high), 6e-5)

    def test_strata_are_combined(self):
        """Equal strata give the difference of one, more narrowly; a share weighs its strata by runs."""
        one, seven = (stats.shares_differ([((8, 20), (11, 20))] * k) for k in (1, 7))
        self.assertAlmostEqual(one.estimate, seven.estimate)
        width = [high - low for low, high in (one.at(0.05), seven.at(0.05))]
        self.assertAlmostEqual(width[1], width[0] / 7**0.5)
        self.assertAlmostEqual(stats.share([(1, 10), (9, 30)]).estimate, 10 / 40)
        self.assertEqual((seven.n, one.n), (140, 20))

    def test_minus(self):
        self.near(stats.minus(stats.share([(9, 20)]), 0.5).at(0.05), [edge - 0.5 for edge in stats.wilson(9, 20)])


class Levels(Near):
    families = (
        stats.student(DRAWN),
        stats.signed_ranks(DRAWN),
        stats.share([(3, 20)]),
        stats.shares_differ([((3, 20), (9, 20)), ((0, 20), (5, 19))]),
    )

    def test_intervals_are_nested(self):
        for family in self.families:
            edges = [family.at(alpha) for alpha in (1e-9, 1e-4, 2e-3, 0.01, 0.05, 0.3, 0.9, 1.0)]
            for (low, high), (inner_low, inner_high) in zip(edges, edges[1:]):
                self.assertTrue(low <= inner_low <= inner_high <= high)

    def test_intervals_hold_the_truth(self):
        """At 90 %: Student's and the ranks' nine times in ten, and shares' near that."""
        held, runs = [0, 0, 0, 0], 1500
        for _ in range(runs):
            values = [CHANCE.gauss(7, 2) for _ in range(10)]
            strata = [tuple((sum(CHANCE.random() < p for _ in range(20)), 20) for p in (base + 0.1, base)) for base in (0.1, 0.4, 0.7)]
            for i, (family, truth) in enumerate(
                (
                    (stats.student(values), 7),
                    (stats.signed_ranks(values), 7),
                    (stats.shares_differ(strata), 0.1),
                    (stats.share([a for a, _ in strata]), 0.5),
                )
            ):
                low, high = family.at(0.1)
                held[i] += low <= truth <= high
        self.assertAlmostEqual(held[0] / runs, 0.9, delta=0.02)
        for count in held[1:]:
            self.assertTrue(0.88 < count / runs < 0.95, held)

    def test_a_prediction_interval_holds_the_next_run(self):
        more = 0
        for _ in range(2000):
            s = stats.summarize([CHANCE.gauss(7, 2) for _ in range(8)])
            more += s.more_low <= CHANCE.gauss(7, 2) <= s.more_high
        self.assertAlmostEqual(more / 2000, 0.95, delta=0.015)

    def test_smallest_level(self):
        for shift in (0.2, 1.0, 3.0):
            values = [value + shift for value in DRAWN]
            family = stats.student(values)
            p = stats.smallest_level(lambda alpha, at=family.at: not at(alpha)[0] <= 0 <= at(alpha)[1])
            want = scipy.ttest_1samp(values, 0).pvalue
            self.assertAlmostEqual(p, want, delta=1e-6 * want)
        self.assertEqual(stats.smallest_level(lambda alpha: False), 1.0)
        self.assertEqual(stats.smallest_level(lambda alpha: True), stats.LEAST_P)

    def test_holm(self):
        """p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") of R, and the levels that come to the same."""
        ps = [0.01, 0.04, 0.03, 0.005]
        self.near(stats.holm(ps), [0.03, 0.06, 0.06, 0.02])
        self.near(stats.holm_levels(ps), [0.05 / 3, 0.025, 0.025, 0.0125])
        self.near(stats.holm_levels([0.001, 0.002]), [0.025, 0.05])
        self.near(stats.holm_levels([0.03, 0.04]), [0.025, 0.025])
        for _ in range(200):
            ps = [CHANCE.random() ** 4 for _ in range(CHANCE.randint(1, 12))]
            decided = [p <= level for p, level in zip(ps, stats.holm_levels(ps))]
            self.assertEqual(decided, [p <= 0.05 for p in stats.holm(ps)])
        self.assertEqual(stats.holm([0.01, None, 0.04, 0.03]), [0.03, None, 0.06, 0.06])


class Others(Near):
    def test_concordance(self):
        self.assertEqual(stats.concordance([([1, 2], [3, 4])])[0], 1)
        self.assertEqual(stats.concordance([([1], [1]), ([5], [])])[0], 0.5)
        self.assertEqual(stats.concordance([([1], [2]), ([11, 12], [10, 9, 20])])[0], 3 / 7)  # 1 of 1 pair, 2 of 6
        self.assertIsNone(stats.concordance([([1], [])]))

    def test_geometric_mean(self):
        self.near(stats.geometric_interval([2.0, 8.0])[:1], [4.0])


if __name__ == '__main__':
    unittest.main()
