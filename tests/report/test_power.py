#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The plan of deciding runs: as many seeds as it asks for decide as often as it says, when effects are what they were; and
ablations/plan.json is what the rows make of it."""

import json
import math
import os
import random
import unittest

import made_up
from convgauge_report import power, stats, study, verdicts

RESULTS = os.path.join(made_up.TOP, 'results')


class Seeds(unittest.TestCase):
    chance = random.Random(3)

    def record(self, relation, key='test_acc', size=None, margin=0.3):
        side = {'cell': 'published', 'arm': ''}
        return {'claim': relation, 'a': side, 'b': side, 'size': size, 'margin': margin, 'measure': {'key': key, 'at': 0}}

    def decided(self, record, family_of, runs=300):
        return sum(verdicts.verdict(record, *family_of().at(0.01)) != verdicts.UNDECIDED for _ in range(runs)) / runs

    def test_means(self):
        for relation, size, effect in (
            ('more', None, 0.5),
            ('less', None, 0.6),
            ('same', None, 0.05),
            ('not more', None, 0.1),
            ('more', 3, 2.5),
        ):
            record = self.record(relation, size=size)
            needed = [power.seeds_for_means(far, 0.6, ends, 0.01) for _, far, ends in power.targets(record, effect)]
            n = min(needed)

            def drawn(n=n, effect=effect):
                return stats.differences([self.chance.gauss(effect, 0.6) for _ in range(n)])

            self.assertTrue(0.72 < self.decided(record, drawn) <= 1, (relation, n))
            few = max(2, n // 3)
            self.assertLess(self.decided(record, lambda few=few: drawn(few)), 0.6, (relation, few))

    def test_shares(self):
        for relation, p, q in (('more', 0.7, 0.4), ('same', 0.4, 0.4)):
            record, variance = self.record(relation, 'failed', margin=0.15), (p * (1 - p) + q * (1 - q)) / 7
            n = min(power.seeds_for_shares(far, variance, ends, 0.01) for _, far, ends in power.targets(record, p - q))

            def drawn(n=n, p=p, q=q):
                count = [[sum(self.chance.random() < share for _ in range(n)) for share in (p, q)] for _ in range(7)]
                return stats.shares_differ([((a, n), (b, n)) for a, b in count])

            self.assertTrue(self.decided(record, drawn, 200) > 0.7, (relation, n))

    def test_the_nearer_target_is_planned(self):
        shows = [words for words, *_ in power.targets(self.record('more', size=2.5), 0.1)]
        self.assertEqual(shows, ['on the claimed side', 'within ±0.3', 'below the claimed 2.5'])
        sizes = [words for words, *_ in power.targets(self.record('more', size=2.5), 2.4, False)]
        self.assertEqual(sizes, ['below the claimed 2.5', 'at the claimed size'])
        self.assertEqual([words for words, *_ in power.targets(self.record('not less'), -0.5)], ['more than 0.3 below'])
        self.assertEqual(power.targets(self.record('same'), 0.5), [('outside ±0.3', 0.2, 1)])

    def test_a_settled_margin_is_settled(self):
        margin = power.settled(0.1, 0.6, 0.01, 60)
        got = self.decided(self.record('same', margin=margin), lambda: stats.differences([self.chance.gauss(0.1, 0.6) for _ in range(60)]))
        self.assertGreater(got, 0.75)


class Plan(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.studies = study.load(RESULTS, RESULTS).studies
        with open(os.path.join(made_up.TOP, 'ablations', 'plan.json'), encoding='utf-8') as file:
            cls.text = file.read()
        cls.plan = json.loads(cls.text)

    def test_it_is_what_the_rows_make(self):
        self.assertEqual(
            self.text, power.text(self.studies, power.plan(self.studies)), 'run tools/reproduce --plan and commit ablations/plan.json'
        )

    def test_every_open_claim_is_in_it_once(self):
        wanted = [(s.name, f.claim['id']) for s in self.studies.values() for f in verdicts.findings(s) if verdicts.is_open(f)]
        self.assertEqual([(r['study'], r['claim']) for r in self.plan['claims']], wanted)

    def test_each_says_what_it_takes(self):
        for r in self.plan['claims']:
            with self.subTest(claim=r['claim']):
                self.assertTrue(math.isfinite(r['core_hours']) and r['seeds'] > 1 and r['spread'] > 0)
                self.assertTrue(r['seeds'] > r['runs'] or not r['pilot'])
                self.assertEqual('affordable_margin' in r, r['core_hours'] > power.DEAR)
                found = verdicts.finding(self.studies[r['study']], r['claim'])
                wanted = 'regime' if r['pilot'] or not verdicts.pilot(found) else 'published_regime'
                self.assertEqual(r['recipe'], found.claim[wanted])
        self.assertLessEqual(self.plan['core_hours'], sum(r['core_hours'] for r in self.plan['claims']))


if __name__ == '__main__':
    unittest.main()
