# SPDX-License-Identifier: MIT
"""Files of rows: JSON Lines, plain or .xz, compact or not. A compact file has its curves and lists in FILE.curves.jsonl.xz and its
environments in environments.json beside it; reading gives whole rows back. Every row knows its file and line, since that is what a message
must name."""

import fcntl
import json
import lzma
import os

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


def no_constant(word):
    raise ValueError(f'{word} is no JSON; a row writes null and names the field in not_finite')


def strict(text):
    return json.loads(text, parse_constant=no_constant)


def beside(path, ending):
    """The companion of a file of rows."""
    for own in ENDINGS[::-1]:
        if path.endswith(own):
            return path[: -len(own)] + ending
    return path + ending


def environments_of(path):
    return os.path.join(os.path.dirname(path), 'environments.json')


def opened(path):
    return lzma.open(path, 'rt', encoding='utf-8') if path.endswith('.xz') else open(path, encoding='utf-8')


def stop(place, words):
    """What happens to a line that is no row: nothing goes on."""
    raise Bad(f'{place}: {words}')


def lines_of(path, on_bad=stop, needs='id'):
    """The objects of a file with their line numbers. on_bad(place, words) is told of lines that are none;
    if it returns they are left out."""
    number = 0
    try:
        with opened(path) as file:
            for number, line in enumerate(file, 1):
                try:
                    row = strict(line)
                    if not isinstance(row, dict) or (needs and needs not in row):
                        raise ValueError(f'no row: it has no {needs}')
                    if not line.endswith('\n'):
                        raise ValueError('a torn line: it has no end')
                except ValueError as error:
                    words = str(error)
                    on_bad(
                        f'{path}:{number}',
                        words if words.startswith(('no row', 'NaN', 'Infinity', '-Infinity', 'a torn')) else 'a torn line or no JSON',
                    )
                    continue
                yield number, row
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise Bad(f'{path}:{number + 1}: {getattr(error, "strerror", None) or error}') from None


def read(path, on_bad=stop, needs='id'):
    """The rows of a file, whole again where it is a compact one."""
    environments, curves = {}, {}
    if os.path.exists(environments_of(path)):
        with open(environments_of(path), encoding='utf-8') as file:
            environments = strict(file.read())
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


def case_of(row):
    """What makes two rows of a bench the same case."""
    what = [row.get('what'), row.get('problem') or row.get('net'), row.get('variant'), f'threads:{row.get("threads", 1)}']
    what += [f'batch:{row["batch"]}'] if 'batch' in row else []
    what += [f'layer:{row["layer"]}', row['word']] if 'word' in row else []
    return '/'.join(str(part) for part in what + (['cold'] if row.get('cold') else []))


def dumps(row):
    """A row as it is written; the canonical text of its content with sorted keys comes from json.dumps directly."""
    return json.dumps(row, ensure_ascii=False, separators=(',', ':'), allow_nan=False) + '\n'


def files_under(folder):
    """Files of rows of a results folder: its own and those of the machines' folders, not local/."""
    found = []
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in ('local', 'studies', 'pictures', 'tables') or at != folder)
        found += [os.path.join(at, name) for name in sorted(names) if name.endswith(ENDINGS) and '.curves.' not in name]
    return found


def lock(file):
    """False where a program has it: what writes rows holds its file's lock from its first row to its last (bench/record/rows.c)."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


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
    with open(path + '.part', 'wb') as file:
        file.write(data)
    os.replace(path + '.part', path)
    return True
