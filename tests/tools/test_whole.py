#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Files that appear whole, as Python writes them: the promises of tests/suites/test_whole_file.c, and that both sweep for each other."""

import os
import subprocess
import sys
import tempfile
import time
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tools'))
from convgauge_report import rows  # noqa: E402
from convgauge_report.whole import Whole  # noqa: E402


class Wholes(unittest.TestCase):
    def setUp(self):
        self.room = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.room.name, 'page.html')

    def tearDown(self):
        self.room.cleanup()

    def put(self, text, path=None):
        with Whole(path or self.path) as new:
            new.file.write(text)
            new.keep()

    def text(self, name='page.html'):
        with open(os.path.join(self.room.name, name), 'rb') as file:
            return file.read()

    def test_it_appears_when_kept(self):
        self.put(b'old')
        os.chmod(self.path, 0o640)
        with Whole(self.path) as new:
            new.file.write(b'new')
            self.assertEqual(self.text(), b'old')
            new.keep()
        self.assertEqual((self.text(), os.stat(self.path).st_mode & 0o777), (b'new', 0o640))
        with self.assertRaises(ValueError), Whole(self.path) as new:
            new.file.write(b'half')
            raise ValueError
        self.assertEqual((self.text(), os.listdir(self.room.name)), (b'new', ['page.html']))

    def test_a_link_is_written_through(self):
        os.symlink('real.html', self.path)
        self.assertRaisesRegex(OSError, 'a symlink to nothing', Whole, self.path)
        with open(os.path.join(self.room.name, 'real.html'), 'wb') as file:
            file.write(b'old')
        rows.write(self.path, b'new')
        self.assertTrue(os.path.islink(self.path))
        self.assertEqual(self.text('real.html'), b'new')
        self.assertEqual(len(os.listdir(self.room.name)), 2)

    def test_planted_links_catch_nothing(self):
        victim = os.path.join(self.room.name, 'victim')
        with open(victim, 'wb') as file:
            file.write(b'mine')
        for ending in ('.part', f'.part{os.getpid()}', '.0123456789abcdef.part'):
            os.symlink('victim', self.path + ending)
        os.mkfifo(self.path + '.0123456789abcde0.part')
        self.put(b'new')
        self.assertEqual((self.text('victim'), self.text()), (b'mine', b'new'))
        self.assertEqual(len(os.listdir(self.room.name)), 6, 'no link is followed or removed, no FIFO waited for')

    def test_a_killed_writers_file_is_swept(self):
        code = f'import sys, time; sys.path.insert(0, {os.path.join(TOP, "tools")!r})\nfrom convgauge_report.whole import Whole\n'
        code += f'with Whole({self.path!r}):\n    print(flush=True)\n    time.sleep(600)\n'
        with subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            self.put(b'new')
            self.assertEqual(len(os.listdir(self.room.name)), 2, "a living writer's file is left alone")
            writer.kill()
        time.sleep(0.01)
        self.put(b'newer')
        self.assertEqual((self.text(), os.listdir(self.room.name)), (b'newer', ['page.html']))


if __name__ == '__main__':
    unittest.main()
