#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Man pages and completions say what --help says: every flag of it, and the values that it lists."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.join(TOP, 'build', 'release', 'bin')
TOOL = os.path.join(TOP, 'tools', 'dev', 'man-pages')


@unittest.skipUnless(shutil.which('help2man'), 'help2man is not here')
@unittest.skipUnless(os.access(os.path.join(BIN, 'train'), os.X_OK), 'the programs are not built')
class ManPagesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.room.cleanup)
        subprocess.run([sys.executable, TOOL, '--bin', BIN, '--output', cls.room.name], check=True)
        cls.programs = sorted(os.listdir(os.path.join(cls.room.name, 'bash-completion', 'completions')))

    def flags(self, program):
        text = subprocess.run([os.path.join(BIN, program), '--help'], capture_output=True, text=True, check=True).stdout
        return re.findall(r'^ {2,6}(?:-h, )?(--[a-z-]+)', text.partition('\nExamples:')[0], re.MULTILINE)

    def complete(self, program, *words):
        """What bash offers after these words."""
        script = os.path.join(self.room.name, 'bash-completion', 'completions', program)
        line = f'. {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _{program.replace("-", "_")}; printf "%s\\n" "${{COMPREPLY[@]}}"'
        done = subprocess.run(['bash', '-c', line, 'bash', program, *words], capture_output=True, text=True, check=True, cwd=self.room.name)
        return done.stdout.split()

    def test_every_flag_is_there(self):
        self.assertIn('train', self.programs)
        for program in self.programs:
            with open(os.path.join(self.room.name, 'man', 'man1', program + '.1'), encoding='utf-8') as file:
                page = file.read().replace('\\-', '-')
            self.assertGreater(len(self.flags(program)), 10)
            self.assertEqual(self.complete(program, '--'), self.flags(program))
            for flag in self.flags(program):
                self.assertIn(rf'\fB{flag}\fR', page, program)
            self.assertIn('.SH EXAMPLES', page)
            self.assertNotIn('manual page for', page, 'a name of its own')

    def test_values(self):
        self.assertEqual(self.complete('train', '--isa', 'port'), ['portable'])
        self.assertEqual(self.complete('train', '--data', '=', 'c'), ['cifar-10'], 'bash cuts words at =')
        self.assertEqual(self.complete('train', '--data-dir', ''), ['man', 'bash-completion'])
        self.assertEqual(self.complete('train', '--epochs', ''), [])


if __name__ == '__main__':
    unittest.main()
