# SPDX-License-Identifier: MIT
"""The same picture on a terminal: a line per cell, ours as a dot with its interval, the published figure hollow. For people: whoever pipes
the output gets none of it, and reads tables or rows."""

from . import findings
from .study_figures import mean

WIDTH = 44


def strip(summary, told, low, high):
    """Dots and interval on one scale, in characters."""

    def at(value):
        return min(WIDTH - 1, max(0, round((value - low) / ((high - low) or 1) * (WIDTH - 1))))

    line = [' '] * WIDTH
    if summary.low is not None:
        for i in range(at(summary.low), at(summary.high) + 1):
            line[i] = '─'
    if told is not None:
        line[at(told)] = '○'
    line[at(summary.mean)] = '●'
    return ''.join(line)


def lines_of(results):
    """Per study the cells with rows."""
    out = []
    for study in results.studies.values():
        means = [(entry, mean(entry, 'test_acc'), entry.told['published']) for entry in study.cells]
        cells = [(entry, s, told) for entry, s, told in means if s]
        if not cells:
            continue
        edges = [edge for _, s, told in cells for edge in (s.low, s.high, s.mean, told) if edge is not None]
        low, high = max(0, min(edges)), min(100, max(edges))
        out.append(f'{study.name}: test accuracy after the last epoch, {low:.2f} to {high:.2f} %; ● ours, ○ published')
        for entry, s, told in cells:
            verdict = findings.of_cell(entry) if told is not None else ('', '')
            words = verdict[0] if verdict[0] != findings.NOT else f'{verdict[0]}: {verdict[1]}'
            out.append(f'  {entry.cell:16} {strip(s, told, low, high)} {s.mean:6.2f}, n = {s.n}  {words}')
    return out
