# SPDX-License-Identifier: MIT
"""The claims of ablations/claims/ against the rows: what became of each sentence of an article that can be tested, and of our own claims.
A claim has one family of nested intervals; the rule below reads a verdict off an interval; p is the smallest level at which the rule
decides; Holm's correction over the family of claims leaves each a level, and the interval at that level is the one that decides and is
shown. So a verdict cannot contradict the interval beside it."""

import statistics
from collections import namedtuple

from . import metrics, stats
from .study import cells_of

SUPPORTED, REFUTED, UNDECIDED = 'supported', 'refuted', 'undecided'
SMALLER, LARGER, EQUIVALENT = 'smaller than claimed', 'larger than claimed', 'equivalent'
VERDICTS = (SUPPORTED, SMALLER, LARGER, EQUIVALENT, REFUTED, UNDECIDED)

RULE = (
    "Supported: the whole interval lies on the claim's side and reaches the claimed size, if there is one (size open: it also reaches "
    'more than δ beyond that size); smaller or larger than claimed: it lies wholly below or above that size; refuted: it lies on the '
    'other side, or within ±δ where two sides are said to differ, or outside ±δ where they are said not to; equivalent: within ±δ of a '
    'stated value, or of each other where no difference is claimed; undecided: none of these.'
)
NO_MORE = ('same', 'not more', 'not less')

# A claim with its verdict: its sides' values as they were compared (0 or 1 for shares), the family of intervals, the interval at the level
# that Holm leaves, the smallest level that decides, and that corrected; seen: collapsed runs of each side; aside: seeds that were set aside
# for them.
Finding = namedtuple('Finding', 'claim of than values than_values family low high level p p_holm verdict seen aside short')


# ---- the rule ------------------------------------------------------------------------------------------------------------------


def verdict(claim, low, high):
    """Of an interval of A - B, or of A - the stated value."""
    margin, within = claim['margin'], -claim['margin'] < low and high < claim['margin']
    if claim['claim'] == 'same':
        return EQUIVALENT if within else REFUTED if low > margin or high < -margin else UNDECIDED
    if claim['claim'] in ('not less', 'less'):
        low, high = -high, -low
    if claim['claim'] in NO_MORE:
        return SUPPORTED if high < margin else REFUTED if low > margin else UNDECIDED
    least, most = size_of(claim)
    if high < 0:
        return REFUTED
    if low > 0:
        return SMALLER if high < least else LARGER if low > most else SUPPORTED
    if within:
        return EQUIVALENT if 'value' in claim['b'] else REFUTED
    return SMALLER if high < least else UNDECIDED


def size_of(claim):
    """(least, most) of the claimed size; any is right where none is claimed."""
    size = claim['size']
    return (0, float('inf')) if size is None else size if isinstance(size, list) else (size, size)


def size_open(found):
    """The claimed size is neither excluded nor met to within δ."""
    if found.verdict != SUPPORTED or found.claim['size'] is None:
        return False
    low, high = (found.low, found.high) if found.claim['claim'] == 'more' else (-found.high, -found.low)
    least, most = size_of(found.claim)
    return low < least - found.claim['margin'] or high > most + found.claim['margin']


def is_open(found):
    """Would more runs tell more?"""
    return found.verdict == UNDECIDED or size_open(found)


# ---- sides ---------------------------------------------------------------------------------------------------------------------


def entries_of(study, side):
    """None of a stated value."""
    return None if 'value' in side else [study.entry(cell, side['arm']) for cell in cells_of(side)]


FAR, MADS, RARE = 5, 10, 0.1


def collapsed(entry):
    """Seeds of the runs that diverged, or end more than 5 points and more than 10 median absolute deviations below the median."""
    ends, gone = metrics.values(entry.rows, {'key': 'test_acc', 'at': 0}), {row['seed'] for row in entry.rows if metrics.diverged(row)}
    if not ends:
        return gone
    middle = statistics.median(value for _, value in ends)
    mad = statistics.median(abs(value - middle) for _, value in ends)
    return gone | {seed for seed, value in ends if value < middle - max(FAR, MADS * mad)}


def accidents(entries, key):
    """(collapsed runs of each, those to be set aside): a measure in points of accuracy passes over collapsed runs as long as on no side
    more than one run in ten collapses or fails. Where more do, that is what the arm does, and all count."""
    if not metrics.in_points(key):
        return [set() for _ in entries], set()
    each = [collapsed(entry) for entry in entries]
    for entry, seeds in zip(entries, each):
        failed = {row['seed'] for row in entry.rows if metrics.of(row, 'failed')}
        if len(seeds | failed) > RARE * len(entry.rows):
            return each, set()
    return each, set().union(*each)


def count(values):
    return sum(value > 0.5 for _, value in values), len(values)


def compared_shares(claim, of, than):
    values = [metrics.values(entry.rows, claim['metric']) for entry in of]
    if than is None:
        return stats.minus(stats.share([count(each) for each in values]), claim['b']['value']), values, [], (0, 0), 0
    others = [metrics.values(entry.rows, claim['metric']) for entry in than]
    return stats.shares_differ([(count(a), count(b)) for a, b in zip(values, others)]), values, others, (0, 0), 0


def compared_means(claim, of, than):
    """Over common seeds, less the runs that are set aside; or less a stated value."""
    seen, aside = accidents([*of, *(than or ())], claim['metric']['key'])
    a = {seed: value for seed, value in metrics.values(of[0].rows, claim['metric']) if seed not in aside}
    told = tuple(len(seeds) for seeds in seen) + (0,) * (than is None)
    if than is None:
        return stats.differences([value - claim['b']['value'] for value in a.values()]), [list(a.items())], [], told, len(aside)
    b = {seed: value for seed, value in metrics.values(than[0].rows, claim['metric']) if seed not in aside}
    seeds = [seed for seed in a if seed in b]
    family = stats.differences([a[seed] - b[seed] for seed in seeds])
    return family, [[(seed, a[seed]) for seed in seeds]], [[(seed, b[seed]) for seed in seeds]], told, len(aside)


