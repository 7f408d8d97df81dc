# SPDX-License-Identifier: MIT
"""The figures of vanishing-canvas: how often training fails by depth and by arm, and what is left of the signal before training starts."""

import statistics

from .. import metrics, plot, stats
from ..figure import Figure, Missing, curves, dots, points, small, table_of
from ..study_figures import counts, data_of, means, rows_of, share, share_interval, short_note, small_runs
from ..tables import Interval

BASE = '300 images'  # what the other arms change
FAIL_LINES = ((BASE, 'shrinking pool'), ('no pool', 'no pool'), ('batch norm', 'batch norm'), ('He init, /255', 'He init, /255'))
DEPTHS = (5, 8, 9, 10, 11, 12, 15)


def fail_sentence(study):
    parts = []
    for arm, words in ((BASE, 'with the shrinking pool'), ('no pool', 'without any pool'), ('batch norm', 'with batch norm')):
        entry = study.entry('d10', arm)
        if entry.rows:
            count, n = share(entry, 'failed')
            parts.append(f'{count} of {n} {words}')
    return f'At ten layers, on {BASE}, training fails in ' + ', '.join(parts) if parts else 'How often training fails, by depth'


def cut_words(study):
    """Which of the cells stop before the article's last update."""
    updates = {entry.cell: entry.told['epochs'] for entry in study.cells}
    least, most = min(updates.values()), max(updates.values())
    whole = [cell[1:] for cell, at in updates.items() if at == most]
    return f', {least} of its {most} updates but for {" and ".join(whole)} layers' if least < most else ''


def fail_by_depth(study):
    name, series, lines, there = 'vanishing-canvas-failures', [], [], []
    sides = [(arm, words, study.some([f'd{d}' for d in DEPTHS], arm)) for arm, words in FAIL_LINES]
    if not any(entry.rows for entry in study.cells) and not any(entry.rows for _, _, side in sides for entry in side):
        return Missing(name, 'How often training fails, by depth', 'no rows yet', 'vanishing-canvas --arms')
    for k, (_, words, side) in enumerate(sides):
        side = [entry for entry in side if entry.rows]
        found = [(int(entry.cell[1:]), share_interval(entry, 'failed'), entry) for entry in side]
        if found:
            series.append(
                (
                    words,
                    [d for d, *_ in found],
                    [i.mean * 100 for _, i, _ in found],
                    [i.low * 100 for _, i, _ in found],
                    [i.high * 100 for _, i, _ in found],
                    plot.COLOURS[k],
                    False,
                )
            )
        lines += [(words, d, share(entry, 'failed')[0], i.n, 100 * i.low, 100 * i.high) for d, i, entry in found]
        there += side
    own = [(int(entry.cell[1:]), share_interval(entry, 'failed'), entry) for entry in study.cells if entry.rows]
    if own:
        series.append(("article's own", [d for d, *_ in own], [100 * i.mean for _, i, _ in own], None, None, plot.INK, True))
        lines += [
            ("the article's own runs, 10,000 images", d, share(entry, 'failed')[0], i.n, 100 * i.low, 100 * i.high) for d, i, entry in own
        ]
        there += [entry for *_, entry in own]
    table = table_of(
        name,
        fail_sentence(study),
        [('line', 'arm'), ('depth', 'layers'), ('failed', 'failed'), ('n', 'of runs'), ('low', '95 % from, %', 0), ('high', 'to, %', 0)],
        lines,
    )
    caption = (
        f"Share of runs that end below 20 % test accuracy, on {data_of(there)}, {counts(there)}; lines are Wilson's 95 % intervals. Arms "
        f"train on few images with the article's recipe; dashed: the article's own runs on 10,000{cut_words(study)}." + short_note(there)
    )
    return Figure(
        name,
        fail_sentence(study),
        points(series, 'layers', 'runs that fail, %', ylim=(-3, 103)),
        table,
        caption,
        'vanishing-canvas --arms',
        rows_of(there),
    )


