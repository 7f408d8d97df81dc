# SPDX-License-Identifier: MIT
"""What would decide the claims that are open: how many seeds, at which training recipe, for how many core-hours. Effect and spread are
those of the rows there are, without collapsed runs; the level is Bonferroni's over the claims still open in the family, which Holm's
correction never falls below. ablations/plan.json is this, committed before the runs that decide."""

import json
import math

from . import stats, verdicts
from .tables import Table

POWER, EFFICIENCY = 0.8, 0.955  # of the signed-rank test beside Student's, where differences are normal
MOST_HOURS = 15  # core-hours that a claim's published recipe may take; else it is decided at the recipe of its pilot
LEAST = 0.002  # sd: an effect that lies nearer to a limit is planned as if it lay so far off
DEAR = 10  # core-hours: what costs more is also told the tightest margin that so many would settle


# ---- seeds ---------------------------------------------------------------------------------------------------------------------


def targets(claim, effect, sign=True):
    """[(what would be shown, distance of the effect from what must be left, ends that must clear it)]: any of them decides. The sign is no
    longer asked for where only the claimed size is open."""
    margin, (least, most) = claim['margin'], verdicts.size_of(claim)
    if claim['claim'] in ('less', 'not less'):
        effect = -effect
    if claim['claim'] in ('not more', 'not less'):
        side = 'above' if claim['claim'] == 'not more' else 'below'
        return [(f'{"no more" if effect < margin else "more"} than {margin:g} {side}', abs(margin - effect), 1)]
    inside = [(f'within ±{margin:g}', margin - abs(effect), 2)] if abs(effect) < margin else []
    if claim['claim'] == 'same':
        return inside or [(f'outside ±{margin:g}', abs(effect) - margin, 1)]
    sized = [(f'below the claimed {least:g}', least - effect, 1)] if claim['size'] and effect < least else []
    sized += [(f'above the claimed {most:g}', effect - most, 1)] if claim['size'] and effect > most else []
    if not sign:
        near = margin - max(least - effect, effect - most, 0)
        return sized + ([('at the claimed size', near, 2)] if near > 0 else [])
    return [(f'{"on" if effect > 0 else "off"} the claimed side', abs(effect), 1), *inside, *sized]


def z_power(ends):
    """Both ends of an interval must clear the margin: each may fail half as often."""
    return stats.z_upper((1 - POWER) / ends)


