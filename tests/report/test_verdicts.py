#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The rule of verdicts on intervals and on made-up rows; that collapsed runs do not decide; that the records of ablations/claims/ are whole
and name what there is; and, over all committed rows, that no verdict contradicts the interval beside it."""

import json
import os
import random
import re
import unittest

import jsonschema
import made_up
from convgauge_report import CLAIMS, metrics, study, study_tables, verdicts

RESULTS = os.path.join(made_up.TOP, 'results')
SUPPORTED, REFUTED, UNDECIDED = verdicts.SUPPORTED, verdicts.REFUTED, verdicts.UNDECIDED
SMALLER, LARGER, EQUIVALENT = verdicts.SMALLER, verdicts.LARGER, verdicts.EQUIVALENT


def claim(relation='more', margin=0.3, size=None, value=None, key='test_acc', **more):
    other = {'cell': 'published', 'arm': 'no dropout'} if value is None else {'value': value}
    return {
        'id': 'made-up',
        'says': 'a is more than b',
        'quote': 'ours',
        'a': {'cell': 'published', 'arm': '10,000 images'},
        'b': other,
        'claim': relation,
        'size': size,
        'margin': margin,
        'family': 'ours',
        'metric': metrics.measure(key, 0),
        'regime': '',
        'published_regime': '',
        **more,
    }


class Rule(unittest.TestCase):
    def holds(self, record, *cases):
        for low, high, word in cases:
            self.assertEqual(verdicts.verdict(record, low, high), word, (record['claim'], record['size'], low, high))

    def test_a_difference(self):
        """Supported on its side, refuted on the other or within the margin; nothing else decides."""
        self.holds(claim(), (0.1, 0.9, SUPPORTED), (-0.9, -0.1, REFUTED), (-0.2, 0.25, REFUTED), (-0.2, 0.4, UNDECIDED))
        self.holds(claim(), (0.05, 0.2, SUPPORTED), (0, 0.4, UNDECIDED), (-9, 9, UNDECIDED))
        self.holds(claim('less'), (-0.9, -0.1, SUPPORTED), (0.1, 0.9, REFUTED), (-0.4, 0.2, UNDECIDED))

    def test_a_size(self):
        self.holds(
            claim(size=2.5),
            (1, 3, SUPPORTED),
            (1, 2, SMALLER),
            (3, 4, LARGER),
            (-1, 2, SMALLER),
            (-1, 3, UNDECIDED),
            (-2, -1, REFUTED),
            (-0.1, 0.1, REFUTED),
        )
        self.holds(claim(size=[2, 3]), (2.2, 2.8, SUPPORTED), (1, 2.5, SUPPORTED), (3.1, 4, LARGER), (0.5, 1.9, SMALLER))
        self.holds(claim('less', size=2.5), (-3, -1, SUPPORTED), (-2, -1, SMALLER), (-4, -3, LARGER), (1, 2, REFUTED))

    def test_a_stated_value(self):
        self.holds(claim(value=99.4, margin=0.05), (-0.01, 0.04, EQUIVALENT), (0.01, 0.04, SUPPORTED), (-0.06, 0.04, UNDECIDED))
        self.holds(claim(value=99.4, margin=0.05), (-0.09, -0.02, REFUTED))

    def test_no_difference(self):
        self.holds(claim('same'), (-0.2, 0.2, EQUIVALENT), (-0.4, 0.2, UNDECIDED), (0.4, 1, REFUTED), (0.1, 0.2, EQUIVALENT))
        self.holds(claim('not more'), (-5, 0.2, SUPPORTED), (0.4, 1, REFUTED), (-5, 0.4, UNDECIDED))
        self.holds(claim('not less'), (-0.2, 5, SUPPORTED), (-1, -0.4, REFUTED), (-0.4, 5, UNDECIDED))

    def test_a_wider_interval_never_decides_more(self):
        """What makes p, the smallest level that decides, well defined."""
        chance = random.Random(2)
        for record in (claim(), claim('less', size=0.8), claim('same'), claim('not more'), claim(value=1, margin=0.5), claim(size=[1, 2])):
            for _ in range(2000):
                middle, a, b, c, d = chance.uniform(-2, 2), *(chance.expovariate(1) for _ in range(4))
                wide = verdicts.verdict(record, middle - a - c, middle + b + d)
                if verdicts.verdict(record, middle - a, middle + b) == UNDECIDED:
                    self.assertEqual(wide, UNDECIDED)


class Rows(unittest.TestCase):
    """compact-net's arms with accuracies of our choice; a claim about two of them."""

    def decided(self, a, b, *records, **more):
        made = study.read_studies(RESULTS)['compact-net']
        for arm, values in (('10,000 images', a), ('no dropout', b)):
            entry = made.entry('published', arm)
            rows = [made_up.training_row('compact-net', entry.told, seed) for seed in range(len(values))]
            diverged = [{} if value is not None else {'diverged_at_update': 7} for value in values]
            entry.choose([{**row, 'test_acc': value, **gone} for row, value, gone in zip(rows, values, diverged)])
        made.claims = list(records) or [claim(**more)]
        return verdicts.findings(made)

    base = (98.0, 98.1, 97.9, 98.2, 98.05, 97.95, 98.15, 97.85, 98.12, 97.93)

    def plus(self, *by):
        return [value + by[i % len(by)] for i, value in enumerate(self.base)]

    def test_each_verdict(self):
        for by, more, word in (
            ((1.0, 1.1, 0.9), {}, SUPPORTED),
            ((-1.0, -1.1, -0.9), {}, REFUTED),
            ((0.02, -0.03, 0.01), {}, REFUTED),
            ((1.0, 1.1, 0.9), {'size': 3}, SMALLER),
            ((1.0, 1.1, 0.9), {'size': 0.2}, LARGER),
            ((0.02, -0.03, 0.01), {'relation': 'same'}, EQUIVALENT),
            ((2.0, -1.5, 0.4), {}, UNDECIDED),
        ):
            found = self.decided(self.plus(*by), self.base, **more)[0]
            self.assertEqual(found.verdict, word, (by, more, found.low, found.high))
            self.assertEqual(found.level, 0.05)

    def test_a_size_is_open_until_it_is_met_or_excluded(self):
        for by, size, words in (
            ((2.0, 0.2, 1.1), 1.1, 'supported, size open'),
            ((1.0, 1.1, 0.9), 1.0, 'supported'),
            ((1.0, 1.1), 3, SMALLER),
        ):
            found = self.decided(self.plus(*by), self.base, size=size)[0]
            self.assertEqual((verdicts.words(found), verdicts.is_open(found)), (words, words.endswith('open')))

    def test_one_collapsed_run_among_ten_changes_no_verdict(self):
        for by in ((1.0, 1.1, 0.9), (-1.0, -1.1, -0.9), (0.02, -0.03, 0.01), (2.0, -1.5, 0.4)):
            whole = self.decided(self.plus(*by), self.base)[0]
            for side in (0, 1):
                for seed in range(10):
                    sides = [self.plus(*by), list(self.base)]
                    sides[side][seed] = 11.35
                    found = self.decided(*sides)[0]
                    self.assertEqual(found.verdict, whole.verdict, (by, side, seed))
                    self.assertEqual((found.seen, found.aside), ((1, 0) if side == 0 else (0, 1), 1))

    def test_a_run_that_diverged_has_collapsed_and_failed(self):
        """It has no accuracy: among ten it is set aside and counted; in a share of runs it fails, and reaches nothing."""
        a = self.plus(1.0)
        for key, word in (('failed', '1 of 10'), ('reached', '9 of 10')):
            record = claim('less', key=key, value=0.5, margin=0.1, metric=metrics.measure(key, 50))
            self.assertEqual(verdicts.measured(self.decided([*a[:9], None], self.base, record)[0]), f'{word} runs; claim: fewer than half')
        found = self.decided([*a[:9], None], self.base)[0]
        self.assertEqual((found.seen, found.aside, found.family.n, found.verdict), ((1, 0), 1, 9, SUPPORTED))

    def test_where_more_collapse_all_count(self):
        """Two of ten are what the arm does: no seed is set aside, on either side."""
        a = self.plus(1.0)
        a[3] = a[7] = 11.35
        found = self.decided(a, self.base)[0]
        self.assertEqual((found.seen, found.aside, found.family.n), ((2, 0), 0, 10))
        self.assertEqual(found.verdict, UNDECIDED)

    def test_near_runs_have_not_collapsed(self):
        """Five points below are not enough where runs differ by a point, ten deviations not where they differ by a tenth."""
        for values in ([90, 91, 92, 93, 94, 95, 96, 97, 98, 85], [98.0, 98.1, 98.2, 98.0, 98.1, 98.2, 98.1, 98.0, 98.2, 94.0]):
            self.assertEqual(self.decided(values, self.base)[0].seen, (0, 0))

    def test_holm_runs_over_a_family(self):
        """Ten claims of which one is clear: it is decided at 0.5 %, the others at what is left; ours do not count with the article's."""
        clear, ours = claim(id='clear', family='article'), claim(id='own')
        others = [claim(id=f'c{i}', family='article', value=98.0 + 0.01 * i, margin=0.001) for i in range(9)]
        found = {f.claim['id']: f for f in self.decided(self.plus(1.0, 1.3), self.base, ours, *others, clear)}
        self.assertEqual(found['own'].level, 0.05)
        levels = sorted(f.level for f in found.values() if f.claim['family'] == 'article')
        self.assertAlmostEqual(levels[0], 0.005)
        for f in found.values():
            self.assertEqual(f.verdict != UNDECIDED, f.p_holm <= 0.05, f.claim['id'])
            self.assertEqual((f.low, f.high), f.family.at(f.level))

    def test_shares_and_strata(self):
        record = claim('less', margin=0.15, key='failed')
        found = self.decided([98.0] * 10, [11.0] * 6 + [98.0] * 4, record)[0]
        self.assertEqual((verdicts.measured(found), found.verdict), ('0 of 10 against 6 of 10 runs', SUPPORTED))
        self.assertEqual(self.decided([98.0] * 10, [11.0] + [98.0] * 9, record)[0].verdict, UNDECIDED)

    def test_sides_without_rows_have_no_verdict(self):
        self.assertEqual(self.decided([98.0] * 3, []), [])
        self.assertEqual(self.decided([98.0], [98.1]), [], 'one pair has no interval')


