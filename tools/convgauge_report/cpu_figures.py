# SPDX-License-Identifier: MIT
"""Which kernel, on which CPU: every variant, the CPUs side by side; and what was forced to a lesser instruction set beside its best."""

from itertools import groupby

from . import plot, stats
from .figure import Figure, Missing, dot_panels
from .machines import RANK, SLOW, conditions, forced, isa_words, label, main_machine, of_kind, slug
from .tables import Table

KERNELS = 'bench-kernels'
DIRECTIONS = {'fwd': 'forward', 'bwd_data': 'gradient of the input', 'bwd_weights': 'gradient of the weights'}
PANELS = 2


def columns_of(by_machine):
    """(machine, isa) -> (what, algo) -> problem -> row. A peer stands with the ISA that it was interleaved with: oneDNN is held to it."""
    found = {}
    for machine, rows in by_machine.items():
        for (what, problem), group in groupby(rows, key=lambda row: (row['what'], row['problem'])):
            group = list(group)
            own = {row['isa'] for row in group if row['isa'] in RANK}
            beside = max(own - {'scalar'} or own, key=RANK.index, default=None)
            for row in group:
                isa = row['isa'] if row['isa'] in RANK and row['isa'] != 'scalar' else beside
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
        who = "auto's choice" if best[1] == 'auto' else best[1]
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
        'In brackets: how many shapes a variant supports; auto: what the planner chooses for each. Blue: convgauge; green: oneDNN and '
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
    for column in held if held != free else ():  # the compiler's own loops are compiled for the machine: nothing holds them to less
        cells[column] = {key: found for key, found in cells[column].items() if key[1] != 'peer/autovec'}
        best = [other for other in free if other[0][1] == column[0][1]]
        name = f'kernels-forced-{column[1]}-{slug(column[0][1])}'
        figures.append(beside(name, cells, [*best, column], results, FORCED_WORDS[column[1] in SLOW]))
    return figures


HELD = ' Forced: the same machine limited to a lesser instruction set'
FORCED_WORDS = (
    HELD + ', and oneDNN with it.',
    HELD
    + ". Portable is not a baseline but the reference for the bits: plain C, compiled at -O1, whose fused multiply-add is the C library's.",
)
