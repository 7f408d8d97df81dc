# SPDX-License-Identifier: MIT
"""What belongs together: studies as results/studies/*.json tells them (the programs' --list --format json), what their articles say as
ablations/claims/*.json has it, and to each cell and arm the runs that have rows. A run counts for an entry when its net, recipe and data
are the entry's own; where there are none, runs of a short recipe or on other data stand in and are called so. Rows of older numerics
(other bits) are set aside."""

import json
import os
from collections import Counter

from . import CLAIMS, STUDIES, metrics
from . import rows as files

SYNTHETIC = ('strokes',)
TRAINED_ON = {'mnist': 60000, 'fashion-mnist': 60000, 'cifar-10': 50000, 'strokes': 60000}  # images
CLASSES = 10
RESULT = ('weights_sha256', 'test_acc', 'train_acc', 'test_loss')
DRAWN = 'drawn'  # bench-all's file of shapes that nobody chose: bench-tables shows them, figures are of nets' layers


class Entry:
    """A cell or an arm, and its runs in the order of their seeds."""

    def __init__(self, study, told):
        self.study, self.told = study, told
        self.cell, self.arm, self.base = told['cell'], told['arm'], told['base']
        self.rows, self.short = [], None
        self.chosen = False  # on the test set: its accuracy is no evidence

    @property
    def name(self):
        return f'{self.cell}: {self.arm}' if self.arm else self.cell

    @property
    def missing(self):
        return 0 if self.short else max(0, self.told['seeds'] - len(self.rows))

    @property
    def size(self):
        """(images, epochs or updates, which of the two): what one run trains on."""
        words = dict(word.split('=', 1) for word in self.told['recipe'].split())
        kind, _, number = words.get('select', 'all').partition(':')
        images = {'perclass': lambda: CLASSES * int(number), 'first': lambda: int(number), 'single': lambda: 1}
        trained = images.get(kind, lambda: TRAINED_ON[self.told['data']])()
        updates = int(words.get('updates', 0))
        return trained, updates or self.told['epochs'], 'updates' if updates else 'epochs'

    @property
    def pilot(self):
        """Trains on fewer images or epochs than its cell, which is as published; what was chosen here has no published regime."""
        own, whole = self.size, self.size if self.chosen else self.study.entry(self.cell).size
        return own[0] < whole[0] or (own[1] < whole[1] and own[2] == whole[2])

    def choose(self, rows):
        own = [row for row in rows if all(row[key] == self.told[key] for key in ('net', 'recipe', 'data'))]
        if not own and rows:
            groups = Counter((row['data'], row['net'], row['recipe']) for row in rows)
            wanted = max(groups, key=lambda key: (key[0] == self.told['data'], groups[key], key))
            own = [row for row in rows if (row['data'], row['net'], row['recipe']) == wanted]
            self.short = 'other data' if wanted[0] != self.told['data'] else 'a short run'
        self.rows = sorted(own, key=lambda row: row['seed'])

    @property
    def bf16(self):
        """An arm that computes in bf16: compared with its cell, and in no ranking of nets or changes."""
        return 'precision=bf16' in self.told['recipe'].split()

    @property
    def data(self):
        name = self.rows[0]['data'] if self.rows else self.told['data']
        return f'{name} (synthetic)' if name in SYNTHETIC else name


def cells_of(side):
    return side.get('cells') or [side['cell']]


def regime(entries):
    """ "10,000 images, 5 epochs" of one side of a claim."""

    def between(numbers, unit):
        least, most = min(numbers), max(numbers)
        unit = unit[:-1] if most == 1 else unit
        return f'{least:,} to {most:,} {unit}' if least < most else f'{most:,} {unit}'

    images, lengths, kinds = zip(*(entry.size for entry in entries))
    return f'{between(images, "images")}, {between(lengths, kinds[0])}'


class Study:
    def __init__(self, told, records):
        """told: what its program says of cells and arms; records: what its article says."""
        self.told, self.name, self.question = told, told['study'], told['question']
        self.claims = [{**claim, 'metric': metrics.measure(**claim['measure'])} for claim in records['claims']]
        self.published = [{**each, 'metric': metrics.measure(**each['measure'])} for each in records['published']]
        self.first, self.untested, self.findings = records['first'], records['untested'], None
        self.entries = [Entry(self, entry) for entry in told['entries']]
        self.by_name = {(entry.cell, entry.arm): entry for entry in self.entries}
        for side in records['chosen_on_test']:
            self.entry(side['cell'], side['arm']).chosen = True
        self.timing, self.bench = [], []  # (machine, row): its timing rows; bench-nets' rows of its nets

    def entry(self, cell, arm=''):
        return self.by_name[cell, arm or '']

    def regimes(self, claim):
        """(as compared here, as published) of a claim."""
        sides = [side for side in (claim['a'], claim['b']) if 'value' not in side]
        arms = [[self.entry(cell, side['arm']) for cell in cells_of(side)] for side in sides]
        own = [regime(side) for side in arms]
        whole = [regime([each if each.chosen else self.entry(each.cell) for each in side]) for side in arms]
        return tuple(' against '.join(dict.fromkeys(words)) for words in (own, whole))

    def some(self, cells, arm):
        """Those of the cells' entries of that arm that exist."""
        return [self.by_name[cell, arm] for cell in cells if (cell, arm) in self.by_name]

    @property
    def cells(self):
        return [entry for entry in self.entries if not entry.arm]

    @property
    def arms(self):
        return [entry for entry in self.entries if entry.arm]

    @property
    def runs(self):
        return sum(len(entry.rows) for entry in self.entries)

    @property
    def planned(self):
        return sum(entry.told['seeds'] for entry in self.entries)


