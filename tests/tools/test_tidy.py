#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/dev/tidy on small trees: each rule must find its breach, name the line and the way out, and leave good code alone."""

import os
import subprocess
import tempfile
import unittest

TIDY = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'tools', 'dev', 'tidy')
C = '/* SPDX-License-Identifier: MIT\n * What it is. */\n'


class TidyTest(unittest.TestCase):
    def tidy(self, files):
        """Runs tidy on a tree of {path: text}; gives its exit code and lines."""
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), 'w', encoding='utf-8') as file:
                    file.write(text)
            ran = subprocess.run([TIDY, root], capture_output=True, text=True)
            return ran.returncode, ran.stdout.splitlines()

    def finds(self, path, text, want, others=None):
        """Exactly one breach, and it is `want`."""
        code, lines = self.tidy({path: text, **(others or {})})
        self.assertEqual(lines, [want])
        self.assertEqual(code, 1)

    def clean(self, files):
        self.assertEqual(self.tidy(files), (0, []))

    def test_good_code_is_left_alone(self):
        self.clean(
            {
                'kernels/conv.c': C + '#include "runtime/exact.h"\n#if defined(__AVX2__)\n#endif\n/* malloc(n) … exp(x) */\n'
                'static const char *say = "printf(";\nint f(int x)\n{\n    return x;\n}\n',
                'tools/thing': '#!/usr/bin/env bash\n# SPDX-License-Identifier: MIT\nexec true\n',
                'README.md': 'See [conv](kernels/conv.c) and `tools/thing --help`.\n```map\nkernels/   the kernels\n```\n',
            }
        )

    def test_spdx(self):
        self.finds('nets/a.c', 'int a;\n', 'nets/a.c:1: no SPDX line; open the file with `SPDX-License-Identifier: MIT`')

    def test_long_file(self):
        self.finds('nets/a.c', C + 'int a;\n' * 399, 'nets/a.c:401: 401 lines (limit 400); is there a second idea in it? split it')

    def test_long_line(self):
        self.finds('nets/a.c', C + '/* ' + 'x' * 138 + ' */\n', 'nets/a.c:3: 144 columns (limit 140); break the line')

    def test_blanks_and_marks(self):
        self.finds('nets/a.c', C + 'int a; \n', 'nets/a.c:3: a tab or trailing blanks; indent by spaces, end lines where the words end')
        self.finds('nets/a.c', C + '/* TO' + 'DO */\n', 'nets/a.c:3: an unfinished mark; do it, or file an issue')
        self.finds('nets/a.c', C + 'int a;', 'nets/a.c:3: no newline at the end of the file; add it')

    def test_words(self):
        self.finds('docs/a.md', 'Both are sampled in turns.\n', 'docs/a.md:1: "in turns" is a word of our own; the field says interleaved')
        self.finds('docs/a.md', 'As said in the\ntext.\n', 'docs/a.md:1: "the text" is a word of our own; the field says the article')
        self.finds('docs/a.md', 'As the text says.\n', 'docs/a.md:1: "the text" is a word of our own; the field says the article')
        for line in ('/* The judge of both. */', 'static const char *const a = "the judge";', 'int judge;'):
            self.finds('nets/a.c', C + line + '\n', 'nets/a.c:3: "judge" is a word of our own; the field says check')
        self.finds('nets/a.c', C + '/* Both in\n * turns. */\n', 'nets/a.c:3: "in turns" is a word of our own; the field says interleaved')
        self.clean({'nets/a.c': C + '/* Copies the text. */\n'})
        rival = '# SPDX-License-Identifier: MIT\n# a rival\n'
        self.finds('tools/a.py', rival, 'tools/a.py:2: "rival" is a word of our own; the field says baseline')

    def test_ascii(self):
        self.finds('nets/a.c', C + 'int ä;\n', 'nets/a.c:3: a character beyond ASCII in code; keep those to comments and strings')
        self.finds('nets/a.c', C + '/* a\u202eb */\n', 'nets/a.c:3: the invisible character U+202E; delete it')

    def test_long_function_and_its_exception(self):
        body = C + 'int f(int x,\n      int y)\n{\n' + '    x++;\n' * 57 + '}\n'
        self.finds('nets/a.c', body, 'nets/a.c:3: f has 61 lines (limit 60); split it, or list it in tools/dev/tidy.allow with a reason')
        self.clean({'nets/a.c': body, 'tools/dev/tidy.allow': 'function nets/a.c:f it is one table\n'})
        self.finds(
            'nets/a.c',
            C,
            'tools/dev/tidy.allow:1: function nets/a.c:f excuses nothing; delete the line',
            {'tools/dev/tidy.allow': 'function nets/a.c:f it is one table\n'},
        )
        self.finds(
            'nets/a.c',
            C,
            'tools/dev/tidy.allow:1: an exception without a reason; write: rule path[:function] reason',
            {'tools/dev/tidy.allow': 'function nets/a.c:f\n'},
        )

    def test_long_function_in_python_and_shell(self):
        self.finds(
            'tools/a',
            '#!/usr/bin/env python3\n# SPDX-License-Identifier: MIT\ndef f():\n' + '    pass\n' * 60,
            'tools/a:3: f has 61 lines (limit 60); split it, or list it in tools/dev/tidy.allow with a reason',
        )
        self.finds(
            'tools/a',
            '#!/bin/sh\n# SPDX-License-Identifier: MIT\nf()\n{\n' + '    true\n' * 60 + '}\n',
            'tools/a:3: f has 63 lines (limit 60); split it, or list it in tools/dev/tidy.allow with a reason',
        )

    def test_many_parameters_and_their_exceptions(self):
        eight = 'const int *const a[2], int (*b)(int, int), ' + ', '.join('int ' + x for x in 'cdefgh')
        body = C + 'static int f(' + eight + ',\n             int i)\n{\n    return i;\n}\n'
        says = 'f has 9 parameters (limit 8); give those that go together a struct'
        self.finds('nets/a.c', body, 'nets/a.c:3: ' + says)
        self.finds('nets/a.c', C + 'static int f(' + eight + ', int i) {\n    return i;\n}\n', 'nets/a.c:3: ' + says)
        self.clean({'nets/a.c': C + 'static int f(' + eight + ')\n{\n    return g(a, b, c, d, e, f, g, h, 1);\n}\n'})
        excused = ''.join(f'parameters nets/{n}.c:f a contract of its own\n' for n in range(11))
        files = {f'nets/{n}.c': body for n in range(11)}
        self.clean({**dict(list(files.items())[:10]), 'tools/dev/tidy.allow': ''.join(excused.splitlines(True)[:10])})
        self.assertEqual(
            self.tidy({**files, 'tools/dev/tidy.allow': excused}),
            (1, ['tools/dev/tidy.allow:11: 11 functions with more than 8 parameters (limit 10); give one of them a struct']),
        )

    def test_assertions(self):
        two = 'nets/a.c:4: an assertion of two facts; write two, so that a failure says which'
        self.finds('nets/a.c', C + '\nassert(a && f(b || c));\n', two)
        self.finds('nets/a.c', C + '\nassert(a &&\n       b);\n', two)
        self.finds(
            'bench/a.c',
            C + '\nassert(count++ < 3);\n',
            'bench/a.c:4: an assertion with a side effect; do it before, and assert what it came to',
        )
        self.clean(
            {
                'nets/a.c': C + 'assert(a || (b && c));\nassert(a <= b);\nassert((a && b) == c);\nassert(p->n);\n',
                'tests/a.c': C + 'assert(a && b);\n',
            }
        )

    def test_assertions_per_function(self):
        function = '\nvoid f(int x)\n{\n    g(x);\n}\n'
        asserting = '\nvoid f(int x)\n{\n    assert(x > 0);\n    g(x);\n}\n'
        says = 'nets/:1: 9 assertions in 20 functions (at least 0.5 each); '
        says += 'say at borders what callers must keep to, and what loops have reached'
        self.finds('nets/a.c', C + function * 11, says, {'nets/b.c': C + asserting * 9})
        self.clean({'nets/a.c': C + function * 10, 'nets/b.c': C + asserting * 10})
        self.clean({'nets/a.c': C + function * 19})
        self.clean({'kernels/simd/a.h': C + function * 30, 'tests/a.c': C + function * 30})

    def test_arrows_go_down(self):
        self.finds(
            'ablations/a.c',
            C + '#include "../tests/check/check.h"\n',
            'ablations/a.c:3: includes tests/check/check.h, a neighbour on its floor; arrows go down only',
        )
        self.finds(
            'kernels/a.c', C + '#include "../nets/net.h"\n', 'kernels/a.c:3: includes nets/net.h, a floor above; arrows go down only'
        )
        self.finds(
            'kernels/runtime/a.c',
            C + '#include "../kernels.h"\n',
            'kernels/runtime/a.c:3: includes kernels/kernels.h, a floor above; arrows go down only',
        )
        self.finds(
            'kernels/a.c',
            C + '#include "runtime/team.h"\n',
            'kernels/a.c:3: a kernel includes kernels/runtime/team.h; kernels have no threads, memory or clock of their own',
        )
        self.finds(
            'kernels/scalar/a.c',
            C + '#include "../simd/v.h"\n',
            'kernels/scalar/a.c:3: the reference includes kernels/simd/v.h; it is the definition: keep it apart from SIMD',
        )
        self.finds(
            'nets/a.c',
            C + '#include "../kernels/simd/v.h"\n',
            'nets/a.c:3: includes kernels/simd/v.h, private to the kernels; go through kernels.h',
        )

    def test_banned_words(self):
        self.finds(
            'kernels/simd/a.h', C + 'p = malloc(4);\n', 'kernels/simd/a.h:3: malloc is banned in kernels; take scratch from the caller'
        )
        self.finds('kernels/a.c', C + 'printf("x");\n', 'kernels/a.c:3: printf is banned in kernels; let the caller speak')
        self.finds(
            'nets/a.c', C + 'y = expf(x);\n', 'nets/a.c:3: expf comes from libm; use kernels/runtime/exact.h: the same bits on every host'
        )
        self.finds(
            'nets/a.c',
            C + 'e = getenv("X");\n',
            'nets/a.c:3: getenv is banned below programs; only programs read the environment: take an argument',
        )
        self.finds('nets/a.c', C + '#if 0\n#endif\n', 'nets/a.c:3: disabled code; delete it: git remembers')

    def test_isa_differences_have_their_place(self):
        body = C + 'int f(void)\n{\n#ifdef __AVX2__\n#endif\n}\n'
        self.finds('nets/a.c', body, 'nets/a.c:5: an ISA #ifdef in a function body; put the difference into v_*.h, t_*.h or isa/')
        self.clean({'kernels/simd/v_avx2.h': body})
        self.finds(
            'kernels/simd/a.h',
            C + 'a = _mm256_add_ps(b, c);\n',
            'kernels/simd/a.h:3: intrinsics; they live in kernels/simd/v_*.h and t_*.h alone',
        )
        self.finds(
            'kernels/simd/a.h',
            C + '#define F(n) \\\n    static int n(void) \\\n    { return 0; } \\\n\n',
            'kernels/simd/a.h:3: a function inside a macro; make it an always-inline function',
        )

    def test_words_about_the_tree(self):
        self.finds(
            'README.md', 'Run `tools/nothing --now`.\n', 'README.md:1: names tools/nothing, which is not there; fix the words or the tree'
        )
        self.finds(
            'README.md',
            '```map\nkernels/   the kernels\n```\n',
            'README.md:2: names kernels/, which is not there; fix the words or the tree',
        )

    def test_commit_subjects(self):
        with tempfile.TemporaryDirectory() as root:
            git = ['git', '-C', root, '-c', 'user.name=a', '-c', 'user.email=a@example.org']
            subprocess.run(git + ['init', '-q'], check=True)
            for subject in ('area: what', 'no area', 'area: ' + 'x' * 60):
                subprocess.run(git + ['commit', '-q', '--allow-empty', '-m', subject], check=True)
            lines = subprocess.run([TIDY, root], capture_output=True, text=True).stdout.splitlines()
            self.assertEqual(len(lines), 2)
            self.assertRegex(lines[0], r'^commit \w+:1: a subject of 66 characters \(limit 60\); git commit --amend$')
            self.assertRegex(lines[1], r'^commit \w+:1: the subject "no area"; write `area: what`$')


if __name__ == '__main__':
    unittest.main()
