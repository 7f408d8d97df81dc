#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What makes rows the same runs: "numerics" is the hash of fixed nets' bits. A new study or cell leaves every committed row valid; changed
bits leave none."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def numerics_of(root):
    """As CMake gives it to the programs."""
    ran = subprocess.run(['cmake', '-S', root, '-B', root + '/build/numerics', '-G', 'Ninja'], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise AssertionError(ran.stderr)
    with open(root + '/build/numerics/build.ninja', encoding='utf-8') as file:
        return set(re.findall(r'CONVGAUGE_NUMERICS=\\*"([0-9a-f]{64})', file.read()))


def append(path, text):
    with open(path, 'a', encoding='utf-8') as file:
        file.write(text)


class NumericsTest(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        names = subprocess.run(
            ['git', '-C', TOP, 'ls-files', '-co', '--exclude-standard', '-z', '--', ':!results'],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split('\0')
        if not any(names):
            self.skipTest('no git here to list the tree')
        for name in filter(None, names):
            if os.path.isfile(os.path.join(TOP, name)):
                os.makedirs(os.path.dirname(os.path.join(self.root, name)), exist_ok=True)
                shutil.copy(os.path.join(TOP, name), os.path.join(self.root, name))

    def test_it_is_the_hash_of_the_fixed_nets_alone(self):
        with open(os.path.join(TOP, 'tests/golden/weights.txt'), 'rb') as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        wanted = {hashlib.sha256(f'{digest} weights.txt\n'.encode()).hexdigest()}
        self.assertEqual(numerics_of(self.root), wanted)
        append(self.root + '/tests/golden/zoo.txt', 'new-study/cell ' + 64 * '0' + '\n')
        append(self.root + '/nets/zoo/compact_net.c', '\n/* a cell more */\n')
        self.assertEqual(numerics_of(self.root), wanted)
        append(self.root + '/tests/golden/weights.txt', 'other/bits ' + 64 * '0' + '\n')
        self.assertNotEqual(numerics_of(self.root), wanted)

    def test_committed_rows_are_of_these_bits_or_of_named_ones(self):
        """Rows of former bits are fine while they are being made anew: tests/golden/former.txt says which bits, until when and why."""
        with open(os.path.join(TOP, 'tests/golden/weights.txt'), 'rb') as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        numerics = hashlib.sha256(f'{digest} weights.txt\n'.encode()).hexdigest()
        with open(os.path.join(TOP, 'tests/golden/former.txt'), encoding='utf-8') as file:
            former = [line.split()[0] for line in file if not line.startswith('#')]
        with open(os.path.join(TOP, 'results/environments.json'), encoding='utf-8') as file:
            shared = json.load(file)
        made_with = {value for value in shared.values() if isinstance(value, str)} & {numerics, *former}
        self.assertTrue(made_with, 'no committed row is of the bits of this code or of those in tests/golden/former.txt')
        self.assertNotIn(numerics, former)


if __name__ == '__main__':
    unittest.main()