class Results:
    """Everything that a page is made of."""

    def __init__(self):
        self.studies, self.timing, self.bench, self.machines = {}, [], {}, {}
        self.bf16 = []  # rows in bf16 that are no arm's: in no table of float32
        self.set_aside, self.twice, self.folder, self.files, self.newest = 0, 0, '', [], ''

    def is_bf16_arm(self, row):
        study = self.studies.get(row['study'])
        entry = study and study.by_name.get((row['cell'], row['arm']))
        return bool(entry and entry.bf16)


def read_json(path, how):
    if not os.path.exists(path):
        raise files.Bad(f'{path}: is not there; {how}')
    with open(path, encoding='utf-8') as file:
        return json.load(file)


def read_studies(folder):
    told = {}
    for name in STUDIES:
        entries = read_json(os.path.join(folder, 'studies', name + '.json'), f'build/release/bin/{name} --list --format json writes it')
        told[name] = Study(entries, read_json(os.path.join(CLAIMS, name + '.json'), 'restore it from git'))
    return told


def newest_numerics(rows):
    """By study and precision. Bits change seldom; rows made before do not count as the same runs. A study is run anew as a whole."""
    latest, newest = {}, {}
    for row in rows:
        latest.setdefault(bits_of(row), {}).setdefault(row['numerics'], []).append(row.get('finished', ''))
    for whose, bits in latest.items():
        newest[whose] = max(bits, key=lambda each: max(bits[each]))
    return newest


def bits_of(row):
    """Whose bits a row has: they change by study and, in bf16, by themselves."""
    return row['study'], files.precision_of(row)


def unique(rows):
    """(rows, how many ids more than once): one id is one run, on whatever machine; runs that disagree are an error."""
    seen, twice = {}, 0
    for row in rows:
        other = seen.setdefault(row['id'], row)
        if other is not row:
            twice += 1
            apart = [key for key in RESULT if other.get(key) != row.get(key)]
            if apart:
                raise files.Bad(
                    f'{row.place}: {row["study"]}/{row["cell"]}/{row["arm"]} seed {row["seed"]} has another {", ".join(apart)} '
                    f'than the same run at {other.place}'
                )
    return list(seen.values()), twice


def machine_of(folder, path, row, known):
    """(folder, cpu): timings are grouped by it and never pooled. A row that does not name its CPU is of its folder's."""
    inside = os.path.relpath(os.path.dirname(path), folder)
    cpu = (row.get('env') or {}).get('cpu') or known.get(inside) or 'unknown CPU'
    known.setdefault(inside, cpu)
    return '' if inside == '.' else inside, cpu


def load(folder, studies_from, paths=None, on_bad=files.stop):
    """The results of a folder, or of the given files. Rows are taken as they are: check_rows.py has checked them."""
    results = Results()
    results.folder, results.studies = folder, read_studies(studies_from)
    results.files = files.files_under(folder) if paths is None else list(paths)
    accuracy, known = [], {}
    for path in results.files:
        for row in files.read(path, on_bad, needs='kind'):
            bf16 = files.precision_of(row) != 'float32' or str(row.get('problem')).startswith('bf16:')  # and what stands beside it
            if bf16 and not (row['kind'] == 'accuracy' and results.is_bf16_arm(row)):
                results.bf16.append(row)
                continue
            if row['kind'] == 'accuracy':
                accuracy.append(row)
                results.machines.setdefault(machine_of(folder, path, row, known), row.get('env') or {})
                continue
            machine = machine_of(folder, path, row, known)
            if row.get('env') or machine not in results.machines:
                results.machines[machine] = row.get('env') or {}
            kind = DRAWN if os.path.basename(path).startswith(DRAWN + '.') else row['kind']
            (results.timing if kind == 'timing' else results.bench.setdefault(kind, [])).append((machine, row))
    for machine, row in results.timing:
        results.studies[row['study']].timing.append((machine, row))
    for machine, row in results.bench.get('net', ()):
        name = str(row.get('net')).split('/')[0]
        if name in results.studies:
            results.studies[name].bench.append((machine, row))
    accuracy, results.twice = unique(accuracy)
    current = newest_numerics(accuracy)
    results.set_aside = sum(row['numerics'] != current[bits_of(row)] for row in accuracy)
    groups = {}
    for row in accuracy:
        results.newest = max(results.newest, row.get('finished', ''))
        if row['numerics'] == current[bits_of(row)]:
            groups.setdefault((row['study'], row['cell'], row['arm']), []).append(row)
    for study in results.studies.values():
        for entry in study.entries:
            entry.choose(groups.get((study.name, entry.cell, entry.arm), []))
    return results
