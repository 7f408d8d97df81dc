#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same rows give the same bytes; what is stale is named; partial rows give an honest page; every table and figure can be exported."""

import csv
import json
import os
import re
import subprocess
import tempfile
import unittest

import made_up
from convgauge_report import page, pictures, plot, study, terminal
from convgauge_report.figure import Missing

TOP = made_up.TOP
BIN = os.environ.get('CONVGAUGE_BIN', os.path.join(TOP, 'build', 'release', 'bin'))


def tool(name, *words, code=0):
    ran = subprocess.run([os.path.join(TOP, 'tools', name), *words], capture_output=True, text=True, check=False)
    assert ran.returncode == code, f'{name} {words}: exit {ran.returncode}\n{ran.stdout}\n{ran.stderr}'
    return ran


def files_of(folder):
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(at, name), 'rb') as file:
                found[os.path.relpath(os.path.join(at, name), folder)] = file.read()
    return found


class Outputs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.TemporaryDirectory()
        cls.folder = os.path.join(cls.root.name, 'results')
        made_up.results(cls.folder, seeds=2)
        made_up.pictures(os.path.join(cls.root.name, 'drawn'))
        cls.first = tool('report', '--folder', cls.folder, '--pictures', os.path.join(cls.root.name, 'drawn'))
        cls.loaded = study.load(cls.folder, os.path.join(TOP, 'results'))

    @classmethod
    def tearDownClass(cls):
        cls.root.cleanup()

    def test_same_rows_same_bytes(self):
        before = files_of(self.folder)
        for name in before:
            if not name.endswith('.jsonl') and not name.startswith('pictures'):
                os.remove(os.path.join(self.folder, name))
        tool('report', '--folder', self.folder)
        self.assertEqual(files_of(self.folder), before)

    def test_nothing_is_missing_when_all_is_there(self):
        absent = [figure.name for figure in page.all_figures(self.loaded) if isinstance(figure, Missing)]
        self.assertEqual(absent, [])

    def test_partial_rows_give_an_honest_page(self):
        with tempfile.TemporaryDirectory() as folder:
            entry = made_up.told('compact-net')['entries'][0]
            made_up.write(os.path.join(folder, 'compact-net.jsonl'), [made_up.training_row('compact-net', entry, 0)])
            tool('report', '--folder', folder)
            with open(os.path.join(folder, 'index.html'), encoding='utf-8') as file:
                text = file.read()
            self.assertIn('not measured yet', text.lower())
            self.assertIn('we have one run', text)
            self.assertIn('cells and arms lack some of their runs', text)
            with open(os.path.join(folder, 'tables', 'missing.csv'), encoding='utf-8') as file:
                lines = list(csv.DictReader(file))
            self.assertIn(('compact-net', 'published', '1', '30'), [(x['study'], x['entry'], x['runs'], x['planned']) for x in lines])
            self.stale_is_named(folder)

    def test_diverged_runs_are_counted_and_never_averaged(self):
        """One run of each entry and all of every third, then all runs have diverged, some of them before they were first evaluated."""
        for diverges in (lambda i, seed: seed == 0 or i % 3 == 0, lambda i, seed: True):
            with tempfile.TemporaryDirectory() as folder:
                for name in made_up.STUDIES:
                    rows = [
                        made_up.training_row(name, entry, seed, **(made_up.diverged(i % 2) if diverges(i, seed) else {}))
                        for i, entry in enumerate(made_up.told(name)['entries'])
                        for seed in range(3)
                    ]
                    made_up.write(os.path.join(folder, name + '.jsonl'), rows)
                tool('report', '--folder', folder)
                with open(os.path.join(folder, 'index.html'), encoding='utf-8') as file:
                    text = file.read()
                self.assertRegex(text, r'\d+ of \d+ runs diverged and have no accuracy|no rows yet')
                self.assertNotIn('nan', re.findall(r'<td[^>]*>(nan)<', text))
                tool('report', *[os.path.join(folder, name + '.jsonl') for name in made_up.STUDIES])

    def stale_is_named(self, folder):
        path = os.path.join(folder, 'tables', 'compact-net.md')
        with open(path, encoding='utf-8') as file:
            text = file.read()
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text.replace('99', '98', 1))
        ran = tool('report', '--folder', folder, '--check', code=1)
        self.assertRegex(ran.stderr, r'^report: .*tables/compact-net.md: is not what the rows make; run tools/report and commit it\n$')

    def test_short_runs_are_not_compared(self):
        with tempfile.TemporaryDirectory() as folder:
            entry = made_up.told('kernel-size')['entries'][0]
            short = {**entry, 'recipe': entry['recipe'].replace('epochs=10', 'epochs=1')}
            made_up.write(os.path.join(folder, 'kernel-size.jsonl'), [made_up.training_row('kernel-size', short, s) for s in range(3)])
            ran = tool('report', '--own', '--folder', folder)
            self.assertEqual(os.path.abspath(ran.stdout.strip()), os.path.join(folder, 'index.html'))
            with open(os.path.join(folder, 'index.html'), encoding='utf-8') as file:
                text = file.read()
            self.assertIn('88.62', text)
            self.assertRegex(text, r'chip none">not comparable</span> <span class="why">a short run')
            self.assertNotIn('chip in">', text)

    def test_rows_alone_are_told_here(self):
        """tools/report FILE: values and claims with their verdicts, and nothing is written."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'compact-net.jsonl')
            entries = made_up.told('compact-net')['entries']
            made_up.write(path, [made_up.training_row('compact-net', entry, s) for entry in entries[:3] for s in range(4)])
            told = tool('report', path).stdout
            self.assertEqual(os.listdir(folder), ['compact-net.jsonl'])
            self.assertIn('## compact-net: every published value', told)
            self.assertRegex(told, r'\n\| 99\.4 % on the test set, last epoch \| .* \| 4 \| 0\.05 \| [^|]+ \| (refuted|undecided)')
            self.assertIn('no rows there', tool('report', path + '-not', code=4).stderr)
            tool('report', path, '--check', code=2)

    def test_timings_stand_side_by_side(self):
        with open(os.path.join(self.folder, 'tables', 'kernels-by-cpu.md'), encoding='utf-8') as file:
            head = file.readlines()[2]
        self.assertIn('Another 1, avx2: % of peak', head)
        self.assertIn('Made-Up 9000, avx2: % of peak', head)

    def test_a_forced_isa_is_called_so(self):
        tables = page.all_tables(self.loaded)
        self.assertNotIn('forced', ''.join(column.head for column in tables['kernels-by-cpu'].columns))
        columns = [column.head for column in tables['kernels-forced-portable-made-up-9000'].columns]
        self.assertEqual(columns[-2], 'Made-Up 9000, portable, forced: % of peak')
        self.assertEqual([row[3] for row in tables['machines'].rows if 'portable' in row[4]], ['portable, forced'])
        lines = {row[1]: row for row in tables['kernels-forced-portable-made-up-9000'].rows if row[0] == 'forward'}
        self.assertEqual(lines['winograd4'][-2:], (None, None), 'what the forced one has not stays empty')
        self.assertIsNone(lines['direct'][-2], 'portable C has no peak')
        self.assertAlmostEqual(lines['direct'][-1], 2.5)
        self.assertIsNone(lines['peer/autovec'][-1], "nothing holds the compiler's own loops to less")

    def test_speeds_are_of_the_same_kind(self):
        """An arm without fusion, or turns beside a framework, never stand in for the run as anybody would do it."""
        tables = page.all_tables(self.loaded)
        for net, batch, one, two, times in tables['threads'].rows:
            self.assertAlmostEqual(times, two / one)
            self.assertLess(times, 2, f'{net}, {batch}')
        self.assertEqual(len(tables['threads'].rows), 4, "a swept net stands at its recipe's batch alone")
        self.assertEqual([row[1] for row in tables['batch-sizes'].rows], [1, 8, 32, 64, 128])
        self.assertAlmostEqual(tables['memory-frameworks'].rows[0][-1], 0.075)

    def test_a_picture_for_the_terminal(self):
        lines = terminal.lines_of(self.loaded)
        self.assertEqual(sum(line.startswith('  ') for line in lines), sum(len(s.cells) for s in self.loaded.studies.values()))
        self.assertTrue(all('●' in line for line in lines if line.startswith('  ')))
        self.assertNotIn('●', self.first.stderr, 'quiet when piped')

    def test_export_of_every_table(self):
        tables = page.all_tables(self.loaded)
        self.assertGreater(len(tables), 60)
        for name, table in tables.items():
            width = len(table.flat()[0])
            self.assertTrue(all(len(line) == width for line in csv.reader(table.csv().splitlines())), name)
            self.assertEqual(len(json.loads(table.json())), len(table.rows), name)
            latex = table.latex()
            self.assertEqual(latex.count(r'\\' + '\n'), len(table.rows) + 1, name)
            self.assertNotRegex(latex.split('\n', 1)[1], r'(?<!\\)[%#_]', name)

    def test_export_of_figures(self):
        for form, head in (('svg', b'<?xml'), ('png', b'\x89PNG'), ('pdf', b'%PDF')):
            path = os.path.join(self.root.name, 'figure.' + form)
            bytes_of = []
            for _ in range(2 if form == 'svg' else 1):
                tool('export', 'compact-net-log', '--output', path, '--folder', self.folder)
                with open(path, 'rb') as file:
                    bytes_of.append(file.read())
            self.assertTrue(bytes_of[0].startswith(head))
            self.assertEqual(bytes_of[0], bytes_of[-1], 'same rows, same bytes')
        with open(os.path.join(self.root.name, 'figure.svg'), encoding='utf-8') as file:
            text = file.read()
        self.assertNotRegex(text, '#01020|#04050|#07080|#1c000', 'stand-ins for colours stay inside')

    def test_ids_of_a_figure_are_numbers(self):
        drawn = '<clipPath id="{0}"><g id="axes_1"/></clipPath><path id="m.1"/><g clip-path="url(#{0})"/><use href="#m.1"/>'
        wanted = '<clipPath id="a-1"><g/></clipPath><path id="a-2"/><g clip-path="url(#a-1)"/><use href="#a-2"/>'
        for hashed in ('p5f5b2a252e', 'pb799f29476'):  # of the same corners, but for a last bit
            self.assertEqual(plot.number_ids(drawn.format(hashed), 'a'), wanted)

    def test_export_says_what_it_has_not(self):
        self.assertIn('there is no such table', tool('export', 'nothing', '--folder', self.folder, code=2).stderr)
        self.assertIn('takes md, csv', tool('export', 'compact-net', '--format', 'doc', '--folder', self.folder, code=2).stderr)
        ran = tool('export', 'compact-net', '--output', 'x.doc', '--folder', self.folder, code=2)
        self.assertIn('its ending says no format', ran.stderr)
        self.assertIn('no such folder', tool('export', 'compact-net', '--folder', self.folder + '-not', code=2).stderr)
        self.assertIn('no such folder', tool('report', '--folder', self.folder + '-not', code=2).stderr)
        self.assertIn('it is of pictures', tool('export', 'data-mnist', '--output', 'x.svg', '--folder', self.folder, code=2).stderr)
        self.assertRegex(tool('export', '--list', '--folder', self.folder).stdout, 'table   compact-net +compact-net: published')

    def test_pictures_are_small_and_whole(self):
        shown = pictures.Pictures(self.folder).told('kernel-size', '3x3')
        self.assertEqual(len(shown['confusion']), 10)
        self.assertEqual(shown['filters'], [8, 3, 3])
        self.assertEqual(pictures.Pictures(self.folder).told('scratch-cnn', 'cifar-10')['filters'], [8, 3, 3], 'in colour')
        size = sum(len(data) for name, data in files_of(self.folder).items() if name.startswith('pictures'))
        self.assertLess(size, 3 << 20)

    def test_every_number_comes_from_a_row(self):
        """No digits in the template's text beyond what the method says of itself and the name of an ISA."""
        with open(os.path.join(TOP, 'tools', 'convgauge_report', 'templates', 'page.html'), encoding='utf-8') as file:
            text = re.sub(r'\{[{%].*?[%}]\}|<[^>]*>|&\w+;', '', file.read())
        numbers = sorted(set(re.findall(r'\d+(?:[.,]\d+)*', text)))
        self.assertEqual(numbers, ['0', '0.077', '1', '10', '10,000', '512', '8', '95', '99.4'])


@unittest.skipUnless(os.access(os.path.join(BIN, 'compact-net'), os.X_OK), 'the programs are not built')
class Told(unittest.TestCase):
    def test_studies_are_what_the_programs_say(self):
        for name in made_up.STUDIES:
            ran = subprocess.run([os.path.join(BIN, name), '--list', '--format', 'json'], capture_output=True, text=True, check=True)
            self.assertEqual(
                json.loads(ran.stdout), made_up.told(name), f'build/release/bin/{name} --list --format json > results/studies/{name}.json'
            )


if __name__ == '__main__':
    unittest.main()
