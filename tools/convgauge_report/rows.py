# SPDX-License-Identifier: MIT
"""Files of rows: JSON Lines, plain or .xz, compact or not. A compact file has its curves and lists in FILE.curves.jsonl.xz and its
environments in environments.json beside it; reading gives whole rows back. Every row knows its file and line, since that is what a message
must name. A line may end with the checksum of what stands before it (bench/record/row_text.h): it is checked and left out of the row."""

import json
import lzma
import math
import os
import re
import zlib

from .whole import Whole, lock

# Lists as long as a run or a net: most of what rows hold.
CURVES = ('test_acc_per_epoch', 'test_loss_per_epoch', 'train_acc_running_per_epoch', 'train_loss_per_epoch', 'signal_rms', 'signal_std')
CURVES += ('gradient_check', 'not_finite')
SHARED = ('env', 'data_sha256', 'numerics')  # the same in many rows
ENDINGS = ('.jsonl', '.jsonl.xz')


class Bad(Exception):
    """What is wrong with the data, in one line, and the exit code for it."""

    def __init__(self, words, code=4):
        super().__init__(words)
        self.code = code


class Row(dict):
    """A row and where it stands."""

    __slots__ = ('path', 'number')

    @property
    def place(self):
        return f'{self.path}:{self.number}'


class NoRow(ValueError):
    """Why a line is none."""


def no_constant(word):
    raise NoRow(f'{word} is no JSON; a row writes null and names the field in not_finite')


def once(pairs):
    """No key twice: which value counts would be a guess."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise NoRow('a key stands twice')
    return made


def finite(text):
    if not math.isfinite(float(text)):
        raise NoRow(f'{text[:40]} is beyond range')
    return float(text)


def whole(text):
    if len(text) > 20 or not -(2**63) <= int(text) < 2**63:
        raise NoRow(f'{text[:40]} is beyond range')
    return int(text)


LONG = re.compile(r'[eE]\+?\d{3}|\d{19}')  # few lines have numbers that a double or a 64-bit integer might not hold


def strict(text):
    more = {'parse_float': finite, 'parse_int': whole} if LONG.search(text) else {}
    try:
        return json.loads(text, parse_constant=no_constant, object_pairs_hook=once, **more)
    except RecursionError:
        raise NoRow('nested too deeply') from None


CHECKSUM = re.compile(rb',"([^"]*)":"([0-9a-f]{8})"\}[ \t\r\n]*$')


def checked(row, line):
    """The row without its checksum, which must hold. No other field is last and eight hexadecimal digits: one that is had the key of a
    checksum before it was damaged."""
    told = CHECKSUM.search(line)
    if told or 'crc32' in row:
        if not told or told[1] != b'crc32' or int(told[2], 16) != zlib.crc32(line[: told.start()]):
            raise NoRow('its checksum is wrong: changed since it was written')
        del row['crc32']
    return row


def row_of(line, needs):
    """The row of a line of bytes; NoRow says why it is none."""
    try:
        row = strict(line.decode())
    except NoRow:
        raise
    except ValueError:
        raise NoRow('a torn line or no JSON') from None
    if not isinstance(row, dict) or not isinstance(row.get(needs), str):
        raise NoRow(f'no row: it has no {needs}')
    return checked(row, line)


def beside(path, ending):
    """The companion of a file of rows."""
    for own in ENDINGS[::-1]:
        if path.endswith(own):
            return path[: -len(own)] + ending
    return path + ending


def environments_of(path):
    return os.path.join(os.path.dirname(path), 'environments.json')


def opened(path):
    return lzma.open(path, 'rb') if path.endswith('.xz') else open(path, 'rb')


def stop(place, words):
    """What happens to a line that is no row: nothing goes on."""
    raise Bad(f'{place}: {words}')


def lines_of(path, on_bad=stop, needs='id'):
    """The objects of a file with their line numbers. on_bad(place, words) is told of lines that are none; if it returns they are left out.
    Empty lines are skipped, as the programs do."""
    number = 0
    try:
        with opened(path) as file:
            for number, line in enumerate(file, 1):
                try:
                    if line != b'\n':
                        yield number, row_of(line, needs)
                except NoRow as error:
                    on_bad(f'{path}:{number}', str(error))
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise Bad(f'{path}:{number + 1}: {getattr(error, "strerror", None) or error}') from None


def environments_beside(path):
    at = environments_of(path)
    if not os.path.exists(at):
        return {}
    try:
        with open(at, encoding='utf-8') as file:
            text = file.read()
        environments = strict(text) if text else {}  # empty: made for its lock by a merge that was killed
    except ValueError as error:
        raise Bad(f'{at}: {error}; restore it from git') from None
    if not isinstance(environments, dict):
        raise Bad(f'{at}: no JSON object; restore it from git')
    return environments


def read(path, on_bad=stop, needs='id'):
    """The rows of a file, whole again where it is a compact one."""
    environments, curves = environments_beside(path), {}
    if os.path.exists(beside(path, '.curves.jsonl.xz')):
        curves = {row['id']: row for _, row in lines_of(beside(path, '.curves.jsonl.xz'), on_bad)}
    for number, found in lines_of(path, on_bad, needs):
        row = Row(found)
        row.path, row.number = path, number
        for key in SHARED:
            if isinstance(row.get(key), str):
                row[key] = environments.get(row[key], {'unknown': row[key]} if key == 'env' else row[key])
        row.update({key: value for key, value in curves.get(row.get('id'), {}).items() if key not in row})
        yield row


def precision_of(row):
    """What a row's numbers were computed in; rows in float32 do not say it."""
    return row.get('precision', 'float32')


def case_of(row):
    """What makes two rows of a bench the same case."""
    what = [row.get('what'), row.get('problem') or row.get('net'), row.get('variant'), f'threads:{row.get("threads", 1)}']
    what += [f'batch:{row["batch"]}'] if 'batch' in row else []
    what += [f'layer:{row["layer"]}', row['word']] if 'word' in row else []
    return '/'.join(str(part) for part in what + (['cold'] if row.get('cold') else []))


def dumps(row):
    """A row as it is written, with its checksum; the canonical text of its content with sorted keys comes from json.dumps directly."""
    text = json.dumps(row, ensure_ascii=False, separators=(',', ':'), allow_nan=False)[:-1]
    return f'{text},"crc32":"{zlib.crc32(text.encode()):08x}"}}\n'


def files_under(folder):
    """Files of rows of a results folder: its own and those of the machines' folders, not local/."""
    found = []
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in ('local', 'studies', 'pictures', 'tables') or at != folder)
        found += [os.path.join(at, name) for name in sorted(names) if name.endswith(ENDINGS) and '.curves.' not in name]
    return found


def write(path, text):
    """Beside, then renamed: nobody sees half a file. Nothing is touched when it is the same already. A file that a run still writes to is
    left alone: renamed over, it would take the rows to come with it."""
    data = text if isinstance(text, bytes) else text.encode()
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    try:
        old = open(path, 'rb')
    except FileNotFoundError:
        return replace(path, data)
    with old:
        if old.read() == data:
            return False
        if not lock(old):
            raise Bad(f'{path}: a run writes there; wait for it, or write elsewhere', 1)
        return replace(path, data)


def replace(path, data):
    with Whole(path) as new:
        new.file.write(data)
        new.keep()
    return True
