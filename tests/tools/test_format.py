#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/dev/check-format on small sources: spaces and indentation are judged, line breaks and columns are not."""

import os
import shutil
import subprocess
import tempfile
import unittest

CHECK = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'tools', 'dev', 'check-format')
GOOD = '''static const int table[] = {
    1,  10, 100,
      2, 20, 200
};
struct pair { int a, b; };      /* laid out by hand */
int f(int a,
        int b)
{
    int x = a;                  /* in a column */
    if (x) return
            table[b];
    if (a) return b;
    for (int i = 0; i < b; i++) x += i;
    return x;
}
'''


@unittest.skipUnless(shutil.which('clang-format'), 'no clang-format here: tools/install-packages lint')
class FormatTest(unittest.TestCase):
    def check(self, text):
        with tempfile.NamedTemporaryFile('w', suffix='.c') as file:
            file.write(text)
            file.flush()
            ran = subprocess.run([CHECK, file.name], capture_output=True, text=True)
            return ran.returncode, ran.stdout.replace(file.name, 'a.c').splitlines()[:-1]

    def test_hand_laid_code_is_left_alone(self):
        self.assertEqual(self.check(GOOD), (0, []))

    def test_spaces_and_indentation(self):
        for good, bad, want in (('if (a)', 'if(a)', '12: write `    if (a) return b;`'),
                                ('i < b', 'i<b', '13: write `    for (int i = 0; i < b; i++) x += i;`'),
                                ('    return x;', '   return x;', '14: write `    return x;`'),
                                ('int x = a;', 'int x=a;', '9: write `    int x = a; /* in a column */`')):
            self.assertEqual(self.check(GOOD.replace(good, bad)), (1, ['a.c:' + want]), bad)


if __name__ == '__main__':
    unittest.main()
