# SPDX-License-Identifier: MIT
"""Kernels: which variant on which CPU, beside oneDNN, roofline, direct against Winograd against FFT, errors. Timings of machines stand side
by side and are never pooled; where a figure can show one machine only, it is the one with the most rows."""

from collections import Counter
from itertools import groupby

from . import plot, stats
from .figure import Figure, Missing, dot_panels, dots, log_ticks, table_of
from .machines import RANK, SLOW, conditions, forced, isa_words, label, main_machine, of_kind
from .tables import Interval, Table

KERNELS = 'bench-kernels'
DIRECTIONS = {'fwd': 'forward', 'bwd_data': 'gradient of the input', 'bwd_weights': 'gradient of the weights'}
PANELS = 2


# ---- which kernel, on which CPU ----------------------------------------------------------------------------------------------------------


def columns_of(by_machine):
    """(machine, isa) -> (what, algo) -> problem -> row. A peer stands with the ISA that it took turns with: oneDNN is held to it."""
    found = {}
    for machine, rows in by_machine.items():
        for (what, problem), group in groupby(rows, key=lambda row: (row['what'], row['problem'])):
            group = list(group)
            own = {row['isa'] for row in group if row['isa'] in RANK}
            turns = max(own - {'scalar'} or own, key=RANK.index, default=None)
            for row in group:
                isa = row['isa'] if row['isa'] in RANK and row['isa'] != 'scalar' else turns
                name = row['variant'] if row['isa'] in ('peer', 'scalar') else row['algo']
                for line in (name, 'auto') if row.get('auto') else (name,):
                    if isa:
                        found.setdefault((machine, isa), {}).setdefault((what, line), {})[problem] = row
    return found


def by_cpu(name, title, cells, columns, results):
    """The table: a line per direction and variant, a column per CPU and ISA."""
    heads = [f'{label(machine, results)}, {isa_words(machine, isa, results)}' for machine, isa in columns]
    table = Table(
        name,
        title,
        [('what', 'convolution'), ('variant', 'variant'), ('problems', 'shapes')]
        + [column for i, head in enumerate(heads) for column in ((f'peak{i}', f'{head}: % of peak', 0), (f'gflops{i}', 'GFLOP/s', 1))],
        "Geometric means over the shapes, the table's and the zoo's, that the variant takes and every column has, so lines of fewer "
        'shapes are of other shapes. The peak is the FMA loop of the same ISA in the same run, one thread; FLOPs are direct '
        "convolution's, so Winograd and FFT "
        'can exceed 100 %.',
    )
    lines = sorted({key for column in columns for key in cells[column]}, key=lambda key: (list(DIRECTIONS).index(key[0][5:]), key[1]))
    for key in lines:
        there = [cells[column][key] for column in columns if key in cells[column]]
        common = sorted(set.intersection(*map(set, there)))
        values = []
        for column in columns:
            rows = [cells[column][key][problem] for problem in common] if key in cells[column] else []
            for what in ('percent_of_peak', 'gflops'):  # portable C has no FMA loop to be held against
                values.append(stats.geometric_mean([row[what] for row in rows]) if rows and all(row.get(what) for row in rows) else None)
        table.add(DIRECTIONS[key[0][5:]], key[1], len(common), *values)
    return table, heads


def beside(name, cells, columns, results, more=''):
    """Variant x column: geometric mean of % of the FMA peak over the shapes that all of the columns have."""
    table, heads = by_cpu(name, 'Which kernel, on which CPU', cells, columns, results)
    forward = [row for row in table.rows if row[0] == 'forward']
    own = [row for row in forward if '/' not in row[1] and row[4]]
    best = max(own, key=lambda row: (row[1] == 'auto', row[2], row[4]), default=None)
    title = 'Which kernel, on which CPU'
    if best:
        who = 'what auto takes' if best[1] == 'auto' else best[1]
        reach = [
            f'{best[at]:.0f} % of the FMA peak' if best[at] else f'{best[at + 1]:.1f} GFLOP/s'
            for at in (3, 5)[: len(columns)]
            if best[at + 1]
        ]
        reach = [f'{words} on {head}' for words, head in zip(reach, heads)]
        title = f'Forward, {who} reaches {", ".join(reach)} (geometric mean of {best[2]} shapes)'
    peaks = [max(row.get('peak_gflops') or 0 for found in cells[column].values() for row in found.values()) for column in columns]
    share = all(peaks)  # of the peak where every CPU has one, else GFLOP/s
    at = 3 if share else 4
    panels = [
        (
            head,
            [(i, row[at + 2 * k], plot.GREEN if '/' in row[1] else plot.BLUE) for i, row in enumerate(forward) if row[at + 2 * k]],
            100 if share else peak or None,
        )
        for k, (head, peak) in enumerate(zip(heads[:PANELS], peaks))
    ]
    lines = '; '.join(f'{peak:.0f} GFLOP/s on {head}' for peak, head in zip(peaks, heads) if peak)
    rows = [row for column in columns for found in cells[column].values() for row in found.values()]
    return Figure(
        name,
        title,
        dot_panels(panels, [f'{row[1]} ({row[2]})' for row in forward], '% of FMA peak, forward' if share else 'GFLOP/s, forward'),
        table,
        'In brackets: the shapes that a variant takes; auto: the variant that the planner takes for each. Blue: ours; green: oneDNN and '
        f"the compiler's own loops. The line is the FMA peak: {lines or 'not measured'}. One thread; {conditions(rows)}."
        + more
        + (f' {len(heads) - PANELS} more in the table.' if len(heads) > PANELS else ''),
        KERNELS,
        rows,
    )