class Records(unittest.TestCase):
    """What stands in ablations/claims/."""

    @classmethod
    def setUpClass(cls):
        cls.studies = study.read_studies(RESULTS)
        cls.told = {}
        for name in made_up.STUDIES:
            with open(os.path.join(CLAIMS, name + '.json'), encoding='utf-8') as file:
                cls.told[name] = json.load(file)

    def each(self):
        for name, made in self.studies.items():
            for record in made.claims:
                with self.subTest(study=name, claim=record['id']):
                    yield made, record

    def test_schema(self):
        with open(os.path.join(CLAIMS, 'schema.json'), encoding='utf-8') as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        for name, told in self.told.items():
            jsonschema.validate(told, schema)
            self.assertEqual(told['study'], name)
        broken = json.loads(json.dumps(self.told['compact-net']))
        broken['claims'][0]['margin'] = 0
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)

    def test_every_claim_says_something_of_its_own(self):
        for name, made in self.studies.items():
            for key in ('id', 'says'):
                said = [record[key] for record in made.claims]
                self.assertEqual(len(said), len(set(said)), f'{name}: a claim is there twice')
            for record in made.claims:
                self.assertGreater(len(record['says'].split()), 3, f'{name}: {record["says"]}: no sentence')
            quotes = [record['quote'] for record in made.claims if record['quote'] not in ('ours', 'implied')]
            self.assertEqual(len(quotes), len(set(quotes)), f'{name}: one sentence counts once')
            first = next(record for record in made.claims if record['id'] == made.first)
            self.assertEqual(first['family'], 'article')

    def test_sides_exist_and_measures_are_known(self):
        for made, record in self.each():
            for side in (record['a'], record['b']):
                verdicts.entries_of(made, side)
            key = record['measure']['key']
            self.assertTrue(key in metrics.METRICS or key in metrics.FACTS, key)
            self.assertEqual(record['family'], 'ours' if record['quote'] == 'ours' else 'article')
        for made in self.studies.values():
            for each in made.published:
                made.entry(each['cell'], each['arm'])
                self.assertIn(each['measure']['key'], {**metrics.METRICS, **metrics.FACTS})

    def test_the_test_is_the_one_that_is_made(self):
        for _, record in self.each():
            key, value = record['measure']['key'], 'value' in record['b']
            if key in metrics.FACTS:
                test = 'fact'
            elif key in metrics.SHARES:
                test = ('stratified ' if 'cells' in record['a'] else '') + ('share against a value' if value else 'difference of shares')
            else:
                self.assertNotIn('cells', record['a'])
                test = 'against a value' if value else 'paired differences'
            self.assertEqual(record['test'], test)

    def test_regimes_are_those_of_the_recipes(self):
        for made, record in self.each():
            words = ('no training',) * 2 if record['measure']['key'] in metrics.FACTS else made.regimes(record)
            self.assertEqual((record['regime'], record['published_regime']), words)

    def test_both_sides_train_on_the_same_images(self):
        for made, record in self.each():
            if 'value' in record['b']:
                continue
            for one, other in zip(verdicts.entries_of(made, record['a']), verdicts.entries_of(made, record['b']), strict=True):
                words = [[w for w in e.told['recipe'].split() if w.startswith(('select=', 'data='))] for e in (one, other)]
                self.assertEqual(*words)

    def test_arms_that_a_claim_needs_are_marked_so(self):
        """The programs' --tier 2 and 4 come from marks in C."""
        for made, record in self.each():
            for side in (record['a'], record['b']):
                for entry in verdicts.entries_of(made, side) or ():
                    wanted = (1,) if not entry.arm else (4,) if record['measure']['key'] == 'seconds' else (2, 4)
                    self.assertIn(entry.told['tier'], wanted, entry.name)

    def test_no_accuracy_is_claimed_of_what_was_chosen_on_the_test_set(self):
        chosen = sum(entry.chosen for made in self.studies.values() for entry in made.entries)
        self.assertGreaterEqual(chosen, 7)
        for made, record in self.each():
            entries = [e for side in (record['a'], record['b']) for e in verdicts.entries_of(made, side) or ()]
            if any(entry.chosen for entry in entries):
                self.assertEqual(record['measure']['key'], 'seconds')


