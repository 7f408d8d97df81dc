# SPDX-License-Identifier: MIT
"""The page: ten seconds (findings as sentences), a minute (a card per study and two of ours), an hour (every figure, claim and picture).
Everything on it comes from rows; this file decides the order and templates/page.html the form."""

import os

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import (
    findings,
    framework_figures,
    headline,
    machines,
    net_figures,
    power,
    preview,
    speed_figures,
    stats,
    studies,
    study_figures,
    study_tables,
    verdicts,
)
from . import pictures as drawn
from .figure import Missing
from .study_figures import mean
from .tables import interval

# What the card of a study shows of its published values, at most six: (cell, arm, metric).
CARD = {
    'vanishing-canvas': [],
    'mnist-architectures': [
        ('exp1', '', 'test_acc'),
        ('exp2', '', 'test_acc'),
        ('exp3', '', 'test_acc'),
        ('exp4', '', 'test_acc'),
        ('exp5', 'tested on the training set', 'best_test_acc'),
    ],
    'scratch-cnn': [('published', '', 'learned'), ('published', 'all five bugs', 'learned')],
    'kernel-size': [(cell, '', 'test_acc') for cell in ('dense', '3x3', '5x5', '7x7')],
    'compact-net': [('published', '', key) for key in ('best_test_acc', 'test_acc', 'best_epoch', 'late_mean', 'running_acc')],
}
# Where the article claims more than it gives values: claims, by their ids.
CARD_CLAIMS = {
    'vanishing-canvas': ('trains-at-9', 'fails-at-10', 'ten-is-the-limit', 'shrinking', 'shrinking-padded', 'optimizer'),
    'mnist-architectures': ('best-net',),
    'scratch-cnn': ('one-image', 'one-image-as-written', 'usual-rate', 'steps'),
}
CHIPS = {
    **{word: 'in' for word in (verdicts.SUPPORTED, verdicts.EQUIVALENT, findings.INSIDE, findings.ALIKE)},
    **{word: 'off' for word in (verdicts.REFUTED, verdicts.SMALLER, verdicts.LARGER, findings.ABOVE, findings.BELOW)},
    **{word: 'none' for word in (verdicts.UNDECIDED, findings.NOT, findings.FEW, 'no rows yet')},
}


def runnable(command):
    """As it is typed at the top of the tree."""
    return command if '/' in command.split()[0] else 'build/release/bin/' + command


def name_of(path):
    """A file of rows by its name, one of a machine or of pictures with its folder."""
    inside, name = os.path.split(path)
    return name if name.endswith('.jsonl') else os.path.join(os.path.basename(inside), name)


class Drawing:
    """A figure as the template takes it."""

    def __init__(self, figure, folder):
        self.figure, self.name, self.title, self.command = figure, figure.name, figure.title, runnable(figure.command)
        self.missing = isinstance(figure, Missing)
        if self.missing:
            self.why = figure.why
            return
        self.svg, self.caption, self.table = Markup(figure.svg()), figure.caption, Markup(figure.table.html())
        self.links = [(name_of(path), os.path.relpath(path, folder)) for path in figure.files]


def card_lines(study):
    """(what, published, ours, verdict, chip, why) of the figures that the card shows."""
    told = {(t.figure['cell'], t.figure['arm'], t.figure['metric']['key']): t for t in reversed(findings.told(study))}
    lines = []
    for cell, arm, key in CARD.get(study.name, ()):
        figure = next(f for f in study.published if (f['cell'], f['arm'], f['metric']['key']) == (cell, arm, key))
        digits = figure['metric']['digits']
        what = f'{study.entry(cell, arm).name}: {figure["metric"]["words"]}' if len(study.cells) > 1 or arm else figure['metric']['words']
        published = f'{figure["value"]:.{digits}f}'
        t = told.get((cell, arm, key))
        if t is None:
            lines.append((what, published, '–', '', 'no rows yet', 'none', f'{study.entry(cell, arm).told["seeds"]} runs planned'))
            continue
        s = t.summary
        ours = f'{s.mean:.{digits}f}'
        low, high = (s.low, s.high) if not figure['metric']['share'] else stats.wilson(round(s.mean * s.n), s.n)
        spread = f'[{low:.{digits}f}, {high:.{digits}f}], n = {s.n}' if low is not None else f'n = {s.n}'
        lines.append((what, published, ours, spread, t.verdict, CHIPS[t.verdict], t.why))
    return lines


