# SPDX-License-Identifier: MIT
"""What a choice costs: time and memory per image of every net that a study names, and of every arm whose image costs something else. A
speed comes from a timing row (alone on the machine) where there is one, else from bench-nets, else from the fastest accuracy row, which
ran beside others; the table says which. Machines are not pooled: one is shown, the one with most timing rows."""

from collections import Counter, namedtuple

from .tables import Table


class Speed(namedtuple('Speed', 'train infer row source')):
    """Images per second."""

    @property
    def kind(self):
        """Only speeds of a kind may be divided by each other."""
        return self.source.split(',')[0]


PART = 1024  # images that a plan holds at once, whatever the batch (PLAN_WAVE in nets/net.h)
FASTEST = 'a run beside others'
CHANGES = ('batch=', 'augment=', 'permute=', 'opt=')  # words of a recipe that change what an image costs


def costs_like(entry):
    """What decides an image's cost: the net, the batch, the images' way in, the optimizer."""
    return entry.told['net'], *(word for word in entry.told['recipe'].split() if word.startswith(CHANGES))


def entries_of(study):
    """The cells, and arms that differ from all before them in cost."""
    seen, found = set(), []
    for entry in study.entries:
        if not entry.arm or costs_like(entry) not in seen:
            found.append(entry)
        seen.add(costs_like(entry))
    return found


def machine_of(study):
    counts = Counter(machine for machine, _ in study.timing) or Counter(machine for machine, _ in study.bench)
    return max(counts, key=lambda machine: (counts[machine], machine)) if counts else None


def timed(study, entry, threads):
    """The newest timing row; threads None: the most there are."""
    rows = [
        row
        for machine, row in study.timing
        if machine == machine_of(study) and (row['cell'], row['arm'], row['net']) == (entry.cell, entry.arm, entry.told['net'])
    ]
    threads = threads or max((row['threads'] for row in rows), default=0)
    rows = [row for row in rows if row['threads'] == threads]
    if not rows or threads == 0:
        return None
    row = max(rows, key=lambda row: row.get('finished', ''))
    return Speed(row['train_images_per_s'], row['infer_images_per_s'], row, f'timing, {row["threads"]} cores' if threads > 1 else 'timing')


def benched(study, entry, threads):
    """As bench-nets has a cell: at the study's batch where it measured that, else at its largest."""
    if entry.arm:
        return None
    in_turns = {row.path for _, row in study.bench if row['variant'].startswith('peer/')}  # beside frameworks: the caches were theirs, too
    rows = [
        row
        for machine, row in study.bench
        if row.path not in in_turns
        and machine == machine_of(study)
        and row.get('net') == f'{study.name}/{entry.cell}'
        and row.get('variant', '').endswith('/auto')
        and row['net_string'] == entry.told['net']
    ]
    threads = threads or max((row['threads'] for row in rows), default=0)
    by = {(row['what'], row['batch']): row for row in rows if row['threads'] == threads}
    batches = sorted({batch for what, batch in by if what == 'train'}, key=lambda batch: (batch != entry.told['batch'], -batch))
    if not batches:
        return None
    train, infer = by['train', batches[0]], by.get(('infer', batches[0]))
    return Speed(train['images_per_s'], infer and infer['images_per_s'], train, f'bench-nets, batch {batches[0]}')


def fastest(entry):
    rows = [row for row in entry.rows if row.get('train_images_per_s') and row['threads'] == 1]
    if not rows:
        return None
    row = max(rows, key=lambda row: row['train_images_per_s'])
    return Speed(row['train_images_per_s'], max(row['infer_images_per_s'] or 0 for row in rows) or None, row, FASTEST)


def speed(study, entry, threads=1):
    """None where nothing was measured."""
    return timed(study, entry, threads) or benched(study, entry, threads) or (fastest(entry) if threads == 1 else None)


def arenas(row):
    """Bytes that training takes besides the data set."""
    return sum(row[f'bytes_{name}'] for name in ('parameters', 'gradients', 'optimizer', 'activations', 'scratch'))


def published_images(entry):
    steps = entry.told['published_steps_per_s']
    return steps and steps * entry.told['batch']


def costs(study):
    table = Table(
        study.name + '-costs',
        f'{study.name}: what each choice costs, per image and in bytes',
        [
            ('cell', 'cell or arm'),
            ('parameters', 'parameters'),
            ('macs', 'MACs an image'),
            ('train', 'training, µs an image', 1),
            ('infer', 'inference, µs an image', 1),
            ('ratio', 'training, × the first', 2),
            ('images', 'training, images/s, 1 core'),
            ('all', 'the same, all cores'),
            ('published', 'published, images/s'),
            ('activations', 'activations, kB an image', 1),
            ('arenas', 'training takes, MB', 2),
            ('source', 'measured by'),
        ],
        "Arms stand here where they change what an image costs. One core unless said; × the first: against the study's first net with a "
        f'speed, where both were measured alike. "{FASTEST.capitalize()}": the fastest accuracy row, which shared the machine. '
        "Published speeds are of the authors' machines (steps a second × batch; compact-net's log is of an accelerator). Training "
        'takes parameters, gradients, optimizer, '
        'activations and scratch; the data set is not counted.',
    )
    first = None
    for entry in entries_of(study):
        one = speed(study, entry)
        if not one and entry.arm:
            continue
        row, every = one and one.row, speed(study, entry, None)
        first = first or one
        table.add(
            entry.name,
            entry.told['parameters'],
            entry.told['macs'],
            one and 1e6 / one.train,
            one and one.infer and 1e6 / one.infer,
            one and first.train / one.train if one and one.kind == first.kind else None,
            one and one.train,
            every and every.train if every and every.row['threads'] > 1 else None,
            published_images(entry),
            row and row['bytes_activations'] / 1e3 / min(row['batch'], PART),
            row and arenas(row) / 1e6,
            one.source if one else 'no rows yet',
        )
    return table
