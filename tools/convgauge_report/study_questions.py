# SPDX-License-Identifier: MIT
"""The tables that a single text has or owes: recommendations per use, training stability, the recipe that nobody wrote down, a checklist,
steps until one image is learned, gradients against finite differences."""

from . import findings, metrics, stats
from .study_costs import arenas, speed
from .study_figures import NEAR
from .tables import Interval, Table, interval


def told_by(entry, key, at=0):
    return [value for _, value in metrics.values(entry.rows, {'key': key, 'at': at})]


def mean_of(entry, key='test_acc', at=0):
    return stats.summarize(told_by(entry, key, at))


def count_of(entry, key, at=0):
    """ "k of n", or None."""
    values = told_by(entry, key, at)
    return f'{sum(value > 0.5 for value in values)} of {len(values)}' if values else None


def share_of(entry, key, at=0):
    """The same with Wilson's interval in per cent."""
    values = told_by(entry, key, at)
    if not values:
        return None
    count = int(sum(values))
    low, high = stats.wilson(count, len(values))
    return f'{count} of {len(values)} [{100 * low:.0f}, {100 * high:.0f}] %'


# ---- mnist-architectures -------------------------------------------------------------------------------------------------------

ENOUGH = 96.43  # what the article recommends for prototyping has this; the quickest net to have it is ours


def seconds_until(study, entry, there, accuracy):
    """Training seconds on one core until the mean over runs has it; None: never, or not all of `there` were measured alike."""
    rate = speed(study, entry)
    if len({each.kind if each else None for each in (speed(study, other) for other in there)}) > 1:
        return None
    for epoch in range(1, entry.told['epochs'] + 1):
        values = told_by(entry, 'epoch_test_acc', epoch)
        if rate and values and stats.mean(values) >= accuracy:
            return epoch * 60000 / rate.train
    return None


def choices(study, there):
    """(use, the article's cell, its reason, our rule, worth of a cell: the least wins, how it is said)."""
    best = max(mean_of(entry).mean for entry in there)

    def near(entry, worth):
        return worth if mean_of(entry).mean >= best - NEAR else None

    return [
        ('maximum accuracy', 'exp5', '99.50 %', 'highest mean on the test set', lambda e: -mean_of(e).mean, lambda v: f'{-v:.2f} %'),
        (
            'balanced',
            'exp4',
            'most parameter-efficient of high accuracy',
            f'fewest parameters within {NEAR} points of the best',
            lambda e: near(e, e.told['parameters']),
            lambda v: f'{v:,} parameters',
        ),
        (
            'quick prototyping',
            'exp3',
            'good balance of accuracy and simplicity',
            f'least training time on one core until the mean has {ENOUGH} %',
            lambda e: seconds_until(study, e, there, ENOUGH),
            lambda v: f'{v:.0f} s',
        ),
        (
            'memory constrained',
            'exp4',
            'high accuracy with minimal memory footprint',
            f'least memory in training within {NEAR} points of the best',
            lambda e: near(e, arenas(e.rows[0])),
            lambda v: f'{v / 1e6:.1f} MB',
        ),
    ]


def use_cases(study):
    table = Table(
        study.name + '-uses',
        f'{study.name}: which net for what, by our rows',
        [
            ('use', 'use'),
            ('recommended', 'recommended there'),
            ('reason', 'its reason'),
            ('rule', 'our rule'),
            ('ours', 'by that rule'),
            ('value', 'its value'),
            ('theirs', "the recommended one's"),
        ],
        'Of the nets that the article recommends from (exp1 to exp5) those with rows; exps 1 to 3 as they were published, after one epoch.',
    )
    there = [entry for entry in (study.entry(f'exp{i}') for i in range(1, 6)) if mean_of(entry) and not entry.short]
    if not there:
        return table
    for use, cell, reason, rule, worth, said in choices(study, there):
        ranked = sorted((value, entry.cell) for value, entry in ((worth(entry), entry) for entry in there) if value is not None)
        theirs = {name: value for value, name in ranked}
        recommended = study.entry(cell)
        told = said(theirs[cell]) if cell in theirs else 'no rows yet' if recommended not in there else 'does not get there'
        if not ranked:
            told = 'no speeds of all measured alike'
        table.add(use, cell, reason, rule, ranked[0][1] if ranked else 'none', said(ranked[0][0]) if ranked else None, told)
    return table