def claim_lines(study):
    """The same of the claims that the card shows, but for the one it begins with: the difference with the interval that decides."""
    said = {claim['id']: claim for claim in study.claims}
    lines = []
    for name in CARD_CLAIMS.get(study.name, ()):
        if name == study.first:
            continue
        claim, found = said[name], verdicts.finding(study, name)
        whose = 'ours' if claim['family'] == 'ours' else 'claimed'
        if found is None:
            lines.append((claim['says'], whose, '–', '', 'no rows yet', 'none', ''))
            continue
        why = found.short or ('pilot' if verdicts.pilot(found) else claim['metric']['words'])
        spread = f'{verdicts.difference(found)}, δ = {claim["margin"]:g}, n = {found.family.n}'
        lines.append((claim['says'], whose, verdicts.measured(found), spread, verdicts.words(found), CHIPS[found.verdict], why))
    return lines


def first_line(study):
    """(chip, verdict, the claim, the article's words, what was measured) of the study's first claim; None without rows."""
    found = verdicts.finding(study, study.first)
    if found is None or found.short:
        return None
    claim = found.claim
    n = '' if claim['metric']['share'] else f' (n = {found.family.n})'
    pilot = f' A pilot: {claim["regime"]}; published: {claim["published_regime"]}.' if verdicts.pilot(found) else ''
    measured = f'{claim["metric"]["words"]}: {verdicts.measured(found)}{n}; difference {verdicts.difference(found)}'
    measured += f', margin δ = {claim["margin"]:g}.'
    return CHIPS[found.verdict], verdicts.words(found), claim['says'], claim['quote'], measured + pilot


class Part:
    """A study with all that is drawn of it."""

    def __init__(self, study, pictures, folder):
        self.study, self.name, self.question, self.runs, self.planned = study, study.name, study.question, study.runs, study.planned
        figures = studies.figures(study) + drawn.for_study(pictures, study.name)
        self.figures = [Drawing(figure, folder) for figure in figures]
        self.card_figure, self.figures = self.figures[0], self.figures[1:]
        self.card, self.found, self.lines = (card_lines(study) + claim_lines(study))[:6], headline.found(study), headline.lines(study)
        self.tables = [(table, Markup(table.html())) for table in study_tables.made(study) if table.rows]
        self.waiting, self.first = verdicts.waiting(study), first_line(study)
        self.command = f'build/release/bin/{study.name} --arms'
        path = os.path.join(folder, study.name + '.jsonl')
        self.link = os.path.basename(path) if os.path.exists(path) else None
        self.data = study_figures.data_of([entry for entry in study.cells if entry.rows] or study.cells[:1])


def all_figures(results):
    """Every figure there is, missing ones too: what the page shows and tools/export draws."""
    pictures = drawn.Pictures(results.folder)
    made = [figure for study in results.studies.values() for figure in studies.figures(study) + drawn.for_study(pictures, study.name)]
    made += [study_figures.frontier(results.studies, data) for data in ('mnist', 'fashion-mnist')]
    made += framework_figures.for_frameworks(results)
    return made + speed_figures.for_kernels(results) + net_figures.for_nets(results)


def all_tables(results):
    """Every table by name; those of figures are named as they are."""
    made = []
    for study in results.studies.values():
        made += study_tables.made(study)
    made += [study_tables.missing(results.studies), power.table(power.plan(results.studies)), machines.table(results)]
    made += [framework_figures.summary(results), headline.tally(results)]
    made += [figure.table for figure in all_figures(results) if not isinstance(figure, Missing)]
    return {table.name: table for table in made if table.rows}


