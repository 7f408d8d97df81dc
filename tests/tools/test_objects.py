#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/dev/check-objects on objects made here: each rule must find its breach and name it, and good objects pass."""

import os
import platform
import subprocess
import tempfile
import unittest
import unittest.mock

CHECK = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'tools', 'dev', 'check-objects')
TABLE = 'int kernels_portable(int x) { return x; }\n'


class ObjectsTest(unittest.TestCase):
    def check(self, *objects):
        """Compiles (target, source, code, flags …) into a build folder; the exit code and the words of check-objects."""
        with tempfile.TemporaryDirectory() as build:
            with open(build + '/compile_commands.json', 'w', encoding='utf-8') as file:
                file.write('[{"command": "cc -c a.c"}]')
            for target, source, code, *flags in objects:
                path = f'{build}/CMakeFiles/{target}.dir/{source}.o'
                os.makedirs(os.path.dirname(path), exist_ok=True)
                subprocess.run(['cc', '-O1', *flags, '-x', 'c', '-c', '-', '-o', path], input=code, text=True, check=True)
            ran = subprocess.run([CHECK, build], capture_output=True, text=True)
            return ran.returncode, ran.stdout.replace(build + '/CMakeFiles/', '') + ran.stderr

    def finds(self, want, *objects):
        code, words = self.check(*objects)
        self.assertEqual(code, 1, words)
        self.assertIn(want, words)

    def test_good_objects(self):
        code, words = self.check(
            ('kernels', 'kernels/isa/portable.c', TABLE),
            ('nets', 'nets/a.c', 'float fmaf(float, float, float); float f(float x) { return fmaf(x, x, x); }\n'),
            ('kernels', 'kernels/scalar/a.c', 'double exp(double); double f(double x) { return exp(x); }\n'),
        )
        self.assertEqual((code, words), (0, 'note  3 objects; of libm they ask fmaf\n'))

    def test_exports(self):
        self.finds(
            'kernels.dir/kernels/isa/portable.c.o:kernels_portable stray: exports 2 symbols, want kernels_portable alone; make the '
            'others static',
            ('kernels', 'kernels/isa/portable.c', TABLE + 'int stray(void) { return 1; }\n'),
        )

    def test_libm(self):
        for name in 'expf', 'j0', 'log1p', 'cexp':
            code = f'double {name}(double); double f(double x) {{ return {name}(x); }}\n'
            self.finds(f'nets.dir/nets/a.c.o:{name}: of libm, not exact; ', ('nets', 'nets/a.c', code, '-fno-builtin'))

    @unittest.skipUnless(platform.machine() == 'x86_64', 'AVX is x86')
    def test_leaks(self):
        code = 'typedef float v __attribute__((vector_size({}))); {}void f(v *x) {{ *x = *x + *x; }}\n'
        self.finds('nets.dir/nets/a.c.o:f: holds `v', ('nets', 'nets/a.c', code.format(32, ''), '-mavx2'))
        self.finds('check.dir/avx2.c.o:f: holds `v', ('check', 'avx2.c', code.format(32, ''), '-mavx2'))
        table = code.format(64, 'static __attribute__((used)) ') + 'int kernels_avx2;\n'
        self.finds('kernels.dir/kernels/isa/avx2.c.o:f: holds `v', ('kernels', 'kernels/isa/avx2.c', table, '-mavx512f'))
        self.assertEqual(self.check(('kernels', 'kernels/isa/avx2.c', table, '-mavx2', '-O2'))[0], 0)

    @unittest.skipUnless(platform.machine() == 'x86_64', 'AVX is x86')
    def test_upper_halves(self):
        code = 'typedef float v __attribute__((vector_size({}))); void f(v *x) {{ *x = *x + *x; }}\n'
        for isa, size, flag in ('avx2', 32, '-mavx2'), ('avx512', 64, '-mavx512f'):
            source = f'tests/check/v_{isa}.c'
            self.finds(
                f'{source}.o:f: fills upper halves that no vzeroupper in its file clears; gcc: -fexpensive-optimizations',
                ('check', source, code.format(size), flag, '-fno-expensive-optimizations'),
            )
            self.assertEqual(self.check(('check', source, code.format(size), flag, '-fexpensive-optimizations'))[0], 0)
        self.assertEqual(self.check(('check', 'tests/check/v_avx2.c', code.format(16), '-mavx2'))[0], 0)

    def test_nothing_to_check_is_a_failure(self):
        self.assertEqual(self.check(), (1, unittest.mock.ANY))
        self.assertEqual(subprocess.run([CHECK, '/'], capture_output=True).returncode, 1)


if __name__ == '__main__':
    unittest.main()