def stability(study):
    """Named as a metric in the article and never defined: ours are three."""
    table = Table(
        study.name + '-stability',
        f'{study.name}: training stability',
        [
            ('cell', 'cell'),
            ('epochs', 'epochs'),
            ('n', 'n'),
            ('seeds', 'sd of the last test accuracy over seeds', 3),
            ('late', 'sd of the last five epochs: mean [95 % CI], n', 3),
            ('spikes', 'runs with a spike in the training loss'),
        ],
        "The article names training stability as a metric and does not define it. A spike: an epoch's training loss above twice the one "
        'before.',
    )
    for entry in study.entries:
        if len(entry.rows) < 2 or (entry.arm and entry.cell not in ('exp4', 'exp5')):
            continue
        epochs = len(entry.rows[0].get('test_acc_per_epoch') or ())
        late = mean_of(entry, 'late_sd', epochs - 4) if epochs >= 5 else None
        test = mean_of(entry)
        table.add(entry.name, epochs, len(entry.rows), test and test.sd, interval(late), count_of(entry, 'spiked') if epochs > 1 else None)
    return table


def verdict_on(told, entry, key):
    s = mean_of(entry, key)
    return None if told is None or s is None else findings.beside(told, s, entry)[0]


def recipes(study):
    """Test accuracy and running train accuracy of every recipe that was tried for the nets whose recipe is not written down."""
    table = Table(
        study.name + '-searched',
        f'{study.name}: which recipe explains the first three published values',
        [
            ('exp', 'net'),
            ('recipe', 'recipe'),
            ('published', 'published', 2),
            ('ours', 'test accuracy: mean ± sd [95 % CI], n', 2),
            ('verdict', 'verdict'),
            ('running_published', 'running train accuracy, published', 2),
            ('running', 'reproduced: mean ± sd [95 % CI], n', 2),
            ('both', 'verdict on it'),
        ],
        "One epoch of all images unless the recipe says so. A recipe explains a net's values when both lie in its prediction "
        'intervals for a single run.',
    )
    running = {f['cell']: f['value'] for f in study.published if f['metric']['key'] == 'running_acc' and not f['arm']}
    for cell in ('exp1', 'exp2', 'exp3', 'exp3-batch512', 'exp3s', 'exp3s-dense50'):
        tried = [study.entry(cell)] + [e for e in study.arms if e.cell == cell and 'search' in e.told['tests']]
        told = study.entry(cell).told['published']
        for entry in (entry for entry in tried if entry.rows):
            table.add(
                cell,
                entry.arm or 'as guessed',
                told,
                interval(mean_of(entry)),
                verdict_on(told, entry, 'test_acc'),
                running.get(cell),
                interval(mean_of(entry, 'running_acc')),
                verdict_on(running.get(cell), entry, 'running_acc'),
            )
    return table


def spread(study):
    """How far the guesses in a recipe move a figure."""
    table = Table(
        study.name + '-guesses',
        f'{study.name}: the spread that guesses in the recipe cause',
        [
            ('cell', 'net'),
            ('as', 'as guessed: mean ± sd [95 % CI], n', 2),
            ('tried', 'changes tried'),
            ('least', 'least mean', 2),
            ('at', 'by'),
            ('most', 'highest mean', 2),
            ('by', 'by'),
            ('spread', 'spread, points', 2),
            ('published', 'published', 2),
        ],
        "Recipes that the article leaves open, one change each. exp5's are tried on 5,000 images: its spread tells, its level does not.",
    )
    asked = [(cell, '') for cell in ('exp1', 'exp2', 'exp3', 'exp3s', 'exp3s-dense50')] + [('exp5', '5,000 images, 20 epochs')]
    for cell, base in asked:
        own = study.entry(cell, base)
        words = 'guess in' if base else 'search'
        tried = [e for e in study.arms if e.cell == cell and words in e.told['tests'] and mean_of(e)]
        if not mean_of(own) or not tried:
            continue
        means = sorted((mean_of(e).mean, e.arm if e is not own else 'as guessed') for e in [own, *tried])
        table.add(own.name, interval(mean_of(own)), len(tried), *means[0], *means[-1], means[-1][0] - means[0][0], own.told['published'])
    return table


# ---- scratch-cnn ---------------------------------------------------------------------------------------------------------------


