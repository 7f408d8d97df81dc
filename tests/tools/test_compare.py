#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench/tools/compare on made-up rows: it must find what is there, invent nothing, and refuse what cannot be compared."""

import json
import os
import random
import subprocess
import tempfile
import unittest

COMPARE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'bench', 'tools', 'compare')
SCIPY = subprocess.run(['/usr/bin/python3', '-c', 'import scipy'], capture_output=True, check=False).returncode == 0
NUMPY = subprocess.run(['/usr/bin/python3', '-c', 'import numpy'], capture_output=True, check=False).returncode == 0


def row(problem, us, seed=0, **more):
    """A row of 40 samples, a few per cent apart and now and then much longer, as machines have them."""
    chance = random.Random(f'{problem}{seed}')
    samples = [us * (1 + 0.004 * chance.random() + (0.5 if chance.random() < 0.1 else 0)) for _ in range(40)]
    return {
        'kind': 'kernel',
        'what': 'conv.fwd',
        'problem': problem,
        'variant': 'avx2/direct',
        'threads': 1,
        'ok': True,
        'us_samples': samples,
        'us_reference': 100.0,
        'gflops': 1e3 / us,
        'env': {'cpu': 'made up', 'host': 'here'},
        **more,
    }


@unittest.skipUnless(NUMPY, 'no NumPy: apt-get install python3-numpy')
class CompareTest(unittest.TestCase):
    def compare(self, files, *more, directory=False):
        """Runs it on files {name: rows}, in that order, or on their directory."""
        with tempfile.TemporaryDirectory() as root:
            for name, rows in files.items():
                with open(os.path.join(root, name), 'w', encoding='utf-8') as file:
                    file.writelines(line if isinstance(line, str) else json.dumps(line) + '\n' for line in rows)
            paths = [root] if directory else [os.path.join(root, name) for name in files]
            ran = subprocess.run([COMPARE, *more, *paths], capture_output=True, text=True, check=False)
            return ran.returncode, ran.stdout, ran.stderr.replace(root + '/', '')

    def verdicts(self, old, new, *more):
        code, out, err = self.compare({'old.jsonl': old, 'new.jsonl': new}, '--format', 'json', *more)
        self.assertEqual((code, err), (0, ''))
        return [case['verdict'] for case in json.loads(out)]

    def test_finds_what_is_there(self):
        old = [row(name, 10.0) for name in 'abc']
        new = [row('a', 10.0, 1), row('b', 12.0, 1), row('c', 8.0, 1)]
        self.assertEqual(self.verdicts(old, new), ['same', 'slower', 'faster'])

    def test_variants_of_one_run(self):
        rows = [row('a', 10.0), row('a', 20.0, 1, variant='avx2/winograd4'), row('a', 10.0, 2, variant='scalar/plain', beside=1)]
        code, out, err = self.compare({'r.jsonl': rows}, '--by', 'variant', '--format', 'json')
        self.assertEqual((code, err), (0, ''))
        slow, disturbed = json.loads(out)
        self.assertAlmostEqual(slow['ratio'], 2, delta=0.05)
        self.assertTrue(slow['low'] <= slow['ratio'] <= slow['high'])
        self.assertEqual([slow['verdict'], disturbed['verdict']], ['slower', 'disturbed'])
        code, out, err = self.compare({'r.jsonl': rows}, '--by', 'variant', '--base', 'avx2/winograd4')
        self.assertIn('avx2/direct/threads:1 / avx2/winograd4 | 20', out)
        self.assertEqual(self.compare({'r.jsonl': rows}, '--by', 'variant', '--base', 'none')[0], 2)

    def test_a_loop_that_moved_marks_its_ratio(self):
        moved = row('a', 12.0, 1, reference_moved=0.2)
        code, out, _ = self.compare({'old.jsonl': [row('a', 10.0)], 'new.jsonl': [moved]})
        self.assertRegex(out, r'1\.2\d\d \[.*\] \| disturbed \|', 'printed, with its interval, and marked')

    @unittest.skipUnless(SCIPY, 'no SciPy: tools/install-packages report')
    def test_cells_over_common_seeds(self):
        def run(cell, seed, accuracy):
            return {'id': f'{cell}{seed}'.ljust(64, '0'), 'data': 'mnist', 'cell': cell, 'arm': '', 'seed': seed, 'test_acc': accuracy}

        rows = [run('slow', seed, 90 + seed) for seed in range(4)]
        rows += [run('fast', seed, 91 + seed + 0.1 * (seed % 2)) for seed in range(1, 5)]
        code, out, err = self.compare({'r.jsonl': rows}, '--by', 'cell', '--format', 'json')
        self.assertEqual((code, err), (0, ''))
        (line,) = json.loads(out)
        self.assertEqual((line['cell'], line['base'], line['seeds']), ('fast', 'slow', 3))
        self.assertAlmostEqual(line['difference'], 1 + 0.2 / 3, places=6)
        self.assertAlmostEqual(line['high'] - line['difference'], 4.302653 * 0.0577350 / 3**0.5, places=4)
        self.assertEqual(self.compare({'r.jsonl': rows[:4]}, '--by', 'cell')[0], 2)

    def test_a_cell_in_bf16_is_another(self):
        """The same cell, seeds paired: neither pooled with the other nor taken for it."""

        def run(seed, accuracy, **more):
            return {'id': f'{more}{seed}'.ljust(64, '0'), 'data': 'mnist', 'cell': 'exp4', 'seed': seed, 'test_acc': accuracy, **more}

        rows = [run(seed, 99 + 0.1 * seed) for seed in range(3)] + [run(seed, 98.5 + 0.1 * seed, precision='bf16') for seed in range(3)]
        code, out, err = self.compare({'r.jsonl': rows}, '--by', 'cell', '--format', 'json')
        self.assertEqual((code, err), (0, ''))
        (line,) = json.loads(out)
        self.assertEqual((line['cell'], line['base'], line['seeds']), ('exp4 in bf16', 'exp4', 3))
        self.assertAlmostEqual(line['difference'], -0.5, places=6)

    def test_invents_nothing(self):
        old, new = ([row(f'p{i}', 10.0 + i, seed) for i in range(40)] for seed in (1, 2))
        self.assertEqual(self.verdicts(old, new), ['same'] * 40)

    def test_starts_that_differ_are_no_difference(self):
        """Each file has a slow start among three, each a different one: three starts cannot tell 10 from 10."""
        old = [row('a', us, i) for i, us in enumerate((10.0, 10.0, 14.0))]
        new = [row('a', us, i + 3) for i, us in enumerate((14.0, 14.0, 10.0))]
        self.assertEqual(self.verdicts(old, new), ['unclear'])
        self.assertEqual(self.verdicts(old, [row('a', 30.0, i) for i in range(3)]), ['slower'])

    def test_pairs_forgive_what_met_both(self):
        """A machine that is twice as slow for half of the time, now and then: only the pairs tell 10 from 10, and 10 from 11."""
        slow = [2 if 30 <= i < 70 else 1 for i in range(100)]

        def samples(us):
            return [us * times * (1 + 0.01 * random.Random(f'{us}{i}').random()) for i, times in enumerate(slow)]

        old, new, more = (row('a', 10.0) | {'us_samples': samples(us)} for us in (10, 10.001, 11))
        self.assertEqual(self.verdicts([old], [new]), ['unclear'])
        self.assertEqual(self.verdicts([old], [new], '--paired'), ['same'])
        self.assertEqual(self.verdicts([old], [more], '--paired'), ['slower'])

    def test_the_band_and_few_samples(self):
        self.assertEqual(self.verdicts([row('a', 10.0)], [row('a', 10.4, 1)], '--band', '0.05'), ['same'])
        few = row('a', 20.0)
        few['us_samples'] = few['us_samples'][:5]
        self.assertEqual(self.verdicts([row('a', 10.0)], [few]), ['unclear'])

    def test_a_disturbed_machine_is_no_difference(self):
        self.assertEqual(self.verdicts([row('a', 10.0)], [row('a', 20.0, 1, us_reference=190.0)]), ['disturbed'])

    def test_fails_above(self):
        files = {'old.jsonl': [row('a', 10.0), row('b', 10.0)], 'new.jsonl': [row('a', 10.0, 1), row('b', 11.0, 1)]}
        self.assertEqual(self.compare(files, '--fail-above', '1.2')[0], 0)
        code, _, err = self.compare(files, '--fail-above', '1.05')
        self.assertEqual(code, 1)
        self.assertRegex(err, r'^compare: slower than 1\.05 x: conv\.fwd/b/avx2/direct/threads:1 \(1\.(09|10)\d \[.*\]\)\n$')

    def test_expects_the_same(self):
        files = {'old.jsonl': [row(name, 10.0) for name in 'abcd'], 'new.jsonl': [row(name, 10.0, 1) for name in 'abc'] + [row('d', 12.0)]}
        self.assertEqual(self.compare(files, '--expect-same', '0.75')[0], 0)
        code, _, err = self.compare(files, '--expect-same', '0.95')
        self.assertEqual((code, err), (1, 'compare: 3 of 4 cases are the same, fewer than 95%\n'))

    def test_pools_several_starts(self):
        old = [row('a', 10.0, seed) for seed in (1, 2, 3)]
        new = [row('a', 10.0, 4), row('a', 11.0, 5, us_reference=150.0), row('a', 10.0, 6)]
        self.assertEqual(self.verdicts(old, [row('a', 10.0, seed) for seed in (4, 5, 6)]), ['same'])
        self.assertEqual(self.verdicts(old, new), ['unclear'], 'one start of three was slower: three cannot tell why')

    def test_names_what_stands_in_one_file_only(self):
        code, out, err = self.compare({'old.jsonl': [row('a', 1.0), row('b', 1.0)], 'new.jsonl': [row('a', 1.0, 1), row('c', 1.0)]})
        self.assertEqual(code, 0)
        self.assertEqual(
            err,
            'compare: only in old.jsonl: conv.fwd/b/avx2/direct/threads:1\ncompare: only in new.jsonl: conv.fwd/c/avx2/direct/threads:1\n',
        )
        self.assertIn('Geometric mean of new / old: 1.0', out)

    def test_refuses_failed_checks(self):
        code, _, err = self.compare({'old.jsonl': [row('a', 1.0)], 'new.jsonl': [row('a', 1.0), row('b', 1.0, ok=False)]})
        self.assertEqual(code, 1)
        self.assertEqual(
            err,
            'compare: new.jsonl: 1 cases failed their check, first conv.fwd/b/avx2/direct/threads:1: fix that before you compare speeds\n',
        )

    def test_a_matrix_of_machines(self):
        other = {'cpu': 'another', 'host': 'there'}
        code, out, _ = self.compare(
            {'x.jsonl': [row('a', 10.0), row('b', 10.0)], 'y.jsonl': [row('a', 5.0, env=other), row('c', 1.0, env=other)]}, directory=True
        )
        self.assertEqual(code, 0)
        self.assertIn('| conv.fwd | avx2/direct | 1 | 1 | 100.0 | 200.0 |', out)
        self.assertIn('| made up | another |', out)

    def test_messages(self):
        good = {'old.jsonl': [row('a', 1.0)]}
        for files, more, code, words in (
            ({**good, 'new.jsonl': ['nonsense\n']}, (), 4, 'new.jsonl:1: is no row; give files that a bench wrote with --format jsonl'),
            ({**good, 'new.jsonl': []}, (), 4, 'new.jsonl: holds no case'),
            ({**good, 'new.jsonl': [row('b', 1.0)]}, ('--filter', 'zzz'), 2, 'old.jsonl: holds no case that --filter zzz matches'),
            (good, (), 2, 'takes two files or one directory, not 1 path'),
        ):
            got, _, err = self.compare(files, *more)
            self.assertEqual((got, err), (code, f'compare: {words}\n'))


if __name__ == '__main__':
    unittest.main()
