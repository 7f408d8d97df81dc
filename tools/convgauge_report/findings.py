# SPDX-License-Identifier: MIT
"""Published values against the rows: a value is one run, so it is compared with the 95 % prediction interval for a single new run of
ours, measured as it was measured there. A run either fails or does not, so a published failure (below 20 %) and other yes-or-no values are
compared with the share of our runs that do the same, not with a mean. And what each arm does, over common seeds. Claims: verdicts.py."""

from collections import namedtuple

from . import metrics, stats, verdicts

Told = namedtuple('Told', 'figure entry summary verdict why alike')  # a published figure and ours; alike: runs that do the same, or None

INSIDE, ABOVE, BELOW = 'in our prediction interval', 'published value is higher', 'published value is lower'
NOT, FEW = 'not comparable', 'too few runs'
CORRECT, WRONG, ALIKE = 'correct', 'not correct', 'seen in our runs'


def beside(published, summary, entry, slack=0.0):
    """(verdict, reason): where the published value lies beside our prediction interval for a single run."""
    if entry.short:
        return NOT, entry.short
    if summary.n < 2:
        return NOT, 'we have one run'
    span = f'a single run: {summary.more_low:.4g} to {summary.more_high:.4g}'
    if published < summary.more_low - slack:
        return BELOW, span
    if published > summary.more_high + slack:
        return ABOVE, span
    return INSIDE, span


def yes_or_no(figure):
    """(metric, what was published: True or False), or None for a figure of other kinds."""
    metric, published = figure['metric'], figure['value']
    if metric['share']:
        return metric, published > 0.5
    if metric['key'] == 'test_acc' and published < metrics.FAILS:
        return {'key': 'failed', 'at': 0}, True
    return None


RARE = 0.2


def beside_alike(alike, n, entry, verdict):
    """`verdict` when none of ours does the same, and these are enough to call that rare."""
    if entry.short:
        return NOT, entry.short
    if n < 2:
        return NOT, 'we have one run'
    if alike:
        return ALIKE, f'{alike} of our {n} runs do the same'
    return (verdict if stats.wilson(0, n)[1] < RARE else FEW), f'none of our {n} runs does the same'


def slack_of(figure):
    """Half of the last digit that the article gives; parameters are counted, or rounded to as many tens as they end in zeros."""
    unit = 10 ** -figure['metric']['digits']
    while figure['metric']['key'] == 'parameters' and figure['value'] > 0 and figure['value'] % (10 * unit) == 0:
        unit *= 10
    return 0.5 * unit


def told(study):
    """Every published figure that our rows tell, or that is a fact of the net."""
    found = []
    for figure in study.published:
        entry, metric = study.entry(figure['cell'], figure['arm']), figure['metric']
        slack = slack_of(figure)
        if metric['key'] in metrics.FACTS:
            fact = stats.Summary(0, metrics.FACTS[metric['key']](entry, metric['at']), None, None, None, None, None)
            right = abs(figure['value'] - fact.mean) <= slack
            found.append(Told(figure, entry, fact, CORRECT if right else WRONG, 'a fact of the net', None))
            continue
        summary, asked = stats.summarize([value for _, value in metrics.values(entry.rows, metric)]), yes_or_no(figure)
        if summary and asked:
            alike = sum((value > 0.5) == asked[1] for _, value in metrics.values(entry.rows, asked[0]))
            rarer = ABOVE if metric['share'] and asked[1] else BELOW
            summary = summary._replace(more_low=None, more_high=None)
            found.append(Told(figure, entry, summary, *beside_alike(alike, summary.n, entry, rarer), alike))
        elif summary:
            if metric['key'].endswith('_acc') and summary.n > 1:
                summary = summary._replace(more_low=max(0.0, summary.more_low), more_high=min(100.0, summary.more_high))
            found.append(Told(figure, entry, summary, *beside(figure['value'], summary, entry, slack), None))
    return found


def of_cell(entry):
    """(verdict, why) of a cell's published accuracy, held against what it was measured on: the best epoch where it is one, on the training
    set where an arm is tested there."""
    own = [t for t in told(entry.study) if t.figure['cell'] == entry.cell and t.figure['value'] == entry.told['published']]
    best = [f for f in entry.study.published if f['metric']['key'] == 'best_test_acc' and f['cell'] == entry.cell]
    best = [f for f in best if f['value'] == entry.told['published']]
    wanted = best[0] if best else None
    for t in own:
        if t.figure is wanted or (wanted is None and t.figure['metric']['key'] == 'test_acc'):
            words = 'as best epoch' + (f', {t.entry.arm}' if t.entry.arm else '') if wanted else None
            return t.verdict, '; '.join(filter(None, (words, t.why)))
    return NOT, f'it is the best epoch, {wanted["arm"]}: no rows of that' if wanted else 'no rows of what it was measured on'


def comparable(a, b):
    """Both whole, or both short on the same data."""
    return bool(a.rows and b.rows) and (a.short is None) == (b.short is None) and a.rows[0]['data'] == b.rows[0]['data']


def against(a, b):
    """(family, differences by seed) of test accuracy, compared as claims are; (None, []) where they cannot be."""
    if not comparable(a, b):
        return None, []
    claim = {'metric': metrics.measure('test_acc'), 'b': {}}
    family, (ours,), (others,), *_ = verdicts.compared(claim, [a], [b])
    return family, [value - other for (_, value), (_, other) in zip(ours, others)]


def against_base(entry):
    """An arm against what it changes."""
    return against(entry, entry.study.entry(entry.cell, entry.base)) if entry.arm else (None, [])