def fail_by_arm(study):
    name = 'vanishing-canvas-arms-at-10'
    there = [entry for entry in study.arms if entry.cell == 'd10' and entry.rows]
    if not there:
        return Missing(name, 'What keeps ten layers from failing', 'no rows yet', 'vanishing-canvas --arms')
    found = sorted(((entry, share_interval(entry, 'failed')) for entry in there), key=lambda pair: pair[1].mean)
    changes = [entry for entry, _ in found if entry.arm != BASE]
    against = share(study.entry('d10', BASE), 'failed')
    apart = [stats.shares_differ([(share(entry, 'failed'), against)]) for entry in changes] if against[1] else []
    good = [f'"{entry.arm}"' for entry, (_, high) in zip(changes, stats.holm_edges(apart)) if high < 0]
    title = f'{len(good)} of {len(changes)} changes make ten layers fail less, Holm-corrected' + (
        f': {", ".join(good[:4])}' + (' …' if len(good) > 4 else '') if good else ''
    )
    items = [
        (entry.arm, Interval(100 * i.mean, None, 100 * i.low, 100 * i.high, i.n), None, plot.BLUE if entry.arm != BASE else plot.ORANGE)
        for entry, i in found
    ]
    table = table_of(
        name,
        title,
        [('arm', 'arm'), ('failed', 'runs that fail, %: share [95 % CI], n', 0), ('tests', 'what it tests')],
        [(entry.name, item[1], entry.told['tests']) for (entry, _), item in zip(found, items)],
    )
    caption = (
        f"Share of runs at ten layers that end below 20 % test accuracy on {data_of(there)}, {counts(there)}, Wilson's 95 % intervals. "
        "Orange: what the others change. The title counts by Newcombe's interval against it, Holm-corrected over all changes."
        + short_note(there)
    )
    return Figure(
        name,
        title,
        dots(items, 'runs that fail, %', zero=None, limits=(-4, 104)),
        table,
        caption,
        'vanishing-canvas --arms',
        rows_of(there),
    )


def signal(study):
    """Spread of each layer's output over images at the start: what the logits can still tell."""
    name = 'vanishing-canvas-signal'
    wanted = [('d5', BASE, '5 layers'), ('d10', BASE, '10 layers'), ('d15', BASE, '15 layers'), ('d10', 'batch norm', '10, batch norm')]
    series, lines, there, colours = [], [], [], iter(plot.COLOURS)
    for cell, arm, words in wanted:
        entry = study.entry(cell, arm)
        rows = [row for row in entry.rows if row.get('signal_std')]
        colour = next(colours)
        if not rows:
            continue
        columns = list(zip(*(row['signal_std'] for row in rows)))
        positive = [[value for value in column if value] for column in columns]
        means = [stats.geometric_mean(column) if column else 1e-9 for column in positive]
        series.append((words, list(range(1, len(means) + 1)), means, None, None, colour, False))
        lines += [(words, i + 1, value) for i, value in enumerate(means)]
        there.append(entry)
    if not series:
        return Missing(name, 'What is left of the signal, layer by layer', 'no rows with signals yet', 'vanishing-canvas --arms')
    ends = {words: means[-1] for words, _, means, *_ in series}
    title = 'Before training the logits differ between images by ' + ', '.join(f'{value:.2g} ({words})' for words, value in ends.items())
    table = table_of(name, title, [('net', 'net'), ('layer', 'layer output'), ('std', 'std over images', 5)], lines)
    caption = (
        f"Standard deviation over 256 images of each layer's output before the first step (geometric mean over runs, {counts(there)}), "
        f'on {data_of(there)}; the last point is the logits.' + short_note(there)
    )
    return Figure(
        name, title, curves(series, 'layer output', 'std over images', log=True), table, caption, 'vanishing-canvas --arms', rows_of(there)
    )