def summary(results):
    """The README's table: every published cell with rows."""
    from .tables import Table

    table = Table(
        'summary',
        'Published against reproduced',
        [
            ('cell', 'cell'),
            ('data', 'data'),
            ('published', 'published', 2),
            ('measured', 'and what it was measured on'),
            ('reproduced', 'reproduced, last epoch: mean ± sd [95 % CI], n', 2),
            ('verdict', 'verdict'),
            ('best', 'best epoch on test', 2),
        ],
    )
    for study in results.studies.values():
        for entry in study.cells:
            test = mean(entry, 'test_acc')
            if test and entry.told['published'] is not None:
                verdict, why = findings.of_cell(entry)
                table.add(
                    f'{study.name}/{entry.cell}',
                    entry.data,
                    entry.told['published'],
                    entry.told['tests'] or 'not said',
                    interval(test),
                    verdict + ('' if why.startswith('a single run') else f': {why.split("; a single run")[0]}'),
                    mean(entry, 'best_test_acc').mean,
                )
    days = results.newest[:10]
    runs = sum(study.runs for study in results.studies.values())
    table.note = (
        'Verdict: does the published value, a single run, lie in our 95 % prediction interval for one run measured the same way? A '
        'published run that failed, below 20 %, is compared with the share of our runs that failed. '
        f'{runs:,} runs have rows, the newest of {days}; all values, claims and intervals: [results/index.html](results/index.html).'
        if runs
        else ''
    )
    return table


def firsts(results):
    """The README's first table: each study's first claim and its verdict."""
    from .tables import Table

    heads = [('study', 'study'), ('claim', 'its claim'), ('measured', 'what we measured'), ('verdict', 'verdict')]
    table = Table('verdicts', 'What became of the five articles', heads)
    for study in results.studies.values():
        found = verdicts.finding(study, study.first)
        if found:
            n = '' if found.claim['metric']['share'] else f' (n = {found.family.n})'
            pilot = f' (a pilot: {found.claim["regime"]})' if verdicts.pilot(found) else ''
            measured = f'{found.claim["metric"]["words"]}: {verdicts.measured(found)}{n}; difference {verdicts.difference(found)}{pilot}'
            table.add(study.name, f'{found.claim["says"]} (“{found.claim["quote"]}”)', measured, verdicts.words(found))
    return table


def template():
    """The page's, which knows its style and script."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'templates')
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for name, path in (('style', 'style.css'), ('script', 'page.js')):
        with open(os.path.join(folder, path), encoding='utf-8') as file:
            environment.globals[name] = Markup(file.read())
    return environment.get_template('page.html')


def render(results, title='convgauge', own=False):
    folder = results.folder
    pictures = drawn.Pictures(folder)
    parts = [Part(study, pictures, folder) for study in results.studies.values()]
    kernels = [Drawing(figure, folder) for figure in speed_figures.for_kernels(results)]
    nets = [Drawing(figure, folder) for figure in net_figures.for_nets(results)]
    speeds = [(word, [Drawing(figure, folder) for figure in figures]) for word, figures in framework_figures.views(results)]
    tally = headline.tally(results)
    answer = framework_figures.summary(results)
    frontiers = [Drawing(study_figures.frontier(results.studies, data), folder) for data in ('mnist', 'fashion-mnist')]
    missing, where = study_tables.missing(results.studies), machines.table(results)
    deciding = power.table(power.plan(results.studies))
    cpus = sorted({machines.label(machine, results) for machine in results.machines if machine[0]})
    commits = sorted({commit for machine in results.machines for commit in machines.commits_of(machine, results)})
    data = [entry.data for study in results.studies.values() for entry in study.entries if entry.rows]
    return template().render(
        title=title,
        rule=verdicts.RULE,
        headlines=headline.headlines(results),
        summary=headline.summary(results),
        tally=Markup(tally.html()) if tally.rows else None,
        tally_words=headline.tally_words(results),
        parts=parts,
        kernels=kernels,
        nets=nets,
        speeds=speeds,
        speed=Markup(answer.html()) if answer.rows else None,
        compared=framework_figures.machines_said(results),
        preview=preview.address(folder),
        frontiers=frontiers,
        own=own,
        date=results.newest[:10],
        cpus=cpus,
        commits=commits,
        data=list(dict.fromkeys(data)),
        runs=sum(part.runs for part in parts),
        planned=sum(part.planned for part in parts),
        missing=Markup(missing.html()) if missing.rows else None,
        missing_count=len(missing.rows),
        deciding=Markup(deciding.html()) if deciding.rows else None,
        open_count=len(deciding.rows),
        machines=Markup(where.html()) if where.rows else None,
        set_aside=results.set_aside,
        bf16=len(results.bf16),
        twice=results.twice,
        rows_files=[os.path.relpath(path, folder) for path in results.files],
    )
