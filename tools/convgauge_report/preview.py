# SPDX-License-Identifier: MIT
"""The picture that a link to the page shows elsewhere: preview.png, with the page's first numbers. It says what it was drawn of in a text
chunk, by which a stale one is known; its pixels may differ in a last bit between machines."""

import io
import os
import struct
import textwrap

NAME, SITE = 'preview.png', 'site.txt'
WIDE, HIGH = 1200, 630  # what Open Graph's readers show uncropped


def address(folder):
    """Open Graph wants it absolute: site.txt, where there is one, has the address that the folder is published at."""
    path = os.path.join(folder, SITE)
    if not os.path.exists(path):
        return NAME
    with open(path, encoding='utf-8') as file:
        return file.read().strip().rstrip('/') + '/' + NAME


def png(lead, lines):
    """(big, small) lines under the name and the lead."""
    from . import plot

    figure = plot.pyplot.figure(figsize=(WIDE / 100, HIGH / 100), layout='none', facecolor='#ffffff')
    figure.text(0.06, 0.86, 'convgauge', fontsize=40, fontweight='bold', color='#16191d')
    figure.text(0.06, 0.78, lead, fontsize=18, color='#5a626c')
    for i, (big, small) in enumerate(lines):
        top = 0.63 - 0.21 * i
        figure.text(0.06, top, big, fontsize=30, fontweight='bold', color=('#0b5fa5', '#a84a00', '#187245')[i % 3])
        figure.text(0.06, top - 0.075, textwrap.shorten(small, 110, placeholder=' …'), fontsize=15, color='#16191d')
    out = io.BytesIO()
    words = repr((lead, lines))
    figure.savefig(out, format='png', dpi=100, metadata={'Software': None, 'Description': words})
    plot.close(figure)
    return out.getvalue()


def described(data):
    """Its text chunk; None where there is none."""
    at = 8
    while at + 8 <= len(data):
        size, kind = struct.unpack('>I4s', data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        if kind in (b'tEXt', b'iTXt') and body.startswith(b'Description\0'):
            return body
        at += 12 + size
    return None
