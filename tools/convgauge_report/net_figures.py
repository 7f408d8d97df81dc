# SPDX-License-Identifier: MIT
"""Whole nets: over threads and batches, memory by family, where a step's time goes. Against frameworks: framework_figures.py."""

import textwrap

from . import plot, stats
from .figure import Figure, Missing, curves, dots, pairs, stacked, table_of
from .framework_figures import ratio_of
from .machines import SLOW, at_best, conditions, label, main_machine, of_kind

NETS = 'bench-nets --threads 1,2'
SWEEP = 'bench-nets --batch 1,8,32,64,128,256,512,1000,2000,5000,10000 --threads 1,2'
MOST = 1000  # images a step that the benches take where a recipe has more


def own(results, wanted):
    """Rows of ours as anybody would run it: fused, algorithms chosen by auto, not those interleaved with frameworks."""
    with_peers = {row.path for _, row in results.bench.get('net', []) if row['variant'].startswith('peer/')}
    return at_best(
        results,
        'net',
        lambda row: (
            row.get('isa') not in SLOW + ('peer',)
            and row.get('algo') == 'auto'
            and row.get('fuse', True)
            and row.get('blocks', True)
            and row.get('recompute', True)
            and row.path not in with_peers
            and wanted(row)
        ),
    )


def usual(results, rows):
    """Of nets whose batch was swept the recipe's batch alone."""
    batches = {}
    for row in rows:
        batches.setdefault(row['net'], set()).add(row['batch'])
    cells = [(study, entry) for study in results.studies.values() for entry in study.cells]
    recipe = {f'{study.name}/{entry.cell}': min(entry.told['batch'], MOST) for study, entry in cells}
    return [row for row in rows if len(batches[row['net']]) < 3 or row['batch'] == recipe.get(row['net'], max(batches[row['net']]))]


def scaling(results):
    name, title = 'threads', 'Scaling over threads'
    found = {}
    for machine, rows in own(results, lambda row: row['what'] == 'train').items():
        for row in usual(results, rows):
            found.setdefault((machine, row['net'], row['batch'], row.path), {}).setdefault(row['threads'], row)
    found = {key: by for key, by in found.items() if 1 in by and len(by) > 1}
    if not found:
        return Missing(name, title, 'not measured yet', NETS)
    machine = main_machine({key[0]: [k for k in found if k[0] == key[0]] for key in found})
    found = {key[1:3]: by for key, by in sorted(found.items(), key=lambda item: str(item[0])) if key[0] == machine}
    counts = sorted({threads for by in found.values() for threads in by})
    most = counts[-1]
    lines = [(net, batch, ratio_of(by[1], by[most]), by) for (net, batch), by in found.items() if most in by]
    lines.sort(key=lambda line: -line[2].mean)
    middle = stats.geometric_mean([ratio.mean for _, _, ratio, _ in lines])
    title = f'On {most} threads training is {middle:.2f}× as fast as on one (geometric mean of {len(lines)} nets)'
    table = table_of(
        name,
        title,
        [('net', 'net'), ('batch', 'batch')]
        + [(f'threads{n}', f'{n} thread{"s" * (n > 1)}, images/s', 0) for n in counts]
        + [('times', 'times', 2)],
        [(net, batch, *(by[n]['images_per_s'] if n in by else None for n in counts), ratio.mean) for net, batch, ratio, by in lines],
    )
    rows = [row for *_, by in lines for row in by.values()]
    return Figure(
        name,
        title,
        dots(
            [(f'{net}, {batch}', ratio, None, plot.BLUE) for net, batch, ratio, _ in lines],
            f'times as fast as one thread (line: {most})',
            zero=most,
            width=520,
        ),
        table,
        f'Net and batch; {conditions(rows)}. Lines are 95 % intervals of the ratio of medians, where there are enough samples.',
        NETS,
        rows,
    )