def seeds_for_means(distance, sd, ends, level):
    """The smallest n whose interval leaves what lies so far away, with the power."""
    distance = max(distance, sd * LEAST)

    def enough(n):
        worth = n * (EFFICIENCY if n >= stats.RANKS_FROM else 1)
        return distance * math.sqrt(worth) >= sd * (stats.t_upper(level / 2, n - 1) + z_power(ends))

    low, high = 1, 2
    while not enough(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def seeds_for_shares(distance, variance, ends, level):
    """Of every cell; variance is that of the estimate times the runs of a cell."""
    distance = max(distance, LEAST * math.sqrt(variance))
    return math.ceil(variance * ((stats.z_upper(level / 2) + z_power(ends)) / distance) ** 2)


def variance_of(found):
    """Of the difference of shares for one run in each cell; shares are drawn to the middle by a run each way, so that 0 of 20 can vary."""
    strata = len(found.values)
    shares = [(count + 1) / (n + 2) for count, n in (verdicts.count(side) for side in (*found.values, *found.than_values))]
    return sum(share * (1 - share) for share in shares) / strata**2


def spread_of(found):
    """sd of the differences that were compared."""
    a = [value for _, value in found.values[0]]
    b = [value for _, value in found.than_values[0]] if found.than else [0.0] * len(a)
    return stats.deviation([one - other for one, other in zip(a, b)])


def seeds_of(found, level):
    """(seeds, what they would show, spread)"""
    share = found.claim['metric']['share']
    spread = math.sqrt(variance_of(found)) if share else spread_of(found)
    effect = found.family.estimate
    needed = [
        (seeds_for_shares(distance, spread**2, ends, level) if share else seeds_for_means(distance, spread, ends, level), words)
        for words, distance, ends in targets(found.claim, effect, not verdicts.size_open(found))
    ]
    return *min(needed), spread


# ---- cost ----------------------------------------------------------------------------------------------------------------------


def core_seconds(entry):
    """Of one run, by its rows."""
    return stats.mean([row['seconds'] * row['threads'] for row in entry.rows if row['seconds'] is not None])


def whole_of(entry):
    """(images and epochs of the published recipe over the entry's, how many seeds have rows at that recipe)"""
    cell = entry.study.entry(entry.cell)
    if not entry.pilot:
        return 1.0, len(entry.rows)
    change = [
        {word for word in e.told['recipe'].split() if not word.startswith(('select=', 'epochs=', 'testselect='))} for e in (entry, cell)
    ]
    same = entry.told['net'] == cell.told['net'] and change[0] == change[1]
    ratio = cell.size[0] * cell.told['epochs'] / (entry.size[0] * entry.told['epochs'])
    return ratio, len(cell.rows) if same else 0


def hours_of(entries, seeds, whole):
    """Core-hours of the runs that are missing, at the pilot's recipe or at the published one."""
    total = 0.0
    for entry in entries:
        ratio, there = whole_of(entry) if whole else (1.0, len(entry.rows))
        total += max(0, seeds - there) * ratio * core_seconds(entry) / 3600
    return total


def settled(effect, spread, level, seeds):
    """The tightest margin that so many seeds would settle, if the effect is what it was."""
    return abs(effect) + spread * (stats.z_upper(level / 2) + z_power(2)) / math.sqrt(EFFICIENCY * seeds)


def planned(found, level):
    """One open claim as the plan has it."""
    seeds, shows, spread = seeds_of(found, level)
    entries, effect, runs = entries_of(found), found.family.estimate, min(len(entry.rows) for entry in entries_of(found))
    pilot = verdicts.pilot(found)
    whole = pilot and hours_of(entries, seeds, True) <= MOST_HOURS
    hours = hours_of(entries, seeds, whole)
    record = {'study': entries[0].study.name, 'claim': found.claim['id'], 'family': found.claim['family'], 'says': found.claim['says']}
    record.update(effect=round(effect, 5), spread=round(spread, 5), level=round(level, 6), runs=runs, shows=shows, seeds=seeds)
    record.update(recipe=found.claim['published_regime' if whole else 'regime'], pilot=pilot and not whole, core_hours=round(hours, 2))
    if hours > DEAR:
        affordable = runs + int(DEAR / (hours / (seeds - runs)))
        record.update(affordable_seeds=affordable, affordable_margin=round(settled(effect, spread, level, affordable), 3))
    return record


def entries_of(found):
    return [*found.of, *(found.than or ())]


def opened(study):
    """(finding, level) of the claims that are open."""
    found = [f for f in verdicts.findings(study) if verdicts.is_open(f) and not f.short]
    families = [f.claim['family'] for f in found]
    return [(f, 0.05 / families.count(f.claim['family'])) for f in found]


def plan(studies):
    return [planned(found, level) for study in studies.values() for found, level in opened(study)]


def hours_together(studies, records):
    """Core-hours of all that the plan can afford: runs that several claims share are made once."""
    wanted = {}
    for record in records:
        found = verdicts.finding(studies[record['study']], record['claim'])
        whole = verdicts.pilot(found) and not record['pilot']
        for entry in entries_of(found):
            seeds = record.get('affordable_seeds', record['seeds'])
            cell = entry.study.entry(entry.cell)
            key = (cell if whole and whole_of(entry)[1] else entry), whole and not whole_of(entry)[1]
            wanted[key] = max(wanted.get(key, 0), seeds)
    return sum(hours_of([entry], seeds, whole) for (entry, whole), seeds in wanted.items())


def text(studies, records):
    """ablations/plan.json: a line for each claim."""
    head = {'power': POWER, 'efficiency': EFFICIENCY, 'core_hours': round(hours_together(studies, records), 1)}
    lines = ',\n'.join('  ' + json.dumps(record, ensure_ascii=False) for record in records)
    return json.dumps(head)[:-1] + f', "claims": [\n{lines}\n]}}\n'


def table(records):
    made = Table(
        'plan',
        'What would decide the claims that are open',
        [
            ('study', 'study'),
            ('claim', 'claim'),
            ('runs', 'runs now'),
            ('seeds', 'seeds needed'),
            ('shows', 'to show that it is'),
            ('recipe', 'trained on'),
            ('hours', 'core-hours more', 1),
            ('affordable', f'in {DEAR} core-hours'),
        ],
        f'{100 * POWER:.0f} % power to decide at the level that the claims still open in a family share, if effect and spread are those of '
        'the rows there are, without collapsed runs. Core-hours are of the missing runs, by the seconds of the rows there are; the '
        f'published recipe is planned where it takes {MOST_HOURS} core-hours or less, else that of the pilot.',
    )
    for r in records:
        pilot = ' (a pilot)' if r['pilot'] else ''
        affordable = f'within ±{r["affordable_margin"]:g} with {r["affordable_seeds"]} seeds' if 'affordable_margin' in r else None
        made.add(r['study'], r['says'], r['runs'], r['seeds'], r['shows'], r['recipe'] + pilot, r['core_hours'], affordable)
    return made
