# SPDX-License-Identifier: MIT
"""The tables of a study: published against reproduced, every arm against what it changes, every published value, every claim, the
receptive fields, and what has no rows yet."""

import statistics

from . import findings, metrics, study_costs, study_questions, verdicts
from .study_figures import mean
from .tables import Interval, Table, interval


def reproduced(study):
    """The cells, whether they have rows or not."""
    table = Table(
        study.name,
        f'{study.name}: published against reproduced',
        [
            ('cell', 'cell'),
            ('data', 'data'),
            ('published', 'published', 2),
            ('reproduced', 'reproduced, last epoch: mean ± sd [95 % CI], n', 2),
            ('verdict', 'verdict'),
            ('why', 'why'),
            ('best', 'best epoch on test', 2),
            ('train', 'train set', 2),
            ('loss', 'test loss', 4),
            ('parameters', 'parameters'),
        ],
        'Test accuracy in per cent. Verdict: does the published value, a single run, lie in our 95 % prediction interval for one run '
        'measured the same way? A published run that failed, below 20 %, is compared with the share of our runs that failed. '
        '"Best epoch on test" is chosen on the test set and is no result.',
    )
    for entry in study.cells:
        test, told = mean(entry, 'test_acc'), entry.told['published']
        verdict, why = (
            ('no rows yet', f'{entry.told["seeds"]} runs planned')
            if test is None
            else ('', 'nothing published')
            if told is None
            else findings.of_cell(entry)
        )
        if test is not None and told is None and entry.short:
            verdict, why = findings.NOT, entry.short
        best, train, loss = (mean(entry, key) for key in ('best_test_acc', 'train_acc', 'test_loss'))
        table.add(
            entry.cell,
            entry.data,
            told,
            interval(test),
            verdict,
            why,
            best.mean if best else None,
            train.mean if train else None,
            loss.mean if loss else None,
            entry.told['parameters'],
        )
    return table


CHOSEN = '; chosen on the test set, so that its accuracy is no evidence'


def shown(family):
    return family and Interval(family.estimate, None, *family.at(0.05), family.n)


def arms(study):
    """Each arm and its paired difference from what it changes."""
    table = Table(
        study.name + '-arms',
        f'{study.name}: what each change does',
        [
            ('arm', 'arm'),
            ('base', 'against'),
            ('test', 'test accuracy: mean ± sd [95 % CI], n', 2),
            ('median', 'median', 2),
            ('difference', 'paired difference [95 %], n', 2),
            ('higher', 'seeds where it is higher'),
            ('failed', 'runs below 20 %'),
            ('collapsed', 'collapsed runs'),
            ('tests', 'what it tests'),
        ],
        "Differences from the arm or cell that an arm changes, paired over common seeds: Hodges and Lehmann's estimate with the interval "
        "of the signed-rank test, with fewer than 8 seeds the mean and Student's t. A run has collapsed when it ends more than 5 points "
        'and more than 10 median absolute deviations below the median of its arm; the difference leaves such runs out where they are at '
        'most one in ten.',
    )
    for entry in study.arms:
        if not entry.rows:
            continue
        (family, apart), test = findings.against_base(entry), mean(entry, 'test_acc')
        values = [value for _, value in metrics.values(entry.rows, {'key': 'test_acc', 'at': 0})]
        trained_on_one = 'select=single' in entry.told['recipe']  # its test accuracy is of no interest
        table.add(
            entry.name,
            entry.base or 'the cell',
            None if trained_on_one else interval(test),
            None if trained_on_one or not values else statistics.median(values),
            None if trained_on_one else shown(family),
            f'{sum(value > 0 for value in apart)} of {len(apart)}' if apart and not trained_on_one else None,
            None if trained_on_one else '{} of {}'.format(*verdicts.count(metrics.values(entry.rows, {'key': 'failed', 'at': 0}))),
            None if trained_on_one else f'{len(verdicts.collapsed(entry))} of {len(entry.rows)}',
            entry.told['tests'] + (f' ({entry.short})' if entry.short else '') + (CHOSEN if entry.chosen else ''),
        )
    return table


def figures(study):
    table = Table(
        study.name + '-figures',
        f'{study.name}: every published value, measured as it was measured there',
        [
            ('cell', 'cell'),
            ('measure', 'measure'),
            ('published', 'published'),
            ('ours', 'reproduced: mean ± sd, n'),
            ('more', '95 % prediction interval for a single run, or runs alike'),
            ('verdict', 'verdict'),
            ('as', 'where it stands'),
        ],
    )
    for told in findings.told(study):
        digits, s = told.figure['metric']['digits'], told.summary
        ours = f'{s.mean:,.{digits}f}' + (f' ± {s.sd:.{digits}f}, {s.n}' if s.sd is not None else f', {s.n}' if s.n else '')
        more = told.why if told.alike is not None else '–'
        if s.more_low is not None:
            more = f'[{s.more_low:.{digits}f}, {s.more_high:.{digits}f}]'
        verdict = told.verdict + (f': {told.why}' if told.verdict == findings.NOT else '')
        table.add(
            told.entry.name, told.figure['metric']['words'], f'{told.figure["value"]:,.{digits}f}', ours, more, verdict, told.figure['as']
        )
    return table