def batches(results):
    name, title = 'batch-sizes', 'Speed over batch sizes'
    found = {}
    for machine, rows in own(results, lambda row: row['what'] == 'train').items():
        for row in rows:
            found.setdefault((machine, row['net']), {}).setdefault((row['threads'], row['batch']), row)
    found = {key: by for key, by in found.items() if sum(threads == 1 for threads, _ in by) > 2}
    if not found:
        return Missing(name, title, 'not measured yet', SWEEP)
    machine = main_machine({key[0]: [k for k in found if k[0] == key[0]] for key in found})
    chosen = sorted((net, by) for (m, net), by in found.items() if m == machine)[:4]
    series, gains = [], []
    for (net, by), colour in zip(chosen, plot.COLOURS):
        sizes = sorted(batch for threads, batch in by if threads == 1)
        speeds = [by[1, batch]['images_per_s'] for batch in sizes]
        best = sizes[speeds.index(max(speeds))]
        series.append((net, sizes, speeds, None, None, colour, False))
        gains.append(f'{net} {max(speeds) / speeds[0]:.1f}× at {best:,}')
    title = f'The best batch against batch {min(series[0][1])}: ' + ', '.join(gains)
    counts = sorted({threads for _, by in chosen for threads, _ in by})
    table = table_of(
        name,
        title,
        [('net', 'net'), ('batch', 'batch')]
        + [(f'threads{n}', f'{n} thread{"s" * (n > 1)}, images/s', 0) for n in counts]
        + [('kib', 'KiB per image', 1)],
        [
            (net, batch, *(by[n, batch]['images_per_s'] if (n, batch) in by else None for n in counts), kib_of(by, batch))
            for net, by in chosen
            for batch in sorted({batch for _, batch in by})
        ],
    )
    rows = [row for _, by in chosen for row in by.values()]
    return Figure(
        name,
        title,
        curves(series, 'batch', 'training images/s', log=True, logx=True, width=520),
        table,
        f'One thread; {conditions(rows)}. The table has the other thread counts and the memory.',
        SWEEP,
        rows,
    )


def kib_of(by, batch):
    row = next(row for (_, at), row in sorted(by.items()) if at == batch)
    return row['kib_total'] / batch if row.get('kib_total') else None


FAMILIES = (
    ('parameters', ('bytes_parameters', 'bytes_gradients', 'bytes_optimizer'), plot.PURPLE),
    ('activations', ('bytes_activations',), plot.BLUE),
    ('scratch', ('bytes_scratch',), plot.GREEN),
)


def memory(results):
    name, title = 'memory', 'Memory per net'
    by_machine = own(results, lambda row: row['what'] == 'train' and row['threads'] == 1 and row.get('bytes_activations'))
    if not by_machine:
        return Missing(name, title, 'not measured yet', NETS)
    machine = main_machine(by_machine)
    plans = {(row['net'], row['batch']): row for row in usual(results, by_machine[machine])}
    rows = sorted(plans.values(), key=lambda row: -sum(row[key] for _, keys, _ in FAMILIES for key in keys))
    items = [
        (f'{row["net"]}, {row["batch"]}', [(word, sum(row[key] for key in keys) / 2**20, colour) for word, keys, colour in FAMILIES])
        for row in rows[:16]
    ]
    first = items[0]
    whole = sum(value for _, value, _ in first[1])
    title = f'Activations are {100 * first[1][1][1] / whole:.0f} % of the largest plan ({whole:.0f} MiB, {first[0]})'
    table = table_of(
        name,
        title,
        [('net', 'net'), ('batch', 'batch')] + [(word, f'{word}, MiB', 2) for word, *_ in FAMILIES],
        [(row['net'], row['batch'], *(sum(row[key] for key in keys) / 2**20 for _, keys, _ in FAMILIES)) for row in rows],
    )
    return Figure(
        name,
        title,
        stacked(items, 'MiB while training', width=520),
        table,
        "Net and batch, one thread; parameters with gradients and the optimizer's state. The plan's arenas, "
        'placed before the first step; nothing is allocated later.',
        NETS,
        rows,
    )


