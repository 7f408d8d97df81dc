#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the names that the library exports into NAMES: those that OBJECT defines for all and one of the headers declares. Exits 1 when one
begins neither with a header's name nor with a word of PREFIXES.

usage: exports.py NAMES PREFIXES NM OBJECT HEADER..."""

import os
import re
import subprocess
import sys


def defined(nm, path):
    """The global names that an object, an archive or a shared library (its dynamic ones) defines."""
    dynamic = ['-D'] if re.search(r'\.so\b', path) else []
    lines = subprocess.run([nm, *dynamic, '-g', '--defined-only', path], capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[-1] for line in lines if len(line.split()) == 3}


def declared(paths):
    """The functions and objects that headers name: words before a bracket that are no macro's name, and what is extern."""
    words = set()
    for path in paths:
        with open(path, encoding='utf-8') as file:
            code = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', ' ', file.read(), flags=re.S)
        code = re.sub(r'^#\s*define\s+\w+', ' ', code, flags=re.M)
        words |= set(re.findall(r'\b(\w+)\s*\(', code)) | set(re.findall(r'\bextern\b[^;(]*?\b(\w+)\s*(?:\[[^;]*)?;', code))
    return words


def main():
    names_path, prefixes_path, nm, built, *headers = sys.argv[1:]
    names = sorted(defined(nm, built) & declared(headers))
    with open(prefixes_path, encoding='utf-8') as file:
        prefixes = {line.strip() for line in file if not line.startswith('#')}
    prefixes |= {os.path.splitext(os.path.basename(path))[0] for path in headers}
    wrong = [name for name in names if name.split('_')[0] not in prefixes]
    if wrong:
        sys.exit(f"exports: {', '.join(wrong)}: begin with the header's name, or with a word of {prefixes_path}")
    with open(names_path, 'w', encoding='utf-8') as file:
        file.writelines(name + '\n' for name in names)


if __name__ == '__main__':
    main()