def predictor(study):
    """Does the spread of the logits at the start tell which net fails, and which run of a net?"""
    name, how = 'vanishing-canvas-predictor', 'vanishing-canvas --arms'
    told = []
    for entry in study.entries:
        rows = [row for row in entry.rows if row.get('logit_std_at_init') is not None]
        runs = [(row['logit_std_at_init'], bool(metrics.of(row, 'failed'))) for row in rows]
        if runs:
            told.append((entry, statistics.median(std for std, _ in runs), share_interval(entry, 'failed'), runs))
    if not told:
        return Missing(name, "What the logits' spread tells", 'no rows with signals yet', how)

    def sides(kept):
        return [([std for std, fails in runs if fails], [std for std, fails in runs if not fails]) for *_, runs in kept]

    own = sides([line for line in told if not line[0].arm])
    across, within = stats.concordance([[sum(side, []) for side in zip(*own)]] if own else []), stats.concordance(own)
    title = "What the logits' spread at the start tells of failing"
    if across and within:
        words = [f'{100 * a:.0f} % [{100 * low:.0f}, {100 * high:.0f}]' for a, low, high in (across, within)]
        title = f'The run that fails starts with less spread of logits in {words[0]} of pairs across depths, in {words[1]} within a depth'
    lines = [(entry.name, std, 100 * i.mean, 100 * i.low, 100 * i.high, i.n) for entry, std, i, _ in told]
    heads = [('net', 'cell or arm'), ('std', 'std of logits at the start', 7), ('failed', 'runs that fail, %', 0)]
    heads += [('low', '95 % from, %', 0), ('high', 'to, %', 0), ('n', 'n')]

    def draw():
        figure, axes = plot.canvas(470, 280)
        for entry, std, i, _ in sorted(told, key=lambda line: not line[0].arm):
            colour = plot.BLUE if entry.arm else plot.ORANGE
            axes.plot([std, std], [100 * i.low, 100 * i.high], color=colour, linewidth=1.4, alpha=0.4)
            plot.dot(axes, std, 100 * i.mean, colour, size=6)
            if not entry.arm:
                axes.annotate(entry.cell[1:], (std, 100 * i.mean), (4, 4), textcoords='offset points', fontsize=10, color=plot.INK)
        axes.set_xscale('symlog', linthresh=1e-8)  # a net can start with outputs that are the same for every image
        axes.set_ylim(-3, 103)
        axes.set_xlabel('std of logits over images at the start')
        axes.set_ylabel('runs that fail, %')
        plot.grid(axes, 'y')
        return figure

    there = [entry for entry, *_ in told]
    caption = (
        f'Share of runs below 20 % against the standard deviation of the logits over images before the first step (median over '
        f"runs), on {data_of(there)}, {counts(there)}, Wilson's 95 % intervals. Orange: the article's own runs, with their depth; "
        "blue: arms. Pairs: a run that fails and one that does not, both the article's own, over all depths or of one; 50 % is chance; "
        "Hanley and McNeil's intervals." + short_note(there)
    )
    return Figure(name, title, draw, table_of(name, title, heads, lines), caption, how, rows_of(there))


def depth_runs(study):
    entries = [study.entry(f'd{d}') for d in (4, 8, 9, 10)]
    ends = means(entries)
    title = (
        'Mean test accuracy is ' + ', '.join(f'{s.mean:.1f} at {entry.cell[1:]} layers' for entry, s in ends) if ends else 'Runs by depth'
    )
    return small_runs(study, 'vanishing-canvas-runs', entries, title)


FOUR = (
    ('train_acc_running_per_epoch', 'training accuracy, %'),
    ('test_acc_per_epoch', 'test accuracy, %'),
    ('train_loss_per_epoch', 'training loss'),
    ('test_loss_per_epoch', 'test loss'),
)


def mean_at(entry, curve, at):
    """Over the runs that got so far."""
    values = [row[curve][at - 1] for row in entry.rows if len(row[curve]) >= at and row[curve][at - 1] is not None]
    return stats.mean(values) if values else None


