# SPDX-License-Identifier: MIT
"""The instruction sets of kernels/isa/, as each file says of itself on its line `Built for CPUS: FLAGS`: developers' tools and tests ask
here, so that a new one is a file of its own and no line in theirs."""

import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILT_FOR = re.compile(r'^ \* Built for ([^ ,]+)(?:, by name)?:([^*\n]*)', re.M)


def built(top=TOP):
    """isa -> (the CPUs as CMake names them, a pattern; its flags)."""
    found = {}
    folder = os.path.join(top, 'kernels', 'isa')
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding='utf-8') as file:
            line = BUILT_FOR.search(file.read())
        if line:
            found[name[: -len('.c')]] = line[1], line[2].split()
    return found


def of_cpu(machine):
    """isa -> flags, of those that are built for such a CPU ("x86_64")."""
    return {isa: flags for isa, (cpus, flags) in built().items() if re.fullmatch(cpus, machine)}


def lacking(isa, cpu_flags):
    """The x86 flags of its file that this CPU, by /proc/cpuinfo, does not have."""
    words = {flag[2:].replace('-', '_') for flag in built()[isa][1] if re.match(r'-m(avx|fma|amx)', flag)}
    return words - set(cpu_flags)