def resident(results):
    """The whole process: peak resident memory of a short run, ours and PyTorch's."""
    name, title, how = 'memory-frameworks', 'Memory beside a framework', 'bench/tools/bench-peers --what run'
    found = {}
    for machine, rows in of_kind(results, 'memory').items():
        for row in rows:
            whose = 'theirs' if row['variant'].startswith('peer/') else 'ours'
            found.setdefault(machine, {}).setdefault((row['net'], row['batch']), {})[whose] = row
    found = {machine: {key: by for key, by in nets.items() if len(by) == 2} for machine, nets in found.items()}
    found = {machine: nets for machine, nets in found.items() if nets}
    if not found:
        return Missing(name, title, 'not measured yet', how)
    machine = main_machine(found)
    lines = [
        (net, batch, by['ours']['peak_rss_bytes'] / 2**20, by['theirs']['peak_rss_bytes'] / 2**20)
        for (net, batch), by in found[machine].items()
    ]
    lines.sort(key=lambda line: line[2] / line[3])
    middle = stats.geometric_mean([ours / theirs for *_, ours, theirs in lines])
    which = next(by['theirs'] for by in found[machine].values()).get('note', '')
    which += ', the wheel with the CUDA libraries' if '+cu' in which else ''
    title = f"A convgauge training run takes {100 * middle:.0f} % of PyTorch's memory (geometric mean of {len(lines)} nets)"
    table = table_of(
        name,
        title,
        [
            ('net', 'net'),
            ('batch', 'batch'),
            ('ours', 'convgauge, MiB', 1),
            ('theirs', 'PyTorch, MiB', 0),
            ('ratio', 'convgauge / PyTorch', 3),
        ],
        [(net, batch, ours, theirs, ours / theirs) for net, batch, ours, theirs in lines],
    )
    rows = [row for by in found[machine].values() for row in by.values()]
    return Figure(
        name,
        title,
        pairs(
            [(f'{net}, {batch}', ours, theirs) for net, batch, ours, theirs in lines], ('convgauge', 'PyTorch'), 'peak resident memory, MiB'
        ),
        table,
        'Net and batch; one short run each on MNIST in a process of its own, data set and libraries included; '
        f'{which}, eager; {conditions(rows)}.',
        how,
        rows,
    )


SUMS = ('sum of the parts', 'the same steps, whole', 'steps unwatched')
PARTS = (
    ('forward', 'us_forward', plot.BLUE),
    ('grad. of input', 'us_backward_data', plot.ORANGE),
    ('grad. of weights', 'us_backward_weights', plot.GREEN),
    ('other', 'us_other', plot.PURPLE),
)


def profiles(results):
    """A net of each study: the first of its name."""
    name, title = 'profile', "Where a training step's time goes"
    groups = {}
    for machine, row in results.bench.get('profile', []):
        groups.setdefault((row['net'], machine, row['batch'], row['variant'], row['threads']), []).append(row)
    first = {}
    for key in sorted(groups, key=str):
        first.setdefault(key[0].split('/')[0], key)
    made = [profile(key, groups[key], results) for key in first.values()]
    return made or [Missing(name, title, 'not measured yet', 'bench-nets --profile')]


def short_word(row):
    """Fused layers share a line: its first words, those of the forward pass."""
    return textwrap.shorten(row['word'].split(', back:')[0], 30, placeholder=' …')


def profile(key, rows, results):
    net, machine, batch, variant, threads = key
    whole = next((row['us'] for row in rows if row['word'] == SUMS[1]), None)
    rows = [row for row in rows if row['word'] not in SUMS]
    items = [
        (short_word(row) + (f' → {row["out"]}' if row['out'] else ''), [(word, row[field] or 0, colour) for word, field, colour in PARTS])
        for row in rows
    ]
    top = max(rows, key=lambda row: row['us'])
    total = sum(row['us'] for row in rows)
    sentence = f'{net}: "{short_word(top)}" takes {100 * top["us"] / total:.0f} % of a training step'
    table = table_of(
        f'profile-{net.replace("/", "-")}',
        sentence,
        [('layer', 'layer'), ('out', 'output')]
        + [(field, f'{word}, us', 1) for word, field, _ in PARTS]
        + [('percent', '% of the step', 1), ('gflops', 'GFLOP/s', 1)],
        [
            (row['word'], row['out'] or '–', *(row[field] for _, field, _ in PARTS), 100 * row['us'] / total, row.get('gflops'))
            for row in rows
        ],
    )
    return Figure(
        table.name,
        sentence,
        stacked(items, 'us per step', width=540),
        table,
        f'{label(machine, results)}; batch {batch}, {variant}, {threads} thread{"s" * (threads > 1)}; '
        'means over the faster half of the steps. Fused layers share a line; the table names all of them.'
        + (f' The parts sum to {100 * total / whole:.0f} % of the clock around the same steps.' if whole else ''),
        f'bench-nets --profile --net {net}',
        rows,
    )


def for_nets(results):
    return [scaling(results), batches(results), memory(results), resident(results), *profiles(results)]
