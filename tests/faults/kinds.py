# SPDX-License-Identifier: MIT
"""The faults of tools/dev/faults, a row each. Each runs a program in a folder with something wrong, and returns how it ended."""

import collections
import glob
import os
import signal
import struct
import subprocess
import time

from programs import ENV, Result, end, rows_of, run, start


def at_moment(room, program, folder, rng, act):
    """Starts it and does act(process) at a moment of the time that it takes."""
    process = start(program.argv, folder)
    time.sleep(rng.random() * 1.1 * room.seconds[program.name])
    act(process)
    return end(process, folder)


def signalled(*numbers):
    def hit(room, program, folder, rng):
        return at_moment(room, program, folder, rng, lambda process: process.poll() is None and process.send_signal(rng.choice(numbers)))

    hit.signals = numbers
    return hit


FIRST = {'mmap': 2}  # at the first the dynamic loader itself crashes, before a line of ours: it does not look (glibc 2.36)


def injected(call, error, from_then_on=False):
    """strace makes the N-th call of a process fail, or that and all later ones."""

    def hit(room, program, folder, rng):
        most = room.calls[program.name][call]
        rule = f'inject={call}:error={error}:when={rng.randint(FIRST.get(call, 1), most)}' + ('+' if from_then_on else '')
        return run(['strace', '-f', '-qq', '-o', '.strace', '-e', f'trace={call}', '-e', rule, *program.argv], folder)

    hit.call = call
    return hit


def delayed(call):
    """Two starts beside each other, one of them slow before the call."""

    def hit(room, program, folder, rng):
        slow = ['strace', '-f', '-qq', '-o', '.strace', '-e', f'trace={call}', '-e', f'inject={call}:delay_enter={rng.randint(1, 300)}ms']
        first = start([*slow, *program.argv], folder)
        time.sleep(rng.random() * 0.3)
        second = start(program.argv, folder, log='.second')
        one, two = end(first, folder), end(second, folder, log='.second')
        return Result(max(one.code, two.code, key=abs), one.words + two.words, one.hung or two.hung)

    hit.call = call
    return hit


def unallocated(room, program, folder, rng):
    return counted(room, program, folder, rng.randint(1, room.allocations[program.name]))[0]


def counted(room, program, folder, fails_at):
    """With failing.so: its Result, and how many allocations there were."""
    count = os.path.join(folder, '.count')
    with open(count, 'wb') as file:
        file.write(bytes(8))
    more = {'LD_PRELOAD': room.failing, 'FAULT_AT': str(fails_at), 'FAULT_FILE': count}
    result = run(program.argv, folder, env=ENV | more)
    with open(count, 'rb') as file:
        return result, struct.unpack('=Q', file.read())[0]


