# SPDX-License-Identifier: MIT
"""What a text says against what the rows say, by the rules of ablations/driver_claims.c: a figure is held against the interval for one more
run, measured as it was measured there; a claim is a comparison, paired over common seeds where there are any. A test compares these
verdicts with the programs' own."""

from collections import namedtuple

from . import metrics, stats

Told = namedtuple("Told", "figure entry summary verdict why")  # a published figure and ours
Finding = namedtuple("Finding", "claim of than effect value than_value p verdict")

INSIDE, ABOVE, BELOW, NOT = "inside", "published is above", "published is below", "not comparable"
HOLDS, HOLDS_NOT, NOT_SEPARABLE = "holds", "does not hold", "not separable"


def judge(published, summary, entry, slack=0.0):
    """(verdict, reason): where the published figure lies beside our interval for one more run."""
    if entry.short:
        return NOT, entry.short
    if summary.n < 2:
        return NOT, "one run of ours"
    span = f"one more run: {summary.more_low:.4g} to {summary.more_high:.4g}"
    if published < summary.more_low - slack:
        return BELOW, span
    if published > summary.more_high + slack:
        return ABOVE, span
    return INSIDE, span


def slack_of(figure):
    """Half of the last digit that the text gives; parameters are counted, or rounded to as many tens as they end in zeros."""
    unit = 10 ** -figure["metric"]["digits"]
    while figure["metric"]["key"] == "parameters" and figure["published"] > 0 and figure["published"] % (10 * unit) == 0:
        unit *= 10
    return 0.5 * unit


def told(study):
    """Every published figure that our rows tell, or that is a fact of the net."""
    found = []
    for figure in study.told["figures"]:
        entry, metric = study.entry(figure["cell"], figure["arm"]), figure["metric"]
        slack = slack_of(figure)
        if metric["key"] in metrics.FACTS:
            right = abs(figure["published"] - figure["fact"]) <= slack
            fact = stats.Summary(0, figure["fact"], None, None, None, None, None)
            found.append(Told(figure, entry, fact, "right" if right else "wrong", "a fact of the net"))
            continue
        summary = stats.summarize([value for _, value in metrics.values(entry.rows, metric)])
        if summary:
            found.append(Told(figure, entry, summary, *judge(figure["published"], summary, entry, slack)))
    return found


def comparable(a, b):
    """Both whole, or both short on the same data."""
    return bool(a.rows and b.rows) and (a.short is None) == (b.short is None) and a.rows[0]["data"] == b.rows[0]["data"]


def differences(a, b):
    """Per common seed; a and b are (seed, value)."""
    other = dict(b)
    return [value - other[seed] for seed, value in a if seed in other]


def effect_of(metric, a, b, margin):
    """a against b, or against a fixed figure where b is None."""
    values = [value for _, value in a]
    if metric["share"]:
        count = sum(value > 0.5 for value in values)
        if b is None:
            return stats.share(count, len(values), margin)
        return stats.shares(count, len(values), sum(value > 0.5 for _, value in b), len(b))
    if b is None:
        return stats.paired([value - margin for value in values])
    apart = differences(a, b)
    return stats.paired(apart) if len(apart) >= 2 else stats.welch(values, [value for _, value in b])


def verdict_of(claim, effect, p):
    margin = claim["margin"]
    if claim["relation"] == "same":
        if effect.low > -margin and effect.high < margin:
            return HOLDS
        return HOLDS_NOT if effect.low > margin or effect.high < -margin else NOT_SEPARABLE
    sign, most = (1, effect.high) if claim["relation"] == "more" else (-1, -effect.low)
    if claim["than_cell"] is not None and margin > 0 and most < margin:
        return HOLDS_NOT
    if p is None or not p < 0.05:
        return NOT_SEPARABLE
    return HOLDS if sign * effect.mean > 0 else HOLDS_NOT


def findings(study):
    """The claims that have rows on both sides, with Holm over them."""
    found = []
    for claim in study.told["claims"]:
        of = study.entry(claim["cell"], claim["arm"])
        than = study.entry(claim["than_cell"], claim["than_arm"]) if claim["than_cell"] is not None else None
        if not of.rows or (than is not None and not (than.rows and (of.short is None) == (than.short is None))):
            continue
        a = metrics.values(of.rows, claim["metric"])
        b = metrics.values(than.rows, claim["metric"]) if than is not None else None
        effect = effect_of(claim["metric"], a, b, claim["margin"])
        if effect is None or effect.low is None:
            continue
        than_value = stats.mean([value for _, value in b]) if b else claim["margin"]
        found.append(Finding(claim, of, than, effect, stats.mean([value for _, value in a]), than_value, effect.p, None))
    corrected = stats.holm([None if finding.claim["relation"] == "same" else finding.p for finding in found])
    return [finding._replace(p=p, verdict=verdict_of(finding.claim, finding.effect, p)) for finding, p in zip(found, corrected)]


def against_base(entry):
    """An arm's paired difference in test accuracy from what it changes, or None."""
    base = entry.study.entry(entry.cell, entry.base)
    if not entry.arm or not comparable(entry, base):
        return None
    metric = {"key": "test_acc", "at": 0}
    return stats.paired(differences(metrics.values(entry.rows, metric), metrics.values(base.rows, metric)))


def unjudged(study):
    """Claims without rows, as their words."""
    judged = {id(finding.claim) for finding in findings(study)}
    return [claim["says"] for claim in study.told["claims"] if id(claim) not in judged]
