# SPDX-License-Identifier: MIT
"""Are these rows what they say? Each is checked against results/row.schema.json, its own id (a hash of what makes the run's bits) and
itself (the last epoch is the last epoch, the best the best); a data set's name must mean the same bytes everywhere. Committed rows are
sealed as well: results/seals.txt has a hash of each, so that a row that was deleted or touched is named with its file and line."""

import hashlib
import json
import math
import os

import jsonschema

from . import rows as files
from .rows import precision_of
from .tables import Table

SEALS = 'seals.txt'
MOST_SAID = 20


def items(validator, schema, values, whole):
    """Arrays of numbers are most of what rows hold: looked through at once, and one by one when that finds something."""
    above, known = schema.get('exclusiveMinimum', -math.inf), set(schema) <= {'type', 'exclusiveMinimum'}
    plain = known and 'number' in schema['type'] and isinstance(values, list) and {type(value) for value in values} <= {int, float}
    if not (plain and all(value > above for value in values)):
        yield from jsonschema.Draft202012Validator.VALIDATORS['items'](validator, schema, values, whole)


QUICK = jsonschema.validators.extend(jsonschema.Draft202012Validator, {'items': items})


def schema_of(folder):
    with open(os.path.join(folder, 'row.schema.json'), encoding='utf-8') as file:
        schema = files.strict(file.read())
    jsonschema.Draft202012Validator.check_schema(schema)
    kinds = {kind: QUICK({'$ref': f'#/$defs/{kind}', '$defs': schema['$defs']}) for kind in schema['x-kinds']}
    return kinds


def fields(folder):
    """The schema as a table: every field, what it means, the kinds that have it."""
    with open(os.path.join(folder, 'row.schema.json'), encoding='utf-8') as file:
        schema = files.strict(file.read())
    told = {}
    for kind in schema['x-kinds']:
        for name, field in schema['$defs'][kind]['properties'].items():
            types = field.get('type', 'string')
            entry = told.setdefault((name, field['description']), [types if isinstance(types, str) else ' or '.join(types), []])
            entry[1].append(kind)
    table = Table('fields', 'Fields of a row', [('field', 'field'), ('type', 'type'), ('meaning', 'meaning, unit'), ('kinds', 'kinds')])
    for (name, words), (types, kinds) in told.items():
        table.add(f'`{name}`', types, words, 'all' if len(kinds) == len(schema['x-kinds']) else ', '.join(kinds))
    return table


def id_of(row):
    """As run_make_id in ablations/driver/record.c makes it."""
    keys = ['kind', 'study', 'cell', 'arm', 'net', 'recipe', 'seed', 'data_sha256', 'numerics']
    timing = row['kind'] == 'timing'
    if timing:
        keys += ['threads', 'isa', 'algo'] + ['tiles'] * ('tiles' in row)
    else:  # other ISAs, any number of threads, any schedule give the same bits
        keys += ['isa'] * (row['isa'] == 'scalar') + ['algo'] * (row['algo'] != 'auto')
    text = ''.join(f'{key}={row[key]}\n' for key in keys)
    if timing:
        text += ''.join(f'no-{key}\n' for key in ('fuse', 'blocks', 'recompute') if row.get(key) is False)
    return hashlib.sha256(text.encode()).hexdigest()


MOST = 1e100  # a float32's largest is 3.4e38; what is beyond this overflows in sums and squares


def beyond(row):
    """A number that no run or bench has ever seen, in words; None where there is none."""
    for key, values in row.items():
        for value in values if isinstance(values, list) else (values,):
            if isinstance(value, (int, float)) and abs(value) > MOST:
                return f'{key} is {value:.4g}, beyond anything measured'
    return None


def near(a, b):
    return a is None or b is None or math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-5)


def itself(row):
    """What in a training row contradicts another thing in it; None when nothing does."""
    curve = row.get('test_acc_per_epoch')
    if row['kind'] not in ('accuracy', 'timing'):
        return None
    if (precision_of(row) == 'bf16') != ('precision=bf16' in row['recipe'].split()):
        return f'precision is {precision_of(row)}, and its recipe is "{row["recipe"]}"'
    if row['id'] != id_of(row):
        return 'its id is not the hash of its net, recipe, data, seed and numerics: one of these was changed'
    if not curve:
        return None
    if len(curve) != row['epochs']:
        return f'epochs is {row["epochs"]}, test_acc_per_epoch has {len(curve)}'
    if not near(curve[-1], row['test_acc']):
        return f'test_acc {row["test_acc"]} is not the last of test_acc_per_epoch, {curve[-1]}'
    seen = [value for value in curve if value is not None]
    if seen and not near(max(seen), row['best_test_acc']):
        return f'best_test_acc {row["best_test_acc"]} is not the highest of test_acc_per_epoch, {max(seen)}'
    for name, key in (('train_acc_running_per_epoch', 'train_acc_running'), ('test_loss_per_epoch', 'test_loss')):
        if row.get(name) and not near(row[name][-1], row[key]):
            return f'{key} {row[key]} is not the last of {name}, {row[name][-1]}'
    return None