def variants(results):
    """The CPUs side by side; then, over the fewer shapes that they share, what was forced to a lesser instruction set beside its best."""
    by_machine = of_kind(results, 'kernel', lambda row: row['what'].startswith('conv.') and row['threads'] == 1 and row.get('gflops'))
    cells = columns_of(by_machine)
    if not cells:
        return [Missing('kernels-by-cpu', 'Which kernel, on which CPU', 'not measured yet', KERNELS)]
    main = main_machine(by_machine)
    order = sorted(cells, key=lambda key: (key[0] != main, key[0], -RANK.index(key[1])))
    held = [column for column in order if forced(*column, results)]
    free = [column for column in order if column not in held] or held
    figures = [beside('kernels-by-cpu', cells, free, results)]
    if held and held != free:
        for column in held:  # the compiler's own loops are compiled for the machine: nothing holds them to less
            cells[column] = {key: found for key, found in cells[column].items() if key[1] != 'peer/autovec'}
        figures.append(beside('kernels-forced', cells, free[:1] + held, results, FORCED_WORDS))
    return figures


FORCED_WORDS = (
    ' Forced: the same machine held to a lesser instruction set. Portable is no baseline but the reference twin, plain C whose '
    "fused multiply-add is the C library's, compiled at -O1: it is there for its bits, not for its speed."
)


def onednn(results):
    """Every problem: oneDNN's time over that of what auto takes."""
    by_machine = of_kind(
        results, 'kernel', lambda row: row.get('times_onednn') and row.get('isa') not in SLOW + ('peer',) and row['threads'] == 1
    )
    peers = of_kind(results, 'kernel', lambda row: row['variant'] == 'peer/onednn' and row['threads'] == 1)
    name, title = 'kernels-onednn', 'Ours beside oneDNN'
    if not by_machine:
        return Missing(name, title, 'not measured yet', KERNELS)
    machine = main_machine(by_machine)
    best = {}
    for row in by_machine[machine]:
        key = (row['what'], row['problem'])
        if key not in best or row['us'] < best[key]['us']:
            best[key] = row
    ops = sorted({what for what, _ in best}, key=lambda what: (not what.startswith('conv'), what))
    lines = [(op, [row['times_onednn'] for (what, _), row in best.items() if what == op]) for op in ops]
    ratios = [row['times_onednn'] for row in best.values()]
    middle = stats.geometric_mean(ratios)
    theirs = ', '.join(sorted({row['note'] for row in peers.get(machine, ()) if row.get('note')}))
    title = f'The best of ours is {middle:.2f} × as fast as oneDNN (geometric mean of {len(ratios)} lines); '
    title += f'oneDNN wins {sum(r < 1 for r in ratios)}'
    items = []
    for op, values in lines:
        low, high = min(values), max(values)
        items.append((f'{op} ({len(values)})', Interval(stats.geometric_mean(values), None, low, high, len(values)), None, plot.BLUE))
    table = table_of(
        name,
        title,
        [('op', 'operation'), ('problem', 'problem'), ('variant', 'our best'), ('us', 'ours, us', 2), ('times', 'times oneDNN', 2)],
        [(what, problem, row['variant'], row['us'], row['times_onednn']) for (what, problem), row in sorted(best.items())],
    )
    return Figure(
        name,
        title,
        dots(items, 'times as fast as oneDNN', zero=1, log=True, ratio=True),
        table,
        f'Dots: geometric means over the problems; lines: from the '
        f'worst to the best problem. {conditions(by_machine[machine])}; one thread, interleaved with {theirs or "oneDNN"} in the same run.',
        KERNELS,
        best.values(),
    )


