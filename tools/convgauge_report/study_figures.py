# SPDX-License-Identifier: MIT
"""What several studies draw in the same way: published beside reproduced, learning curves with bands, arms beside what they change,
accuracy against parameters. Titles are sentences made from the numbers; where there are no rows a figure says so and how to make them."""

from . import findings, metrics, plot, stats
from .figure import MEAN_WITH, Figure, Missing, curves, dots, log_ticks, small, table_of
from .tables import Interval, interval

NEAR = 0.25  # points below the best that still count as its class: the article's own gap between exp4 and exp5

ACCURACY = 'test accuracy, %'


def command(study, entries):
    """The program's own words for these runs."""
    if all(not entry.arm for entry in entries):
        cells = {entry.cell for entry in entries}
        return study.name + (f' --filter {study.name}/{entries[0].cell}' if len(cells) == 1 and len(study.cells) > 1 else '')
    if len(entries) == 1:
        return f'{study.name} --filter "{study.name}/{entries[0].cell}/{entries[0].arm}"'
    return study.name + ' --arms'


def share(entry, key, at=0):
    """(count, n) of runs."""
    values = metrics.values(entry.rows, {'key': key, 'at': at})
    return int(sum(value for _, value in values)), len(values)


def share_interval(entry, key, at=0):
    count, n = share(entry, key, at)
    return Interval(count / n, None, *stats.wilson(count, n), n) if n else None


def rows_of(entries):
    return [row for entry in entries for row in entry.rows]


def trained(entry):
    """Runs that did not diverge: those that did have no accuracy, and curves that end early. They are counted, never averaged."""
    return [row for row in entry.rows if not metrics.diverged(row)]


def short_note(entries):
    """Said under every figure with runs that are not the study's own, or that have no accuracy."""
    kinds = sorted({f'{entry.short}' for entry in entries if entry.short})
    runs = rows_of(entries)
    gone = sum(metrics.diverged(row) for row in runs)
    return (f' Not comparable with what was published: {", ".join(kinds)}.' if kinds else '') + (
        f' {gone} of {len(runs)} runs diverged and have no accuracy.' if gone else ''
    )


def counts(entries):
    """ "n = 10" or "n = 5 to 10"."""
    ns = sorted({len(entry.rows) for entry in entries})
    return f'n = {ns[0]}' if len(ns) == 1 else f'n = {ns[0]} to {ns[-1]}'


def data_of(entries):
    return ', '.join(sorted({entry.data for entry in entries}))


def mean(entry, key='test_acc', at=0):
    """Intervals of per cents end at 0 and 100."""
    s = stats.summarize([value for _, value in metrics.values(entry.rows, {'key': key, 'at': at})])
    return s if not s or s.low is None or not key.endswith('_acc') else s._replace(low=max(0.0, s.low), high=min(100.0, s.high))


def means(entries, key='test_acc'):
    """(entry, mean) of those of which some run has a value."""
    found = [(entry, mean(entry, key)) for entry in entries]
    return [(entry, s) for entry, s in found if s]


def short_name(entry):
    return entry.arm or entry.cell


# ---- published beside reproduced -----------------------------------------------------------------------------------------------


def published_dots(study, title_of, cells=None, extra=()):
    """title_of(lines) makes the sentence; lines are (entry, summary, published)."""
    name = study.name + '-published'
    wanted = [entry for entry in (cells or study.cells)] + list(extra)
    there = [entry for entry in wanted if trained(entry)]
    if not there:
        return Missing(name, 'Published beside reproduced', 'no rows yet', command(study, study.cells))
    lines = [(entry, mean(entry), None if entry.short else entry.told['published']) for entry in there]
    items = [(short_name(entry), summary, told, plot.BLUE) for entry, summary, told in lines]
    table = table_of(
        name,
        title_of(lines),
        [('cell', 'cell'), ('published', 'published', 2), ('ours', 'mean ± sd [95 % CI], n', 2)],
        [(entry.name, entry.told['published'], interval(summary)) for entry, summary, _ in lines],
    )
    absent = [entry.name for entry in wanted if not entry.rows]
    caption = (
        f'Test accuracy after the last epoch on {data_of(there)}, {counts(there)}. {MEAN_WITH} Hollow: published, one run.'
        + (f' No rows yet: {", ".join(absent)}.' if absent else '')
        + short_note([entry for entry in wanted if entry.rows])
    )
    return Figure(name, title_of(lines), dots(items, ACCURACY), table, caption, command(study, study.cells), rows_of(there))


