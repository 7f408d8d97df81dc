# SPDX-License-Identifier: MIT
"""What a text says against what the rows say, by the rules of ablations/driver/claims.c: a figure is held against the interval for one more
run, measured as it was measured there; a claim is a comparison, paired over common seeds where there are any. A test compares these
verdicts with the programs' own.

A run either fails or does not, so a published failure (below 20 %) and other yes-or-no figures are held against the share of our runs that
do the same, not against a mean."""

from collections import namedtuple

from . import metrics, stats

Told = namedtuple('Told', 'figure entry summary verdict why alike')  # a published figure and ours; alike: runs that do the same, or None
Finding = namedtuple('Finding', 'claim of than effect value than_value p verdict')

INSIDE, ABOVE, BELOW, NOT, FEW = 'inside', 'published is above', 'published is below', 'not comparable', 'too few runs'
ONE_SIDED, BY_INTERVAL = ('not_more', 'not_less'), ('same', 'not_more', 'not_less')
HOLDS, HOLDS_NOT, NOT_SEPARABLE = 'holds', 'does not hold', 'not separable'


def judge(published, summary, entry, slack=0.0):
    """(verdict, reason): where the published figure lies beside our interval for one more run."""
    if entry.short:
        return NOT, entry.short
    if summary.n < 2:
        return NOT, 'one run of ours'
    span = f'one more run: {summary.more_low:.4g} to {summary.more_high:.4g}'
    if published < summary.more_low - slack:
        return BELOW, span
    if published > summary.more_high + slack:
        return ABOVE, span
    return INSIDE, span


def yes_or_no(figure):
    """(metric, what was published: True or False), or None for a figure of other kinds."""
    metric, published = figure['metric'], figure['published']
    if metric['share']:
        return metric, published > 0.5
    if metric['key'] == 'test_acc' and published < metrics.FAILS:
        return {'key': 'failed', 'at': 0}, True
    return None


RARE = 0.2


def judge_alike(alike, n, entry, verdict):
    """`verdict` when none of ours does the same, and these are enough to call that rare."""
    if entry.short:
        return NOT, entry.short
    if n < 2:
        return NOT, 'one run of ours'
    if alike:
        return INSIDE, f'{alike} of {n} of ours do the same'
    return (verdict if stats.wilson(0, n)[1] < RARE else FEW), f'none of {n} of ours does the same'


def slack_of(figure):
    """Half of the last digit that the text gives; parameters are counted, or rounded to as many tens as they end in zeros."""
    unit = 10 ** -figure['metric']['digits']
    while figure['metric']['key'] == 'parameters' and figure['published'] > 0 and figure['published'] % (10 * unit) == 0:
        unit *= 10
    return 0.5 * unit


def told(study):
    """Every published figure that our rows tell, or that is a fact of the net."""
    found = []
    for figure in study.told['figures']:
        entry, metric = study.entry(figure['cell'], figure['arm']), figure['metric']
        slack = slack_of(figure)
        if metric['key'] in metrics.FACTS:
            right = abs(figure['published'] - figure['fact']) <= slack
            fact = stats.Summary(0, figure['fact'], None, None, None, None, None)
            found.append(Told(figure, entry, fact, 'right' if right else 'wrong', 'a fact of the net', None))
            continue
        summary, asked = stats.summarize([value for _, value in metrics.values(entry.rows, metric)]), yes_or_no(figure)
        if summary and asked:
            alike = sum((value > 0.5) == asked[1] for _, value in metrics.values(entry.rows, asked[0]))
            rarer = ABOVE if metric['share'] and asked[1] else BELOW
            summary = summary._replace(more_low=None, more_high=None)
            found.append(Told(figure, entry, summary, *judge_alike(alike, summary.n, entry, rarer), alike))
        elif summary:
            if metric['key'].endswith('_acc') and summary.n > 1:
                summary = summary._replace(more_low=max(0.0, summary.more_low), more_high=min(100.0, summary.more_high))
            found.append(Told(figure, entry, summary, *judge(figure['published'], summary, entry, slack), None))
    return found


