#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every header compiles by itself: it includes what it uses. Those of kernels/simd are written against a vector header and an ISA file's
tile sizes, so the portable ones stand before them."""

import os
import platform
import re
import shutil
import subprocess
import sys
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tools'))
from convgauge_report import isas  # noqa: E402

CC = os.environ.get('CC') or shutil.which('gcc') or shutil.which('cc')
X86 = platform.machine() in ('x86_64', 'AMD64')
# Not headers by themselves: lists and bodies that one place includes, and stand-ins.
PARTS = {
    'kernels/auto_table.h': 'rows of a table',
    'kernels/simd/rows.h': 'the list, after all templates and tiles',
    'kernels/simd/tiles_neon.h': 'a list, after a vector header of 32 registers',
    'kernels/simd/rows_bf16.h': 'the rows of bf16, after a tile header',
    'bench/record/peak_loops.h': 'bodies, after CHAINS and a vector header',
    'tests/check/v_run.h': 'bodies, after a vector header',
    'tests/check/t_run.h': 'bodies, after a tile header',
    'tests/suites/avx512_by_halves.h': 'a stand-in for intrinsics',
}
# Of the ISAs that are built here, and what their headers share.
FLAGS = isas.of_cpu(platform.machine())
if X86:
    FLAGS |= {'x86': FLAGS['avx2'], 'ymm': FLAGS['avx2']}
elif 'neon' in FLAGS:
    FLAGS |= {'arm': []}
ISA_HEADER = re.compile(r'^kernels/simd/[vt]_(\w+)\.h$')
# Headers that only Criterion's suites include, after Criterion's own.
NEEDS_CRITERION = ('tests/suites/toy.h', 'tests/suites/planned.h')


def prelude(path):
    """Lines before the header, and flags."""
    name = os.path.basename(path)
    isa = ISA_HEADER.search(path)
    if path.startswith('kernels/simd/') and not isa and name != 'v.h':
        tiles = 'enum { DENSE_KT = 4, DENSE_P = 3, OUTER_KT = 4, OUTER_CT = 2 };'
        return ['#include "kernels/simd/v_portable.h"', '#include "kernels/simd/t_portable.h"', tiles], []
    if name == 't_vectors.h':
        return ['#include "kernels/simd/v_avx2.h"'] if X86 else ['#include "kernels/simd/v_neon.h"'], FLAGS['avx2' if X86 else 'neon']
    return [], FLAGS.get(isa.group(1), []) if isa else []


class HeadersTest(unittest.TestCase):
    @unittest.skipUnless(CC, 'no C compiler here')
    def test_each_compiles_alone(self):
        listing = ['git', '-C', TOP, 'ls-files', '-co', '--exclude-standard', '*.h']
        ran = subprocess.run(listing, capture_output=True, text=True, check=False)
        names = [name for name in ran.stdout.split() if os.path.exists(os.path.join(TOP, name))]
        if not names:
            self.skipTest('no git here to list the tree')
        for name in names:
            isa = ISA_HEADER.search(name)
            foreign = isa and isa.group(1) not in FLAGS and isa.group(1) not in ('portable', 'vectors')
            if name in PARTS or name in NEEDS_CRITERION or foreign or name.startswith(('tests/fuzz/', 'bench/peers/onednn')):
                continue
            lines, flags = prelude(name)
            source = '\n'.join(lines + [f'#include "{name}"']) + '\n'
            command = [CC, '-D_GNU_SOURCE', '-std=c17', '-fsyntax-only', '-w', '-I', TOP, *flags, '-x', 'c', '-']
            with self.subTest(header=name):
                ran = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
                self.assertEqual(ran.returncode, 0, ran.stderr[:600])


if __name__ == '__main__':
    unittest.main()
