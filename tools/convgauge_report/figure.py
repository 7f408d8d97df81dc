# SPDX-License-Identifier: MIT
"""A figure: one message as its title, what it shows on what data and how many runs, the command that makes its rows, a text alternative,
and its numbers as a table. Drawn late, so that tools/export can draw it for paper as well. Below: the few kinds of charts there are."""

import math
import textwrap

from . import plot
from .tables import Table

MEAN_WITH = 'Dots are means, lines 95 % intervals.'


class Figure:
    def __init__(self, name, title, draw, table, caption, command, rows=(), html=None, files=()):
        self.name, self.title, self.draw, self.table, self.caption = name, title, draw, table, caption
        self.command, self.files, self.own_html = command, sorted({row.path for row in rows} | set(files)), html

    @property
    def alt(self):
        """The message and its numbers, as far as they can be listened to."""
        lines = [
            '; '.join(f'{column.head} {text}' for column, text in zip(self.table.columns, texts) if text != '–')
            for texts in self.table.texts()[:12]
        ]
        more = f'; {len(self.table.rows) - 12} more in the table' if len(self.table.rows) > 12 else ''
        return f'{self.title}. ' + '. '.join(lines) + more + '.'

    def svg(self):
        if self.own_html:
            return self.own_html
        drawn = self.draw()
        text = plot.svg(drawn, self.name, self.alt)
        plot.close(drawn)
        return text

    def save(self, path, form):
        drawn = self.draw()
        plot.save(drawn, path, form)
        plot.close(drawn)


class Missing:
    """A figure that has no rows yet."""

    def __init__(self, name, title, why, command):
        self.name, self.title, self.why, self.command = name, title, why, command


# ---- charts: each gives a function that draws ----------------------------------------------------------------------------------


def dots(items, label, width=470, published='published', zero=None, log=False, limits=None, ratio=False):
    """Lines of (name, summary or interval, published or None, colour): ours filled with its interval, the published point hollow."""

    def draw():
        figure, axes = plot.canvas(width, 62 + 23 * len(items))
        for i, (_, value, told, colour) in enumerate(items):
            if value is not None and value.low is not None:
                axes.plot([value.low, value.high], [i, i], color=colour, linewidth=2.4, solid_capstyle='butt')
            if told is not None:
                plot.dot(axes, told, i, hollow=True)
            if value is not None:
                plot.dot(axes, value.mean, i, colour)
        if zero is not None:
            axes.axvline(zero, color=plot.MUTED, linewidth=1)
        if log:
            axes.set_xscale('log')
            log_ticks(axes)
        if limits:
            axes.set_xlim(*limits)
        axes.set_yticks(range(len(items)), [item[0] for item in items])
        axes.set_ylim(len(items) - 0.4, -0.9 if any(item[2] is not None for item in items) else -0.6)
        axes.set_xlabel(label)
        axes.spines['left'].set_visible(False)
        plot.grid(axes)
        if not log:
            plot.few_ticks(axes, 5)
        first = next((i for i, item in enumerate(items) if item[2] is not None), None)
        if first is not None:
            axes.annotate(published, (items[first][2], first), (0, 9), textcoords='offset points', ha='center', fontsize=11)
        if ratio:
            for i, (_, value, _, _) in enumerate(items):
                axes.annotate(
                    f'{value.mean:.3g}×',
                    (value.high if value.high is not None else value.mean, i),
                    (7, 0),
                    textcoords='offset points',
                    va='center',
                    fontsize=11,
                )
        return figure

    return draw


def dots_beside(names, series, label, width=540, pitch=None):
    """A line per name, a dot with its interval per series (its name, colour, name -> Interval), just below each other; logarithmic. The
    series are named above, each in its colour, one a line. With a pitch, pixels per name, the figure is low and says no numbers."""

    def draw():
        top = 16 * len(series)
        figure, axes = plot.canvas(width, 66 + top + (pitch or 10 + 13 * len(series)) * len(names))
        step = 0.62 / len(series)
        for k, (_, colour, values) in enumerate(series):
            for i, name in enumerate(names):
                if name not in values:
                    continue
                value, at = values[name], i + step * (k - (len(series) - 1) / 2)
                if value.low is not None:
                    axes.plot([value.low, value.high], [at, at], color=colour, linewidth=2.4, solid_capstyle='butt')
                plot.dot(axes, value.mean, at, colour, size=6)
                end = value.high if value.high is not None else value.mean
                if not pitch:
                    axes.annotate(
                        f'{value.mean:.3g}×', (end, at), (7, 0), textcoords='offset points', va='center', fontsize=10, color=colour
                    )
        for k, (name, colour, _) in enumerate(series):
            place = (0, 6 + 16 * (len(series) - 1 - k))
            axes.annotate('● ' + name, (0, 1), place, xycoords='axes fraction', textcoords='offset points', color=colour, fontsize=11)
        axes.axvline(1, color=plot.MUTED, linewidth=1)
        axes.set_xscale('log')
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.margins(x=0.09)
        log_ticks(axes)
        axes.set_xlabel(label)
        axes.spines['left'].set_visible(False)
        plot.grid(axes)
        return figure

    return draw


