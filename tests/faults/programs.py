# SPDX-License-Identifier: MIT
"""The programs that tools/dev/faults runs: what each makes in a folder, what an undisturbed run of it leaves there, and what may never be
true of it whatever has happened."""

import collections
import contextlib
import glob
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NET, RECIPE = '1x28x28 conv4 relu max2 dense10', 'opt=adam lr=0.001 batch=20 epochs=3'
LIMIT = 60  # seconds: what takes longer hangs
Result = collections.namedtuple('Result', 'code words hung excused', defaults=(0,))  # excused: rows that a fault took away
ENV = {key: value for key, value in os.environ.items() if not key.startswith(('CONVGAUGE_', 'SLURM_', 'AWS_BATCH_'))}
ENV |= {'CONVGAUGE_CLAIMS': 'none', 'LC_ALL': 'C.UTF-8'}


def start(argv, folder, log='.err', env=ENV):
    with open(os.path.join(folder, log), 'wb') as err:
        return subprocess.Popen(
            argv, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err, start_new_session=True
        )


def end(process, folder, log='.err'):
    hung = False
    try:
        process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        hung = True
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what it has started and left is in its session
    process.wait()
    with open(os.path.join(folder, log), encoding='utf-8', errors='replace') as file:
        return Result(process.returncode, file.read(), hung)


def run(argv, folder, log='.err', env=ENV):
    return end(start(argv, folder, log, env), folder, log)


def contents(path):
    try:
        with open(path, 'rb') as file:
            return file.read()
    except FileNotFoundError:
        return b''


def rows_of(path):
    """What each whole row says of its run, and how many lines are none."""
    rows, broken = [], 0
    for line in contents(path).split(b'\n'):
        try:
            row = json.loads(line)
            rows.append((row['id'], row['weights_sha256'], row['test_acc']))
        except (ValueError, KeyError, TypeError):
            broken += line != b''
    return rows, broken


# ---- the programs: what they make in a folder, and whether that is there


class Program:
    """argv: its command, in a folder that has a link to the data and, of what undisturbed runs made, `before`."""

    def __init__(self, name, argv, path, before=(), seen=0):
        self.name, self.argv, self.path, self.before, self.seen = name, argv, path, before, seen
        self.want = self.old = None  # content() of the undisturbed run, and before it

    def prepare(self, folder, good):
        for source, target in self.before:
            os.makedirs(os.path.dirname(os.path.join(folder, target)), exist_ok=True)
            shutil.copy(os.path.join(good, source), os.path.join(folder, target))

    def again(self, folder):
        """What its messages ask for before the same command is given again."""

    def content(self, folder):
        """What is there, less what differs from run to run."""
        return contents(os.path.join(folder, self.path))

    def check(self, folder, words, excused):
        """Which of BAD are true of what is there. One file, which is there as it was or as it has to be."""
        there = self.content(folder)
        return set() if there in (self.old, self.want) else {'wrong' if there else 'lost'}

    def complete(self, folder):
        return self.content(folder) == self.want


def told_of(words):
    """How many runs were reported as finished: two starts of train --save may make the same one."""
    return len(set(re.findall(r'^\[\d+/\d+\] ([^:]+)', words, re.M)))


class Sweep(Program):
    """Rows: each once, with the right weights; none fewer than were there and than were told of. excused: how many a fault took away."""

    def content(self, folder):
        return {row[0]: row for row in rows_of(os.path.join(folder, self.path))[0]}

    def check(self, folder, words, excused):
        rows, broken = rows_of(os.path.join(folder, self.path))
        once = len({row[0] for row in rows}) == len(rows)
        bad = set() if once and broken <= 1 and all(self.want.get(row[0]) == row for row in rows) else {'wrong'}
        return bad | ({'lost'} if len(rows) < self.seen + told_of(words) - excused else set())


