#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What every command in tools/, tools/dev/ and bench/tools/ does alike: --help and -h print and touch nothing, whatever modules are
missing; a dry run installs, builds and measures nothing; Ctrl-C is one line and exit code 130."""

import os
import re
import subprocess
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FORBIDDEN = ('apt-get', 'cmake', 'ninja', 'pip', 'sudo', 'wget', 'curl', 'doxygen', 'git')

# Loaded by every Python that the test starts: the network is out of reach; modules of others are not here, or, where a test wants
# that, main() is interrupted as it begins.
SITE = """
import os, signal, socket, sys
for name in () if os.environ.get('INTERRUPT_MAIN') else ('numpy', 'scipy', 'matplotlib', 'jinja2', 'jsonschema'):
    sys.modules[name] = None
def closed(*_, **__):
    raise SystemExit('the network was asked')
socket.socket.connect = closed
if os.environ.get('INTERRUPT_MAIN'):
    def watch(frame, event, _):
        if event == 'call' and frame.f_code.co_name == 'main' and frame.f_globals.get('__name__') == '__main__':
            sys.settrace(None)
            signal.raise_signal(signal.SIGINT)
    sys.settrace(watch)
"""


def commands():
    """Path -> its interpreter."""
    found = {}
    for folder in ('tools', 'tools/dev', 'bench/tools'):
        for name in sorted(os.listdir(os.path.join(TOP, folder))):
            path = os.path.join(TOP, folder, name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                with open(path, encoding='utf-8') as file:
                    found[path] = 'python' if 'python' in file.readline() else 'bash'
    return found


class CommandsTest(unittest.TestCase):
    def setUp(self):
        room = tempfile.TemporaryDirectory()
        self.addCleanup(room.cleanup)
        self.home, self.site, self.bin = (os.path.join(room.name, name) for name in ('home', 'site', 'bin'))
        for folder in (self.home, self.site, self.bin):
            os.mkdir(folder)
        self.called = os.path.join(room.name, 'called')
        with open(os.path.join(self.site, 'sitecustomize.py'), 'w', encoding='utf-8') as file:
            file.write(SITE)
        for name in FORBIDDEN:
            path = os.path.join(self.bin, name)
            with open(path, 'w', encoding='utf-8') as file:
                file.write(f'#!/bin/sh\necho "$0 $*" >>{self.called}\nexit 1\n')
            os.chmod(path, 0o755)

    def go(self, path, *words, **env):
        given = {
            **os.environ,
            'HOME': self.home,
            'XDG_CACHE_HOME': self.home,
            'PYTHONPATH': self.site,
            'PYTHONDONTWRITEBYTECODE': '1',
            'PATH': self.bin + os.pathsep + os.environ['PATH'],
            **env,
        }
        return subprocess.run([path, *words], cwd=self.home, env=given, capture_output=True, text=True, check=False, timeout=60)

    def untouched(self):
        self.assertFalse(os.path.exists(self.called), 'a program was called that fetches or builds')
        self.assertEqual(os.listdir(self.home), [], 'a file was written')

    def test_help(self):
        for path in commands():
            for flag in ('--help', '-h'):
                with self.subTest(os.path.relpath(path, TOP), flag=flag):
                    done = self.go(path, flag)
                    self.assertEqual((done.returncode, done.stderr), (0, ''))
                    self.assertGreater(len(done.stdout), 60, 'words')
                    self.untouched()

    def test_interrupted(self):
        for path, interpreter in commands().items():
            if interpreter == 'python':
                with self.subTest(os.path.relpath(path, TOP)):
                    done = self.go(path, INTERRUPT_MAIN='1')
                    if 'No module named' in done.stderr:
                        self.skipTest(done.stderr)
                    self.assertEqual(done.returncode, 130, done.stderr)
                    self.assertRegex(done.stderr, rf'\A{os.path.basename(path)}: [^\n]*\n\Z')

    def test_dry_run(self):
        cases = {
            'tools/add-cpu': ('--isa', 'scalar', '--dry-run'),
            'tools/quickstart': ('--dry-run',),
            'tools/install-packages': ('--dry-run', 'test', 'report'),
            'tools/fetch-data': ('--dry-run', 'mnist'),
            'bench/tools/bench-turns': ('--dry-run', '--same'),
        }
        for name, words in cases.items():
            with self.subTest(name):
                done = self.go(os.path.join(TOP, name), *words)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn('would', done.stdout)
                self.untouched()

    def test_every_list_of_packages_has_its_word(self):
        """On a machine that has none of them. A word that is unknown is refused, with those that there are."""
        with open(os.path.join(TOP, 'tools', 'lib.sh'), encoding='utf-8') as file:
            lists = dict(re.findall(r'^packages_(\w+)="([^"]*)"', file.read(), re.MULTILINE))
        with open(os.path.join(self.bin, 'dpkg-query'), 'w', encoding='utf-8') as file:
            file.write('#!/bin/sh\nexit 1\n')
        os.chmod(os.path.join(self.bin, 'dpkg-query'), 0o755)
        path = os.path.join(TOP, 'tools', 'install-packages')
        refused = self.go(path, '--dry-run', 'abacus')
        self.assertEqual(refused.returncode, 2, refused.stdout)
        for word in lists.keys() - {'clang'}:  # part of "test"
            with self.subTest(word):
                done = self.go(path, '--dry-run', word)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertLessEqual(set(lists[word].split()), set(done.stdout.split()))
                self.assertIn(f' {word}', refused.stderr)
        self.untouched()


if __name__ == '__main__':
    unittest.main()