def compared_facts(claim, of, than):
    a, b = (metrics.FACTS[claim['metric']['key']](side[0], claim['metric']['at']) for side in (of, than))
    return stats.Family(0, a - b, lambda alpha: (a - b, a - b)), [[(0, a)]], [[(0, b)]], (0, 0), 0


def compared(claim, of, than):
    """(family or None, values of A, of B, collapsed runs of each, how many seeds are set aside)"""
    if claim['metric']['key'] in metrics.FACTS:
        return compared_facts(claim, of, than)
    return (compared_shares if claim['metric']['share'] else compared_means)(claim, of, than)


# ---- findings ------------------------------------------------------------------------------------------------------------------


def has_rows(of, than):
    """On both sides, and of the same kind: whole runs, or short ones on the same data."""
    there = [*of, *(than or ())]
    shorts, data = {entry.short for entry in there}, {entry.rows[0]['data'] for entry in there if entry.rows}
    return all(entry.rows for entry in there) and (shorts == {None} or (None not in shorts and len(data) == 1))


def deciding_level(claim, family):
    return stats.smallest_level(lambda alpha: verdict(claim, *family.at(alpha)) != UNDECIDED)


def opened(study):
    """Findings without levels: of the claims that have rows on both sides."""
    for claim in study.claims:
        of, than = entries_of(study, claim['a']), entries_of(study, claim['b'])
        fact = claim['metric']['key'] in metrics.FACTS
        if not fact and not has_rows(of, than):
            continue
        family, values, others, seen, aside = compared(claim, of, than)
        if family is None or (not fact and family.n < 2):
            continue
        p = None if fact else deciding_level(claim, family)
        short = None if fact else of[0].short
        yield Finding(claim, of, than, values, others, family, None, None, None, p, None, None, seen, aside, short)


def closed(found, level, p_holm):
    low, high = found.family.at(level or 1)
    return found._replace(low=low, high=high, level=level, p_holm=p_holm, verdict=verdict(found.claim, low, high))


def findings(study):
    """Every claim that has rows, in the order of the records, with Holm's correction over the article's own and over ours."""
    if study.findings is None:
        found = list(opened(study))
        for family in ('article', 'ours'):
            tested = [i for i, f in enumerate(found) if f.claim['family'] == family and f.p is not None]
            ps = [found[i].p for i in tested]
            for i, level, p in zip(tested, stats.holm_levels(ps), stats.holm(ps)):
                found[i] = closed(found[i], level, p)
        study.findings = [f if f.verdict else closed(f, None, None) for f in found]
    return study.findings


def finding(study, name):
    """Of a claim by its id; None without rows."""
    return next((f for f in findings(study) if f.claim['id'] == name), None)


def waiting(study):
    """Claims without rows, as their words."""
    decided = {f.claim['id'] for f in findings(study)}
    return [claim['says'] for claim in study.claims if claim['id'] not in decided]


# ---- words ---------------------------------------------------------------------------------------------------------------------


def words(found):
    """The verdict as it is read: with its margin, or the count of runs that could not decide."""
    margin = format(found.claim['margin'], 'g')
    if found.verdict == EQUIVALENT:
        return f'equivalent within ±{margin}'
    within = found.verdict == REFUTED and found.claim['claim'] in ('more', 'less') and found.low <= 0 <= found.high
    n = f' (n = {found.family.n})' if found.verdict == UNDECIDED else ', size open' if size_open(found) else ''
    return found.verdict + (f': within ±{margin}' if within else n)


def seen(values, metric):
    """ "9 of 20", or the mean."""
    flat = [pair for each in values for pair in each]
    if metric['share']:
        return '{} of {}'.format(*count(flat))
    return f'{stats.mean([value for _, value in flat]):,.{metric["digits"]}f}'


def measured(found):
    """Both sides as they were seen: "9 of 20 against 8 of 20 runs", "9 of 20 runs; claim: more than half", "99.34; claim: 99.4"."""
    claim, one, runs = found.claim, seen(found.values, found.claim['metric']), ' runs' if found.claim['metric']['share'] else ''
    if found.than:
        return f'{one} against {seen(found.than_values, claim["metric"])}{runs}'
    value, less = claim['b']['value'], claim['claim'] == 'less'
    if runs and value == 0.5:
        return f'{one} runs; claim: {"fewer" if less else "more"} than half'
    return f'{one}{runs}; claim: {"below " if less else ""}{value:g}'


def difference(found):
    """The estimate with the interval that decides."""
    digits = max(2, found.claim['metric']['digits'])
    if not found.level:
        return f'{found.family.estimate:+,.{found.claim["metric"]["digits"]}f}'
    return f'{found.family.estimate:+.{digits}f} [{found.low:+.{digits}f}, {found.high:+.{digits}f}]'


def named(entries):
    """ "d10: no pool", "d5, d10: no pool", or "d5 … d15: no pool" of more cells."""
    cells = [entry.cell for entry in entries]
    said = ', '.join(cells) if len(cells) <= 3 else f'{cells[0]} … {cells[-1]}'
    return said + (f': {entries[0].arm}' if entries[0].arm else '')


def pilot(found):
    """Trained on fewer images or epochs than published."""
    return any(entry.pilot for entry in [*found.of, *(found.than or ())]) and found.level is not None