class Checkpoint(Sweep):
    """Rows, and weights that verify whenever they are there."""

    def check(self, folder, words, excused):
        whole = run([self.argv[0].replace('/train', '/verify'), 'w.safetensors'], folder, log='.verify').code == 0
        there = os.path.exists(os.path.join(folder, 'w.safetensors'))
        return super().check(folder, words, excused) | ({'wrong'} if there and not whole else set())

    def complete(self, folder):
        return super().complete(folder) and os.path.exists(os.path.join(folder, 'w.safetensors'))


class Bench(Program):
    """Times differ from run to run; what was measured does not."""

    def content(self, folder):
        rows = [json.loads(line) for line in super().content(folder).splitlines()]
        return sorted((row['what'], row['problem'], row['variant'], row['ok']) for row in rows)

    def check(self, folder, words, excused):
        try:
            return super().check(folder, words, excused)
        except (ValueError, KeyError):
            return {'wrong'}

    def again(self, folder):
        for path in glob.glob(os.path.join(folder, self.path + '*')):
            os.remove(path)


class Reproduce(Sweep):
    """Rows are told of as they go to results/local, and are merged later."""

    def check(self, folder, words, excused):
        kept = super().check(folder, '', excused)
        local, broken = rows_of(os.path.join(folder, 'results/local/scratch-cnn.jsonl'))
        fine = broken <= 1 and all(self.want.get(row[0]) == row for row in local)
        return (
            kept
            | (set() if fine else {'wrong'})
            | ({'lost'} if len({*local} | {*self.content(folder).values()}) < told_of(words) else set())
        )


def programs(binaries):
    train = [f'{binaries}/train', '--net', NET, '--recipe', RECIPE, '--data-dir', 'd']
    bench = [f'{binaries}/bench-kernels', '--quick', '--isa', 'scalar', '--peers', 'none', '--filter', 'pool.fwd/*plain']
    again = [sys.executable, f'{TOP}/tools/reproduce', '--bin', binaries, '--only', 'scratch-cnn', '--data', 'strokes']
    again += ['--filter', 'scratch-cnn/published/lr*', '--steps', 'claims,others', '--epochs', '1', '--seeds', '0', '--jobs', '1']
    merge = [f'{binaries}/merge']
    return [
        Sweep('sweep', [*train, '--seeds', '0-3', '--jobs', '2', '--output', 'r.jsonl'], 'r.jsonl', [('one.jsonl', 'r.jsonl')], 1),
        Sweep('resume', [*train, '--seeds', '0,1', '--jobs', '2', '--checkpoint-every', '1', '--output', 'r.jsonl'], 'r.jsonl'),
        Sweep('train', [*train, '--output', 't.md'], 'results/local/train.jsonl'),
        Checkpoint('checkpoint', [*train, '--save', 'w.safetensors', '--output', 'r.jsonl'], 'r.jsonl'),
        Program(
            'merge', [*merge, '--output', 'm.jsonl', 'a.jsonl', 'm.jsonl'], 'm.jsonl', [('four.jsonl', 'a.jsonl'), ('one.jsonl', 'm.jsonl')]
        ),
        Sweep('compact', [*merge, '--compact', '--output', 'c.jsonl', 'a.jsonl'], 'c.jsonl', [('four.jsonl', 'a.jsonl')]),
        Bench('bench', [*bench, '--output', 'b.jsonl'], 'b.jsonl'),
        Reproduce('reproduce', again, 'results/scratch-cnn.jsonl'),
    ]


def idx(path, magic, sizes, data):
    with open(path, 'wb') as file:
        file.write(struct.pack(f'>{1 + len(sizes)}i', magic, *sizes) + data)


def made_data(folder, train, test):
    """Images in idx format; their pixels mean nothing."""
    os.makedirs(folder)
    noise = random.Random(1).randbytes(1 << 20) * 50
    for name, count in (('train', train), ('t10k', test)):
        idx(os.path.join(folder, name + '-images-idx3-ubyte'), 2051, (count, 28, 28), noise[: count * 784])
        idx(os.path.join(folder, name + '-labels-idx1-ubyte'), 2049, (count,), bytes(i % 10 for i in range(count)))