def path_of(error):
    return '.'.join(str(part) for part in error.absolute_path) or 'the row'


class Checker:
    """Takes rows one by one and keeps what is wrong with them, a line each."""

    def __init__(self, schema_folder):
        self.kinds, self.wrong = schema_of(schema_folder), []
        self.hash_of, self.name_of = {}, {}

    def say(self, words):
        self.wrong.append(words)

    def row(self, row):
        kind = row.get('kind')
        if kind not in self.kinds:
            self.say(f'{row.place}: kind is {json.dumps(kind)}; there are {", ".join(self.kinds)}')
            return
        error = next(self.kinds[kind].iter_errors(dict(row)), None)
        if error:
            self.say(f'{row.place}: {path_of(error)}: {error.message.splitlines()[0][:200]}')
            return
        words = beyond(row) or itself(row)
        if words:
            self.say(f'{row.place}: {words}')
        elif 'data_sha256' in row:
            self.data(row)

    def data(self, row):
        """A name is one data set, and a data set has one name."""
        name, digest = row['data'], row['data_sha256']
        known, first = self.hash_of.setdefault(name, (digest, row.place))
        other, where = self.name_of.setdefault(digest, (name, row.place))
        if known != digest:
            self.say(f'{row.place}: {name} here is other data than at {first}; data sets are never mixed')
        elif other != name:
            self.say(f'{row.place}: calls the data {name} that {where} calls {other}; data sets are never mixed')

    def done(self):
        if self.wrong:
            more = len(self.wrong) - MOST_SAID
            raise files.Bad('\n'.join(self.wrong[:MOST_SAID] + ([f'and {more} more'] if more > 0 else [])))


# ---- seals ---------------------------------------------------------------------------------------------------------------------


def key_of(row):
    """What stays the same when a figure in it changes."""
    return row['id'][:12] if 'id' in row else hashlib.sha256(files.case_of(row).encode()).hexdigest()[:12]


def digest_of(row):
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:16]


def seals_of(folder, rows_by_path):
    lines = [
        '# What every committed row was when tools/report took it in: the file, then a line per row: key and hash. Written by tools/report.'
    ]
    for path, rows in rows_by_path.items():
        lines.append('= ' + os.path.relpath(path, folder))
        lines += [f'{key_of(row)} {digest_of(row)}' for row in rows]
    return '\n'.join(lines) + '\n'


def read_seals(folder):
    """path -> [(key, digest)]"""
    path, seals, here = os.path.join(folder, SEALS), {}, None
    if not os.path.exists(path):
        return seals
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            if line.startswith('= '):
                here = seals.setdefault(line[2:].rstrip('\n'), [])
            elif not line.startswith('#'):
                if here is None or len(line.split()) != 2:
                    raise files.Bad(f'{path}:{number}: no seal; restore the file from git')
                here.append(tuple(line.split()))
    return seals


def broken(folder, rows_by_path):
    """A line for every sealed row that is missing or changed."""
    words = []
    for name, seals in read_seals(folder).items():
        path = os.path.join(folder, name)
        if path not in rows_by_path:
            words.append(f'{path}:1: is sealed and not there; restore it from git, or give --reseal')
            continue
        now = {}
        for row in rows_by_path[path]:
            now.setdefault(key_of(row), []).append(row)
        for number, (key, digest) in enumerate(seals, 1):
            rows = now.get(key)
            if not rows:
                words.append(f'{path}:{number}: the row {key} that stood here is missing; restore it from git, or give --reseal')
            elif all(digest_of(row) != digest for row in rows):
                words.append(
                    f'{rows[0].place}: the row {key} is not what it was when it was taken in; restore it from git, or give --reseal'
                )
    return words


def checked(folder, schema_folder, reseal=False):
    """Checks every row of a results folder; its rows by file."""
    checker, rows_by_path = Checker(schema_folder), {}
    for path in files.files_under(folder):
        rows_by_path[path] = list(files.read(path, lambda place, words: checker.say(f'{place}: {words}'), needs='kind'))
    if not reseal:
        for words in broken(folder, rows_by_path):
            checker.say(words)
    for rows in rows_by_path.values():
        for row in rows:
            checker.row(row)
    checker.done()
    return rows_by_path