class Committed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.studies = study.load(RESULTS, RESULTS).studies.values()
        cls.found = [f for made in cls.studies for f in verdicts.findings(made)]

    def test_no_verdict_contradicts_its_interval(self):
        self.assertGreater(len(self.found), 100)
        for f in self.found:
            with self.subTest(claim=f.claim['id']):
                self.assertEqual(f.verdict, verdicts.verdict(f.claim, f.low, f.high))
                margin, relation = f.claim['margin'], f.claim['claim']
                beyond = {
                    'more': f.high < 0,
                    'less': f.low > 0,
                    'same': f.low > margin or f.high < -margin,
                    'not more': f.low > margin,
                    'not less': f.high < -margin,
                }[relation]
                self.assertEqual(f.verdict == REFUTED and not (-margin < f.low and f.high < margin), beyond)
                if f.verdict == SUPPORTED and relation in ('more', 'less'):
                    self.assertFalse(f.low <= 0 <= f.high)
                if f.p is not None:
                    self.assertEqual(f.verdict != UNDECIDED, f.p <= f.level)

    def test_the_number_that_decides_is_shown(self):
        for made in self.studies:
            for row, f in zip(study_tables.claims(made).rows, verdicts.findings(made), strict=True):
                shown = dict(zip((c.key for c in study_tables.claims(made).columns), row))
                numbers = [float(word) for word in re.findall(r'[+-][\d.]+', re.sub(r'(?<=\d),(?=\d)', '', shown['difference']))]
                want = [f.family.estimate, f.low, f.high] if f.level else [f.family.estimate]
                for number, value in zip(numbers, want, strict=True):
                    self.assertAlmostEqual(number, value, delta=0.006)
                self.assertTrue(shown['verdict'].startswith(f.verdict))
                self.assertEqual(shown['margin'], format(f.claim['margin'], 'g'))


if __name__ == '__main__':
    unittest.main()