ROOF_KINDS = (('conv.fwd', plot.BLUE), ('conv.bwd_data', plot.ORANGE), ('conv.bwd_weights', plot.GREEN), ('other', plot.PURPLE))


def roof(best, peak, bandwidth):
    """Points under the FMA peak and the bandwidths' slopes."""

    def draw():
        figure, axes = plot.canvas(520, 320)
        points = [(row['gflops_exact'] * row['us'] * 1e3 / row['bytes'], row['gflops_exact'], row['what']) for row in best]
        for x, y, what in points:
            colour = dict(ROOF_KINDS).get(what, plot.PURPLE)
            axes.plot([x], [y], 'o', color=colour, markersize=4.5, alpha=0.8, linestyle='none')
        low, high = min(x for x, *_ in points) / 2, max(x for x, *_ in points) * 2
        axes.plot([low, high], [peak, peak], color=plot.INK, linewidth=1)
        axes.annotate(f'FMA peak {peak:.0f}', (high, peak), (-4, 4), textcoords='offset points', ha='right', fontsize=11)
        for level in ('L1', 'L2', 'L3', 'DRAM'):
            if level in bandwidth:
                axes.plot(
                    [low, min(high, peak / bandwidth[level])],
                    [low * bandwidth[level], min(peak, high * bandwidth[level])],
                    color=plot.MUTED,
                    linewidth=1,
                )
                axes.annotate(level, (low, low * bandwidth[level]), (-3, 0), textcoords='offset points', ha='right', fontsize=10)
        axes.set_xscale('log')
        axes.set_yscale('log')
        axes.set_ylim(min(y for _, y, _ in points) / 1.5, peak * 1.6)
        axes.set_xlabel('FLOPs per byte, each tensor once')
        axes.set_ylabel('GFLOP/s, exact taps')
        log_ticks(axes)
        log_ticks(axes, 'y')
        for k, (word, colour) in enumerate(ROOF_KINDS):
            axes.annotate(word, (0.99, 0.03 + 0.065 * k), xycoords='axes fraction', ha='right', color=colour, fontsize=11)
        return figure

    return draw


def roofline(results):
    by_machine = of_kind(
        results,
        'kernel',
        lambda row: (
            row.get('bytes') and row.get('isa') not in SLOW + ('peer',) and row['threads'] == 1 and row.get('gflops_exact') and row['flops']
        ),
    )
    name, title = 'roofline', 'Roofline'
    if not by_machine:
        return Missing(name, title, 'not measured yet', KERNELS)
    machine = main_machine(by_machine)
    rows = by_machine[machine]
    best = {}
    for row in rows:
        key = (row['what'], row['problem'])
        if key not in best or row['us'] < best[key]['us']:
            best[key] = row
    peak = max(row['peak_gflops'] for row in rows if row.get('peak_gflops'))
    bandwidth = {
        row['variant']: row['triad_gbs']
        for row in of_kind(results, 'runtime', lambda row: row['what'] == 'bandwidth').get(machine, [])
        if row['threads'] == 1 and row.get('triad_gbs')
    }
    share = [row['percent_of_roof'] for row in best.values() if row.get('percent_of_roof')]
    title = f'Half of the kernels reach at least {sorted(share)[len(share) // 2]:.0f} % of their roof' if share else title

    table = table_of(
        name,
        title,
        [
            ('op', 'operation'),
            ('problem', 'problem'),
            ('variant', 'variant'),
            ('gflops', 'GFLOP/s', 1),
            ('roof', '% of roof', 0),
            ('by', 'bound by'),
        ],
        [
            (what, problem, row['variant'], row['gflops_exact'], row.get('percent_of_roof'), row.get('bound_by'))
            for (what, problem), row in sorted(best.items())
        ],
    )
    bare = '' if bandwidth else ' Bandwidths are not measured yet: bench-runtime.'
    return Figure(
        name,
        title,
        roof(best.values(), peak, bandwidth),
        table,
        f'The fastest of our variants per problem, {len(best)} problems. Its roof: the FMA peak, or, where that is lower, what a bandwidth '
        'lets its bytes through, each tensor once; Winograd and FFT, which multiply less than the taps that are counted, can exceed it. '
        f'{conditions(rows)}, one thread.' + bare,
        KERNELS,
        best.values(),
    )


