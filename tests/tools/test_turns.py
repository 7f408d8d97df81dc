#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two starts of a bench are interleaved: their samples are pairs, one goes on when the other has ended, and what hands no turn on is
refused."""

import json
import os
import subprocess
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.dirname(os.environ.get('CONVGAUGE_BIN', os.path.join(TOP, 'build', 'release', 'bin')))
BENCH = os.path.join(BUILD, 'bin', 'bench-kernels')
FLAGS = ['--problem', 'n16c4h8k4r3pad1', '--isa', 'portable', '--filter', 'conv.fwd', '--max-time', '0.02']


@unittest.skipUnless(os.path.exists(BENCH), f'no {os.path.relpath(BENCH, TOP)}: cmake --build --preset release')
class TurnsTest(unittest.TestCase):
    def setUp(self):
        self.room = tempfile.TemporaryDirectory()
        self.addCleanup(self.room.cleanup)

    def read(self, name):
        with open(os.path.join(self.room.name, name), encoding='utf-8') as file:
            return {row['variant']: row for row in map(json.loads, file)}

    def start(self, name, turn, to):
        command = [BENCH, *FLAGS, '--peers', 'none', '--quiet', '--output', os.path.join(self.room.name, name), '--turns', f'{turn},{to}']
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=(turn, to), text=True)

    def test_samples_are_pairs(self):
        (here, to_here), (there, to_there) = os.pipe(), os.pipe()
        os.write(to_here, b'1')
        both = self.start('a.jsonl', here, to_there), self.start('b.jsonl', there, to_here)
        for end in here, to_here, there, to_there:
            os.close(end)
        for one in both:
            _, err = one.communicate(timeout=60)
            self.assertEqual(one.returncode, 0, err)
        a, b = self.read('a.jsonl'), self.read('b.jsonl')
        self.assertEqual(list(a), list(b))
        self.assertGreater(len(a), 2)
        counts = [(len(a[name]['us_samples']), len(b[name]['us_samples'])) for name in a]
        self.assertTrue(all(min(pair) >= 3 for pair in counts), counts)
        # each leaves a case when its own time is up, so counts may differ; nobody is left behind by a whole group
        self.assertTrue(any(max(pair) <= 2 * min(pair) for pair in counts), counts)

    def test_the_other_one_has_ended(self):
        (here, to_here), (there, to_there) = os.pipe(), os.pipe()
        os.write(to_here, b'1')
        one = self.start('a.jsonl', here, to_there)
        for end in here, to_here, there, to_there:
            os.close(end)
        _, err = one.communicate(timeout=60)
        self.assertEqual(one.returncode, 0, err)
        self.assertGreater(len(self.read('a.jsonl')), 2)

    def test_no_pipes(self):
        for words in ('', '3', '98,99', '1,2,3', 'x,y'):
            ran = subprocess.run([BENCH, *FLAGS, '--turns', words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
            self.assertEqual((ran.returncode, ran.stderr.count('\n')), (2, 1), words + ran.stderr)
            self.assertIn('--turns', ran.stderr)

    def test_the_tool_compares(self):
        if subprocess.run(['/usr/bin/python3', '-c', 'import numpy'], capture_output=True, check=False).returncode:
            self.skipTest('no NumPy: apt-get install python3-numpy')
        tool = os.path.join(TOP, 'bench', 'tools', 'bench-turns')
        ran = subprocess.run([tool, BUILD, BUILD, '--rounds', '2', *FLAGS], capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertRegex(ran.stdout, r'\d+ cases: \d+ same')
        for words in ([BUILD], [BUILD, BUILD, '--rounds', '0'], ['nonsense', BUILD], [self.room.name, BUILD]):
            ran = subprocess.run([tool, *words], capture_output=True, text=True, check=False)
            self.assertEqual((ran.returncode, ran.stderr.count('\n')), (2, 1), ran.stderr)


if __name__ == '__main__':
    unittest.main()
