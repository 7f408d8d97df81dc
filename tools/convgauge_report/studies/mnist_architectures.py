# SPDX-License-Identifier: MIT
"""The figures of mnist-architectures: published gains beside ours, and which recipe explains the first three values."""

from .. import findings, plot, verdicts
from ..figure import MEAN_WITH, Figure, Missing, dots, table_of
from ..study_figures import arm_dots, arms_sentence, counts, data_of, learning, mean, means, published_dots, rows_of, short_note, spread
from ..tables import Interval, interval


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
        [
            ('claim', 'claim'),
            ('published', 'published gain', 2),
            ('difference', 'reproduced, paired [interval], n', 2),
            ('verdict', 'verdict'),
        ],
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
    panels = [(exp, [entry for entry, _ in means(entries)]) for exp, entries in panels]
    panels = [(exp, entries) for exp, entries in panels if entries]
    if not panels:
        return Missing(name, 'Which recipe explains the first three published values', 'no rows yet', 'mnist-architectures --arms')
    lines, nearest = [], []
    for exp, entries in panels:
        told = study.entry(exp).told['published']
        best = min(entries, key=lambda entry: abs(mean(entry).mean - told))
        nearest.append(f"{exp}'s {told:.2f}: {best.arm or 'as guessed'}, {spread(best)}")
        lines += [
            (exp, entry.arm or 'the guessed recipe', told, interval(mean(entry)), findings.beside(told, mean(entry), entry)[0])
            for entry in entries
        ]
    title = 'The closest recipe to ' + '; to '.join(nearest)
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


def figures(study):
    first = published_dots(study, architectures_sentence, extra=[study.entry('exp5', 'tested on the training set')])
    long = [study.entry('exp4'), study.entry('exp5')]
    ends = means(long)
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