# ---- learning curves -----------------------------------------------------------------------------------------------------------


def band(rows, curve):
    """(epochs, means, lows, highs) over runs; the band is the mean's 95 % interval."""
    length = min(len(row[curve]) for row in rows)
    columns = [[row[curve][i] for row in rows if row[curve][i] is not None] for i in range(length)]
    found = [(i + 1, stats.summarize(column)) for i, column in enumerate(columns) if column]
    xs, means = [i for i, _ in found], [s.mean for _, s in found]
    if any(s.low is None for _, s in found):
        return xs, means, None, None
    return xs, means, [s.low for _, s in found], [s.high for _, s in found]


def learning(study, name, entries, title, curve='test_acc_per_epoch', ylabel=ACCURACY, published=(), log=False, ylim=None):
    """published: (name, xs, ys) drawn dashed."""
    there = [entry for entry in entries if trained(entry) and all(row.get(curve) for row in trained(entry))]
    if not there:
        return Missing(name, title, 'no rows yet', command(study, entries))
    series = [
        ('reproduced' if published else short_name(entry), *band(trained(entry), curve), plot.COLOURS[i % 4], False)
        for i, entry in enumerate(there)
    ]
    series += [(label, xs, ys, None, None, plot.INK, True) for label, xs, ys in published]
    marks = sorted({x for _, xs, *_ in series for x in (xs[0], xs[len(xs) // 2], xs[-1])})
    table = table_of(
        name,
        title,
        [('line', 'line'), ('epoch', 'epoch'), ('mean', 'mean', 3), ('low', '95 % from', 3), ('high', 'to', 3)],
        [
            (label, x, ys[i], lows[i] if lows else None, highs[i] if highs else None)
            for label, xs, ys, lows, highs, *_ in series
            for i, x in enumerate(xs)
            if len(xs) <= 30 or x in marks
        ],
    )
    caption = (
        f'{ylabel[0].upper()}{ylabel[1:]} on {data_of(there)}, {counts(there)}; lines are means, bands 95 % intervals of the mean.'
        + (' Dashed: published, one run.' if published else '')
        + short_note(there)
    )
    return Figure(name, title, curves(series, 'epoch', ylabel, log=log, ylim=ylim), table, caption, command(study, there), rows_of(there))


# ---- arms ----------------------------------------------------------------------------------------------------------------------


def arm_dots(study, entries, name, title_of):
    """Paired differences from what each arm changes."""
    lines = [(entry, findings.against_base(entry)[0]) for entry in entries if not entry.bf16]
    lines = sorted([(entry, family) for entry, family in lines if family], key=lambda line: -line[1].estimate)
    if not lines:
        return Missing(name, 'What each change does', 'no arm has rows yet beside what it changes', study.name + ' --arms')
    items = [
        (
            entry.name if len(study.cells) > 1 else entry.arm,
            Interval(family.estimate, None, *family.at(0.05), family.n),
            None,
            colour_of(family),
        )
        for entry, family in lines
    ]
    table = table_of(
        name,
        title_of(lines),
        [('arm', 'arm'), ('against', 'against'), ('difference', 'difference [95 %], n', 2)],
        [(entry.name, entry.base or 'the cell', item[1]) for (entry, _), item in zip(lines, items)],
    )
    there = [entry for entry, _ in lines]
    caption = (
        f'Test accuracy minus that of what the arm changes, paired by seed, on {data_of(there)}, {counts(there)}; {BY_RANKS} '
        'Colours, each change by itself: blue, the interval lies above zero; orange, below; green, it contains zero. The title counts '
        "the changes that remain after Holm's correction over all of them." + short_note(there)
    )
    return Figure(
        name,
        title_of(lines),
        dots(items, 'difference in test accuracy, points', width=520, zero=0),
        table,
        caption,
        study.name + ' --arms',
        rows_of(there),
    )


BY_RANKS = "Hodges and Lehmann's estimate with the 95 % interval of the signed-rank test, with fewer than 8 seeds the mean and Student's t."


def colour_of(family):
    low, high = family.at(0.05)
    return plot.BLUE if low > 0 else plot.ORANGE if high < 0 else plot.GREEN


def arms_sentence(lines):
    bases = {(entry.cell, entry.base) for entry, _ in lines}  # what others change is itself the cell on fewer images
    changes = [(entry, family) for entry, family in lines if (entry.cell, entry.arm) not in bases] or lines
    edges = stats.holm_edges([family for _, family in changes])
    up, down = sum(low > 0 for low, _ in edges), sum(high < 0 for _, high in edges)
    best, family = changes[0]
    low, high = family.at(0.05)
    return (
        f'Of {len(changes)} changes {up} raise{"s" if up == 1 else ""} the test accuracy and {down} lower{"s" if down == 1 else ""} it, '
        f'Holm-corrected; the largest gain is that of "{best.arm}", {family.estimate:+.2f} [{low:+.2f}, {high:+.2f}] by itself'
    )


# ---- accuracy against parameters -----------------------------------------------------------------------------------------------


# Single runs on MNIST that others claim, none with an interval: parameters, test accuracy, whose. The first was chosen on the test set;
# the fourth says "above". Of those with no name the source is lost to us.
ELSEWHERE = {
    'mnist': (
        (697, 99.03, 'one run, chosen on the test set'),
        (1936, 99.10, 'one run'),
        (4967, 98.42, 'one run, github.com/aknakshay/MNIST-Challenge'),
        (7070, 99.4, 'one run, above it, github.com/nitin-vig/ERAv4S6'),
        (15794, 99.59, 'one run'),
    ),
    'fashion-mnist': (),
}


MARK = ' (chosen on the test set)'


def frontier_points(there, told, data):
    """Ours filled, published hollow."""

    def draw():
        figure, axes = plot.canvas(520, 300)
        for parameters, value in told:
            plot.dot(axes, parameters, value, hollow=True)
        for entry in there:
            s = mean(entry)
            colour = plot.ORANGE if entry.chosen else plot.BLUE
            axes.plot([entry.told['parameters']] * 2, [s.low, s.high], color=colour, linewidth=2)
            plot.dot(axes, entry.told['parameters'], s.mean, colour, size=6)
        axes.set_xscale('log')
        axes.set_xlabel('parameters')
        axes.set_ylabel(ACCURACY)
        floor = min([mean(entry).low for entry in there] + [99 if data == 'mnist' else 88])
        axes.set_ylim(max(floor - 0.2, 95 if data == 'mnist' else 80), min(axes.get_ylim()[1], 100))
        log_ticks(axes)
        plot.grid(axes, 'both')
        return figure

    return draw


def spread(entry):
    s = mean(entry)
    return f'{s.mean:.2f}' + (f' [{s.low:.2f}, {s.high:.2f}]' if s.low is not None else '')


def frontier(studies, data='mnist'):
    """All nets on one data set, whatever the study; published points hollow."""
    name = 'accuracy-parameters-' + data
    program = {'mnist': 'compact-net --arms', 'fashion-mnist': 'kernel-size --arms'}[data]
    best = {}
    for study in studies.values():
        for entry in study.entries:
            if (
                trained(entry)
                and not entry.short
                and not entry.bf16
                and entry.rows[0]['data'] == data
                and 'select' not in entry.told['recipe']
                and 'permute' not in entry.told['recipe']
                and len(entry.rows) > 1
            ):
                key = entry.told['net']
                if key not in best or mean(entry).mean > mean(best[key]).mean:
                    best[key] = entry
    there = sorted(best.values(), key=lambda entry: entry.told['parameters'])
    told = [
        (entry.told['parameters'], entry.told['published'])
        for study in studies.values()
        for entry in study.cells
        if entry.told['published'] and entry.told['data'] == data and 'select' not in entry.told['recipe']
    ] + [(parameters, value) for parameters, value, _ in ELSEWHERE[data]]
    if not there:
        return Missing(name, f'Accuracy against parameters on {data}', 'no rows of whole runs yet', program)
    honest = [entry for entry in there if not entry.chosen] or there
    top = max(honest, key=lambda entry: mean(entry).mean)
    near = next(entry for entry in honest if mean(entry).mean >= mean(top).mean - NEAR)
    title = f'{top.told["parameters"]:,} parameters give {spread(top)} % on {data}'
    title += f'; {near.told["parameters"]:,} give {spread(near)} %' if near is not top else ''

    table = table_of(
        name,
        title,
        [
            ('study', 'study'),
            ('net', 'cell or arm'),
            ('parameters', 'parameters'),
            ('published', 'published', 2),
            ('ours', 'mean ± sd [95 % CI], n', 2),
        ],
        [
            (entry.study.name, entry.name + MARK * entry.chosen, entry.told['parameters'], entry.told['published'], interval(mean(entry)))
            for entry in there
        ]
        + [('elsewhere', whose, parameters, value, None) for parameters, value, whose in ELSEWHERE[data]],
    )
    caption = (
        f'Test accuracy after the last epoch on {data}, {counts(there)}; per net the recipe with the highest mean on the test set, '
        f'which favours nets with many arms. {MEAN_WITH} '
        'Orange: chosen on the test set by trials with one seed, which raises their means, so the title leaves them out. '
        'Hollow: published, one run each, as published (some were measured on other sets: see the studies; on MNIST also what is claimed '
        'elsewhere). Points below the axis are left out.'
    )
    return Figure(name, title, frontier_points(there, told, data), table, caption, program, rows_of(there))


def small_runs(study, name, entries, title, curve='test_acc_per_epoch', ylabel=ACCURACY, log=False, columns=2):
    """Every run a line, a panel per entry."""
    there = [entry for entry in entries if entry.rows]
    if not there:
        return Missing(name, title, 'no rows yet', command(study, entries))

    def draw_one(axes, i):
        for row in there[i].rows:
            axes.plot(
                range(1, len(row[curve]) + 1),
                [float('nan') if v is None else v for v in row[curve]],
                color=plot.BLUE,
                linewidth=1,
                alpha=0.5,
            )
        if log:
            axes.set_yscale('log')
        axes.set_xlabel('epoch')
        if i % columns == 0:
            axes.set_ylabel(ylabel)

    last = [[row[curve][-1] for row in entry.rows if row[curve] and row[curve][-1] is not None] for entry in there]
    table = table_of(
        name,
        title,
        [('entry', 'cell or arm'), ('n', 'n'), ('least', 'least at the end', 2), ('median', 'median', 2), ('most', 'most', 2)],
        [
            (entry.name, len(values), min(values), sorted(values)[len(values) // 2], max(values))
            if values
            else (entry.name, 0, None, None, None)
            for entry, values in zip(there, last)
        ],
    )
    caption = f'{ylabel[0].upper()}{ylabel[1:]} on {data_of(there)}; every line a run, {counts(there)}.' + short_note(there)
    return Figure(
        name,
        title,
        small([short_name(entry).replace(' at 0.01', '') for entry in there], draw_one, columns),
        table,
        caption,
        command(study, there),
        rows_of(there),
    )


def means_sentence(lines):
    order = sorted(lines, key=lambda line: -line[1].mean)
    return 'Reproduced means, in order: ' + ', '.join(f'{entry.cell} {s.mean:.2f}' for entry, s, _ in order)
