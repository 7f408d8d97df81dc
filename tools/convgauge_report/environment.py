# SPDX-License-Identifier: MIT
"""The record of a machine, environment.json in its folder: what its rows say of it, and what the system says besides. Checks the rows.

usage: environment.py FOLDER"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from convgauge_report import check_rows, rows

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def lscpu():
    """Caches, cores, sockets and flags as lscpu names them; empty where there is none."""
    try:
        text = subprocess.run(['lscpu', '--json'], capture_output=True, text=True, check=True).stdout
        listed = json.loads(text)['lscpu']
    except (OSError, subprocess.CalledProcessError, ValueError, KeyError):
        return {}
    found = {}
    for entry in listed:
        for one in [entry, *entry.get('children', [])]:
            found[one['field'].rstrip(':')] = one['data']
    return {
        key: value
        for key, value in sorted(found.items())
        if value and not key.startswith('Vulnerability') and 'MHz' not in key and key not in ('BogoMIPS',)
    }


def main(folder):
    verdict, environments, counts = check_rows.Checker(os.path.join(TOP, 'results')), [], {}
    for path in rows.files_under(folder):
        for row in rows.read(path, needs='kind'):
            verdict.row(row)
            counts[os.path.basename(path)] = counts.get(os.path.basename(path), 0) + 1
            if row.get('env') and row['env'] not in environments:
                environments.append({key: value for key, value in row['env'].items() if key != 'fma_peak_gflops'})
    verdict.done()
    if not counts:
        raise rows.Bad(f'{folder}: no rows there; tools/add-cpu measures them')
    distinct = [env for i, env in enumerate(environments) if env not in environments[:i]]
    record, path = {'environments': distinct, 'rows': counts, 'lscpu': lscpu()}, os.path.join(folder, 'environment.json')
    if os.path.exists(path):  # what a person noted about the conditions stays
        with open(path, encoding='utf-8') as file:
            record.update({key: value for key, value in json.load(file).items() if key == 'note'})
    rows.write(path, json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + '\n')
    print(f'{folder}: {sum(counts.values())} rows are good')


if __name__ == '__main__':
    try:
        main(sys.argv[1])
    except rows.Bad as bad:
        sys.exit(f'environment: {bad}')