def four_plots(study):
    """The article's four pictures, of every run of ours at 9 and at 10 layers."""
    name, there = 'vanishing-canvas-four', [entry for entry in (study.entry('d9'), study.entry('d10')) if entry.rows]
    if not there:
        return Missing(name, 'Accuracy and loss at 9 and 10 layers', 'no rows yet', 'vanishing-canvas')
    panels = [(entry, curve, words) for curve, words in FOUR for entry in there]

    def draw_one(axes, i):
        entry, curve, words = panels[i]
        for row in entry.rows:
            values = [float('nan') if value is None else value for value in row[curve]]
            axes.plot(range(1, len(values) + 1), values, color=plot.BLUE, linewidth=1, alpha=0.5)
        if 'loss' in words:
            axes.set_yscale('log')
        axes.set_xlabel('update')
        if i % len(there) == 0:
            axes.set_ylabel(words)

    failed = [(entry, *share(entry, 'failed')) for entry in there]
    title = 'Below 20 % at the end: ' + ', '.join(f'{count} of {n} runs at {entry.cell[1:]} layers' for entry, count, n in failed)
    marks = (1, 10, 30, 100)
    lines = [(f'{entry.cell[1:]} layers', words, *(mean_at(entry, curve, at) for at in marks)) for entry, curve, words in panels]
    return Figure(
        name,
        title,
        small([f'{entry.cell[1:]} layers' for entry, *_ in panels], draw_one, len(there), share=False),
        table_of(name, title, [('net', 'net'), ('what', 'curve'), *((f'at{at}', f'mean at update {at}', 3) for at in marks)], lines),
        f"The article's own recipe on {data_of(there)}, every line a run, {counts(there)}. The article shows one run of each as pictures."
        + short_note(there),
        'vanishing-canvas',
        rows_of(there),
    )


def outcome(cell, told):
    """How a drawn run ended, by its confusion matrix."""
    right = 100 * sum(row[i] for i, row in enumerate(told['confusion'])) / sum(map(sum, told['confusion']))
    return f'{cell[1:]} layers, {"fails" if right < metrics.FAILS else "trains"}: ends at {right:.0f} %'


def gradient_steps(pictures):
    """Does the gradient vanish, or does the optimizer stop? rms of gradient and of Adam's update in every layer, along one run."""
    name, how = 'vanishing-canvas-steps', 'vanishing-canvas --pictures results/local/pictures'
    lines, ratios, ends = [], [], []
    for cell in ('d9', 'd10'):
        told = pictures.told('vanishing-canvas', cell)
        if not told or not told.get('update_rms'):
            continue
        gradients, updates = told['gradient_rms'], told['update_rms']
        for i, tensor in enumerate(told['step_tensors']):
            marks = [at for at in (1, 10, 20, 40, 99) if at <= len(updates)]
            lines.append((f'{cell[1:]} layers', tensor, *(gradients[at - 1][i] for at in marks), *(updates[at - 1][i] for at in marks)))
        ends.append(outcome(cell, told))
        first = [value for value in gradients[0] if value]
        ratios.append((cell[1:], min(first) / max(first), updates[0][0]))
    if not lines or len({len(line) for line in lines}) > 1:
        return Missing(name, 'Gradients and updates, layer by layer', 'no pictures yet', how)
    title = "At the start, the weakest layer's gradient over the strongest's is " + ', '.join(
        f'{r:.2g} at {d} layers' for d, r, _ in ratios
    )
    title += '; Adam moves the first layer by ' + ' and '.join(f'{u:.2g}' for *_, u in ratios) + ' anyway'
    heads = [('net', 'net'), ('tensor', 'tensor')]
    heads += [(f'{key}{at}', f"{key}'s rms, update {at}") for key in ('gradient', 'update') for at in marks]
    scientific = [(*line[:2], *(f'{value:.2e}' if value is not None else None for value in line[2:])) for line in lines]
    table = table_of(name, title, heads, scientific)

    def draw_one(axes, i):
        offset = 2 + i * len(marks)
        for cell, colour in (('9 layers', plot.BLUE), ('10 layers', plot.ORANGE)):
            for at in (0, 1):  # at the first update and at the tenth
                values = [line[offset + at] or float('nan') for line in lines if line[0] == cell]
                axes.plot(range(1, len(values) + 1), values, color=colour, linewidth=1.5, linestyle='-' if at == 0 else (0, (4, 2)))
        axes.set_yscale('log')
        axes.set_xlabel('layer')

    return Figure(
        name,
        title,
        small(["gradient's rms", "update's rms (Adam)"], draw_one, 2, share=False),
        table,
        "Seed 0 of the article's own runs, MNIST, each layer's weights; the last layer is the dense one. Blue: 9 layers, orange: 10. "
        f'Solid: the first update, dashed: the tenth. {"; ".join(ends)}. The article: no vanishing or exploding gradients, '
        'the optimizer works normally.',
        how,
    )


def figures(study):
    return [fail_by_depth(study), fail_by_arm(study), signal(study), predictor(study), depth_runs(study), four_plots(study)]
