# SPDX-License-Identifier: MIT
"""A file that appears under its name whole or not at all, and outlasts a power cut once it has: nets/whole_file.c in Python, with the same
names. Written beside its place as NAME.<16 hexadecimal digits>.part, a name that nothing there had; synced, renamed, the folder synced. A
symlink is written through and stays. The writer holds a lock on the file beside: one whose lock is free was left by a killed writer, and
the next one of the same name sweeps it."""

import errno
import fcntl
import os
import re
import secrets
import stat

NAME_SHARE = 200  # of a name beside; 255 is what file systems take


def lock(file):
    """False where a program has it: what writes rows holds its file's lock from its first row to its last (bench/record/rows.c)."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


def sweep(folder, name):
    stray = re.compile(re.escape(name[:NAME_SHARE]) + r'\.[0-9a-f]{16}\.part')
    for found in os.listdir(folder):
        if not stray.fullmatch(found):
            continue
        path = os.path.join(folder, found)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if stat.S_ISREG(os.fstat(fd).st_mode) and os.path.samestat(os.fstat(fd), os.lstat(path)):
                os.unlink(path)
        except OSError:  # its writer lives, or it is gone
            pass
        finally:
            os.close(fd)


def sync_folder(folder):
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # one that may be written but not read
        return
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno in (errno.EIO, errno.ENOSPC, errno.EDQUOT):
            raise
    finally:
        os.close(fd)


class Whole:
    """with Whole(path) as new: new.file.write(data); new.keep()        Left without keep(), nothing has been."""

    def __init__(self, path):
        self.path = os.path.realpath(path) if os.path.islink(path) else path
        if os.path.islink(path) and not os.path.exists(path):
            raise FileNotFoundError(errno.ENOENT, 'a symlink to nothing; name the file itself', path)
        self.folder, self.name = os.path.dirname(self.path) or '.', os.path.basename(self.path)
        self.beside = self.file = None

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        sweep(self.folder, self.name)
        while self.file is None:
            self.beside = os.path.join(self.folder, f'{self.name[:NAME_SHARE]}.{secrets.token_hex(8)}.part')
            try:
                fd = os.open(self.beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
            except FileExistsError:
                continue
            if lock(fd) and os.fstat(fd).st_nlink:
                self.file = os.fdopen(fd, 'w+b')
            else:  # a sweeper came between the two
                os.close(fd)
        return self

    def keep(self):
        self.file.flush()
        if os.path.exists(self.path):
            os.fchmod(self.file.fileno(), stat.S_IMODE(os.stat(self.path).st_mode))
        os.fsync(self.file.fileno())
        os.replace(self.beside, self.path)
        self.beside = None
        sync_folder(self.folder)

    def __exit__(self, *_):
        if self.beside:
            os.unlink(self.beside)
        self.file.close()