def on_small_disk(options, unit, most):
    """In a file system with room for what was there and up to so many units more; what is on it in the end goes back into the folder."""

    def hit(room, program, folder, rng):
        sizes = [os.path.getsize(path) for path in glob.glob(os.path.join(folder, '*')) if not os.path.islink(path)]
        there = sum(-(-size // unit) for size in sizes) if unit > 1 else 1 + len(os.listdir(folder))
        script = (
            'mkdir .disk && mount -t tmpfs -o "$1" none .disk && shift && cp -a -- * .disk && cd .disk || exit 99; '
            '"$@"; code=$?; cd .. && cp -a .disk/. . && umount .disk && rmdir .disk && exit $code'
        )
        disk = options.format(unit * (there + rng.randint(1, most)))
        return run(['unshare', '-rm', 'sh', '-c', script, 'sh', disk, *program.argv], folder)

    hit.mounts = True
    return hit


def closed(room, program, folder, rng):
    which = rng.choice(['<&-', '>&-', '2>&-', '<&- >&-', '<&- 2>&-', '>&- 2>&-', '<&- >&- 2>&-'])
    return run(['sh', '-c', f'exec "$@" {which}', 'sh', *program.argv], folder)


def linked_temporaries(room, program, folder, rng):
    with open(os.path.join(folder, 'mine'), 'w', encoding='utf-8') as file:
        file.write('mine')
    for name in (program.path, 'w.safetensors', 't.md'):
        for ending in ('.part', '.tmp', '.0123456789abcdef.part', '~'):
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            os.symlink(os.path.join(folder, 'mine'), os.path.join(folder, name + ending))
    result = run(program.argv, folder)
    with open(os.path.join(folder, 'mine'), encoding='utf-8') as file:
        fine = file.read() == 'mine'
    for path in glob.glob(os.path.join(folder, '**'), recursive=True):
        if os.path.islink(path) and os.path.realpath(path) == os.path.join(folder, 'mine'):
            os.remove(path)
    return result if fine else result._replace(words=result.words + '\n(the file that planted links lead to was overwritten)')


def linked_output(room, program, folder, rng):
    path = os.path.join(folder, program.path)
    os.makedirs(os.path.join(folder, 'far'))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.exists(path):
        os.rename(path, os.path.join(folder, 'far', 'away'))
    else:
        open(os.path.join(folder, 'far', 'away'), 'wb').close()
    os.symlink(os.path.join(folder, 'far', 'away'), path)
    result = run(program.argv, folder)
    return result if os.path.islink(path) else result._replace(words=result.words + '\n(the link was overwritten)')


def under_it(command):
    """The file of rows is changed by someone else at a moment of the run; `gone` has the rows that were taken away. The program is stopped
    meanwhile: a row that it appends between someone's copy and their rename is lost with the old file, and a program that has ended by
    the rename cannot know (docs/troubleshooting.md says so)."""

    def hit(room, program, folder, rng):
        excused = [0]

        def act(process):
            path = os.path.join(folder, program.path)
            words = ['sh', '-c', command, 'sh', path, f'{room.bin}/merge']
            process.send_signal(signal.SIGSTOP)
            subprocess.run(words, cwd=folder, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            process.send_signal(signal.SIGCONT)
            excused[0] = len(rows_of(os.path.join(folder, 'gone'))[0])

        result = at_moment(room, program, folder, rng, act)
        return result._replace(excused=excused[0])

    return hit


ANY = ('sweep', 'resume', 'train', 'checkpoint', 'merge', 'compact', 'bench')
ROWS = ANY[:4]
Fault = collections.namedtuple('Fault', 'name hit tries sample programs', defaults=(4, 1, ANY))
ERRORS = {
    'write': 'ENOSPC EIO EDQUOT EFBIG EINTR', 'read': 'EIO EINTR', 'openat': 'EMFILE ENFILE EACCES ENOSPC EROFS EINTR',
    'fdatasync': 'EIO ENOSPC EDQUOT', 'fsync': 'EIO ENOSPC', 'rename': 'EIO ENOSPC EXDEV', 'flock': 'ENOLCK EINTR EAGAIN',
    'ftruncate': 'EIO', 'newfstatat': 'EIO ENOENT', 'lseek': 'ESPIPE', 'close': 'EIO EINTR', 'mmap': 'ENOMEM', 'mprotect': 'ENOMEM',
    'madvise': 'EINVAL', 'clone': 'EAGAIN', 'clone3': 'EAGAIN', 'pipe2': 'EMFILE', 'poll': 'EINTR', 'wait4': 'EINTR',
    'sched_setaffinity': 'EPERM', 'unlink': 'EACCES', 'mkdir': 'EACCES ENOSPC', 'access': 'EACCES', 'getdents64': 'EIO',
    'getrandom': 'EAGAIN', 'prlimit64': 'EPERM',
}  # fmt: skip
STAY = {'ENOSPC', 'EIO', 'EDQUOT', 'EMFILE', 'ENFILE', 'EROFS', 'EACCES', 'ENOMEM'}  # what happens once may stay so


def faults():
    kill = [
        Fault('kill -9', signalled(signal.SIGKILL), 500, 7),
        Fault('SIGINT, SIGTERM, SIGHUP', signalled(signal.SIGINT, signal.SIGTERM, signal.SIGHUP), 60, 3),
    ]
    errors = [(call, error) for call, those in ERRORS.items() for error in those.split()]
    once = [Fault(f'{call}: {error}', injected(call, error), 6) for call, error in errors]
    stays = [Fault(f'{call}: {error}, stays so', injected(call, error, True), 4, 0) for call, error in errors if error in STAY]
    others = [
        Fault('delay before locks, two starts', delayed('flock'), 40, 2),
        Fault('disk full', on_small_disk('size={}', 4096, 10), 30, 1),
        Fault('no inodes left', on_small_disk('size=9m,nr_inodes={}', 1, 5), 20, 1),
        Fault('the n-th allocation fails', unallocated, 150, 6),
        Fault('descriptors 0-2 closed', closed, 28, 2),
        Fault('links where temporary files go', linked_temporaries, 12, 1),
        Fault('the output is a link', linked_output, 12, 1, ANY[:-1]),
        Fault('removed under it', under_it('ln "$1" gone; rm -f "$1"'), 20, 1, ROWS),
        Fault('moved away under it', under_it('mv "$1" gone'), 12, 0, ROWS),
        Fault('replaced under it', under_it('cp "$1" new && mv new "$1"'), 20, 1, ROWS),
        Fault('edited under it', under_it('sed -i s/nothing/else/ "$1"'), 20, 1, ROWS),
        Fault('merged under it', under_it('"$2" --output "$1" "$1"'), 20, 1, ROWS),
    ]
    whole = [  # tools/reproduce: seconds each
        Fault('kill -9 of a reproduction', signalled(signal.SIGKILL), 20, 0, ('reproduce',)),
        Fault('SIGINT, SIGTERM to a reproduction', signalled(signal.SIGINT, signal.SIGTERM), 8, 0, ('reproduce',)),
        Fault('write: ENOSPC in a reproduction', injected('write', 'ENOSPC'), 6, 0, ('reproduce',)),
        Fault('rename: EIO in a reproduction', injected('rename', 'EIO'), 4, 0, ('reproduce',)),
    ]
    return kill + once + stays + others + whole
