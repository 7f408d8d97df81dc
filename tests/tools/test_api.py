#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The public headers as a reference: half of what a user reads in them is comment, and doxygen has nothing to warn of."""

import os
import re
import shutil
import subprocess
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCS = os.path.join(TOP, 'tools', 'dev', 'api-docs')
LISTS = ('kernels/ops.h', 'kernels/runtime/cpu.h', 'kernels/bf16.h')  # macros, and inline arithmetic


class ApiTest(unittest.TestCase):
    def test_half_is_comment(self):
        shown = subprocess.run([DOCS, '--share'], capture_output=True, text=True, check=True).stdout
        shares = {name: float(share) for share, name in re.findall(r'([\d.]+) %  (.*)', shown)}
        self.assertGreaterEqual(shares.pop('all of them'), 50)
        self.assertGreater(len(shares), 20)
        thin = {name: share for name, share in shares.items() if share < 40 and name not in LISTS}
        self.assertEqual(thin, {})

    def test_comments_stay_on_their_lines(self):
        for name in ('kernels/conv.h', 'nets/net.h'):
            with open(os.path.join(TOP, name), encoding='utf-8') as file:
                text = file.read()
            seen = subprocess.run([DOCS, '--filter', name], capture_output=True, text=True, check=True, cwd=TOP).stdout
            self.assertEqual(text.count('\n'), seen.count('\n'))
            self.assertIn('/** @file', seen)
            self.assertRegex(seen, r';\s+/\*\*<')

    @unittest.skipUnless(shutil.which('doxygen'), 'no doxygen here: tools/install-packages lint')
    def test_doxygen_has_no_warnings(self):
        ran = subprocess.run([DOCS], capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertTrue(os.path.exists(os.path.join(TOP, 'build', 'api', 'html', 'conv_8h.html')))


if __name__ == '__main__':
    unittest.main()
