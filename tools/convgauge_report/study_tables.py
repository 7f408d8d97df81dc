# SPDX-License-Identifier: MIT
"""The tables of a study: published against reproduced, every arm against what it changes, every published figure, every claim, the
receptive fields, and what has no rows yet."""

import statistics

from . import findings, metrics, study_costs, study_questions
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
        'Test accuracy in per cent. The verdict holds the published figure, one run, against the interval for one more run of ours, '
        'measured as that one was; a run that failed, below 20 %, against the share of ours that failed. '
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
            ('difference', 'paired difference [95 % CI], n', 2),
            ('higher', 'seeds where it is higher'),
            ('failed', 'runs below 20 %'),
            ('tests', 'what it tests'),
        ],
        'Differences are paired over common seeds. An arm is held against the arm or cell that it changes. One run that ended far off '
        'moves a mean and its interval: the median and the count of seeds where the arm is higher say whether it did.',
    )
    for entry in study.arms:
        if not entry.rows:
            continue
        effect, test = findings.against_base(entry), mean(entry, 'test_acc')
        values = [value for _, value in metrics.values(entry.rows, {'key': 'test_acc', 'at': 0})]
        apart = findings.apart_from_base(entry)
        trained_on_one = 'select=single' in entry.told['recipe']  # its test accuracy is of no interest
        table.add(
            entry.name,
            entry.base or 'the cell',
            None if trained_on_one else interval(test),
            None if trained_on_one else statistics.median(values),
            effect and not trained_on_one and Interval(effect.mean, None, effect.low, effect.high, effect.n) or None,
            f'{sum(value > 0 for value in apart)} of {len(apart)}' if apart and not trained_on_one else None,
            None if trained_on_one else f'{sum(value < metrics.FAILS for value in values)} of {len(values)}',
            entry.told['tests'] + (f' ({entry.short})' if entry.short else ''),
        )
    return table


def figures(study):
    table = Table(
        study.name + '-figures',
        f'{study.name}: every published figure, measured as it was measured there',
        [
            ('cell', 'cell'),
            ('measure', 'measure'),
            ('published', 'published'),
            ('ours', 'ours: mean ± sd, n'),
            ('more', '95 % for one more run, or runs alike'),
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
            told.entry.name,
            told.figure['metric']['words'],
            f'{told.figure["published"]:,.{digits}f}',
            ours,
            more,
            verdict,
            told.figure['as'],
        )
    return table


def words_of(claim, of, than):
    """What is held against what; a claimed size stands with it."""
    margin = format(claim['margin'], 'g')
    if claim['relation'] in findings.BY_INTERVAL:
        words = {'same': 'within', 'not_more': 'less than', 'not_less': 'no more than'}[claim['relation']]
        side = {'same': 'of', 'not_more': 'above', 'not_less': 'below'}[claim['relation']]
        return f'{of.name} {words} {margin} {side} {than.name}'
    other = f'{than.name}' + (f' by {margin}' if claim['margin'] else '') if than else margin
    return f'{of.name} {">" if claim["relation"] == "more" else "<"} {other}'


def claims(study):
    table = Table(
        study.name + '-claims',
        f'{study.name}: every claim, tested',
        [
            ('claim', 'claim'),
            ('compared', 'compared'),
            ('measure', 'measure'),
            ('means', 'means'),
            ('difference', 'difference [95 % CI]'),
            ('n', 'n'),
            ('p', 'p (Holm)'),
            ('verdict', 'verdict'),
        ],
        'A claim that begins with "ours" is not the text\'s: it asks for the reason. Differences are paired over common seeds, else '
        "Welch's; shares by Fisher's exact test with Newcombe's interval; p is corrected by Holm over the study's claims. A claim holds "
        'when p < 0.05 and the difference has its sign. It does not hold when the difference surely has the other sign, or its interval '
        'ends below the claimed size, whatever p, which is that of no difference at all. A claim of no difference, or of none to one '
        'side, holds when the interval stays within the given size there. Else these runs cannot tell. Means of paired sides are over '
        'the common seeds.',
    )
    for found in findings.findings(study):
        digits, e = found.claim['metric']['digits'], found.effect
        p = 'interval' if found.p is None else '< 0.0001' if found.p < 0.0001 else f'{found.p:.4f}'
        short = ' (short runs)' if found.of.short else ''
        table.add(
            found.claim['says'],
            words_of(found.claim, found.of, found.than),
            found.claim['metric']['words'],
            f'{found.value:.{digits}f}, {found.than_value:.{digits}f}',
            f'{e.mean:+.{digits}f} [{e.low:+.{digits}f}, {e.high:+.{digits}f}]',
            e.n,
            p,
            found.verdict + short,
        )
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
    return [table(study) for table in (reproduced, figures, claims, arms)] + own + [study_costs.costs(study), fields(study)]
