# SPDX-License-Identifier: MIT
"""The style of all figures, and matplotlib's SVG made fit for a page: colours become CSS variables and currentColor so that a figure
follows light and dark, text stays text in the page's font, and what matplotlib writes anew each time (dates, ids) is left out, so that the
same rows give the same bytes. Blue, orange, green and purple differ in lightness as well as in hue."""

import html
import os
import re

import matplotlib

matplotlib.use('svg')
from matplotlib import pyplot
from matplotlib.ticker import MaxNLocator

INK, MUTED, GRID, PAPER = '#010203', '#040506', '#070809', '#0a0b0c'
BLUE, ORANGE, GREEN, PURPLE = '#1c0001', '#1c0002', '#1c0003', '#1c0004'
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
VARIABLES = {
    INK: 'currentColor',
    MUTED: 'var(--muted)',
    GRID: 'var(--grid)',
    PAPER: 'var(--paper)',
    BLUE: 'var(--c1)',
    ORANGE: 'var(--c2)',
    GREEN: 'var(--c3)',
    PURPLE: 'var(--c4)',
}
PRINTED = {
    INK: '#000000',
    MUTED: '#595959',
    GRID: '#d9d9d9',
    PAPER: '#ffffff',
    BLUE: '#0b5fa5',
    ORANGE: '#a84a00',
    GREEN: '#187245',
    PURPLE: '#84439c',
}
STYLE = {
    'font.size': 12,
    'axes.titlesize': 12,
    'axes.labelsize': 12,
    'xtick.labelsize': 11,
    'ytick.labelsize': 11,
    'svg.fonttype': 'none',
    'text.color': INK,
    'axes.labelcolor': INK,
    'axes.edgecolor': MUTED,
    'xtick.color': MUTED,
    'ytick.color': MUTED,
    'xtick.labelcolor': INK,
    'ytick.labelcolor': INK,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.linewidth': 0.8,
    'grid.color': GRID,
    'grid.linewidth': 0.8,
    'axes.axisbelow': True,
    'figure.facecolor': 'none',
    'axes.facecolor': 'none',
    'lines.linewidth': 1.6,
    'axes.titlelocation': 'left',
    'figure.constrained_layout.use': True,
    'axes.formatter.useoffset': False,
    'path.simplify': True,
    'font.family': 'DejaVu Sans',
    'axes.unicode_minus': True,
}


matplotlib.rcParams.update(STYLE)


def canvas(width, height, rows=1, columns=1, **more):
    """A figure of so many CSS pixels, and its axes (squeezed as matplotlib does)."""
    return pyplot.subplots(rows, columns, figsize=(width / 72, height / 72), **more)


def grid(axes, axis='x'):
    axes.grid(True, axis=axis)
    axes.tick_params(length=0)


def few_ticks(axes, n=5, axis='x', whole=False):
    (axes.xaxis if axis == 'x' else axes.yaxis).set_major_locator(MaxNLocator(n, integer=whole))


def dot(axes, x, y, colour=BLUE, hollow=False, size=7, **more):
    axes.plot(
        [x],
        [y],
        'o',
        markersize=size,
        markerfacecolor=PAPER if hollow else colour,
        markeredgecolor=INK if hollow else colour,
        markeredgewidth=1.4,
        linestyle='none',
        zorder=4,
        **more,
    )


