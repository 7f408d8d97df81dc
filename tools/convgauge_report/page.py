# SPDX-License-Identifier: MIT
"""The page: ten seconds (findings as sentences), a minute (a card per study and two of ours), an hour (every figure, claim and picture).
Everything on it comes from rows; this file decides the order and templates/page.html the form."""

import os

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import each_study, findings, headline, machines, net_figures, plot, speed_figures, stats, study_figures, study_tables
from . import pictures as drawn
from .figure import Missing
from .study_figures import mean
from .tables import interval

# What the card of a study shows of the text, at most six: (cell, arm, metric).
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
# Where the text claims more than it gives figures: claims, by their first words.
CARD_CLAIMS = {
    'vanishing-canvas': (
        'up to 9 layers',
        'from 10 layers',
        'ten is the limit: 10 layers',
        'shrinking is the cause: without pooling fewer fail',
        'shrinking is the cause: with padded',
        'the optimizer is not',
    ),
    'mnist-architectures': ('the best net has 99.50',),
    'scratch-cnn': ('one image cannot be learned', 'ours: at a usual rate', 'ours: in fewer than 100'),
}
CHIPS = {
    findings.HOLDS: 'in',
    findings.HOLDS_NOT: 'off',
    findings.NOT_SEPARABLE: 'none',
    findings.INSIDE: 'in',
    findings.ABOVE: 'off',
    findings.BELOW: 'off',
    findings.NOT: 'none',
    'no rows yet': 'none',
}


def runnable(command):
    """As it is typed at the top of the tree."""
    return command if command.startswith('tools/') else 'build/release/bin/' + command


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
        self.svg_again = Markup(plot.again(str(self.svg), '-card'))
        self.links = [(name_of(path), os.path.relpath(path, folder)) for path in figure.files]


def card_lines(study):
    """(what, published, ours, verdict, chip, why) of the figures that the card shows."""
    told = {(t.figure['cell'], t.figure['arm'], t.figure['metric']['key']): t for t in reversed(findings.told(study))}
    lines = []
    for cell, arm, key in CARD.get(study.name, ()):
        figure = next(f for f in study.told['figures'] if (f['cell'], f['arm'], f['metric']['key']) == (cell, arm, key))
        digits = figure['metric']['digits']
        what = f'{study.entry(cell, arm).name}: {figure["metric"]["words"]}' if len(study.cells) > 1 or arm else figure['metric']['words']
        published = f'{figure["published"]:.{digits}f}'
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
    """The same of the claims that the card shows: what is compared, and the difference with its interval."""
    judged = {found.claim['says']: found for found in findings.findings(study)}
    lines = []
    for start in CARD_CLAIMS.get(study.name, ()):
        claim = next(claim for claim in study.told['claims'] if claim['says'].startswith(start))
        found, said = judged.get(claim['says']), 'ours' if claim['says'].startswith('ours') else 'claimed'
        what = claim['says'].replace('ours: ', '')
        if found is None:
            lines.append((what, said, '–', '', 'no rows yet', 'none', ''))
            continue
        digits, e = claim['metric']['digits'], found.effect
        means = f'{found.value:.{digits}f} against {found.than_value:.{digits}f}'
        spread = f'{e.mean:+.{digits}f} [{e.low:+.{digits}f}, {e.high:+.{digits}f}], n = {e.n}'
        why = ('short runs' if found.of.short else '') or claim['metric']['words']
        lines.append((what, said, means, spread, found.verdict, CHIPS[found.verdict], why))
    return lines


class Part:
    """A study with all that is drawn of it."""

    def __init__(self, study, pictures, folder):
        self.study, self.name, self.question, self.runs, self.planned = study, study.name, study.question, study.runs, study.planned
        figures = each_study.figures(study) + drawn.for_study(pictures, study.name)
        self.figures = [Drawing(figure, folder) for figure in figures]
        self.card_figure, self.card, self.found = self.figures[0], (card_lines(study) + claim_lines(study))[:6], headline.found(study)
        self.tables = [(table, Markup(table.html())) for table in study_tables.made(study) if table.rows]
        self.unjudged = findings.unjudged(study)
        self.command = f'build/release/bin/{study.name} --arms'
        path = os.path.join(folder, study.name + '.jsonl')
        self.link = os.path.basename(path) if os.path.exists(path) else None
        self.data = study_figures.data_of([entry for entry in study.cells if entry.rows] or study.cells[:1])


def all_figures(results):
    """Every figure there is, missing ones too: what the page shows and tools/export draws."""
    pictures = drawn.Pictures(results.folder)
    made = [figure for study in results.studies.values() for figure in each_study.figures(study) + drawn.for_study(pictures, study.name)]
    made += [study_figures.frontier(results.studies, data) for data in ('mnist', 'fashion-mnist')]
    return made + speed_figures.for_kernels(results) + net_figures.for_nets(results)


def all_tables(results):
    """Every table by name; those of figures are named as they are."""
    made = []
    for study in results.studies.values():
        made += study_tables.made(study)
    made += [study_tables.missing(results.studies), machines.table(results)]
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
                    verdict + ('' if why.startswith('one more run') else f': {why.split("; one more run")[0]}'),
                    mean(entry, 'best_test_acc').mean,
                )
    days = results.newest[:10]
    runs = sum(study.runs for study in results.studies.values())
    table.note = (
        'The verdict holds the published figure, one run, against the interval for one more run of ours, which is wider than that of our '
        'mean, measured as that one was; a run that failed, below 20 %, against the share of ours that failed. '
        f'{runs:,} runs have rows, the newest of {days}; every figure, claim and interval: [results/index.html](results/index.html).'
        if runs
        else ''
    )
    return table


def render(results, title='convgauge', own=False):
    folder = results.folder
    pictures = drawn.Pictures(folder)
    parts = [Part(study, pictures, folder) for study in results.studies.values()]
    here = os.path.dirname(os.path.abspath(__file__))
    environment = Environment(
        loader=FileSystemLoader(os.path.join(here, 'templates')),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    with open(os.path.join(here, 'templates', 'style.css'), encoding='utf-8') as file:
        style = Markup(file.read())
    with open(os.path.join(here, 'templates', 'page.js'), encoding='utf-8') as file:
        script = Markup(file.read())
    kernels = [Drawing(figure, folder) for figure in speed_figures.for_kernels(results)]
    nets = [Drawing(figure, folder) for figure in net_figures.for_nets(results)]
    frontiers = [Drawing(study_figures.frontier(results.studies, data), folder) for data in ('mnist', 'fashion-mnist')]
    missing, where = study_tables.missing(results.studies), machines.table(results)
    cpus = sorted({cpu for _, cpu in results.machines if cpu != 'unknown CPU'})
    commits = sorted({commit for machine in results.machines for commit in machines.commits_of(machine, results)})
    data = [entry.data for study in results.studies.values() for entry in study.entries if entry.rows]
    return environment.get_template('page.html').render(
        title=title,
        style=style,
        script=script,
        headlines=headline.headlines(results),
        parts=parts,
        kernels=kernels,
        nets=nets,
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
        machines=Markup(where.html()) if where.rows else None,
        set_aside=results.set_aside,
        twice=results.twice,
        rows_files=[os.path.relpath(path, folder) for path in results.files],
    )
