# SPDX-License-Identifier: MIT
"""The figures of each study, the card's first: the one that shows what became of the claim. All is drawn from rows; a title is a sentence
made from their numbers."""

import statistics

from . import findings, metrics, plot, verdicts
from .canvas_figures import share, vanishing_canvas
from .figure import MEAN_WITH, Figure, Missing, curves, dots, table_of
from .study_figures import (
    BY_RANKS,
    arm_dots,
    arms_sentence,
    band,
    counts,
    data_of,
    learning,
    mean,
    published_dots,
    rows_of,
    short_note,
    small_runs,
    spread,
)
from .tables import Interval, interval

# ---- mnist-architectures -------------------------------------------------------------------------------------------------------


def architectures_sentence(lines):
    said = [findings.of_cell(entry)[0] for entry, _, told in lines if told is not None and not entry.arm]
    inside = said.count(findings.INSIDE)
    return (
        f'{inside} of {len(said)} published accuracies lie in our prediction interval for a single run'
        if said
        else 'Ours, without comparable runs yet'
    )


def label_of(found):
    """What a gain is about, and after how many epochs where both sides are cut there."""
    metric = found.claim['metric']
    after = f', after {metric["at"]:g} epochs' if metric['key'] == 'epoch_test_acc' else ''
    return f'{found.claim["says"].split(":")[0]}: {found.of[0].cell} − {found.than[0].cell}{after}'.replace(
        'after 1 epochs', 'after 1 epoch'
    )


def gain(found):
    return Interval(found.family.estimate, None, found.low, found.high, found.family.n)


def deltas(study):
    """The article's own gains beside ours, paired."""
    name = 'mnist-architectures-gains'
    found = [f for f in verdicts.findings(study) if f.claim['size'] and f.than]
    if not found:
        return Missing(name, 'Published gains beside ours', 'no rows yet', 'mnist-architectures --arms')
    held = sum(f.verdict == verdicts.SUPPORTED for f in found)
    title = f'{held} of {len(found)} published gains lie in our interval for the same comparison'
    items = [(label_of(f), gain(f), f.claim['size'], plot.BLUE) for f in found]
    table = table_of(
        name,
        title,
        [('claim', 'claim'), ('published', 'published gain', 2), ('difference', 'ours, paired [interval], n', 2), ('verdict', 'verdict')],
        [(f.claim['says'], f.claim['size'], gain(f), verdicts.words(f)) for f in found],
    )
    there = [f.of[0] for f in found]
    return Figure(
        name,
        title,
        dots(items, 'gain in test accuracy, points', width=560, zero=0),
        table,
        f'Differences of test accuracy, paired by seed, {counts(there)}, on {data_of(there)}, with the intervals that the verdicts rest '
        "on, at the level that Holm's correction leaves. Hollow: published." + short_note(there),
        'mnist-architectures --arms',
        rows_of(there),
    )


def recipe_panels(study, panels):
    """A panel per net, a line per recipe."""
    names = list(dict.fromkeys(entry.arm or 'as guessed' for _, entries in panels for entry in entries))

    def draw():
        figure, all_axes = plot.canvas(190 * len(panels) + 150, 60 + 21 * len(names), 1, len(panels), squeeze=False, sharey=True)
        for axes, (exp, entries) in zip(all_axes[0], panels):
            axes.axvline(study.entry(exp).told['published'], color=plot.INK, linewidth=1, linestyle=(0, (4, 2)))
            for entry in entries:
                i, s = names.index(entry.arm or 'as guessed'), mean(entry)
                if s.low is not None:
                    axes.plot([s.low, s.high], [i, i], color=plot.BLUE, linewidth=2)
                plot.dot(axes, s.mean, i, size=6)
            axes.set_title(exp)
            axes.set_xlabel('test accuracy, %')
            plot.grid(axes)
            plot.few_ticks(axes, 4)
            axes.spines['left'].set_visible(False)
        all_axes[0][0].set_yticks(range(len(names)), names)
        all_axes[0][0].set_ylim(len(names) - 0.4, -0.6)
        return figure

    return draw


def recipe_search(study):
    name = 'mnist-architectures-recipes'
    panels = [
        (exp, [study.entry(exp)] + [entry for entry in study.arms if entry.cell == exp and 'search' in entry.told['tests']])
        for exp in ('exp1', 'exp2', 'exp3')
    ]
    panels = [(exp, [entry for entry in entries if entry.rows]) for exp, entries in panels]
    panels = [(exp, entries) for exp, entries in panels if entries]
    if not panels:
        return Missing(name, 'Which recipe explains the first three published values', 'no rows yet', 'mnist-architectures --arms')
    lines, nearest = [], []
    for exp, entries in panels:
        told = study.entry(exp).told['published']
        best = min(entries, key=lambda entry: abs(mean(entry).mean - told))
        nearest.append(f"{exp}'s {told:.2f} {best.arm or 'as guessed'}, {spread(best)}")
        lines += [
            (exp, entry.arm or 'the guessed recipe', told, interval(mean(entry)), findings.beside(told, mean(entry), entry)[0])
            for entry in entries
        ]
    title = 'Nearest come to ' + '; to '.join(nearest)
    there = [entry for _, entries in panels for entry in entries]
    table = table_of(
        name,
        title,
        [
            ('exp', 'net'),
            ('recipe', 'recipe'),
            ('published', 'published', 2),
            ('ours', 'mean ± sd [95 % CI], n', 2),
            ('verdict', 'verdict'),
        ],
        lines,
    )
    return Figure(
        name,
        title,
        recipe_panels(study, panels),
        table,
        f'Test accuracy on {data_of(there)}, {counts(there)}. {MEAN_WITH} Dashed: published. A recipe explains a published '
        'value that lies in its prediction interval for a single run.' + short_note(there),
        'mnist-architectures --arms',
        rows_of(there),
    )


