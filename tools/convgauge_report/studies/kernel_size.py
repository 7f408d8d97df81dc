# SPDX-License-Identifier: MIT
"""The figures of kernel-size: kernels in pairs, learning curves, and accuracy on shifted images."""

from .. import findings, plot
from ..figure import Figure, Missing, curves, dots, table_of
from ..study_figures import (
    BY_RANKS,
    arm_dots,
    arms_sentence,
    band,
    counts,
    data_of,
    learning,
    means,
    means_sentence,
    published_dots,
    rows_of,
    short_note,
)
from ..tables import Interval


def kernel_pairs(study):
    name = 'kernel-size-pairs'
    pairs = [('3x3', '5x5'), ('3x3', '7x7'), ('7x7', '5x5'), ('3x3', 'dense'), ('5x5', 'dense'), ('7x7', 'dense')]
    found, there = [], []
    for a, b in pairs:
        one, other = study.entry(a), study.entry(b)
        family, _ = findings.against(one, other)
        if family:
            told = None if one.short else round(one.told['published'] - other.told['published'], 2)
            found.append((f'{a} − {b}', Interval(family.estimate, None, *family.at(0.05), family.n), told, plot.BLUE))
            there += [one, other]
    if not found:
        return Missing(name, 'Kernel sizes in pairs', 'no rows yet', 'kernel-size')
    title = 'Difference in points: ' + '; '.join(f'{label} {i.mean:+.2f} [{i.low:+.2f}, {i.high:+.2f}]' for label, i, *_ in found[:3])
    table = table_of(
        name,
        title,
        [('pair', 'pair'), ('published', 'published difference', 2), ('difference', 'reproduced, paired [95 %], n', 2)],
        [(label, told, i) for label, i, told, _ in found],
    )
    return Figure(
        name,
        title,
        dots(found, 'difference in test accuracy, points', zero=0),
        table,
        f'Paired by seed on {data_of(there)}, {counts(there)}; {BY_RANKS} '
        "Before Holm's correction, after which the verdicts' intervals are wider. Hollow: the difference of the published values."
        + short_note(there),
        'kernel-size',
        rows_of(there),
    )


def shifts(study):
    name = 'kernel-size-shifts'
    of_pool = study.entry('3x3', study.entry('3x3', 'no pooling').base)
    entries = [
        entry
        for entry in (of_pool, study.entry('3x3', 'no pooling'), study.entry('3x3'), study.entry('dense'))
        if any(row.get('test_acc_shifted') for row in entry.rows)
    ]
    if not entries:
        return Missing(name, 'Accuracy on shifted images', 'no rows yet', 'kernel-size --arms')
    series, lines = [], []
    for entry, colour in zip(entries, plot.COLOURS):
        xs, means, lows, highs = band([row for row in entry.rows if row.get('test_acc_shifted')], 'test_acc_shifted')
        xs = [x - 1 for x in xs]
        series.append((entry.name, xs, means, lows, highs, colour, False))
        lines += [(entry.name, x, value) for x, value in zip(xs, means)]
    title = 'Points lost to shifts by up to 4 pixels: ' + ', '.join(
        f'{means[0] - means[-1]:.1f} ({label})' for label, _, means, *_ in series
    )
    return Figure(
        name,
        title,
        curves(series, 'largest shift, pixels', 'test accuracy, %'),
        table_of(name, title, [('net', 'net'), ('shift', 'shift, px'), ('mean', 'test accuracy, %', 2)], lines),
        f'Test images of {data_of(entries)} shifted at random by up to so many pixels each way, {counts(entries)}.' + short_note(entries),
        'kernel-size --arms',
        rows_of(entries),
    )


def figures(study):
    ends = means(study.cells, 'gap')
    title = 'Train minus test at the end: ' + ', '.join(f'{entry.cell} {s.mean:.1f}' for entry, s in ends) if ends else 'Learning curves'
    return [
        kernel_pairs(study),
        published_dots(study, means_sentence),
        learning(study, 'kernel-size-curves', study.cells, title),
        shifts(study),
        arm_dots(study, study.arms, 'kernel-size-changes', arms_sentence),
    ]