def words_of(found):
    """What is compared with what; a claimed size stands with it."""
    claim = found.claim
    than = verdicts.named(found.than) if found.than else format(claim['b']['value'], 'g')
    size = claim['size'] and (' by {:g} to {:g}' if isinstance(claim['size'], list) else ' by {:g}').format(*verdicts.size_of(claim))
    sign = {'more': '>', 'less': '<', 'same': '=', 'not more': '≤', 'not less': '≥'}[claim['claim']]
    return f'{verdicts.named(found.of)} {sign} {than}{size or ""}'


def level_of(found):
    return f'{100 * (1 - found.level):.4g} %' if found.level else 'exact'


def notes_of(found):
    """What a verdict rests on that its numbers do not say."""
    notes = [f'pilot: {found.claim["regime"]}; published: {found.claim["published_regime"]}'] if verdicts.pilot(found) else []
    if any(found.seen):
        a, b = found.seen
        words = f'collapsed runs: {a} of {len(found.of[0].rows)}' + (f' and {b} of {len(found.than[0].rows)}' if found.than else '')
        notes.append(words + (f'; {found.aside} seed{"s" if found.aside > 1 else ""} set aside' if found.aside else '; none set aside'))
    return '; '.join(notes + ([found.short] if found.short else []))


def claims(study):
    table = Table(
        study.name + '-claims',
        f'{study.name}: every claim, tested',
        [
            ('claim', 'claim'),
            ('quote', "the article's words"),
            ('compared', 'compared'),
            ('measure', 'measure'),
            ('means', 'measured'),
            ('difference', 'difference [interval]'),
            ('level', "the interval's level"),
            ('n', 'n'),
            ('margin', '±δ'),
            ('p', 'p (Holm)'),
            ('verdict', 'verdict'),
            ('notes', 'notes'),
        ],
        verdicts.RULE + " Means are compared over common seeds: Hodges and Lehmann's estimate with the interval of the signed-rank test, "
        "with fewer than 8 seeds the mean with Student's t. Shares of runs have Newcombe's interval, over several depths combined by "
        "Mantel and Haenszel's weights, one share Wilson's. p is the smallest level at which the rule decides. Holm's correction runs "
        "over the article's claims and, by itself, over ours; the interval is at the level that it leaves. Facts of the nets are exact.",
    )
    for found in verdicts.findings(study):
        claim = found.claim
        table.add(
            claim['says'],
            f'“{claim["quote"]}”' if claim['quote'] not in ('ours', 'implied') else claim['quote'],
            words_of(found),
            claim['metric']['words'],
            verdicts.measured(found),
            verdicts.difference(found),
            level_of(found),
            found.family.n or None,
            format(claim['margin'], 'g'),
            None if found.p_holm is None else '< 0.0001' if found.p_holm < 0.0001 else f'{found.p_holm:.4f}',
            verdicts.words(found),
            notes_of(found),
        )
    return table


def untested(study):
    table = Table(
        study.name + '-untested', f'{study.name}: sentences that no rows test', [('quote', "the article's words"), ('why', 'why')]
    )
    for each in study.untested:
        table.add(f'“{each["quote"]}”', each['why'])
    return table


def fields(study):
    """Shapes, parameters and receptive fields of the cells, as the programs' --summary has them."""
    table = Table(
        study.name + '-nets',
        f'{study.name}: the nets layer by layer',
        [
            ('cell', 'cell'),
            ('layer', 'layer'),
            ('out', 'output'),
            ('parameters', 'parameters'),
            ('field', 'receptive field'),
            ('macs', 'MACs per image'),
        ],
    )
    for cell, layers in study.told['nets'].items():
        if study.name == 'vanishing-canvas' and cell not in ('d5', 'd10'):
            continue  # the same block again and again
        for layer in layers:
            table.add(cell, *(layer[key] for key in ('layer', 'out', 'parameters', 'field', 'macs')))
    return table


def missing(studies):
    table = Table(
        'missing',
        'Cells and arms without all of their runs',
        [('study', 'study'), ('entry', 'cell or arm'), ('runs', 'runs there'), ('planned', 'planned'), ('why', 'why')],
    )
    for study in studies.values():
        for entry in study.entries:
            if entry.missing or entry.short:
                table.add(study.name, entry.name, len(entry.rows), entry.told['seeds'], entry.short or '')
    return table


def made(study):
    """All of a study, in the page's order."""
    own = study_questions.of(study)
    return [table(study) for table in (reproduced, figures, claims, untested, arms)] + own + [study_costs.costs(study), fields(study)]
