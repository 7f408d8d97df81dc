#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Wrong rows are caught, each with one line that names file and line: deleted, changed, mixed, not a number, torn, against the schema."""

import json
import lzma
import os
import subprocess
import tempfile
import unittest

import made_up
from convgauge_report import check_rows, rows, study, study_figures

REPORT = os.path.join(made_up.TOP, 'tools', 'report')


class Rows(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.TemporaryDirectory()
        self.folder = self.root.name
        entry = made_up.told('compact-net')['entries'][0]
        self.rows = [made_up.training_row('compact-net', entry, seed) for seed in range(4)]
        self.path = os.path.join(self.folder, 'compact-net.jsonl')

    def tearDown(self):
        self.root.cleanup()

    def write(self, lines):
        made_up.write(self.path, lines)

    def seal(self):
        by_path = check_rows.checked(self.folder, os.path.join(made_up.TOP, 'results'))
        rows.write(os.path.join(self.folder, check_rows.SEALS), check_rows.seals_of(self.folder, by_path))

    def wrong(self):
        with self.assertRaises(rows.Bad) as caught:
            check_rows.checked(self.folder, os.path.join(made_up.TOP, 'results'))
        return str(caught.exception).replace(self.folder + '/', '')

    def test_good_rows_pass_and_may_be_added_to(self):
        self.write(self.rows[:3])
        self.seal()
        self.write(self.rows)
        check_rows.checked(self.folder, os.path.join(made_up.TOP, 'results'))

    def test_a_deleted_row(self):
        self.write(self.rows)
        self.seal()
        self.write(self.rows[:1] + self.rows[2:])
        self.assertEqual(
            self.wrong(),
            f'compact-net.jsonl:2: the row {self.rows[1]["id"][:12]} that stood here is missing; restore it from git, or give --reseal',
        )

    def test_a_deleted_file(self):
        self.write(self.rows)
        self.seal()
        os.remove(self.path)
        self.assertEqual(self.wrong(), 'compact-net.jsonl:1: is sealed and not there; restore it from git, or give --reseal')

    def test_a_flipped_digit_of_a_sealed_row(self):
        self.write(self.rows)
        self.seal()
        self.rows[2]['seconds'] = 31.0
        self.write(self.rows)
        self.assertEqual(
            self.wrong(),
            f'compact-net.jsonl:3: the row {self.rows[2]["id"][:12]} is not what it was when it was taken in; restore it '
            'from git, or give --reseal',
        )

    def test_a_flipped_digit_of_a_new_row(self):
        """Every digit of a result is told twice, and what makes the run is in its id."""
        for key, words in (
            ('test_acc', 'is not the last of test_acc_per_epoch'),
            ('best_test_acc', 'is not the highest of'),
            ('test_loss', 'is not the last of test_loss_per_epoch'),
            ('seed', 'its id is not the hash'),
            ('epochs', 'test_acc_per_epoch has 20'),
        ):
            row = dict(self.rows[1])
            row[key] = row[key] - 1 if key != 'seed' else 17
            if row[key] < 0:
                row[key] = abs(row[key])
            self.write([self.rows[0], row])
            self.assertRegex(self.wrong(), f'^compact-net.jsonl:2: .*{words}')

    def test_a_flipped_digit_in_the_curves_of_a_compact_file(self):
        compact = [{key: value for key, value in row.items() if key not in rows.CURVES} for row in self.rows]
        curves = [{'id': row['id'], **{key: row[key] for key in rows.CURVES if key in row}} for row in self.rows]
        curves[3]['test_acc_per_epoch'] = curves[3]['test_acc_per_epoch'][:-1] + [12.5]
        self.write(compact)
        rows.write(rows.beside(self.path, '.curves.jsonl.xz'), lzma.compress(''.join(map(rows.dumps, curves)).encode()))
        self.assertRegex(self.wrong(), r'^compact-net.jsonl:4: test_acc [\d.]+ is not the last of test_acc_per_epoch, 12.5')

    def test_mixed_data_sets(self):
        other = made_up.sealed({**self.rows[1], 'data_sha256': made_up.sha('something else')})
        self.write([self.rows[0], other])
        self.assertEqual(
            self.wrong(),
            f'compact-net.jsonl:2: mnist here is other data than at {self.path}:1; data sets are never mixed'.replace(
                self.folder + '/', ''
            ),
        )
        self.write([self.rows[0], {**self.rows[1], 'data': 'strokes'}])
        self.assertRegex(
            self.wrong(), '^compact-net.jsonl:2: calls the data strokes that compact-net.jsonl:1 calls mnist; data sets are never mixed'
        )

    def test_not_a_number(self):
        self.write([self.rows[0], json.dumps({**self.rows[1], 'seconds': float('nan')}) + '\n'])
        self.assertEqual(self.wrong(), 'compact-net.jsonl:2: NaN is no JSON; a row writes null and names the field in not_finite')

    def test_numbers_beyond_range(self):
        """What no double holds is no row, what overflows in a sum is named, and words are against the schema."""
        plain = json.dumps({**self.rows[1], 'seconds': 12345.5})
        for text, words in (
            ('1e999', '1e999 is beyond range'),
            ('9' * 400, '9{40} is beyond range'),
            ('1e308', 'seconds is 1e\\+308, beyond anything measured'),
            ('-1e308', 'seconds'),
            ('"NaN"', "seconds: 'NaN' is not of type 'number', 'null'"),
            ('[1]', 'seconds'),
        ):
            with self.subTest(text=text[:10]):
                self.write([self.rows[0], plain.replace('12345.5', text) + '\n'])
                self.assertRegex(self.wrong(), '^compact-net.jsonl:2: ' + words)
        curve = [1e300] * len(self.rows[1]['train_loss_per_epoch'])
        self.write([self.rows[0], {**self.rows[1], 'train_loss_per_epoch': curve}])
        self.assertRegex(self.wrong(), '^compact-net.jsonl:2: train_loss_per_epoch is 1e\\+300, beyond anything measured')

    def test_torn_and_nonsense(self):
        self.write(self.rows[:2] + ['{"id": "to'])
        self.assertEqual(self.wrong(), 'compact-net.jsonl:3: a torn line or no JSON')
        self.write(self.rows[:1] + ['[1]\n'])
        self.assertEqual(self.wrong(), 'compact-net.jsonl:2: no row: it has no kind')

    def test_against_the_schema(self):
        self.write([{**self.rows[0], 'test_acc': 101.0}])
        self.assertEqual(self.wrong(), 'compact-net.jsonl:1: test_acc: 101.0 is greater than the maximum of 100')
        row = dict(self.rows[0])
        del row['weights_sha256']
        self.write([row])
        self.assertEqual(self.wrong(), "compact-net.jsonl:1: the row: 'weights_sha256' is a required property")
        self.write([{**self.rows[0], 'kind': 'guess'}])
        self.assertRegex(self.wrong(), '^compact-net.jsonl:1: kind is "guess"; there are accuracy, timing')

    def test_arrays_of_numbers_are_looked_through(self):
        above = check_rows.QUICK({'items': {'type': 'number', 'exclusiveMinimum': 0}})
        either = check_rows.QUICK({'items': {'type': ['number', 'null']}})
        self.assertTrue(above.is_valid([1, 0.5]) and either.is_valid([1, None, -0.5]) and above.is_valid([]))
        for values in ([1, 0], [1, None], [1, '2'], [1, True], [[1]]):
            self.assertFalse(above.is_valid(values), values)
        self.assertFalse(either.is_valid([1, '2']))

    def in_bf16(self, seed):
        entry = made_up.told('compact-net')['entries'][0]
        recipe = entry['recipe'] + ' precision=bf16'
        return made_up.training_row('compact-net', {**entry, 'recipe': recipe}, seed, finished='2027-01-02T03:04:05Z')

    def test_bf16_is_in_no_table_of_float32(self):
        both = self.rows + [self.in_bf16(seed) for seed in range(4)]
        self.write(both)
        check_rows.checked(self.folder, os.path.join(made_up.TOP, 'results'))
        found = study.load(self.folder, os.path.join(made_up.TOP, 'results'))
        chosen = [row for each in found.studies['compact-net'].entries for row in each.rows]
        self.assertEqual([row['id'] for row in chosen], [row['id'] for row in self.rows])
        self.assertEqual((len(found.bf16), found.set_aside), (4, 0))
        self.write(both[4:])  # alone they do not stand in for those that are missing
        found = study.load(self.folder, os.path.join(made_up.TOP, 'results'))
        self.assertEqual([row for each in found.studies['compact-net'].entries for row in each.rows], [])

    def test_an_arm_in_bf16_is_beside_its_cell_and_in_no_ranking(self):
        entry = next(each for each in made_up.told('compact-net')['entries'] if each['arm'] == 'bf16')
        self.write(self.rows + [made_up.training_row('compact-net', entry, seed) for seed in range(3)])
        found = study.load(self.folder, os.path.join(made_up.TOP, 'results'))
        compact = found.studies['compact-net']
        self.assertEqual((len(compact.entry('published', 'bf16').rows), len(found.bf16), found.set_aside), (3, 0, 0))
        self.assertTrue(compact.entry('published').rows)
        self.assertEqual(study_figures.arm_dots(compact, [compact.entry('published', 'bf16')], 'x', str).title, 'What each change does')
        frontier = study_figures.frontier(found.studies)
        self.assertNotIn('bf16', str(frontier.table.texts()))

    def test_a_study_with_new_bits_hides_no_other(self):
        """Of each study the rows of its newest bits count, so that studies can be run anew one after the other."""
        new = {'numerics': made_up.sha('bits of today'), 'finished': '2027-01-02T03:04:05Z'}
        entry = made_up.told('scratch-cnn')['entries'][0]
        made_up.write(os.path.join(self.folder, 'scratch-cnn.jsonl'), [made_up.training_row('scratch-cnn', entry, 0, **new)])
        self.write(self.rows + [made_up.training_row('compact-net', made_up.told('compact-net')['entries'][1], 0, **new)])
        found = study.load(self.folder, os.path.join(made_up.TOP, 'results'))
        counts = {name: sum(len(each.rows) for each in one.entries) for name, one in found.studies.items() if one.runs}
        self.assertEqual((counts, found.set_aside), ({'scratch-cnn': 1, 'compact-net': 1}, len(self.rows)))

    def test_precision_and_recipe_agree(self):
        row = self.in_bf16(0)
        self.write([{key: value for key, value in row.items() if key != 'precision'}])
        self.assertRegex(self.wrong(), '^compact-net.jsonl:1: precision is float32, and its recipe is ".*precision=bf16"')
        self.write([{**self.rows[0], 'precision': 'bf16'}])
        self.assertRegex(self.wrong(), '^compact-net.jsonl:1: precision is bf16, and its recipe is "')
        self.write([{**self.rows[0], 'precision': 'fp8'}])
        self.assertEqual(self.wrong(), "compact-net.jsonl:1: precision: 'bf16' was expected")

    def test_one_id_two_results(self):
        self.write(self.rows)
        made_up.write(
            os.path.join(self.folder, 'another-cpu', 'compact-net.jsonl'), [{**self.rows[3], 'weights_sha256': made_up.sha('other')}]
        )
        ran = subprocess.run([REPORT, '--folder', self.folder], capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 4)
        self.assertRegex(ran.stderr, r'seed 3 has another weights_sha256 than the same run at .*:[14]\n$')

    def test_every_kind_has_a_schema(self):
        made_up.results(os.path.join(self.folder, 'all'), seeds=1)
        check_rows.checked(os.path.join(self.folder, 'all'), os.path.join(made_up.TOP, 'results'))

    def test_the_program_says_it_in_one_line(self):
        self.write(self.rows[:1] + ['{}\n'])
        ran = subprocess.run([REPORT, '--folder', self.folder, '--check'], capture_output=True, text=True, check=False)
        self.assertEqual((ran.returncode, ran.stdout), (4, ''))
        self.assertEqual(ran.stderr, f'report: {self.path}:2: no row: it has no kind\n')


if __name__ == '__main__':
    unittest.main()
