#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The page in a real browser: headless Chromium at three widths, light and dark. measure.js says what is wrong with its layout: what is
cut, overprinted, ragged or too faint. Every link leads somewhere, no script fails or is needed, and it prints on few pages, none blank.
Runs on the committed page and on one of made-up rows, where every figure is drawn. SHOTS=DIR keeps the screenshots, for a person to look
at. Without Chromium it is skipped (exit 77)."""

import html.parser
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zlib

import made_up
from browser import CHROMIUM, Browser

WIDTHS, SCHEMES = (390, 820, 1400), ('light', 'dark')
PAGES_MOST = 12
SCREEN = {390: 2400, 820: 2000, 1400: 1600}  # of a screenshot

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'measure.js'), encoding='utf-8') as file:
    MEASURE = file.read()


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.targets, self.ids, self.images, self.said = [], set(), [], {}

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if 'id' in given:
            self.ids.add(given['id'])
        if tag == 'a':
            self.targets.append(given['href'])
        if tag == 'img':
            self.images.append(given)
        if tag == 'meta' and 'property' in given:
            self.said[given['property']] = given['content']


def pages_of(pdf):
    """Of a PDF as Chromium writes it: the drawing commands of each page."""
    objects = {int(number): body for number, body in re.findall(rb'(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj', pdf, re.S)}
    found = []
    for body in objects.values():
        if re.search(rb'/Type /Page\b', body):
            content = objects[int(re.search(rb'/Contents (\d+) 0 R', body)[1])]
            found.append(zlib.decompress(content[content.index(b'stream\n') + 7 : content.rindex(b'\nendstream')]))
    return found


class Page:
    """What holds of any page; subclasses say which."""

    path = None

    @classmethod
    def setUpClass(cls):
        cls.browser = Browser().__enter__()
        cls.addClassCleanup(cls.browser.__exit__, None, None, None)

    def text(self):
        with open(self.path, encoding='utf-8') as file:
            return file.read()

    def test_layout(self):
        for width in WIDTHS:
            for scheme in SCHEMES:
                with self.subTest(width=width, scheme=scheme):
                    self.browser.open(self.path, width, scheme)
                    self.assertEqual(self.browser.failures(), [])
                    self.assertEqual(self.browser.run('document.documentElement.clientWidth'), width)
                    self.assertEqual(self.browser.run("matchMedia('(prefers-color-scheme: dark)').matches"), scheme == 'dark')
                    self.shots(width, scheme)
                    self.assertEqual(self.browser.run(MEASURE), [])

    def shots(self, width, scheme):
        folder = os.environ.get('SHOTS')
        for i in range(4 if folder else 0):
            os.makedirs(folder, exist_ok=True)
            name = f'{type(self).__name__}-{width}-{scheme}-{i}.png'
            self.browser.shot(os.path.join(folder, name), i * SCREEN[width], SCREEN[width])

    def test_reads_without_scripts(self):
        """Every figure is there; with scripts the toggles show those of one kind, and a link to another shows it."""
        count = "Array.from(document.querySelectorAll('.views .figure')).filter(f => f.getClientRects().length).length"
        self.browser.open(self.path, 1400, 'light')
        whole, away = self.browser.run("document.querySelectorAll('.views .figure').length"), self.browser.run(count)
        self.assertEqual(away, whole // 2)
        self.browser.run("location.hash = 'inference'")
        self.assertTrue(
            self.browser.run("new Promise(r => setTimeout(() => r(document.getElementById('inference').offsetHeight > 0), 50))")
        )
        self.browser.call('Emulation.setScriptExecutionDisabled', value=True)
        try:
            self.browser.open(self.path, 1400, 'light')
            self.assertEqual(self.browser.run(count), whole)
            self.assertEqual(self.browser.run("document.querySelectorAll('button').length"), 0)
        finally:
            self.browser.call('Emulation.setScriptExecutionDisabled', value=False)

    def test_keyboard(self):
        """The first Tab shows the link past the contents, and what has the focus is outlined."""
        self.browser.open(self.path, 820, 'light')
        for _ in range(2):
            for kind in ('keyDown', 'keyUp'):
                self.browser.call('Input.dispatchKeyEvent', type=kind, key='Tab', code='Tab', windowsVirtualKeyCode=9)
            outline = self.browser.run('getComputedStyle(document.activeElement).outlineStyle + document.activeElement.tagName')
            self.assertEqual(outline, 'solidA')

    def test_print(self):
        self.browser.open(self.path, 1400, 'light')
        pages = pages_of(self.browser.pdf())
        self.assertLessEqual(len(pages), PAGES_MOST)
        self.assertGreater(len(pages), 2)
        for number, drawn in enumerate(pages, 1):
            self.assertGreater(drawn.count(b'Tj'), 20, f'page {number} is blank, or nearly')

    def test_links_lead_somewhere(self):
        links = Links()
        links.feed(self.text())
        self.assertGreater(len(links.targets), 10)
        for target in links.targets:
            if target.startswith('#'):
                self.assertIn(target[1:], links.ids, target)
            else:
                self.assertFalse(target.startswith('http'), f'{target}: the page needs no network')
                self.assertTrue(os.path.exists(os.path.join(os.path.dirname(self.path), target)), target)
        self.assertTrue(all(image.get('alt') for image in links.images))
        with open(os.path.join(os.path.dirname(self.path), os.path.basename(links.said['og:image'])), 'rb') as file:
            self.assertEqual(file.read(24)[16:], bytes([0, 0, 4, 176, 0, 0, 2, 118]), 'a picture of 1,200 x 630')
        self.assertGreater(len(links.said['og:description']), 40)

    def test_small_and_self_contained(self):
        text = self.text()
        self.assertLess(len(text.encode()), 3 << 20)
        self.assertNotRegex(text, r'(?:src|href)="(?:https?:)?//')
        self.assertNotIn('@import', text)
        self.assertNotRegex(text, r'#01020|#04050|#07080|#1c000', 'stand-ins for colours stay inside')
        self.assertEqual(
            text.count('<svg'), len(re.findall(r'<svg [^>]*role="img"[^>]*aria-label="[^"]{20,}', text)), 'a text for each figure'
        )

    def test_every_figure_has_its_table(self):
        for section in re.findall(r'<section class="figure".*?</section>', self.text(), re.S):
            self.assertIn('<details>', section)
            self.assertIn('<table>', section)

    def test_commands_can_be_typed(self):
        """Each part of a command that is shown begins with a tool of the tree, or with a program that a build has."""
        shown = re.findall(r'<p class="command"><code>([^<]*)</code></p>', self.text())
        self.assertGreater(len(shown), 20)
        for command in shown:
            for part in command.split(' &amp;&amp; '):
                folder, name = os.path.split(part.split()[0])
                built = [f'ablations/{name}.c', f'bench/{name.replace("-", "_")}.c']
                paths = built if folder == 'build/release/bin' else [part.split()[0]]
                self.assertTrue(any(os.path.isfile(os.path.join(made_up.TOP, path)) for path in paths), command)

    def test_results_come_first(self):
        """Five cards, each begins with its verdict; then the speed; all before anything else."""
        text = self.text()
        cards = re.findall(r'<article class="card".*?</article>', text, re.S)
        self.assertEqual(len(cards), 5)
        for card in cards:
            self.assertRegex(card, r'^<article[^>]*>\s*<h3[^>]*><span class="chip (in|off|none)">[A-Z]')
        order = [text.index(f'id="{name}"') for name in ('studies', 'speed', 'vanishing-canvas', 'kernels', 'method')]
        self.assertEqual(order, sorted(order))


class Committed(Page, unittest.TestCase):
    path = os.path.join(made_up.TOP, 'results', 'index.html')


class MadeUp(Page, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.root.cleanup)
        folder = os.path.join(cls.root.name, 'results')
        made_up.results(folder)
        made_up.pictures(os.path.join(cls.root.name, 'drawn'))
        report = os.path.join(made_up.TOP, 'tools', 'report')
        subprocess.run([report, '--folder', folder, '--pictures', os.path.join(cls.root.name, 'drawn')], check=True, capture_output=True)
        shutil.copy(os.path.join(made_up.TOP, 'results', 'README.md'), folder)
        cls.path = os.path.join(folder, 'index.html')


class Measured(unittest.TestCase):
    """measure.js finds what it is there for."""

    TABLE = '<div class="card"><h3></h3><div class="words"><div class="scroll" style="width: 9em; overflow: auto">%s</div></div></div>'
    FLAWS = {
        'the page is wider than the window': '<p style="width: 2000px">wide</p>',
        'cut: ': '<p class="chip" style="width: 3em; white-space: nowrap; overflow: hidden">in our prediction interval</p>',
        'cut by its table': TABLE % '<p style="width: 30em"><span style="padding-left: 15em" class="chip">supported</span></p>',
        'overprinted': '<svg viewBox="0 0 100 20"><text x="1" y="15">one</text><text x="3" y="15">two</text></svg>',
        'text leaves its figure': '<svg viewBox="0 0 100 20" width="100"><text x="90" y="15">legend</text></svg>',
        'ragged columns': '<div class="grid" style="display: grid; grid-template-columns: 1fr 1fr; align-items: start">'
        + ''.join(f'<p style="grid-area: {i % 4 + 1} / {1 + i // 4}; margin: 0">a</p>' for i in range(5))
        + '</div>',
        'contrast': '<p style="color: #999; background: #fff">faint</p>',
        'a heading skips a level': '<h4>deep</h4>',
        'no name': '<button></button>',
        'no text for the picture': '<img src="data:,">',
    }

    def test_each_flaw_is_found(self):
        with Browser() as browser, tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'flaw.html')
            for words, flaw in {'': '', **self.FLAWS}.items():
                with open(path, 'w', encoding='utf-8') as file:
                    file.write(f'<!DOCTYPE html><meta charset="utf-8"><body><h1>Page</h1>{flaw}')
                browser.open(path, 390, 'light')
                found = browser.run(MEASURE)
                if words:
                    self.assertTrue(any(words in line for line in found), f'{words}: {found}')
                else:
                    self.assertEqual(found, [])


if __name__ == '__main__':
    if not CHROMIUM:
        print('no Chromium here: tools/install-packages page')
        sys.exit(77)
    unittest.main()
