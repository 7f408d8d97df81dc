#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Statistics against textbook values, and the page's verdicts against the programs' own: two implementations that share nothing but the
rows must tell the same effects, intervals, p and words."""

import json
import math
import os
import random
import re
import subprocess
import tempfile
import unittest

import made_up
from convgauge_report import findings, judge, metrics, rows, stats, study

BIN = os.environ.get('CONVGAUGE_BIN', os.path.join(made_up.TOP, 'build', 'release', 'bin'))
FEW = ('--data', 'strokes', '--seeds', '0-2', '--epochs', '40')


class Statistics(unittest.TestCase):
    def near(self, got, *want):
        for a, b in zip(got, want):
            self.assertAlmostEqual(a, b, places=4)

    def test_mean_and_interval(self):
        s = stats.summarize([1.0, 2.0, 3.0, 4.0])
        self.near(s[1:], 2.5, 1.290994, 0.445740, 4.554260, -2.093466, 7.093466)
        self.assertEqual(stats.summarize([3.0])[:3], (1, 3.0, None))
        self.assertIsNone(stats.summarize([]))

    def test_wilson(self):
        self.near(stats.wilson(0, 20), 0, 0.161125)
        self.near(stats.wilson(8, 12), 0.390622, 0.861881)

    def test_fisher_and_newcombe(self):
        effect = stats.shares(8, 10, 1, 10)
        self.assertAlmostEqual(effect.p, 0.0054775, places=5)
        self.assertTrue(effect.low < 0.7 < effect.high)

    def test_holm(self):
        self.assertEqual(stats.holm([0.01, None, 0.04, 0.03]), [0.03, None, 0.06, 0.06])

    def test_concordance(self):
        self.assertEqual(stats.concordance([([1, 2], [3, 4])])[0], 1)
        self.assertEqual(stats.concordance([([1], [1]), ([5], [])])[0], 0.5)
        self.assertEqual(stats.concordance([([1], [2]), ([11, 12], [10, 9, 20])])[0], 3 / 7)  # 1 of 1 pair, 2 of 6
        self.assertIsNone(stats.concordance([([1], [])]))

    def test_intervals_cover(self):
        """95 of 100 intervals hold the truth, and one more run lies in 95 of 100 of the wider ones."""
        chance, held, more = random.Random(1), 0, 0
        for _ in range(2000):
            s = stats.summarize([chance.gauss(7, 2) for _ in range(8)])
            held += s.low <= 7 <= s.high
            more += s.more_low <= chance.gauss(7, 2) <= s.more_high
        self.assertAlmostEqual(held / 2000, 0.95, delta=0.015)
        self.assertAlmostEqual(more / 2000, 0.95, delta=0.015)


class Verdicts(unittest.TestCase):
    def entry(self, values):
        told = made_up.told('compact-net')
        found = study.Study(told).entry('published')
        rows_of = []
        for seed, value in enumerate(values):
            row = made_up.training_row('compact-net', found.told, seed)
            row['test_acc'] = value
            rows_of.append(row)
        found.choose(rows_of)
        return found

    def test_where_the_published_figure_lies(self):
        entry = self.entry([99.0, 99.1, 99.2])
        summary = stats.summarize([99.0, 99.1, 99.2])
        for published, verdict in ((99.1, 'inside'), (99.5, 'inside'), (99.9, 'published is above'), (98.0, 'published is below')):
            self.assertEqual(findings.judge(published, summary, entry)[0], verdict)
        self.assertEqual(findings.judge(99.0, stats.summarize([99.0]), entry), ('not comparable', 'one run of ours'))
        entry.short = 'a short run'
        self.assertEqual(findings.judge(99.1, summary, entry), ('not comparable', 'a short run'))

    def test_both_sides_of_a_claim_train_on_the_same_images(self):
        def select(told, cell, arm):
            recipe = next(x['recipe'] for x in told['entries'] if (x['cell'], x['arm']) == (cell, arm))
            return [word for word in recipe.split() if word.startswith(('select=', 'data='))]

        for told in map(made_up.told, made_up.STUDIES):
            for claim in (claim for claim in told['claims'] if claim['than_cell'] is not None):
                one, other = select(told, claim['cell'], claim['arm']), select(told, claim['than_cell'], claim['than_arm'])
                self.assertEqual(one, other, f'{told["study"]}: {claim["says"]}')

    def test_stated_parameters_may_be_rounded(self):
        told = findings.told(study.Study(made_up.told('mnist-architectures')))
        verdicts = {fact.entry.name: fact.verdict for fact in told if fact.figure['metric']['key'] == 'parameters'}
        self.assertEqual(verdicts, {'exp1': 'wrong', 'exp2': 'right', 'exp3': 'right', 'exp4': 'right', 'exp5': 'right'})


@unittest.skipUnless(os.access(os.path.join(BIN, 'scratch-cnn'), os.X_OK), 'the programs are not built')
class Honest(unittest.TestCase):
    def test_rows_of_other_kernels_pass(self):
        """Rows of --algo, --isa scalar, --no-fuse and --no-blocks are what they say: their ids are accepted, and a changed field is not."""
        program = os.path.join(BIN, 'scratch-cnn')
        env = {key: value for key, value in os.environ.items() if not key.startswith('CONVGAUGE_')}
        wanted = ['--filter', 'scratch-cnn/published', *FEW, '--quiet']
        timing = ['--timing', '--threads', '1']
        ways = [['--algo', 'direct'], ['--isa', 'scalar'], ['--no-fuse'], ['--no-blocks'], []]
        ways += [[*timing, '--no-fuse'], [*timing, '--no-blocks']]
        for way in ways:
            with self.subTest(way=way), tempfile.TemporaryDirectory() as root:
                path = os.path.join(root, 'scratch-cnn.jsonl')
                subprocess.run([program, *wanted, *way, '--output', path], check=True, env=env, stdout=subprocess.DEVNULL)
                judge.judged(root, os.path.join(made_up.TOP, 'results'))
                with open(path, encoding='utf-8') as file:
                    text = file.read()
                with open(path, 'w', encoding='utf-8') as file:
                    file.write(text.replace('"algo":"direct"', '"algo":"winograd4"').replace('"seed":0', '"seed":7'))
                with self.assertRaises(rows.Bad):
                    judge.judged(root, os.path.join(made_up.TOP, 'results'))


class Parity(unittest.TestCase):
    def same(self, ours, theirs, what):
        if theirs is None or ours is None:
            self.assertEqual(ours, theirs, what)
        else:
            self.assertTrue(math.isclose(ours, theirs, rel_tol=2e-6, abs_tol=2e-8), f'{what}: {ours} here, {theirs} there')

    def test_the_programs_find_the_same(self):
        with tempfile.TemporaryDirectory() as root:
            path, program = os.path.join(root, 'scratch-cnn.jsonl'), os.path.join(BIN, 'scratch-cnn')
            env = {key: value for key, value in os.environ.items() if not key.startswith('CONVGAUGE_')}
            subprocess.run(
                [program, '--filter', 'scratch-cnn/published*', *FEW, '--quiet', '--output', path],
                check=True,
                env=env,
                stdout=subprocess.DEVNULL,
            )
            ran = subprocess.run(
                [program, '--report', path, '--filter', 'scratch-cnn/published*', *FEW, '--format', 'json'],
                check=True,
                env=env,
                capture_output=True,
                text=True,
            )
            theirs = json.loads(ran.stdout)
            ours = study.load(root, os.path.join(made_up.TOP, 'results'), [path]).studies['scratch-cnn']
        claims = {found.claim['says']: found for found in findings.findings(ours)}
        told = [record for record in theirs if record['kind'] == 'claim']
        self.assertEqual(sorted(record['says'] for record in told), sorted(claims))
        self.assertGreater(len(told), 8)
        for record in told:
            found = claims[record['says']]
            for key, value in (
                ('effect', found.effect.mean),
                ('ci_low', found.effect.low),
                ('ci_high', found.effect.high),
                ('n', found.effect.n),
                ('p_holm', found.p),
                ('value', found.value),
                ('than_value', found.than_value),
            ):
                self.same(value, record[key], f'{record["says"]}: {key}')
            self.assertTrue(
                record['verdict'].startswith(found.verdict), f'{record["says"]}: {found.verdict} here, {record["verdict"]} there'
            )
        figures = {(t.figure['cell'], t.figure['arm'], t.figure['metric']['words'], t.figure['published']): t for t in findings.told(ours)}
        for record in (record for record in theirs if record['kind'] == 'figure'):
            t = figures[record['of']['cell'], record['of']['arm'], record['metric'], record['published']]
            if t.figure['metric']['key'] in metrics.FACTS:
                self.assertEqual((t.summary.mean, t.verdict), (record['mean'], record['verdict']), record['metric'])
                continue
            for key, value in (('mean', t.summary.mean), ('sd', t.summary.sd), ('one_more_low', t.summary.more_low), ('n', t.summary.n)):
                self.same(value, record[key], f'{record["metric"]}: {key}')
            self.assertIn('not comparable', record['verdict'])
            self.assertEqual(t.verdict, 'not comparable')


class Words(unittest.TestCase):
    def test_numbers_in_an_arms_words_are_the_nets(self):
        """Words are typed, nets are counted."""
        seen = 0
        for name in made_up.STUDIES:
            for entry in (entry for entry in made_up.told(name)['entries'] if entry['arm']):
                where = f'{name}/{entry["cell"]}/{entry["arm"]}: {entry["tests"]}'
                for said, true in (
                    (re.findall(r'([\d,]{4,}) parameters', entry['tests']), entry['parameters']),
                    (re.findall(r'receptive field (\d+)', entry['tests']), entry['field']),
                ):
                    for number in said:
                        self.assertEqual(int(number.replace(',', '')), true, where)
                        seen += 1
        self.assertGreater(seen, 6)

    def test_every_claim_says_something_of_its_own(self):
        for name in made_up.STUDIES:
            says = [claim['says'] for claim in made_up.told(name)['claims']]
            self.assertEqual(len(says), len(set(says)), f'{name}: a claim is there twice')
            for words in says:
                self.assertGreater(len(words.split()), 3, f'{name}: {words}: no sentence')


class Metrics(unittest.TestCase):
    def test_every_metric_that_a_study_names_is_known(self):
        for name in made_up.STUDIES:
            told = made_up.told(name)
            for record in told['figures'] + told['claims']:
                key = record['metric']['key']
                self.assertTrue(key in metrics.METRICS or key in metrics.FACTS, f'{name}: {key}')

    def test_on_a_row(self):
        row = rows.Row(
            test_acc=19.0,
            best_test_acc=60.0,
            train_acc=100.0,
            test_loss=0.5,
            seed=0,
            test_acc_per_epoch=[10.0, 60.0, 60.0, 19.0],
            train_loss_per_epoch=[1.0, 0.4, 0.9, 0.05],
            test_acc_shifted=[19.0, 18.0, 15.0],
        )
        for key, at, want in (
            ('failed', 0, 1.0),
            ('best_epoch', 0, 2.0),
            ('first_reaching', 60, 2.0),
            ('spiked', 0, 1.0),
            ('fitted', 0, 1.0),
            ('learned', 0, 1.0),
            ('shift_loss', 2, 4.0),
            ('gap', 0, 81.0),
            ('steps_to_fit', 0, 4.0),
            ('late_mean', 3, 39.5),
            ('epoch_test_acc', 9, None),
            ('logit_std', 0, None),
            ('printed_loss', 64, 0.5 / 64),
        ):
            self.assertEqual(metrics.METRICS[key](row, at), want, key)


if __name__ == '__main__':
    unittest.main()
