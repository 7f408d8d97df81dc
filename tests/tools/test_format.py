#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/dev/check-format on small sources: each language's tool is asked, finds what is wrong, and fixes what it can."""

import os
import shutil
import subprocess
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHECK = os.path.join(TOP, 'tools', 'dev', 'check-format')
C = 'int f(int a)\n{\n    if (a) return 1;\n    return 0;\n}\n'
PYTHON = "#!/usr/bin/env python3\nprint('words')\n"
SHELL = '#!/usr/bin/env bash\nname=$1\necho "$name"\n'


def here(tool):
    return shutil.which(tool) or os.path.exists(os.path.join(TOP, 'build', 'ruff', 'bin', tool))


class FormatTest(unittest.TestCase):
    def check(self, text, ending, *flags):
        """(were breaches found?, the source after it); beside the tree's own sources, so that its rules hold."""
        with tempfile.NamedTemporaryFile('w', suffix=ending, dir=os.path.join(TOP, 'tests', 'tools')) as file:
            file.write(text)
            file.flush()
            ran = subprocess.run([CHECK, *flags, file.name], capture_output=True, text=True)
            self.assertIn(ran.returncode, (0, 1, 77), ran.stderr)
            with open(file.name, encoding='utf-8') as again:
                return ran.returncode == 1, again.read()

    @unittest.skipUnless(here('clang-format'), 'no clang-format here: tools/install-packages lint')
    def test_c(self):
        self.assertEqual(self.check(C, '.c'), (False, C))
        for good, bad in (
            ('if (a)', 'if(a)'),
            ('(int a)\n{', '(int a) {'),
            ('    return 0', '   return 0'),
            ('if (a) return 1', 'if (a)\n        return 1'),
        ):
            self.assertTrue(self.check(C.replace(good, bad), '.c')[0], bad)
            self.assertEqual(self.check(C.replace(good, bad), '.c', '--fix'), (False, C), bad)

    @unittest.skipUnless(here('ruff'), 'no ruff here: tools/install-packages lint')
    def test_python(self):
        self.assertEqual(self.check(PYTHON, '.py'), (False, PYTHON))
        for bad in (PYTHON.replace("'", '"'), PYTHON.replace('print', 'import os\nprint'), PYTHON.replace('(', '( ')):
            self.assertTrue(self.check(bad, '.py')[0], bad)

    @unittest.skipUnless(here('shellcheck'), 'no shellcheck here: tools/install-packages lint')
    def test_shell(self):
        self.assertFalse(self.check(SHELL, '.sh')[0])
        self.assertTrue(self.check(SHELL.replace('"$name"', '$name'), '.sh')[0])


if __name__ == '__main__':
    unittest.main()
