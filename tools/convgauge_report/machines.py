# SPDX-License-Identifier: MIT
"""Which machine a timing is from. Timings of machines stand side by side and are never pooled. A machine is a folder and its CPU; an ISA
that is not the best its CPU is known to have was forced, and is called so wherever it stands."""

import json
import os
import re

from .tables import Table

SLOW = ('scalar', 'portable')
RANK = ('scalar', 'portable', 'neon', 'avx2', 'avx512', 'amx')
TOLD_BY = {'avx512': {'avx512f', 'avx512vl'}, 'avx2': {'avx2', 'fma'}, 'neon': {'asimd'}}  # flags as lscpu has them


def label(machine, results):
    """The CPU, and its folder where several machines have the same."""
    folder, cpu = machine
    same = [other for other in results.machines if other[1] == cpu and other[0]]
    return cpu if len(same) == 1 or not folder else f'{cpu} ({folder})'


def of_kind(results, kind, wanted=lambda row: True):
    """machine -> rows that passed their check."""
    found = {}
    for machine, row in results.bench.get(kind, []):
        if row.get('ok', True) and not row.get('cold') and wanted(row):
            found.setdefault(machine, []).append(row)
    return found


def main_machine(by_machine):
    """Where a figure can show one machine only: the one with the most rows."""
    return max(sorted(by_machine), key=lambda machine: len(by_machine[machine]))


def conditions(rows):
    env = next((row['env'] for row in rows if row.get('env')), {})
    words = [
        env.get('cpu') or 'unknown CPU',
        env.get('compiler') or '',
        'virtual machine' if env.get('virtualised') else '',
        f'governor {env["governor"]}' if env.get('governor') else '',
        f'commit {env["commit"]}' if env.get('commit') else '',
    ]
    return ', '.join(word for word in words if word)


def isas_of(machine, results):
    """The instruction sets that its rows were made with, best first."""
    found = {row.get('isa') for rows in results.bench.values() for other, row in rows if other == machine}
    return [isa for isa in RANK[::-1] if isa in found]


def record_of(machine, results):
    path = os.path.join(results.folder, machine[0], 'environment.json')
    if not machine[0] or not os.path.exists(path):
        return {}
    with open(path, encoding='utf-8') as file:
        return json.load(file)


def best_isa(machine, results):
    """The best that this CPU is known to have: by its record, or by the rows of any folder of the same CPU."""
    flags = set(record_of(machine, results).get('lscpu', {}).get('Flags', '').split())
    known = [isa for isa, needs in TOLD_BY.items() if needs <= flags]
    for other in results.machines:
        if other[1] == machine[1]:
            known += isas_of(other, results)
    return max(known, key=RANK.index, default=None)


def forced(machine, isa, results):
    best = best_isa(machine, results)
    return isa in RANK and best is not None and RANK.index(isa) < RANK.index(best)


def isa_words(machine, isa, results):
    return f'{isa}, forced' if forced(machine, isa, results) else isa


def commits_of(machine, results):
    """All that its rows were made at, in the order of their names."""
    if machine[0]:
        envs = [row.get('env') for rows in results.bench.values() for other, row in rows if other == machine]
    else:
        envs = [row.get('env') for study in results.studies.values() for entry in study.entries for row in entry.rows]
        envs = [env for env in envs if env and env.get('cpu') == machine[1]]
    return sorted({env['commit'] for env in envs if env and env.get('commit')})


def table(results):
    made = Table(
        'machines',
        'Where the rows were made',
        [
            ('cpu', 'CPU'),
            ('folder', 'rows'),
            ('date', 'date'),
            ('isa', 'ISA'),
            ('compiler', 'compiler'),
            ('flags', 'flags'),
            ('os', 'system'),
            ('virtual', 'virtual'),
            ('governor', 'governor'),
            ('commit', 'commit'),
        ],
    )
    for machine, env in sorted(results.machines.items()):
        day = re.search(r'\d{4}-\d\d-\d\d$', machine[0])
        made.add(
            machine[1],
            machine[0] or 'training runs',
            day[0] if day else None if machine[0] else results.newest[:10],
            '; '.join(isa_words(machine, isa, results) for isa in isas_of(machine, results) if isa != 'scalar') or None,
            env.get('compiler'),
            env.get('flags'),
            env.get('os'),
            {True: 'yes', False: 'no'}.get(env.get('virtualised')),
            env.get('governor') or 'not told',
            ', '.join(commits_of(machine, results)) or None,
        )
    return made