def of_cell(entry):
    """(verdict, why) of a cell's published accuracy, held against what it was measured on: the best epoch where it is one, on the training
    set where an arm is tested there."""
    own = [t for t in told(entry.study) if t.figure['cell'] == entry.cell and t.figure['published'] == entry.told['published']]
    best = [f for f in entry.study.told['figures'] if f['metric']['key'] == 'best_test_acc' and f['cell'] == entry.cell]
    best = [f for f in best if f['published'] == entry.told['published']]
    wanted = best[0] if best else None
    for t in own:
        if t.figure is wanted or (wanted is None and t.figure['metric']['key'] == 'test_acc'):
            words = 'as best epoch' + (f', {t.entry.arm}' if t.entry.arm else '') if wanted else None
            return t.verdict, '; '.join(filter(None, (words, t.why)))
    return NOT, f'it is the best epoch, {wanted["arm"]}: no rows of that' if wanted else 'no rows of what it was measured on'


def comparable(a, b):
    """Both whole, or both short on the same data."""
    return bool(a.rows and b.rows) and (a.short is None) == (b.short is None) and a.rows[0]['data'] == b.rows[0]['data']


def differences(a, b):
    """Per common seed; a and b are (seed, value)."""
    other = dict(b)
    return [value - other[seed] for seed, value in a if seed in other]


def common(a, b):
    """Both sides, cut to their common seeds where these are two or more: then they are compared in pairs."""
    seeds = {seed for seed, _ in a} & {seed for seed, _ in b}
    return ([pair for pair in side if pair[0] in seeds] for side in (a, b)) if len(seeds) >= 2 else (a, b)


def effect_of(metric, a, b, margin):
    """a against b, or against a fixed figure where b is None."""
    values = [value for _, value in a]
    if metric['share']:
        count = sum(value > 0.5 for value in values)
        if b is None:
            return stats.share(count, len(values), margin)
        return stats.shares(count, len(values), sum(value > 0.5 for _, value in b), len(b))
    if b is None:
        return stats.paired([value - margin for value in values])
    apart = differences(a, b)
    return stats.paired(apart) if len(apart) >= 2 else stats.welch(values, [value for _, value in b])


def verdict_of(claim, effect, p):
    margin = claim['margin']
    if claim['relation'] == 'same':
        if effect.low > -margin and effect.high < margin:
            return HOLDS
        return HOLDS_NOT if effect.low > margin or effect.high < -margin else NOT_SEPARABLE
    if claim['relation'] in ONE_SIDED:
        low, high = (-effect.high, -effect.low) if claim['relation'] == 'not_less' else (effect.low, effect.high)
        return HOLDS if high < margin else HOLDS_NOT if low > margin else NOT_SEPARABLE
    sign, most = (1, effect.high) if claim['relation'] == 'more' else (-1, -effect.low)
    if claim['than_cell'] is not None and margin > 0 and most < margin:
        return HOLDS_NOT
    if p is None or not p < 0.05:
        return NOT_SEPARABLE
    return HOLDS if sign * effect.mean > 0 else HOLDS_NOT


def findings(study):
    """The claims that have rows on both sides, with Holm over them."""
    found = []
    for claim in study.told['claims']:
        of = study.entry(claim['cell'], claim['arm'])
        than = study.entry(claim['than_cell'], claim['than_arm']) if claim['than_cell'] is not None else None
        if not of.rows or (than is not None and not (than.rows and (of.short is None) == (than.short is None))):
            continue
        a = metrics.values(of.rows, claim['metric'])
        b = metrics.values(than.rows, claim['metric']) if than is not None else None
        if b and not claim['metric']['share']:
            a, b = common(a, b)
        effect = effect_of(claim['metric'], a, b, claim['margin'])
        if effect is None or effect.low is None:
            continue
        than_value = stats.mean([value for _, value in b]) if b else claim['margin']
        found.append(Finding(claim, of, than, effect, stats.mean([value for _, value in a]), than_value, effect.p, None))
    corrected = stats.holm([None if finding.claim['relation'] in BY_INTERVAL else finding.p for finding in found])
    return [finding._replace(p=p, verdict=verdict_of(finding.claim, finding.effect, p)) for finding, p in zip(found, corrected)]


def apart_from_base(entry):
    """An arm's differences in test accuracy from what it changes, per common seed; none where they cannot be compared."""
    base, metric = entry.study.entry(entry.cell, entry.base), {'key': 'test_acc', 'at': 0}
    if not entry.arm or not comparable(entry, base):
        return []
    return differences(metrics.values(entry.rows, metric), metrics.values(base.rows, metric))


def against_base(entry):
    """Their mean with its interval, or None."""
    return stats.paired(apart_from_base(entry))


def unjudged(study):
    """Claims without rows, as their words."""
    judged = {id(finding.claim) for finding in findings(study)}
    return [claim['says'] for claim in study.told['claims'] if id(claim) not in judged]
