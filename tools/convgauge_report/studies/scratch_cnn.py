# SPDX-License-Identifier: MIT
"""The figures of scratch-cnn: the loss on one image bug by bug, and what right gradients reach on whole sets."""

import statistics

from .. import metrics
from ..figure import Missing, table_of
from ..study_figures import arm_dots, arms_sentence, mean, published_dots, share, small_runs
from ..tables import interval

BUGS = (
    '',
    'gradient ascent',
    'scalar bias gradients',
    'dW in place of W',
    'no derivative',
    'half a pool',
    'all five bugs',
    'all but the ascent',
)


def bug_curves(study):
    name = 'scratch-cnn-bugs'
    entries = [study.entry('published', f'{bug} at 0.01' if bug else 'lr 0.01') for bug in BUGS]
    fits = [(entry, share(entry, 'fitted')) for entry in entries if entry.rows]
    if not fits:
        return Missing(name, 'The loss on one image, bug by bug', 'no rows yet', 'scratch-cnn --arms')
    right = [pair for entry, pair in fits if entry.arm == 'lr 0.01']
    stopped = [entry.arm.replace(' at 0.01', '') for entry, (count, n) in fits if count == 0 and entry.arm != 'lr 0.01']
    title = (f'Right gradients fit the image in {right[0][0]} of {right[0][1]} runs; ' if right else '') + (
        f'never fitted: {", ".join(stopped)}' if stopped else 'no bug alone keeps every run from it'
    )
    figure = small_runs(study, name, entries, title, 'train_loss_per_epoch', 'training loss', log=True)
    figure.caption += ' Rate 0.01; fitted: a loss below 0.1 after 500 steps.'
    figure.table = table_of(
        name,
        title,
        [('arm', 'arm'), ('fitted', 'runs fitted'), ('n', 'of'), ('steps', 'steps until fitted: mean ± sd [95 % CI], n', 0)],
        [(entry.arm, count, n, interval(mean(entry, 'steps_to_fit'))) for entry, (count, n) in fits],
    )
    return figure


def sets_sentence(lines):
    told = []
    for entry, _, _ in lines:
        values = [value for _, value in metrics.values(entry.rows, {'key': 'test_acc', 'at': 0})]
        dead = sum(value < metrics.FAILS for value in values)
        told.append(f'{statistics.median(values):.1f} % on {entry.cell}' + (f' ({dead} of {len(values)} runs fail)' if dead else ''))
    return 'With right gradients the net learns; medians: ' + ', '.join(told)


def figures(study):
    sets = published_dots(study, sets_sentence, cells=study.cells[1:])
    on_mnist = [entry for entry in study.arms if entry.cell == 'mnist']
    return [bug_curves(study), sets, arm_dots(study, on_mnist, 'scratch-cnn-changes', arms_sentence)]
