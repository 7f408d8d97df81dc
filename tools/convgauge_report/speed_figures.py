# SPDX-License-Identifier: MIT
"""Kernels: beside oneDNN, roofline, direct against Winograd against FFT, errors. Timings of machines stand side by side and are never
pooled; where a figure can show one machine only, it is the one with the most rows of its best instruction set."""

from collections import Counter

from . import plot, stats
from .cpu_figures import KERNELS, variants
from .figure import Figure, Missing, dots, dots_beside, log_ticks, table_of
from .machines import SLOW, at_best, conditions, label, main_machine, of_kind
from .tables import Interval


def fastest(rows):
    """(what, problem) -> the fastest of ours."""
    best = {}
    for row in rows:
        key = (row['what'], row['problem'])
        if key not in best or row['us'] < best[key]['us']:
            best[key] = row
    return best


def beside_onednn(best):
    """Operation -> the geometric mean over its problems, from the worst to the best problem."""
    by_op = {}
    for (op, _), row in best.items():
        by_op.setdefault(op, []).append(row['times_onednn'])
    return {op: Interval(stats.geometric_mean(values), None, min(values), max(values), len(values)) for op, values in by_op.items()}


def onednn(results):
    """Every problem: oneDNN's time over that of the fastest of ours, every CPU at its best instruction set."""
    by_machine = at_best(
        results, 'kernel', lambda row: row.get('times_onednn') and row.get('isa') not in SLOW + ('peer',) and row['threads'] == 1
    )
    peers = of_kind(results, 'kernel', lambda row: row['variant'] == 'peer/onednn' and row['threads'] == 1)
    name, title = 'kernels-onednn', 'Kernels against oneDNN'
    if not by_machine:
        return Missing(name, title, 'not measured yet', KERNELS)
    order = sorted(by_machine, key=lambda machine: (-len(by_machine[machine]), machine))
    best = {machine: fastest(by_machine[machine]) for machine in order}
    reach = []
    for machine in order:
        ratios = [row['times_onednn'] for row in best[machine].values()]
        wins = f'oneDNN is faster on {sum(ratio < 1 for ratio in ratios)} of {len(ratios)} lines'
        reach.append(f'{stats.geometric_mean(ratios):.2f}× on {label(machine, results)} ({wins})')
    title = 'The best kernel is ' + ', '.join(reach).replace(' on ', ' as fast as oneDNN on ', 1)
    by_op = {machine: beside_onednn(best[machine]) for machine in order}
    ops = sorted({op for found in by_op.values() for op in found}, key=lambda op: (not op.startswith('conv'), op))
    names = {op: f'{op} ({max(found[op].n for found in by_op.values() if op in found)})' for op in ops}
    series = [
        (label(machine, results), colour, {names[op]: value for op, value in by_op[machine].items()})
        for machine, colour in zip(order, plot.COLOURS)
    ]
    table = table_of(
        name,
        title,
        [
            ('op', 'operation'),
            ('problem', 'problem'),
            ('cpu', 'CPU'),
            ('variant', 'our best'),
            ('us', 'convgauge, us', 2),
            ('times', 'times oneDNN', 2),
        ],
        [
            (what, problem, label(machine, results), row['variant'], row['us'], row['times_onednn'])
            for machine in order
            for (what, problem), row in sorted(best[machine].items())
        ],
    )
    theirs = sorted({row['version'] for machine in order for row in peers.get(machine, ()) if row.get('version')})
    return Figure(
        name,
        title,
        dots_beside(list(names.values()), series, 'times as fast as oneDNN'),
        table,
        'Dots: geometric means over the problems, whose number is in brackets; lines: from the worst to the best problem. '
        f'{"; ".join(conditions(by_machine[machine]) for machine in order)}. One thread, interleaved with '
        f'{", ".join(theirs) or "oneDNN"} in the same run.',
        KERNELS,
        [row for found in best.values() for row in found.values()],
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
    by_machine = at_best(
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
    best = fastest(rows)
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
        f'The fastest convgauge variant per problem, {len(best)} problems. The roof is the FMA peak or, where lower, the rate at which '
        'memory bandwidth moves every tensor once. Winograd and FFT need fewer multiplications than are counted and can exceed it. '
        f'{conditions(rows)}, one thread.' + bare,
        KERNELS,
        best.values(),
    )


MARKERS = (('o', '●'), ('s', '■'), ('^', '▲'))  # four colours each


def beside_direct(times, chosen, algos):
    """A line per shape, a dot per algorithm."""

    def draw():
        lines = 1 + (len(algos) - 1) // 4
        figure, axes = plot.canvas(520, 68 + 16 * lines + 19 * len(chosen))
        for i, problem in enumerate(chosen):
            for k, algo in enumerate(algos):
                if algo in times[problem]:
                    ratio, (marker, _) = times[problem]['direct'] / times[problem][algo], MARKERS[k // 4 % len(MARKERS)]
                    axes.plot([ratio], [i], marker, color=plot.COLOURS[k % 4], markersize=6, linestyle='none')
        axes.axvline(1, color=plot.MUTED, linewidth=1)
        axes.set_xscale('log')
        log_ticks(axes)
        axes.set_yticks(range(len(chosen)), chosen, fontsize=10)
        axes.set_ylim(len(chosen) - 0.4, -0.6)
        axes.set_xlabel('times as fast as direct')
        for k, algo in enumerate(algos):
            _, sign = MARKERS[k // 4 % len(MARKERS)]
            axes.annotate(
                f'{sign} {algo}',
                (k % 4 / 4, 1),
                (0, 5 + 16 * (lines - 1 - k // 4)),
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
    by_machine = at_best(
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
        f'{isa}, forward, one thread, the {len(chosen)} shapes where an algorithm other than direct helps most; '
        f'{conditions(by_machine[machine])}.',
        KERNELS,
        by_machine[machine],
    )


def errors(results):
    """Worst error seen by algorithm, in units of the bound that its row promises."""
    by_machine = at_best(
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
