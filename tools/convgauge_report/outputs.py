# SPDX-License-Identifier: MIT
"""What tools/report writes: the page, every table as Markdown and CSV, the seals, the plan of deciding runs, and the tables in README files
between markers:

<!-- results:begin NAME -->     NAME: a table, "found STUDY" (the sentences of a card), or "speed said"
<!-- results:end -->
"""

import os
import re

from . import check_rows, framework_figures, headline, page, plot, power, preview
from .rows import Bad

MARKERS = re.compile(r'^( *)(<!-- results:begin ([\w -]+?) -->\n).*?( *<!-- results:end -->)', re.S | re.M)


def between(text, tables, studies, path, said=None):
    """`text` with everything between markers made anew. said: name -> sentence."""

    def fill(hit):
        indent, name = hit[1], hit[3]
        if name.startswith('found '):
            inside = '\n'.join([headline.found(studies[name[6:]]), *headline.lines(studies[name[6:]])])
        elif name in tables:
            inside = tables[name].md()
        elif said and name in said:
            inside = said[name]
        elif name in ('summary', 'verdicts', 'speed', 'speed said'):
            inside = 'No rows are committed yet: `tools/reproduce`, then `tools/report`.\n'
        else:
            raise Bad(
                f'{path}:{text.count(chr(10), 0, hit.start()) + 1}: the markers name {name}, and there is no such table; there are '
                f'{", ".join(sorted(tables))}'
            )
        return indent + hit[2] + ''.join(f'{indent}{line}\n' for line in inside.splitlines()) + hit[4]

    return MARKERS.sub(fill, text)


def readmes(top):
    """Files with markers."""
    for path in ('README.md', 'ablations/README.md', 'results/README.md'):
        whole = os.path.join(top, path)
        if os.path.exists(whole):
            with open(whole, encoding='utf-8') as file:
                text = file.read()
            if '<!-- results:begin ' in text:
                yield whole, text


def made(results, rows_by_path, top, schema_folder):
    """path -> bytes of everything that the rows decide."""
    tables = page.all_tables(results)
    out = {os.path.join(results.folder, 'index.html'): page.render(results).encode()}
    out[os.path.join(results.folder, preview.NAME)] = preview.png(*headline.preview(results))
    for name, table in tables.items():
        out[os.path.join(results.folder, 'tables', name + '.md')] = f'# {table.title}\n\n{table.md()}'.encode()
        out[os.path.join(results.folder, 'tables', name + '.csv')] = table.csv().encode()
    out.update(readme_figures(results, top))
    if os.path.isdir(os.path.join(top, 'ablations')):
        out[os.path.join(top, 'ablations', 'plan.json')] = power.text(results.studies, power.plan(results.studies)).encode()
    out[os.path.join(results.folder, check_rows.SEALS)] = check_rows.seals_of(results.folder, rows_by_path).encode()
    tables.update(
        {table.name: table for table in (page.summary(results), page.firsts(results)) if table.rows}
    )  # read from the top of the tree
    tables['fields'] = check_rows.fields(schema_folder)
    speed = headline.speed(results)
    said = {'speed said': f'**Speed.** {speed[0]}'} if speed else {}
    for path, text in readmes(top):
        out[path] = between(text, tables, results.studies, path, said).encode()
    return out


def readme_figures(results, top):
    """README's picture, light and dark: low, so that the table below it is on the first screen, too."""
    folder, figure = os.path.join(top, 'docs', 'figures'), framework_figures.compared(results, 'train', '', width=760, pitch=17)
    if not os.path.isdir(folder) or not hasattr(figure, 'draw'):
        return {}
    text, ways = figure.svg(), zip(('frameworks.svg', 'frameworks-dark.svg'), plot.palettes())
    return {os.path.join(folder, name): plot.alone(text, palette).encode() for name, palette in ways}


def left_over(folder, out):
    """Tables that no rows make any more."""
    tables = os.path.join(folder, 'tables')
    names = sorted(os.listdir(tables)) if os.path.isdir(tables) else []
    return [os.path.join(tables, name) for name in names if os.path.join(tables, name) not in out]


def stale(out, folder):
    """Paths that are not what the rows make."""
    found = left_over(folder, out)
    for path, data in out.items():
        try:
            with open(path, 'rb') as file:
                there = file.read()
            same = there == data or (path.endswith('.png') and preview.described(there) == preview.described(data))
        except FileNotFoundError:
            same = False
        if not same:
            found.append(path)
    return found
