#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/test on scratch trees of made-up tests: it must count what they say, name what was skipped, and fail when it should."""

import os
import shutil
import subprocess
import tempfile
import unittest

TOOLS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'tools')
SPDX = '# SPDX-License-Identifier: MIT\n'


class RunnerTest(unittest.TestCase):
    def plant(self, root, tidy, scripts):
        os.makedirs(root + '/tools/dev')
        os.makedirs(root + '/tests/tools')
        for name in ('test', 'lib.sh', 'dev/parts.sh'):
            shutil.copy(os.path.join(TOOLS, name), f'{root}/tools/{name}')
        with open(root + '/tools/dev/tidy', 'w', encoding='utf-8') as file:
            file.write('#!/bin/sh\n' + tidy)
        os.chmod(root + '/tools/dev/tidy', 0o755)
        for i, script in enumerate(scripts):
            with open(f'{root}/tests/tools/test_{i}.py', 'w', encoding='utf-8') as file:
                file.write(script)

    def run_in(self, root, *more):
        ran = subprocess.run([root + '/tools/test', '--only', 'tools', *more], capture_output=True, text=True)
        return ran.returncode, ran.stdout.splitlines()

    def run_tools(self, tidy, *scripts):
        """Runs the part `tools` with `tidy` (shell) and python `scripts` in place of the real ones: (exit code, lines)."""
        with tempfile.TemporaryDirectory() as root:
            self.plant(root, tidy, scripts)
            return self.run_in(root)

    def check(self, want_code, want_last, tidy, *scripts):
        code, lines = self.run_tools(tidy, *scripts)
        self.assertEqual((code, lines[-1]), (want_code, want_last), '\n'.join(lines))
        return '\n'.join(lines)

    def test_a_quiet_program_counts_as_one(self):
        self.check(0, '2 passed, 0 failed, 0 skipped', 'true', 'pass')

    def test_failure_is_shown_with_its_log_and_command(self):
        text = self.check(1, '1 passed, 1 failed, 0 skipped', 'echo what went wrong; exit 3', 'pass')
        self.assertIn('what went wrong', text)
        self.assertIn('again: tools/dev/tidy', text)
        self.assertIn('exit 3', text)

    def test_runners_own_counts(self):
        self.check(0, '8 passed, 0 failed, 2 skipped', 'echo "7 passed, 0 failed, 2 skipped"', 'pass')
        self.check(1, '6 passed, 3 failed, 0 skipped', 'echo "5 passed, 3 failed"; exit 1', 'pass')
        criterion = (
            'printf "[\\033[0;34m====\\033[0m] Synthesis: Tested: \\033[1m%s\\033[0m | Passing: %s | Failing: %s | Crashing: %s \\n" '
        )
        self.check(0, '10 passed, 0 failed, 0 skipped', criterion + '9 9 0 0', 'pass')
        self.check(1, '7 passed, 3 failed, 0 skipped', criterion + '9 6 2 1; exit 1', 'pass')
        suite = (
            'import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n'
            '    def test_b(self): self.assertEqual(1, {})\nunittest.main()\n'
        )
        self.check(0, '3 passed, 0 failed, 0 skipped', 'true', suite.format(1))
        self.check(1, '2 passed, 1 failed, 0 skipped', 'true', suite.format(2))

    def test_a_failing_exit_counts_even_when_the_words_say_otherwise(self):
        self.check(1, '6 passed, 1 failed, 0 skipped', 'echo "5 passed, 0 failed"; exit 1', 'pass')

    def test_nothing_ran_is_a_failure(self):
        self.check(1, '1 passed, 1 failed, 0 skipped', 'echo "0 passed, 0 failed, 0 skipped"', 'pass')

    def test_skips_are_named(self):
        text = self.check(0, '1 passed, 0 failed, 1 skipped', 'echo no data here; exit 77', 'pass')
        self.assertRegex(text, r'(?m)^skip  tidy +no data here$')
        text = self.check(0, '2 passed, 0 failed, 3 skipped', 'echo "skip  one: no lamp"; echo "1 passed, 0 failed, 3 skipped"', 'pass')
        self.assertIn('one: no lamp', text)

    def test_an_interrupted_run_goes_on(self):
        """test_1 ends the runner at its first start, after test_0 has been booked; what it leaves behind lies in build/."""
        waits = (
            'import os, signal, time\n'
            'runner = int(open(f"/proc/{os.getppid()}/stat").read().split()[3])\n'
            'if not os.path.exists("build/second"):\n'
            '    open("build/second", "w").close()\n'
            '    while "test_0" not in open("build/test/journal").read(): time.sleep(0.05)\n'
            '    os.kill(runner, signal.SIGTERM)\n'
            '    time.sleep(60)\n'
        )
        counts = 'open("build/runs", "a").write("x"); print("3 passed, 0 failed, 0 skipped")'
        for change, more, want in ((False, (), 'x'), (True, (), 'xx'), (False, ('--fresh',), 'xx')):
            with tempfile.TemporaryDirectory() as root:
                self.plant(root, 'true', [counts, waits])
                self.assertEqual(self.run_in(root)[0], 143)
                if change:
                    with open(root + '/tests/new.txt', 'w', encoding='utf-8') as file:
                        file.write('other bytes')
                code, lines = self.run_in(root, *more)
                self.assertEqual((code, lines[-1]), (0, '5 passed, 0 failed, 0 skipped'), '\n'.join(lines))
                with open(root + '/build/runs', encoding='utf-8') as file:
                    self.assertEqual(file.read(), want)
                self.assertFalse(os.path.exists(root + '/build/test/journal'))

    def test_usage(self):
        for arguments in (['--nope'], ['--only'], ['--only', 'nope']):
            ran = subprocess.run([TOOLS + '/test'] + arguments, capture_output=True, text=True)
            self.assertEqual(ran.returncode, 2, ran.stderr)
            self.assertEqual(len(ran.stderr.splitlines()), 1)


if __name__ == '__main__':
    unittest.main()
