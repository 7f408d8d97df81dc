#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Published values against rows: where one lies beside our runs, and what may be compared at all. Rows of other kernels are accepted; words
about nets are true; what a row says is measured as its name says."""

import os
import re
import subprocess
import tempfile
import unittest

import made_up
from convgauge_report import check_rows, findings, metrics, rows, stats

BIN = os.environ.get('CONVGAUGE_BIN', os.path.join(made_up.TOP, 'build', 'release', 'bin'))
FEW = ('--data', 'strokes', '--seeds', '0-2', '--epochs', '40')


class Published(unittest.TestCase):
    def entry(self, values):
        told = made_up.told('compact-net')
        found = made_up.study_of(told).entry('published')
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
        for published, verdict in ((99.1, findings.INSIDE), (99.5, findings.INSIDE), (99.9, findings.ABOVE), (98.0, findings.BELOW)):
            self.assertEqual(findings.beside(published, summary, entry)[0], verdict)
        self.assertEqual(findings.beside(99.0, stats.summarize([99.0]), entry), ('not comparable', 'we have one run'))
        entry.short = 'a short run'
        self.assertEqual(findings.beside(99.1, summary, entry), ('not comparable', 'a short run'))

    def test_stated_parameters_may_be_rounded(self):
        told = findings.told(made_up.study_of(made_up.told('mnist-architectures')))
        verdicts = {fact.entry.name: fact.verdict for fact in told if fact.figure['metric']['key'] == 'parameters'}
        self.assertEqual(verdicts, {'exp1': 'not correct', **{f'exp{i}': 'correct' for i in range(2, 6)}})


@unittest.skipUnless(os.access(os.path.join(BIN, 'scratch-cnn'), os.X_OK), 'the programs are not built')
class Honest(unittest.TestCase):
    def test_rows_of_other_kernels_pass(self):
        """Rows of --algo, --isa scalar, --no-fuse and the like are what they say: their ids are accepted, a changed field is not."""
        program = os.path.join(BIN, 'scratch-cnn')
        env = {key: value for key, value in os.environ.items() if not key.startswith('CONVGAUGE_')}
        wanted = ['--filter', 'scratch-cnn/published', *FEW, '--quiet']
        timing = ['--timing', '--threads', '1']
        ways = [['--algo', 'direct'], ['--isa', 'scalar'], ['--no-fuse'], ['--no-blocks'], []]
        ways += [[*timing, '--no-fuse'], [*timing, '--no-blocks', '--no-recompute']]
        for way in ways:
            with self.subTest(way=way), tempfile.TemporaryDirectory() as root:
                path = os.path.join(root, 'scratch-cnn.jsonl')
                subprocess.run([program, *wanted, *way, '--output', path], check=True, env=env, stdout=subprocess.DEVNULL)
                check_rows.checked(root, os.path.join(made_up.TOP, 'results'))
                with open(path, encoding='utf-8') as file:
                    text = file.read()
                with open(path, 'w', encoding='utf-8') as file:
                    file.write(text.replace('"algo":"direct"', '"algo":"winograd4"').replace('"seed":0', '"seed":7'))
                with self.assertRaises(rows.Bad):
                    check_rows.checked(root, os.path.join(made_up.TOP, 'results'))


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


class Metrics(unittest.TestCase):
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

    def test_every_measure_is_named(self):
        self.assertEqual(set(metrics.SAID), {*metrics.METRICS, *metrics.FACTS})
        self.assertEqual(metrics.measure('epoch_test_acc', 3)['words'], 'test accuracy, epoch 3')

    def test_facts_of_a_net(self):
        entry = made_up.study_of(made_up.told('compact-net')).entry('published')
        for key, at, want in (('parameters', 0, 8070), ('field', 8, 32), ('side', 3, 14), ('last_field', 0, 40)):
            self.assertEqual(metrics.FACTS[key](entry, at), want, key)
        self.assertAlmostEqual(metrics.FACTS['memory'](entry, 0), 0.51, places=2)


if __name__ == '__main__':
    unittest.main()