def spread_labels(places, apart):
    """Heights near the given ones, no two nearer than `apart`, in the same order."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    out = list(places)
    for _ in range(200):
        moved = False
        for low, high in zip(order, order[1:]):
            gap = out[high] - out[low]
            if gap < apart - 1e-12:
                push = (apart - gap) / 2
                out[low] -= push
                out[high] += push
                moved = True
        if not moved:
            break
    return out


def save(figure, path, form):
    """For papers: SVG, PDF or PNG in print colours; no dates inside."""
    metadata = {'svg': {'Date': None}, 'pdf': {'CreationDate': None}, 'png': {'Software': None}}[form]
    for item in figure.findobj(lambda item: True):
        for get, put in (
            ('get_color', 'set_color'),
            ('get_facecolor', 'set_facecolor'),
            ('get_edgecolor', 'set_edgecolor'),
            ('get_markerfacecolor', 'set_markerfacecolor'),
            ('get_markeredgecolor', 'set_markeredgecolor'),
        ):
            recolour(item, get, put)
    with matplotlib.rc_context({**STYLE, 'svg.hashsalt': 'convgauge', 'text.color': '#000000'}):
        figure.savefig(path, format=form, metadata=metadata, dpi=200, facecolor='white')


def recolour(item, get, put):
    """Our stand-ins for colours become ink on white."""
    if not (hasattr(item, get) and hasattr(item, put)):
        return
    try:
        now = matplotlib.colors.to_rgba_array(getattr(item, get)())
    except (ValueError, TypeError):
        return
    known = {matplotlib.colors.to_hex(key): value for key, value in PRINTED.items()}
    if len(now) and all(matplotlib.colors.to_hex(colour) in known for colour in now):
        new = [matplotlib.colors.to_rgba(known[matplotlib.colors.to_hex(colour)], colour[3]) for colour in now]
        getattr(item, put)(new if len(new) > 1 else new[0])


def number_ids(body, name):
    """NAME-1, NAME-2, ... in place of matplotlib's ids, those that nothing refers to left out.
    Its own are hashes of unrounded coordinates: a last bit that differs between machines would change the page."""
    used = dict.fromkeys(re.findall(r'(?:href="|url\()#([\w.-]+)', body))
    names = {old: f'{name}-{i}' for i, old in enumerate(used, 1)}
    body = re.sub(r' id="([\w.-]+)"', lambda hit: f' id="{names[hit[1]]}"' if hit[1] in names else '', body)
    return re.sub(r'((?:href="|url\()#)([\w.-]+)', lambda hit: hit[1] + names[hit[2]], body)


def svg(figure, name, alt):
    """Inline SVG of a figure."""
    import io

    out = io.StringIO()
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine('none')  # once is enough: savefig would draw it all for nothing first, and lay it out again
    with matplotlib.rc_context({**STYLE, 'svg.hashsalt': name}):
        figure.canvas.print_svg(out, metadata={'Date': None, 'Creator': None, 'Format': None, 'Type': None})
    text = out.getvalue()
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text).groups()
    body = text[text.index('>', text.index('<svg')) + 1 :]
    body = re.sub(r'\s*<metadata>.*?</metadata>', '', body, flags=re.S)
    body = number_ids(body, name)
    body = re.sub(r'<!--.*?-->', '', body, flags=re.S)
    body = re.sub(r'font: (?:\w+ )?([\d.]+)px [^;\"]*', r'font-size: \1px', body)
    for stand_in, variable in VARIABLES.items():
        body = body.replace(stand_in, variable)
    body = body.replace('xlink:href', 'href').replace('*{stroke-linejoin: round; stroke-linecap: butt}', '')
    body = re.sub(r'<defs>\s*<style type=\"text/css\"></style>\s*</defs>', '', body)
    body = re.sub(r'<[^>]+>', lambda tag: re.sub(r'(\d+\.\d\d)\d+', r'\1', tag[0]), body)  # a hundredth of a pixel; texts stay
    body = re.sub(r'>\s+<', '><', body)
    body = re.sub(r'\s*\n\s*', ' ', body)
    return (
        f'<svg viewBox="0 0 {float(width):.0f} {float(height):.0f}" role="img" style="max-width:{float(width) * 1.15:.0f}px" '
        f'aria-label="{html.escape(alt)}">{body}'
    )


def palettes():
    """(light, dark): the page's own colours by their CSS names."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'templates', 'style.css'), encoding='utf-8') as file:
        blocks = re.findall(r':root \{(.*?)\}', file.read(), re.S)
    return [dict(re.findall(r'--(\w+): (#\w+)', block)) for block in blocks[:2]]


def alone(text, palette):
    """An inline SVG as a file of its own, for a README: with the names and colours that the page gives it."""
    text = re.sub(r'var\(--(\w+)\)', lambda hit: palette[hit[1]], text.replace('currentColor', palette['ink']))
    return text.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif" ', 1) + '\n'


def close(figure):
    pyplot.close(figure)