def steps(study):
    """The single image, right and with each bug, at each rate."""
    table = Table(
        study.name + '-steps',
        f'{study.name}: steps until the single image is learned',
        [
            ('arm', "what is wrong, and the rate where it is not the author's"),
            ('right', 'runs that classify it right'),
            ('fitted', 'runs with a loss below 0.1'),
            ('steps', 'steps until then: mean ± sd [95 % CI], n', 0),
            ('loss', 'last training loss: median', 3),
        ],
        "One image, batch 1, 500 steps; the author's rate is 0.0005. Shares with Wilson's 95 % intervals.",
    )
    for entry in (entry for entry in study.entries if entry.cell == 'published' and entry.rows and not entry.short):
        ends = [row['train_loss_per_epoch'][-1:] for row in entry.rows]
        last = sorted(loss for end in ends for loss in end if loss is not None)
        table.add(
            entry.arm or 'nothing (right gradients)',
            share_of(entry, 'learned'),
            share_of(entry, 'fitted'),
            interval(mean_of(entry, 'steps_to_fit')),
            last[len(last) // 2] if last else None,
        )
    return table


def tensors_of(study, cell):
    """Names of trained tensors in the plan's order: weights, then bias, layer by layer."""
    names = []
    for i, layer in enumerate(study.told['nets'][cell]):
        if layer['parameters']:
            names += [f'{layer["layer"]} (layer {i}) weights', f'{layer["layer"]} (layer {i}) bias']
    return names


def gradients(study):
    """Measured slope along each tensor's gradient over the gradient's length: 1 where the gradient is right."""
    names = tensors_of(study, 'published')
    table = Table(
        study.name + '-gradients',
        f'{study.name}: gradients against finite differences, tensor by tensor',
        [
            ('arm', 'arm'),
            *((f't{i}', name, 3) for i, name in enumerate(names)),
            ('worst', "worst tensor's error: mean ± sd [95 % CI], n", 3),
        ],
        "The loss's slope along a tensor's gradient, by central differences at the start, over the gradient's length, median over runs: "
        '1 is right, -1 the wrong sign, 0 a direction that does nothing. Error: |1 - value| over the larger of 1 and |value|. This is '
        'float32, and a step may cross a kink of ReLU or of the pool: of right gradients, too, the worst tensor of a run can be far off. '
        "In double, without kinks in reach, tests/suites/test_gradient.c holds every layer's gradient to its slope.",
    )
    for entry in (entry for entry in study.entries if entry.cell == 'published'):
        rows = [row['gradient_check'] for row in entry.rows if len(row.get('gradient_check') or ()) == len(names)]
        if not rows:
            continue
        columns = [sorted(value for value in column if value is not None) for column in zip(*rows)]
        table.add(
            entry.arm or 'right gradients',
            *(column[len(column) // 2] if column else None for column in columns),
            interval(mean_of(entry, 'gradient_error')),
        )
    return table


# ---- compact-net ---------------------------------------------------------------------------------------------------------------


def first_epoch_of_mean(entry, wanted):
    for epoch in range(1, entry.told['epochs'] + 1):
        values = told_by(entry, 'epoch_test_acc', epoch)
        if values and stats.mean(values) >= wanted:
            return f'epoch {epoch}'
    return f"no epoch's mean of {entry.told['epochs']} does"


def effect_words(study, arm):
    """What the published net loses by an arm's change, paired."""
    family, _ = findings.against_base(study.entry('published', arm))
    return family and Interval(family.estimate, None, *family.at(0.05), family.n)


def checklist(study):
    table = Table(
        study.name + '-checklist',
        f"{study.name}: the article's checklist, line by line",
        [('needed', 'what was needed'), ('published', 'published'), ('measure', 'measured here'), ('ours', 'reproduced', 2)],
        "The published run's best epoch was chosen on the test set: the same is given beside the last epoch. Shares with Wilson's 95 % "
        'intervals. The last lines: test accuracy with the part left out, minus with it, on 10,000 images over 5 epochs.',
    )
    entry = study.entry('published')
    if not entry.rows or entry.short:
        return table
    accuracy = '99.4 % test accuracy'
    table.add(accuracy, '99.44 %', 'last epoch: mean ± sd [95 % CI], n', interval(mean_of(entry)))
    table.add(accuracy, '99.44 %', 'best epoch, chosen on the test set', interval(mean_of(entry, 'best_test_acc')))
    table.add(accuracy, 'one run', 'runs with 99.4 % or more after the last epoch', share_of(entry, 'reached', 99.4))
    table.add(accuracy, 'one run', 'runs with 99.4 % or more in some epoch', share_of(entry, 'best_reached', 99.4))
    table.add(accuracy, 'one run', 'runs with 99.44 % or more in some epoch', share_of(entry, 'best_reached', 99.44))
    table.add('< 20,000 parameters', '8,070', 'parameters', f'{entry.told["parameters"]:,}')
    table.add('< 20 epochs', '15, of 20 that were run', 'first epoch whose mean reaches 99.4 %', first_epoch_of_mean(entry, 99.4))
    first = interval(mean_of(entry, 'first_reaching', 99.4))
    table.add('< 20 epochs', '15, of 20 that were run', 'first epoch with 99.4 %, of the runs that have one', first)
    for part, published, arm in (
        ('batch normalisation', 'after every convolution', 'no batch norm'),
        ('dropout', '0.2 in three places', 'no dropout'),
        ('global average pooling', 'in place of a dense layer', 'flatten and dense'),
    ):
        table.add(part, published, f'difference by "{arm}", points [95 % CI], n', effect_words(study, arm))
    return table


def of(study):
    """What this study has of these."""
    made = {'mnist-architectures': (use_cases, stability, recipes, spread), 'scratch-cnn': (steps, gradients), 'compact-net': (checklist,)}
    return [table(study) for table in made.get(study.name, ())]
