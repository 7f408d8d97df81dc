#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench/tools/bench-peers without a framework: its messages, how its children answer, and the words of net strings they build nets from."""

import argparse
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.join(TOP, 'build', 'release', 'bin')
sys.path.insert(0, os.path.join(TOP, 'bench', 'peers'))

from net_strings import padding, read_layer  # noqa: E402


def load(name):
    """A tool as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace('-', '_'), os.path.join(TOP, 'bench', 'tools', name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


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
            (('--modes', 'eager,fast'), '--modes fast: takes eager, channels_last, compile, compile-tcmalloc, '),
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

    @unittest.skipUnless(os.path.exists(os.path.join(BIN, 'bench-nets')), 'no build/release')
    def test_the_best_isa_is_compared(self):
        """bench-nets lists every ISA, AVX2 before AVX-512: the last is the best, and a lesser one only where it is the only one."""
        peers = load('bench-peers')
        listed = subprocess.run(
            [os.path.join(BIN, 'bench-nets'), '--net', '1x8x8 dense10', '--list'], capture_output=True, text=True, check=True
        ).stdout
        best = peers.best_isa(argparse.Namespace(bin=BIN))
        self.assertIn(f'custom/infer/{best}/auto', listed)
        isas = [line.split('/')[2] for line in listed.splitlines() if '/infer/' in line and '/auto' in line]
        order = ['scalar', 'portable', 'neon', 'avx2', 'avx512']
        self.assertEqual(best, max(isas, key=order.index))

    def test_two_isas(self):
        peers = load('bench-peers')
        with tempfile.TemporaryDirectory() as room:
            fake = os.path.join(room, 'bench-nets')
            with open(fake, 'w', encoding='utf-8') as file:
                file.write('#!/bin/sh\necho "custom/infer/avx2/auto  1x8x8 dense10"\necho "custom/infer/avx512/auto  1x8x8 dense10"\n')
            os.chmod(fake, 0o755)
            self.assertEqual(peers.best_isa(argparse.Namespace(bin=room)), 'avx512')

    def test_what_convgauge_is_compared_with(self):
        peers = load('bench-peers')
        rows = {
            'convgauge': {'images_per_s': 1000, 'us_reference': 1.0},
            'convgauge/bf16': {'images_per_s': 1500, 'us_reference': 1.0},
            'torch/eager': {'images_per_s': 250, 'us_reference': 1.02, 'precision': 'float32'},
            'torch/compile-bf16': {'images_per_s': 500, 'us_reference': 1.1, 'precision': 'bf16'},
            'tensorflow/xla': {'images_per_s': 400, 'us_reference': 1.0, 'precision': 'float32'},
        }
        self.assertEqual(peers.ratios_of(rows), {'PyTorch': (4.0, False), 'the best of all': (2.5, False), 'the best in bf16': (3.0, True)})

    def test_an_allocator_that_is_not_here(self):
        peers = load('bench-peers')
        self.assertIsNone(peers.allocator_of('compile'))
        self.assertIsNone(peers.allocator_of('compile-bf16'))
        peers.ALLOCATORS['nonsense'] = 'libnonsense.so.0'
        with self.assertRaisesRegex(FileNotFoundError, 'libnonsense.so.0 is not here'):
            peers.allocator_of('compile-nonsense')

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
