# SPDX-License-Identifier: MIT
"""Which machine a timing is from. Timings of machines stand side by side and are never pooled. A machine is a folder and its CPU; an ISA
that is not the best its CPU is known to have was forced, and is called so wherever it stands."""

import json
import os
import re
from collections import Counter
from functools import cache

from .tables import Table

SLOW = ('scalar', 'portable')
RANK = ('scalar', 'portable', 'neon', 'sve256', 'rvv256', 'avx2', 'avx512vl', 'avx512', 'amx')
ISA_NAMES = {
    'neon': 'NEON',
    'sve256': 'SVE on 256 bits',
    'avx2': 'AVX2',
    'avx512vl': 'AVX-512 on 256 bits',
    'avx512': 'AVX-512',
    'amx': 'AMX',
}
DAY = re.compile(r'\d{4}-\d\d-\d\d$')
TOLD_BY = {'avx512': {'avx512f', 'avx512vl'}, 'avx2': {'avx2', 'fma'}, 'neon': {'asimd'}}  # flags as lscpu has them


# A virtual machine's CPU often has a name without a model: what its vendor, family and model (as lscpu has them) say it is.
CODENAMES = (
    ('AuthenticAMD', 23, range(0x30, 0x40), 'Zen 2'),
    ('AuthenticAMD', 25, range(0x00, 0x10), 'Zen 3'),
    ('AuthenticAMD', 25, range(0x10, 0x20), 'Zen 4'),
    ('AuthenticAMD', 26, range(0x00, 0x20), 'Zen 5'),
    ('GenuineIntel', 6, (0x55,), 'Skylake or Cascade Lake'),
    ('GenuineIntel', 6, (0x6A, 0x6C), 'Ice Lake'),
    ('GenuineIntel', 6, (0x8F,), 'Sapphire Rapids'),
    ('GenuineIntel', 6, (0xCF,), 'Emerald Rapids'),
    ('GenuineIntel', 6, (0xAD, 0xAE), 'Granite Rapids'),
)


def codename(lscpu):
    family, model = (int(lscpu.get(key, '-1')) for key in ('CPU family', 'Model'))
    return next(
        (name for vendor, f, models, name in CODENAMES if (vendor, f) == (lscpu.get('Vendor ID'), family) and model in models), None
    )


@cache
def label(machine, results):
    """The CPU and what it is; and the day of its rows where several machines have the same."""
    folder, cpu = machine
    known = codename(record_of(machine, results).get('lscpu', {}))
    name = re.sub(r'\((R|TM)\)| (CPU|Processor)\b.*', '', cpu) + (f' ({known})' if known else '')
    best = isas_of(machine, results)[:1]
    same = [other for other in results.machines if other[1] == cpu and other[0] and isas_of(other, results)[:1] == best]
    day = DAY.search(folder)
    return name if len(same) < 2 or not day else f'{name}, {day[0]}'


def slug(cpu):
    """As add-cpu names folders: "intel-xeon"."""
    return re.sub('[^a-z0-9]+', '-', re.sub(r'\((r|tm)\)| (cpu|processor)\b.*', '', cpu.lower())).strip('-')


def each(size):
    """Of lscpu's "64 KiB (2 instances)" one: "32 KiB"."""
    hit = re.fullmatch(r'([\d.]+) (\w+) \((\d+) instances?\)', size)
    return f'{float(hit[1]) / int(hit[3]):g} {hit[2]}' if hit else size


def cores(machine, results):
    """ "2 vCPUs", or "8 cores, 16 threads"; None where nothing was recorded."""
    record = record_of(machine, results)
    known = record.get('lscpu', {})
    if 'CPU(s)' not in known:
        return None
    threads = int(known['CPU(s)'])
    if any(env.get('virtualised') for env in record.get('environments', ())):
        return f'{threads} vCPU{"s" * (threads > 1)}'
    count = threads // int(known.get('Thread(s) per core', '1'))
    return f'{count} core{"s" * (count > 1)}' + (f', {threads} threads' if threads > count else '')


def caches(machine, results):
    """ "L1d 32 KiB, L2 512 KiB a core; L3 32 MiB"; None where nothing was recorded."""
    known = record_of(machine, results).get('lscpu', {})
    own = [f'{level} {each(known[level + " cache"])}' for level in ('L1d', 'L2') if level + ' cache' in known]
    shared = [f'L3 {each(known["L3 cache"])}'] if 'L3 cache' in known else []
    return '; '.join([', '.join(own) + ' a core'] * bool(own) + shared) or None


def note(machine, results):
    """What a person who measured there wrote down: "note" in environment.json."""
    return record_of(machine, results).get('note')


def facts(machine, results):
    """The machine in one line."""
    isas = [isa for isa in isas_of(machine, results) if isa not in SLOW]
    said = [cores(machine, results), ISA_NAMES.get(isas[0], isas[0]) if isas else None, caches(machine, results)]
    return '; '.join(filter(None, said))


def of_kind(results, kind, wanted=lambda row: True):
    """machine -> rows that passed their check."""
    found = {}
    for machine, row in results.bench.get(kind, []):
        if row.get('ok', True) and not row.get('cold') and wanted(row):
            found.setdefault(machine, []).append(row)
    return found


def at_best(results, kind, wanted=lambda row: True):
    """machine -> rows of the best instruction set alone, not of one that was forced."""
    found = {}
    for machine, rows in of_kind(results, kind, wanted).items():
        held = {isa for isa in isas_of(machine, results) if forced(machine, isa, results)}
        kept = [row for row in rows if row.get('isa') not in held]
        if kept:
            found[machine] = kept
    return found


def main_machine(by_machine):
    """Where a figure can show one machine only: the one with the most rows of a single instruction set, the first of equals."""

    def most(machine):
        isas = (row.get('isa') if isinstance(row, dict) else None for row in by_machine[machine])
        return max(Counter(isa for isa in isas if isa != 'peer').values(), default=0)

    return max(sorted(by_machine), key=most)


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


@cache
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


@cache
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
            ('cores', 'cores'),
            ('caches', 'caches'),
            ('isa', 'ISA'),
            ('folder', 'rows'),
            ('date', 'date'),
            ('compiler', 'compiler'),
            ('flags', 'flags'),
            ('os', 'system'),
            ('virtual', 'virtual'),
            ('governor', 'governor'),
            ('commit', 'commit'),
        ],
    )
    for machine, env in sorted(results.machines.items()):
        day = DAY.search(machine[0])
        made.add(
            label(machine, results),
            cores(machine, results),
            caches(machine, results),
            '; '.join(isa_words(machine, isa, results) for isa in isas_of(machine, results) if isa != 'scalar') or None,
            machine[0] or 'training runs',
            day[0] if day else None if machine[0] else results.newest[:10],
            env.get('compiler'),
            env.get('flags'),
            env.get('os'),
            {True: 'yes', False: 'no'}.get(env.get('virtualised')),
            env.get('governor') or 'unknown',
            ', '.join(commits_of(machine, results)) or None,
        )
    made.note = ' '.join(
        f'{label(machine, results)}: {note(machine, results)}' for machine in sorted(results.machines) if note(machine, results)
    )
    return made