def beside_direct(times, chosen, algos):
    """A line per shape, a dot per algorithm."""

    def draw():
        figure, axes = plot.canvas(520, 84 + 19 * len(chosen))
        for i, problem in enumerate(chosen):
            for k, algo in enumerate(algos):
                if algo in times[problem]:
                    axes.plot(
                        [times[problem]['direct'] / times[problem][algo]],
                        [i],
                        'o',
                        color=plot.COLOURS[k % 4],
                        markersize=6,
                        linestyle='none',
                    )
        axes.axvline(1, color=plot.MUTED, linewidth=1)
        axes.set_xscale('log')
        log_ticks(axes)
        axes.set_yticks(range(len(chosen)), chosen, fontsize=10)
        axes.set_ylim(len(chosen) - 0.4, -0.6)
        axes.set_xlabel('times as fast as direct')
        for k, algo in enumerate(algos):
            axes.annotate(
                '● ' + algo,
                (k / max(len(algos), 3), 1),
                (0, 5),
                xycoords='axes fraction',
                textcoords='offset points',
                color=plot.COLOURS[k % 4],
                fontsize=11,
            )
        plot.grid(axes)
        return figure

    return draw


def algorithms(results):
    """Direct, Winograd and FFT on each layer of the studied nets."""
    by_machine = of_kind(
        results, 'kernel', lambda row: row['what'] == 'conv.fwd' and row.get('isa') not in SLOW + ('peer',) and row['threads'] == 1
    )
    name, title = 'algorithms', 'Direct, Winograd and FFT, layer by layer'
    if not by_machine:
        return Missing(name, title, 'not measured yet', KERNELS)
    machine = main_machine(by_machine)
    isas = Counter(row['isa'] for row in by_machine[machine])
    isa = isas.most_common(1)[0][0]
    times = {}
    for row in by_machine[machine]:
        if row['isa'] == isa:
            times.setdefault(row['problem'], {})[row['algo']] = row['us']
    times = {problem: found for problem, found in times.items() if 'direct' in found and len(found) > 1}
    if not times:
        return Missing(name, title, 'not measured yet', KERNELS)
    algos = sorted({algo for found in times.values() for algo in found} - {'direct'})
    wins = Counter(min(found, key=found.get) for found in times.values())
    title = 'Forward, the fastest is ' + ', '.join(f'{algo} on {count}' for algo, count in wins.most_common()) + f' of {len(times)} shapes'
    chosen = sorted(times, key=lambda problem: -times[problem]['direct'] / min(times[problem].values()))[:24]

    table = table_of(
        name,
        title,
        [('problem', 'problem'), ('direct', 'direct, us', 2)] + [(algo, f'{algo}, us', 2) for algo in algos],
        [(problem, found['direct'], *(found.get(algo) for algo in algos)) for problem, found in sorted(times.items())],
    )
    return Figure(
        name,
        title,
        beside_direct(times, chosen, algos),
        table,
        f'{isa}, forward, one thread, the {len(chosen)} shapes where another helps most; {conditions(by_machine[machine])}.',
        KERNELS,
        by_machine[machine],
    )


def errors(results):
    """Worst error seen by algorithm, in units of the bound that its row promises."""
    by_machine = of_kind(
        results,
        'kernel',
        lambda row: row['what'].startswith('conv.') and row.get('error_of_bound') is not None and row.get('isa') != 'peer',
    )
    name, title = 'error-bounds', 'Error against the promised bound'
    if not by_machine:
        return Missing(name, title, 'not measured yet', KERNELS)
    machine = main_machine(by_machine)
    worst = {}
    for row in by_machine[machine]:
        worst.setdefault(row['variant'], []).append(row['error_of_bound'])
    top = max(max(values) for values in worst.values())
    title = f"No kernel's error exceeds {top:.2f} of its promised bound"
    items = [
        (variant, Interval(stats.mean(values), None, min(values), max(values), len(values)), None, plot.BLUE)
        for variant, values in sorted(worst.items())
    ]
    table = table_of(
        name,
        title,
        [('variant', 'variant'), ('cases', 'cases'), ('mean', 'mean', 3), ('worst', 'worst', 3)],
        [(variant, len(values), stats.mean(values), max(values)) for variant, values in sorted(worst.items())],
    )
    return Figure(
        name,
        title,
        dots(items, 'error, in units of the bound', zero=1),
        table,
        'Dots: means over problems and directions; lines: least to worst. '
        "The bound is that of the variant's row, checked against double before timing.",
        KERNELS,
        by_machine[machine],
    )


def for_kernels(results):
    return variants(results) + [onednn(results), roofline(results), algorithms(results), errors(results)]
