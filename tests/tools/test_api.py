#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The public headers as a reference: half of what a user reads in them is comment, doxygen has nothing to warn of, and nothing is there
for tests alone."""

import glob
import os
import re
import shutil
import subprocess
import sys
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCS = os.path.join(TOP, 'tools', 'dev', 'api-docs')
LISTS = ('kernels/ops.h', 'kernels/runtime/cpu.h', 'kernels/bf16.h')  # macros, and inline arithmetic
# Called by tests alone as yet, and there for users: the way back of each parser, names, and what a pass or a stream gives.
FOR_USERS = set('activation_print add_print conv_bf16_print dropout_print loss_print optimizer_print op_parse plan_logits'.split())

sys.path.insert(0, os.path.join(TOP, 'cmake'))
import exports  # noqa: E402


def sources(*folders):
    found = [path for folder in folders for end in 'ch' for path in glob.glob(f'{TOP}/{folder}/**/*.{end}', recursive=True)]
    return {os.path.relpath(path, TOP): without_comments(path) for path in found}


def without_comments(path):
    with open(path, encoding='utf-8') as file:
        return re.sub(r'/\*.*?\*/', ' ', file.read(), flags=re.S)


class ApiTest(unittest.TestCase):
    def test_half_is_comment(self):
        shown = subprocess.run([DOCS, '--share'], capture_output=True, text=True, check=True).stdout
        shares = {name: float(share) for share, name in re.findall(r'([\d.]+) %  (.*)', shown)}
        self.assertGreaterEqual(shares.pop('all of them'), 50)
        self.assertGreater(len(shares), 20)
        thin = {name: share for name, share in shares.items() if share < 40 and name not in LISTS}
        self.assertEqual(thin, {})

    def test_nothing_is_for_tests_alone(self):
        """A function that is declared and defined, and is named nowhere else but in tests."""
        with open(os.path.join(TOP, 'cmake', 'public-headers.txt'), encoding='utf-8') as file:
            lines = file.read().split('\n')
        private = {line[2:] for line in lines if line.startswith('- ')}
        public = [
            os.path.join(TOP, name)
            for line in lines
            if re.match('[a-z]', line)
            for name in glob.glob(line, root_dir=TOP)
            if name not in private
        ]
        product = '\n'.join(sources('kernels', 'nets', 'bench', 'ablations', 'examples').values())
        tests = set(re.findall(r'\w+', '\n'.join(sources('tests').values())))
        named = {}
        for word in re.findall(r'\w+', product):
            named[word] = named.get(word, 0) + 1
        other = set(re.findall(r'\b(?:typedef|inline)\b[^;{(]*?\b(\w+)\s*\(', product))
        alone = {name for name in (exports.declared(public) & tests) - other if named.get(name, 0) == 2}
        self.assertEqual(alone, FOR_USERS)

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
