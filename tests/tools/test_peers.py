#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench/tools/bench-peers without a framework: its messages, how its children answer, and the words of net strings they build nets from."""

import json
import os
import subprocess
import sys
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.join(TOP, 'build', 'release', 'bin')
sys.path.insert(0, os.path.join(TOP, 'bench', 'peers'))

from net_strings import padding, read_layer  # noqa: E402

MADE_UP = """
import sys
sys.path.insert(0, sys.argv[1])
import child
def make(mode, what):
    if mode == 'absent':
        raise RuntimeError('no such mode here\\nsecond line')
    print('frameworks are talkative')
    return lambda: None
child.serve(make)
"""


class PeersTest(unittest.TestCase):
    def peers(self, *arguments):
        nowhere = {'CONVGAUGE_TORCH': '/nowhere', 'CONVGAUGE_TENSORFLOW': '/nowhere'}
        ran = subprocess.run(
            [os.path.join(TOP, 'bench', 'tools', 'bench-peers'), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **nowhere},
        )
        return ran.returncode, ran.stderr.splitlines()

    def test_bad_requests(self):
        for arguments, words in (
            (('--modes', 'eager,fast'), '--modes fast: takes eager, channels_last, compile, graph, graph-onednn, xla'),
            (('--threads', '0'), '--threads 0: takes 1 to '),
            (('--turns', '0'), '--seconds and --turns are above 0'),
        ):
            code, lines = self.peers(*arguments)
            self.assertEqual((code, len(lines)), (2, 1))
            self.assertTrue(lines[0].startswith('bench-peers: ' + words), lines[0])

    def test_programs_missing(self):
        self.assertEqual(self.peers('--bin', '/nowhere')[0], 1)

    @unittest.skipUnless(os.path.exists(os.path.join(BIN, 'train')), 'no build/release')
    def test_absent_frameworks_are_named(self):
        code, lines = self.peers('--filter', 'compact')
        self.assertEqual(code, 3)
        self.assertEqual(
            [line.split(':')[1] for line in lines],
            [' skipping PyTorch', ' skipping TensorFlow', ' no framework is here; --install fetches them'],
        )
        code, lines = self.peers('--filter', 'nonsense')
        self.assertEqual((code, lines), (2, ['bench-peers: --filter nonsense matches no net; train --list shows them']))

    def test_children_answer(self):
        requests = [{'mode': 'fine', 'what': 'train', 'seconds': 0.01}, {'mode': 'absent', 'what': 'train', 'seconds': 0.01}]
        ran = subprocess.run(
            [sys.executable, '-c', MADE_UP, os.path.join(TOP, 'bench', 'peers')],
            capture_output=True,
            text=True,
            input=''.join(json.dumps(request) + '\n' for request in requests),
            check=True,
        )
        fine, absent = (json.loads(line) for line in ran.stdout.splitlines())
        self.assertGreaterEqual(len(fine['us']), 3)
        self.assertGreater(fine['peak_rss_bytes'], 1 << 20)
        self.assertEqual(absent['error'], 'no such mode here')
        self.assertIn('frameworks are talkative', ran.stderr)

    def test_words_of_net_strings(self):
        self.assertEqual(read_layer('conv6r5s3pad2,1,1,0b0'), ('conv', '6', {'r': '5', 's': '3', 'pad': '2,1,1,0', 'b': '0'}))
        self.assertEqual(read_layer('max2step1'), ('max', '2', {'step': '1'}))
        self.assertEqual(read_layer('drop0.2'), ('drop', '0.2', {}))
        self.assertEqual(read_layer('bneps1e-3mom0.3'), ('bn', None, {'eps': '1e-3', 'mom': '0.3'}))
        self.assertEqual(padding({'pad': '2,1,3,0'}), (3, 0, 2, 1))
        self.assertEqual(padding({}), (0, 0, 0, 0))


if __name__ == '__main__':
    unittest.main()
