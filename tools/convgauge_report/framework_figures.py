# SPDX-License-Identifier: MIT
"""How fast against PyTorch and TensorFlow, training and inference, every CPU side by side. Ours and a framework are only compared inside
one file: there they were interleaved on the same core."""

from collections import namedtuple

from . import plot, stats
from .figure import Figure, Missing, dots_beside, table_of
from .machines import conditions, facts, label, note
from .tables import Interval, Table

PEERS = 'bench/tools/bench-peers'
Line = namedtuple('Line', 'net ratio best ours')  # of a net: how many times as fast, the fastest of theirs, ours
Speed = namedtuple('Speed', 'middle low high least most n')  # geometric mean over nets with its interval, single nets, how many

WHAT = {'train': 'Training', 'infer': 'Inference'}
WHOM = {'torch': 'PyTorch', '': 'the faster of PyTorch and TensorFlow'}
NAMES = {
    ('train', ''): 'frameworks',
    ('train', 'torch'): 'frameworks-pytorch',
    ('infer', ''): 'inference',
    ('infer', 'torch'): 'inference-pytorch',
}
COLOURS = (plot.BLUE, plot.ORANGE, plot.GREEN, plot.PURPLE)


def interleaved(results):
    """machine -> [(what, net, batch, threads, ours, theirs)] of the files where frameworks took part."""
    groups = {}
    for machine, row in results.bench.get('net', []):
        if row.get('ok', True):
            groups.setdefault((machine, row.path, row['what'], row['net'], row['batch'], row['threads']), []).append(row)
    found = {}
    for (machine, _, what, net, batch, threads), rows in sorted(groups.items(), key=lambda item: str(item[0])):
        theirs = [row for row in rows if row['variant'].startswith('peer/')]
        ours = [row for row in rows if not row['variant'].startswith('peer/')]
        if theirs and ours:
            found.setdefault(machine, []).append((what, net, batch, threads, max(ours, key=lambda row: row['images_per_s']), theirs))
    return found


def ratios(results, what, whom):
    """machine -> lines, a net each, one thread: against the fastest mode of those whose name begins with `whom`."""
    found = {}
    for machine, groups in interleaved(results).items():
        for did, net, _, threads, ours, theirs in groups:
            theirs = [row for row in theirs if row['variant'].startswith('peer/' + whom)]
            if did == what and threads == 1 and theirs:
                best = max(theirs, key=lambda row: row['images_per_s'])
                found.setdefault(machine, []).append(Line(net, ours['images_per_s'] / best['images_per_s'], best, ours))
    return found


def speed(lines):
    values = [line.ratio for line in lines]
    return Speed(*stats.geometric_interval(values), min(values), max(values), len(values))


def said(found, sign='×'):
    """ "4.5× [3.3, 6.3]"."""
    return f'{found.middle:.1f}{sign}' + (f' [{found.low:.1f}, {found.high:.1f}]' if found.low is not None else '')


def ratio_of(slow, fast):
    """How much faster `fast` is by the medians, with an interval that both medians' intervals give: at 97.5 % each, together 95."""
    inner, outer = (stats.median_interval(row['us_samples'], 0.975) for row in (fast, slow))
    middle = fast['images_per_s'] / slow['images_per_s']
    if inner is None or outer is None:
        return Interval(middle, None, None, None, 1)
    same = middle * fast['us'] / slow['us']  # batches apart
    return Interval(middle, None, same * outer[0] / inner[1], same * outer[1] / inner[0], 1)


def summary(results):
    """The answer in two lines a CPU: training and inference, against PyTorch alone and against the faster of both."""
    table = Table(
        'speed',
        'How fast against PyTorch',
        [
            ('cpu', 'one core of'),
            ('what', 'what'),
            ('torch', 'times as fast as PyTorch [95 % CI]'),
            ('best', 'times as fast as the faster of PyTorch and TensorFlow [95 % CI]'),
            ('nets', 'nets'),
            ('torch_span', 'PyTorch, single nets'),
            ('best_span', 'the faster, single nets'),
        ],
        'Geometric means over the nets with their 95 % interval; each framework in its fastest mode per net (eager, channels last or '
        'compiled; graph, graph with oneDNN or XLA), interleaved with convgauge on one core. The interval is over nets, which differ '
        'by more than any one measurement does.',
    )
    for machine in interleaved(results):
        for what, word in WHAT.items():
            both = [ratios(results, what, whom).get(machine) for whom in WHOM]
            if all(both):
                alone, best = map(speed, both)
                spans = [f'{one.least:.1f} to {one.most:.1f}' for one in (alone, best)]
                table.add(label(machine, results), word.lower(), said(alone), said(best), best.n, *spans)
    return table


def machines_said(results):
    """(CPU, its cores and caches, versions, what was noted there) of those that were compared."""
    made = []
    for machine, groups in interleaved(results).items():
        versions = sorted({row.get('note', '') for *_, theirs in groups for row in theirs})
        made.append((label(machine, results), facts(machine, results), ', '.join(filter(None, versions)), note(machine, results)))
    return made


def compared(results, what, whom, **drawn):
    """drawn: dots_beside's, where a page has less room."""
    name, title, by_machine = NAMES[what, whom], f'{WHAT[what]} against {WHOM[whom]}', ratios(results, what, whom)
    if not by_machine:
        return Missing(name, title, 'not measured yet', PEERS)
    order = sorted(by_machine, key=lambda machine: (-len(by_machine[machine]), machine))
    reach = [f'{said(speed(by_machine[machine]))} on {label(machine, results)}' for machine in order]
    reach[0] = reach[0].replace(' on ', f' as fast as {WHOM[whom]} on ', 1)
    title = f'{WHAT[what]} is {", ".join(reach)} (geometric mean of {max(map(len, by_machine.values()))} nets)'
    nets = {line.net: line.ratio for machine in order[::-1] for line in by_machine[machine]}
    nets = sorted(nets, key=lambda net: -nets[net])
    series = [
        (label(machine, results), colour, {line.net: ratio_of(line.best, line.ours) for line in by_machine[machine]})
        for machine, colour in zip(order, COLOURS)
    ]
    columns = [
        ('net', 'net'),
        ('cpu', 'CPU'),
        ('batch', 'batch'),
        ('ours', 'convgauge, images/s', 0),
        ('best', 'fastest baseline'),
        ('theirs', 'its images/s', 0),
        ('ratio', 'times as fast', 2),
    ]
    rows = []
    for machine in order:
        for line in sorted(by_machine[machine], key=lambda line: -line.ratio):
            best = f'{line.best["variant"][5:]} ({line.best.get("note", "")})'
            speeds = (line.ours['images_per_s'], best, line.best['images_per_s'])
            rows.append((line.net, label(machine, results), line.ours['batch'], *speeds, line.ratio))
    own = [line.ours for machine in order for line in by_machine[machine]]
    where = '; '.join(conditions([line.ours for line in by_machine[machine]]) for machine in order)
    return Figure(
        name,
        title,
        dots_beside(nets, series, f'times as fast as {WHOM[whom]}', **drawn),
        table_of(name, title, columns, rows),
        'One core, one thread, data in memory; only the step is timed. Dots: ratio of medians; lines: its 95 % interval where there are '
        f'enough samples. {where}.',
        PEERS,
        own,
    )


def for_frameworks(results):
    return [figure for _, figures in views(results) for figure in figures]


def views(results):
    """("Training", its figures) and the same of inference: one is looked at at a time."""
    return [(word, [compared(results, what, whom) for whom in WHOM]) for what, word in WHAT.items()]