def mnist_architectures(study):
    first = published_dots(study, architectures_sentence, extra=[study.entry('exp5', 'tested on the training set')])
    long = [study.entry('exp4'), study.entry('exp5')]
    ends = [(entry, mean(entry)) for entry in long if entry.rows]
    title = (
        'After the last epoch ' + ' and '.join(f'{entry.cell} is at {s.mean:.2f} %' for entry, s in ends)
        if ends
        else 'Learning curves of exp4 and exp5'
    )
    return [
        first,
        deltas(study),
        recipe_search(study),
        learning(study, 'mnist-architectures-curves', long, title, ylim=(97, 99.8)),
        arm_dots(study, study.arms, 'mnist-architectures-changes', arms_sentence),
    ]


# ---- scratch-cnn ---------------------------------------------------------------------------------------------------------------

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


def scratch_cnn(study):
    sets = published_dots(study, sets_sentence, cells=study.cells[1:])
    on_mnist = [entry for entry in study.arms if entry.cell == 'mnist']
    return [bug_curves(study), sets, arm_dots(study, on_mnist, 'scratch-cnn-changes', arms_sentence)]


# ---- kernel-size ---------------------------------------------------------------------------------------------------------------


def kernels_sentence(lines):
    order = sorted(lines, key=lambda line: -line[1].mean)
    return 'Our means, in order: ' + ', '.join(f'{entry.cell} {s.mean:.2f}' for entry, s, _ in order)


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
    title = '; '.join(f'{label}: {i.mean:+.2f} [{i.low:+.2f}, {i.high:+.2f}]' for label, i, *_ in found[:3])
    table = table_of(
        name,
        title,
        [('pair', 'pair'), ('published', 'published difference', 2), ('difference', 'ours, paired [95 %], n', 2)],
        [(label, told, i) for label, i, told, _ in found],
    )
    return Figure(
        name,
        title,
        dots(found, 'difference in test accuracy, points', zero=0),
        table,
        f'Paired by seed on {data_of(there)}, {counts(there)}; {BY_RANKS} Hollow: the difference of the published values.'
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
    title = (
        'Shifts by up to 4 pixels cost ' + ', '.join(f'{label} {means[0] - means[-1]:.1f}' for label, _, means, *_ in series) + ' points'
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


def kernel_size(study):
    ends = [(entry, mean(entry, 'gap')) for entry in study.cells if entry.rows]
    title = (
        'Train minus test at the end: ' + ', '.join(f'{entry.cell} {s.mean:.1f}' for entry, s in ends if s) if ends else 'Learning curves'
    )
    return [
        kernel_pairs(study),
        published_dots(study, kernels_sentence),
        learning(study, 'kernel-size-curves', study.cells, title),
        shifts(study),
        arm_dots(study, study.arms, 'kernel-size-changes', arms_sentence),
    ]


# ---- compact-net ---------------------------------------------------------------------------------------------------------------


def log_curve(study):
    told = sorted((figure['metric']['at'], figure['value']) for figure in study.published if figure['metric']['key'] == 'epoch_test_acc')
    entry = study.entry('published')
    last, best = mean(entry), mean(entry, 'best_test_acc')
    title = (
        f"The last epoch's mean is {last.mean:.2f} %; the best epoch, chosen on the test set, gives {best.mean:.2f}, "
        f'published {entry.told["published"]}'
        if last
        else 'The published log beside ours'
    )
    return learning(
        study,
        'compact-net-log',
        [entry],
        title,
        published=[('published', [int(at) for at, _ in told], [y for _, y in told])],
        ylim=(97.8, 99.7),
    )


def running(study):
    entries = [study.entry('published', '10,000 images'), study.entry('published', 'no dropout on the logits')]
    ends = [(entry, mean(entry, 'running_acc')) for entry in entries if entry.rows]
    title = (
        'On 10,000 images running train accuracy ends at '
        + ' and '.join(f'{s.mean:.1f} % {"without" if entry is entries[1] else "with"} dropout on the logits' for entry, s in ends)
        if ends
        else 'Dropout on the logits'
    )
    return learning(study, 'compact-net-running', entries, title, 'train_acc_running_per_epoch', 'running train accuracy, %')


def compact_net(study):
    return [log_curve(study), arm_dots(study, study.arms, 'compact-net-changes', arms_sentence), running(study)]


def any_study(study):
    return [published_dots(study, kernels_sentence), arm_dots(study, study.arms, study.name + '-changes', arms_sentence)]


MAKERS = {  # of a study that has figures of its own
    'vanishing-canvas': vanishing_canvas,
    'mnist-architectures': mnist_architectures,
    'scratch-cnn': scratch_cnn,
    'kernel-size': kernel_size,
    'compact-net': compact_net,
}


def figures(study):
    return MAKERS.get(study.name, any_study)(study)
