# SPDX-License-Identifier: MIT
"""A table once, written as Markdown, CSV, LaTeX (booktabs), JSON and HTML. Cells are text, numbers, links or intervals; what a person reads
is rounded by the column's digits, what a program reads is not, and an interval becomes columns of its own there."""

import csv
import html
import io
import json
from collections import namedtuple

Column = namedtuple('Column', 'key head digits', defaults=(None,))  # digits None: text, or a whole number
Interval = namedtuple('Interval', 'mean sd low high n')  # sd, low, high None where n is too small
Link = namedtuple('Link', 'text to')
PARTS = ('mean', 'sd', 'low', 'high', 'n')
LATEX = {
    '&': r'\&',
    '%': r'\%',
    '$': r'\$',
    '#': r'\#',
    '_': r'\_',
    '{': r'\{',
    '}': r'\}',
    '~': r'\textasciitilde{}',
    '^': r'\textasciicircum{}',
    '\\': r'\textbackslash{}',
    '×': r'$\times$',
    '±': r'$\pm$',
    '<': r'$<$',
    '>': r'$>$',
    '–': '--',
    '→': r'$\rightarrow$',
    '…': r'\dots{}',
    '≥': r'$\geq$',
    '≤': r'$\leq$',
    '−': '$-$',
}


def interval(summary):
    return None if summary is None else Interval(summary.mean, summary.sd, summary.low, summary.high, summary.n)


def number(value, digits, sign=False):
    """Plain digits, thousands apart; three significant ones of what is large and no count."""
    if value is None:
        return '–'
    if isinstance(value, int) or digits is None:
        return f'{round(value):{"+" if sign else ""},}'
    if abs(value) >= 1e5:
        return f'{float(f"{value:.3g}"):{"+" if sign else ""},.0f}'
    return f'{value:{"+" if sign else ""},.{digits}f}'


def shown(cell, column):
    """What a person reads."""
    if cell is None:
        return '–'
    if isinstance(cell, Link):
        return cell.text
    if isinstance(cell, Interval):
        digits = 2 if column.digits is None else column.digits
        signed = column.key.startswith('difference')
        text = number(float(cell.mean), digits, signed)
        if cell.sd is not None:
            text += f' ± {number(cell.sd, digits)}'
        if cell.low is not None:
            text += f' [{number(cell.low, digits, signed)}, {number(cell.high, digits, signed)}]'
        return text + f', {cell.n}'
    if isinstance(cell, bool):
        return 'yes' if cell else 'no'
    if isinstance(cell, (int, float)):
        return number(cell, column.digits, column.key.startswith('difference'))
    return str(cell)


class Table:
    def __init__(self, name, title, columns, note=''):
        self.name, self.title, self.columns, self.note, self.rows = name, title, [Column(*column) for column in columns], note, []

    def add(self, *cells):
        assert len(cells) == len(self.columns), f'{self.name}: {len(cells)} cells for {len(self.columns)} columns'
        self.rows.append(cells)

    def texts(self):
        return [[shown(cell, column) for cell, column in zip(row, self.columns)] for row in self.rows]

    def numeric(self, i):
        return any(isinstance(row[i], (int, float, Interval)) and not isinstance(row[i], bool) for row in self.rows)

    def flat(self):
        """(keys, rows of plain values): an interval is five of them."""
        wide = [any(isinstance(row[i], Interval) for row in self.rows) for i in range(len(self.columns))]
        keys = [
            key
            for column, spread in zip(self.columns, wide)
            for key in ([f'{column.key}_{part}' for part in PARTS] if spread else [column.key])
        ]
        rows = []
        for row in self.rows:
            values = []
            for cell, spread in zip(row, wide):
                if spread:
                    values += [getattr(cell, part, None) for part in PARTS]
                else:
                    values.append(cell.text if isinstance(cell, Link) else cell)
            rows.append([float(f'{value:.9g}') if isinstance(value, float) else value for value in values])
        return keys, rows

    def md(self):
        def line(cells):
            return '| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |\n'

        rule = '|' + ''.join('---:|' if self.numeric(i) else '---|' for i in range(len(self.columns))) + '\n'
        note = f'\n{self.note}\n' if self.note else ''
        return line([column.head for column in self.columns]) + rule + ''.join(map(line, self.texts())) + note

    def csv(self):
        keys, rows = self.flat()
        out = io.StringIO()
        writer = csv.writer(out, lineterminator='\n')
        writer.writerow(keys)
        writer.writerows(['' if value is None else value for value in row] for row in rows)
        return out.getvalue()

    def json(self):
        keys, rows = self.flat()
        return json.dumps([dict(zip(keys, row)) for row in rows], indent=1, ensure_ascii=False, allow_nan=False) + '\n'

    def latex(self):
        def safe(text):
            return ''.join(LATEX.get(letter, letter) for letter in text)

        def line(cells):
            return '  ' + ' & '.join(map(safe, cells)) + r' \\' + '\n'

        align = ''.join('r' if self.numeric(i) else 'l' for i in range(len(self.columns)))
        return (
            f'% {self.title}\n\\begin{{tabular}}{{{align}}}\n  \\toprule\n'
            + line([column.head for column in self.columns])
            + '  \\midrule\n'
            + ''.join(map(line, self.texts()))
            + '  \\bottomrule\n\\end{tabular}\n'
        )

    def html(self):
        """Scrolls inside itself; a heading row and a first column that screen readers announce."""

        def cell(i, text, value):
            kind = ' class="n"' if self.numeric(i) else ''
            inner = f'<a href="{html.escape(value.to)}">{html.escape(text)}</a>' if isinstance(value, Link) else html.escape(text)
            return f'<th scope="row"{kind}>{inner}</th>' if i == 0 else f'<td{kind}>{inner}</td>'

        head = ''.join(
            f'<th scope="col"{" class=" + chr(34) + "n" + chr(34) if self.numeric(i) else ""}>{html.escape(column.head)}</th>'
            for i, column in enumerate(self.columns)
        )
        body = ''.join(
            '<tr>' + ''.join(cell(i, text, value) for i, (text, value) in enumerate(zip(texts, row))) + '</tr>\n'
            for texts, row in zip(self.texts(), self.rows)
        )
        note = f'<p class="note">{html.escape(self.note)}</p>' if self.note else ''
        return (
            f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(self.title)}">'
            f'<table>\n<thead><tr>{head}</tr></thead>\n'
            f'<tbody>\n{body}</tbody></table></div>{note}'
        )