def dot_panels(panels, names, label):
    """(title, [(line of the name, value, colour)], where a line stands or None) side by side from zero, the names once."""

    def draw():
        count = len(panels)
        figure, all_axes = plot.canvas(max(470, 150 + 170 * count), 66 + 21 * len(names), 1, count, squeeze=False, sharey=True, sharex=True)
        for axes, (title, points, line) in zip(all_axes[0], panels):
            if line is not None:
                axes.axvline(line, color=plot.MUTED, linewidth=1)
            for i, value, colour in points:
                plot.dot(axes, value, i, colour, clip_on=False)
            if count > 1:
                axes.set_title(textwrap.fill(title, 24), fontsize=11)
            axes.set_xlim(left=0)
            axes.set_xlabel(label if count < 3 else label.split(',')[0])
            plot.grid(axes)
            plot.few_ticks(axes, 4 if count > 1 else 6)
            axes.spines['left'].set_visible(False)
        all_axes[0][0].set_yticks(range(len(names)), names)
        all_axes[0][0].set_ylim(len(names) - 0.4, -0.6)
        return figure

    return draw


def log_ticks(axes, axis='x'):
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    which = axes.xaxis if axis == 'x' else axes.yaxis
    low, high = axes.get_xlim() if axis == 'x' else axes.get_ylim()
    which.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 200 else (1,)))
    which.set_major_formatter(FuncFormatter(lambda value, _: f'{value:,.10g}'))
    which.set_minor_formatter(NullFormatter())


def curves(series, xlabel, ylabel, width=470, height=260, log=False, ylim=None, xlim=None, marks=(), logx=False):
    """(name, xs, means, lows or None, highs or None, colour, dashed): a line with its band and its name at its end."""

    def draw():
        figure, axes = plot.canvas(width, height)
        ends = []
        for name, xs, means, lows, highs, colour, dashed in series:
            if lows is not None:
                axes.fill_between(xs, lows, highs, color=colour, alpha=0.2, linewidth=0)
            axes.plot(xs, means, color=colour, linestyle=(0, (4, 2)) if dashed else '-', marker='o' if len(xs) == 1 else None)
            ends.append((xs[-1], means[-1], name, colour))
        if log:
            axes.set_yscale('log')
        if ylim:
            axes.set_ylim(*ylim)
        if xlim:
            axes.set_xlim(*xlim)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        plot.grid(axes, 'y')
        if logx:
            axes.set_xscale('log')
            log_ticks(axes)
        else:
            plot.few_ticks(axes, 6, 'x', whole=True)
        for x, y, text in marks:
            plot.dot(axes, x, y, hollow=True)
            axes.annotate(text, (x, y), (6, -12), textcoords='offset points', fontsize=11)
        name_ends(axes, ends, height, log)
        return figure

    return draw


def points(series, xlabel, ylabel, width=470, height=280, ylim=None):
    """(name, xs, means, lows or None, highs or None, colour, dashed): dots with intervals side by side, a thin line to lead the eye."""

    def draw():
        figure, axes = plot.canvas(width, height)
        ends = []
        for k, (name, xs, means, lows, highs, colour, dashed) in enumerate(series):
            places = [x + 0.14 * (k - (len(series) - 1) / 2) for x in xs]
            axes.plot(places, means, color=colour, linewidth=1, linestyle=(0, (4, 2)) if dashed else '-', marker='o', markersize=5)
            for x, low, high in zip(places, lows or [], highs or []):
                axes.plot([x, x], [low, high], color=colour, linewidth=1.6, alpha=0.6)
            ends.append((places[-1], means[-1], name, colour))
        if ylim:
            axes.set_ylim(*ylim)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        plot.grid(axes, 'y')
        plot.few_ticks(axes, 8, 'x', whole=True)
        name_ends(axes, ends, height)
        return figure

    return draw


def name_ends(axes, ends, height, log=False):
    """Names at the ends of lines, moved apart."""
    low, high = axes.get_ylim()

    def to(y):
        y = min(max(y, low), high)
        return (math.log(y / low) / math.log(high / low)) if log else (y - low) / (high - low)

    places = plot.spread_labels([to(y) for _, y, _, _ in ends], 15 / max(height - 60, 60))
    for (_, _, name, colour), place in zip(ends, places):
        axes.annotate(
            name,
            (1, place),
            (5, 0),
            xycoords='axes fraction',
            textcoords='offset points',
            va='center',
            color=colour,
            fontsize=11,
            annotation_clip=False,
        )


