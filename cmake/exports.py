#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the names that the library exports: those that OBJECT defines for all and one of the headers declares.

usage: exports.py NAMES NM OBJECT HEADER..."""

import re
import subprocess
import sys


def defined(nm, path):
    """The global names that an object, an archive or a shared library (its dynamic ones) defines."""
    dynamic = ['-D'] if re.search(r'\.so\b', path) else []
    lines = subprocess.run([nm, *dynamic, '-g', '--defined-only', path], capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[-1] for line in lines if len(line.split()) == 3}


def declared(paths):
    """The functions and objects that headers name: words before a bracket, and what is extern."""
    words = set()
    for path in paths:
        with open(path, encoding='utf-8') as file:
            code = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', ' ', file.read(), flags=re.S)
        words |= set(re.findall(r'\b(\w+)\s*\(', code)) | set(re.findall(r'\bextern\b[^;(]*?\b(\w+)\s*(?:\[[^;]*)?;', code))
    return words


if __name__ == '__main__':
    with open(sys.argv[1], 'w', encoding='utf-8') as file:
        file.writelines(name + '\n' for name in sorted(defined(*sys.argv[2:4]) & declared(sys.argv[4:])))
