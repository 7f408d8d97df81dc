#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The page in a real browser: headless Chromium at three widths, light and dark. Nothing overflows, no script fails, every link leads
somewhere, contrast holds, and it is small. Runs on the committed page and on one of made-up rows, where every figure is drawn. SHOTS=DIR
keeps the screenshots, for a person to look at. Without Chromium it is skipped (exit 77)."""

import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import made_up

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')
WIDTHS, SCHEMES = (360, 800, 1440), ('light', 'dark')
PROBE = """<script>
window.problems = [];
window.addEventListener('error', function (e) { problems.push('error: ' + (e.message || e.target.tagName)); }, true);
console.error = console.warn = function () { problems.push('console: ' + Array.from(arguments).join(' ')); };
</script>"""
MEASURE = """<script>
window.addEventListener('load', function () {
    document.querySelectorAll('details').forEach(function (d) { d.open = true; });
    var wide = document.documentElement.clientWidth, over = [];
    document.querySelectorAll('body *').forEach(function (e) {
        if (e.closest('.scroll, .plot, svg, .skip') && !e.matches('.scroll, .plot')) return;
        var box = e.getBoundingClientRect();
        if (box.right > wide + 1 || box.left < -1) over.push(e.tagName + '.' + e.className + ' ' + Math.round(box.right) + ' of ' + wide);
    });
    var texts = [];
    document.querySelectorAll('svg').forEach(function (s) {
        var frame = s.getBoundingClientRect();
        s.querySelectorAll('text').forEach(function (t) {
            var box = t.getBoundingClientRect();
            if (box.right <= frame.right + 3 && box.left >= frame.left - 3) return;
            texts.push(s.getAttribute('aria-label').slice(0, 40) + ': ' + t.textContent);
        });
    });
    var ids = {}, twice = [];
    document.querySelectorAll('[id]').forEach(function (e) { if (ids[e.id]) twice.push(e.id); ids[e.id] = 1; });
    var style = getComputedStyle(document.body);
    var muted = getComputedStyle(document.querySelector('.facts')).color;
    var found = { problems: problems, over: over.slice(0, 9), scroll: document.documentElement.scrollWidth, wide: wide, muted: muted,
                  texts: texts.slice(0, 9), twice: twice.slice(0, 9), ink: style.color, paper: style.backgroundColor,
                  link: getComputedStyle(document.querySelector('nav a')).color };
    ['--c1', '--c2', '--c3', '--c4'].forEach(function (name) {      /* names at lines are in these */
        var probe = document.createElement('i');
        probe.style.color = 'var(' + name + ')';
        document.body.appendChild(probe);
        found[name] = getComputedStyle(probe).color;
    });
    parent.postMessage(JSON.stringify(found), '*');
});
</script>"""
FRAME = """<!DOCTYPE html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<style>body { margin: 0 } iframe { border: 0 }</style>
<iframe src="%s" width="%d" height="%d"></iframe>
<script>
window.addEventListener('message', function (e) {
    var out = document.createElement('script');
    out.type = 'application/json';
    out.id = 'found';
    out.textContent = e.data;
    document.body.appendChild(out);
});
</script>"""


def browse(path, width, height, scheme, *more):
    """Chromium, with a profile of its own, on a frame of this size: a window is never narrower than 500 pixels."""
    with tempfile.TemporaryDirectory() as home:
        frame = os.path.join(home, 'frame.html')
        with open(frame, 'w', encoding='utf-8') as file:
            file.write(FRAME % ('file://' + path, width, height))
        return subprocess.run(
            [
                CHROMIUM,
                '--headless',
                '--no-sandbox',
                '--disable-gpu',
                '--hide-scrollbars',
                f'--user-data-dir={home}',
                f'--window-size={max(width, 500)},{height}',
                f'--blink-settings=preferredColorScheme={int(scheme == "light")}',
                *more,
                'file://' + frame,
            ],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, 'HOME': home},
            check=False,
        )


def luminance(colour):
    def linear(part):
        part /= 255
        return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4

    r, g, b = (linear(float(part)) for part in re.findall(r'[\d.]+', colour)[:3])
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.targets, self.ids, self.images, self.stack = [], set(), [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if 'id' in given:
            self.ids.add(given['id'])
        if tag == 'a':
            self.targets.append(given['href'])
        if tag == 'img':
            self.images.append(given)


class Page:
    """What holds of any page; subclasses say which."""

    path = None

    def text(self):
        with open(self.path, encoding='utf-8') as file:
            return file.read()

    def test_in_the_browser(self):
        with tempfile.TemporaryDirectory() as folder:
            probed = os.path.join(folder, 'index.html')
            with open(probed, 'w', encoding='utf-8') as file:
                file.write(self.text().replace('<head>', '<head>' + PROBE, 1).replace('</body>', MEASURE + '</body>', 1))
            for width in WIDTHS:
                for scheme in SCHEMES:
                    with self.subTest(width=width, scheme=scheme):
                        self.judge(probed, width, scheme)

    def judge(self, probed, width, scheme):
        ran = browse(probed, width, 1000, scheme, '--virtual-time-budget=4000', '--dump-dom')
        hit = re.search(r'<script type="application/json" id="found">(.*?)</script>', ran.stdout, re.S)
        self.assertTrue(hit, 'the page did not load: ' + ran.stderr[-300:])
        found = json.loads(hit[1])
        self.assertEqual(found['problems'], [])
        self.assertEqual(found['over'], [], 'wider than the window')
        self.assertLessEqual(found['scroll'], found['wide'])
        self.assertEqual(found['wide'], width, 'the window has the width that was asked for')
        self.assertEqual(found['texts'], [], 'text leaves its figure')
        self.assertEqual(found['twice'], [], 'ids are unique')
        dark = luminance(found['paper']) < 0.2
        self.assertEqual(dark, scheme == 'dark')
        for name in ('ink', 'muted', 'link', '--c1', '--c2', '--c3', '--c4'):
            self.assertGreaterEqual(contrast(found[name], found['paper']), 4.5, f'{name} on paper, {scheme}')
        if os.environ.get('SHOTS'):
            os.makedirs(os.environ['SHOTS'], exist_ok=True)
            shot = os.path.join(os.environ['SHOTS'], f'{type(self).__name__}-{width}-{scheme}.png')
            browse(self.path, width, 6000, scheme, f'--screenshot={shot}', '--virtual-time-budget=4000')

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


class Committed(Page, unittest.TestCase):
    path = os.path.join(made_up.TOP, 'results', 'index.html')


class MadeUp(Page, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.TemporaryDirectory()
        folder = os.path.join(cls.root.name, 'results')
        made_up.results(folder)
        made_up.pictures(os.path.join(cls.root.name, 'drawn'))
        report = os.path.join(made_up.TOP, 'tools', 'report')
        subprocess.run([report, '--folder', folder, '--pictures', os.path.join(cls.root.name, 'drawn')], check=True, capture_output=True)
        shutil.copy(os.path.join(made_up.TOP, 'results', 'README.md'), folder)
        cls.path = os.path.join(folder, 'index.html')

    @classmethod
    def tearDownClass(cls):
        cls.root.cleanup()


if __name__ == '__main__':
    if not CHROMIUM:
        print('no Chromium here: tools/install-packages page')
        sys.exit(77)
    unittest.main()
