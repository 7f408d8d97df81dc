#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/test and its CTest words on scratch trees of made-up tests: they must count what those say, name what was skipped, and fail when
they should."""

import os
import shutil
import subprocess
import tempfile
import time
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PRESETS = '{ "version": 6, "configurePresets": [{ "name": "default", "binaryDir": "${sourceDir}/build/release" }] }\n'
LISTS = 'cmake_minimum_required(VERSION 3.25)\nproject(made_up LANGUAGES NONE)\nenable_testing()\ninclude(tests/steps.cmake)\n'
STEPS = 'include(${PROJECT_SOURCE_DIR}/cmake/steps.cmake)\npart(tools quick "made up")\nstep(tidy COMMAND tools/dev/tidy)\n'


class RunnerTest(unittest.TestCase):
    @staticmethod
    def write(path, text):
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)

    @staticmethod
    def read(path):
        with open(path, encoding='utf-8') as file:
            return file.read()

    def plant(self, root, tidy, scripts, more=''):
        """A tree whose part `tools` is `tidy` (shell) and python `scripts`, and whose list of steps ends with `more`."""
        os.makedirs(root + '/tools/dev')
        os.makedirs(root + '/tests/tools')
        os.makedirs(root + '/cmake')
        for name in ('tools/test', 'tools/lib.sh', 'tools/dev/step', 'cmake/steps.cmake'):
            shutil.copy(os.path.join(TOP, name), f'{root}/{name}')
        self.write(root + '/CMakePresets.json', PRESETS)
        self.write(root + '/CMakeLists.txt', LISTS)
        steps = [f'step(tools/test_{i} COMMAND python3 tests/tools/test_{i}.py)\n' for i in range(len(scripts))]
        self.write(root + '/tests/steps.cmake', STEPS + ''.join(steps) + more)
        self.write(root + '/tools/dev/tidy', '#!/bin/sh\n' + tidy)
        os.chmod(root + '/tools/dev/tidy', 0o755)
        for i, script in enumerate(scripts):
            self.write(f'{root}/tests/tools/test_{i}.py', script)

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
            'runner = os.getppid()\n'
            'while "/tools/test\\0" not in open(f"/proc/{runner}/cmdline").read():\n'
            '    runner = int(open(f"/proc/{runner}/stat").read().split()[3])\n'
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
                    self.write(root + '/tests/new.txt', 'other bytes')
                code, lines = self.run_in(root, *more)
                self.assertEqual((code, lines[-1]), (0, '5 passed, 0 failed, 0 skipped'), '\n'.join(lines))
                self.assertEqual(self.read(root + '/build/runs'), want)
                self.assertFalse(os.path.exists(root + '/build/test/journal'))

    def run_list(self, steps, *arguments):
        with tempfile.TemporaryDirectory() as root:
            self.plant(root, 'true', [], steps)
            ran = subprocess.run([root + '/tools/test', *arguments], capture_output=True, text=True)
            return ran.returncode, ran.stdout.splitlines()

    def test_a_step_that_hangs_is_ended(self):
        began = time.monotonic()
        code, lines = self.run_list('step(hangs COMMAND sleep 300 && true SECONDS 1)\n')
        self.assertEqual((code, lines[-1]), (1, '1 passed, 1 failed, 0 skipped'), '\n'.join(lines))
        self.assertLess(time.monotonic() - began, 60)
        self.assertRegex('\n'.join(lines), r'(?m)^FAIL  hangs +ended .*build/test/hangs.log')

    def test_a_failed_build_counts_once(self):
        steps = 'step(lamp/build COMMAND exit 3 SETUP lamp)\nstep(lit COMMAND true NEEDS lamp)\nstep(read COMMAND true NEEDS lamp)\n'
        self.assertEqual(self.run_list(steps)[1][-1], '1 passed, 1 failed, 0 skipped')
        code, lines = self.run_list(steps.replace('exit 3', 'true'))
        self.assertEqual((code, lines[-1]), (0, '4 passed, 0 failed, 0 skipped'), '\n'.join(lines))

    def test_modes(self):
        steps = (
            'step(thorough COMMAND true IN full)\npart(moon default "made up")\nstep(moon COMMAND true)\n'
            'part(sun full "made up")\nstep(sun COMMAND true)\nstep(sun/more COMMAND true IN full)\nstep(sun/aside COMMAND true ASIDE)\n'
        )
        for arguments, passed in (
            ('--quick', 1),
            ('', 2),
            ('--full', 6),
            ('--only sun', 2),
            ('--only moon,sun', 3),
            ('--full --only sun', 3),
        ):
            code, lines = self.run_list(steps, *arguments.split())
            self.assertEqual((code, lines[-1]), (0, f'{passed} passed, 0 failed, 0 skipped'), arguments + '\n'.join(lines))
        self.assertIn('left out: moon sun', '\n'.join(self.run_list(steps, '--quick')[1]))
        code, lines = self.run_list(steps, '--quick', '--only', 'moon')
        self.assertEqual((code, lines[-1]), (1, '0 passed, 1 failed, 0 skipped'), '\n'.join(lines))

    def test_builds_end_what_comes_before(self):
        """Each build waits for all before it, but not for what runs aside; what comes after it in the list starts no earlier."""
        steps = (
            'set(CORES 2)\nstep(first COMMAND sleep 1 && date +%s.%N >build/first)\n'
            'step(long COMMAND sleep 4 && date +%s.%N >build/long ASIDE)\n'
            'build_step(toy)\nstep(after COMMAND date +%s.%N >build/after NEEDS toy)\n'
        )
        preset = '{ "name": "toy", "binaryDir": "${sourceDir}/build/toy" }'
        with tempfile.TemporaryDirectory() as root:
            self.plant(root, 'true', [], steps)
            build = ', "buildPresets": [{ "name": "toy", "configurePreset": "toy" }] }'
            self.write(root + '/CMakePresets.json', PRESETS.replace(' }] }', ' }, ' + preset + ']' + build))
            ran = subprocess.run([root + '/tools/test'], capture_output=True, text=True)
            self.assertEqual(ran.stdout.splitlines()[-1], '5 passed, 0 failed, 0 skipped', ran.stdout)
            first, after, long = (float(self.read(f'{root}/build/{name}')) for name in ('first', 'after', 'long'))
            self.assertLess(first, after)
            self.assertLess(after, long)

    def test_usage(self):
        for arguments in (['--nope'], ['--only'], ['--only', 'nope']):
            ran = subprocess.run([TOP + '/tools/test'] + arguments, capture_output=True, text=True)
            self.assertEqual(ran.returncode, 2, ran.stderr)
            self.assertEqual(len(ran.stderr.splitlines()), 1)


if __name__ == '__main__':
    unittest.main()