def small(titles, draw_one, columns=2, width=235, height=150, share=True):
    """Small multiples: draw_one(axes, i)."""

    def draw():
        rows = math.ceil(len(titles) / columns)
        wide = min(columns, len(titles))
        figure, all_axes = plot.canvas(width * wide, height * rows, rows, wide, squeeze=False, sharex=share, sharey=share)
        for i, axes in enumerate(all_axes.flat):
            if i >= len(titles):
                axes.set_visible(False)
                continue
            axes.set_title(titles[i], fontsize=11)
            plot.grid(axes, 'y')
            draw_one(axes, i)
            if i + wide < len(titles):
                axes.set_xlabel('')
        return figure

    return draw


def name_lines(axes, names, top, most, label):
    """One line each, named at the left, values from zero to `most` along the bottom."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, top)
    axes.set_xlim(0, most)
    axes.set_xlabel(label)
    axes.spines['left'].set_visible(False)
    plot.grid(axes)
    plot.few_ticks(axes, 5)


def stacked(items, label, width=470):
    """Bars from zero: (name, [(part, value, colour)]); parts are named in the first bar's line above."""

    def draw():
        figure, axes = plot.canvas(width, 84 + 23 * len(items))
        longest = max(sum(value for _, value, _ in parts) for _, parts in items)
        for i, (_, parts) in enumerate(items):
            at = 0
            for _, value, colour in parts:
                axes.barh(i, value, 0.66, left=at, color=colour, linewidth=0)
                at += value
        at = 10
        for part, _, colour in items[0][1]:
            axes.annotate(
                '■ ' + part,
                (at / width, 1),
                (0, 4),
                xycoords=('figure fraction', 'axes fraction'),
                textcoords='offset points',
                color=colour,
                fontsize=11,
            )
            at += 7 * len(part) + 30
        name_lines(axes, [name for name, _ in items], -0.6, longest * 1.02, label)
        return figure

    return draw


def pairs(items, names, label, width=520):
    """Two things of each line, from zero: (name, ours, theirs), joined by a thin line; what they are stands at the first."""

    def draw():
        figure, axes = plot.canvas(width, 76 + 23 * len(items))
        colours = (plot.BLUE, plot.ORANGE)
        for i, (_, *values) in enumerate(items):
            axes.plot(values, [i, i], color=plot.GRID, linewidth=1.4, zorder=1)
            for value, colour in zip(values, colours):
                plot.dot(axes, value, i, colour)
        for value, name, colour in zip(items[0][1:], names, colours):
            axes.annotate(name, (value, 0), (0, 8), textcoords='offset points', ha='center', color=colour, fontsize=11)
        name_lines(axes, [item[0] for item in items], -1, max(max(values) for _, *values in items) * 1.06, label)
        return figure

    return draw


def matrix(counts, names, width=430):
    """Rows are the true classes, columns the predicted; darker is more often; the diagonal is left light: errors are the message."""

    def draw():
        from matplotlib.patches import Rectangle

        figure, axes = plot.canvas(width, width - 30)
        n = len(counts)
        most = max(counts[i][j] for i in range(n) for j in range(n) if i != j) or 1
        for i in range(n):
            for j in range(n):
                if i != j and counts[i][j]:
                    axes.add_patch(
                        Rectangle((j - 0.5, i - 0.5), 1, 1, color=plot.BLUE, linewidth=0, alpha=round(0.1 + 0.4 * counts[i][j] / most, 1))
                    )
                axes.text(
                    j,
                    i,
                    str(counts[i][j]) if counts[i][j] else '·',
                    ha='center',
                    va='center',
                    fontsize=10,
                    color=plot.INK if i != j else plot.MUTED,
                )
        axes.set_xlim(-0.5, n - 0.5)
        axes.set_ylim(n - 0.5, -0.5)
        axes.set_xticks(
            range(n), names, rotation=45 if max(map(len, names)) > 2 else 0, ha='right' if max(map(len, names)) > 2 else 'center'
        )
        axes.set_yticks(range(n), names)
        axes.tick_params(length=0)
        axes.set_xlabel('classified as')
        axes.set_ylabel('is')
        for spine in axes.spines.values():
            spine.set_visible(False)
        return figure

    return draw


def table_of(name, title, columns, rows, note=''):
    table = Table(name, title, columns, note)
    for row in rows:
        table.add(*row)
    return table
