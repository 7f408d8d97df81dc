# SPDX-License-Identifier: MIT
"""What our Python commands share: Ctrl-C is one line and exit code 130, from this import on; --help touches nothing."""

import os
import signal
import sys

EXIT_INTERRUPTED = 130


def name():
    return os.path.basename(sys.argv[0])


def _at_once(number, frame):
    """While modules are imported there is nothing to tidy up yet."""
    os.write(2, f'{name()}: interrupted\n'.encode())
    os._exit(EXIT_INTERRUPTED)


def asks_help():
    return bool({'--help', '-h'} & set(sys.argv[1:]))


def missing(error, package):
    """A module is not here: said and over, but for who asks for help."""
    if not asks_help():
        print(f'{name()}: {error}; {package}', file=sys.stderr)
        sys.exit(1)


def run(main, help=None, words='interrupted'):
    """Calls main() and exits with what it returns. help: what --help and -h print, where main() reads its own words. After a Ctrl-C main's
    own cleaning up is done, then `words` are said."""
    if help and asks_help():
        print(help.strip())
        sys.exit(0)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.exit(main())
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever presses it twice gets one line, too
        print(f'{name()}: {words}', file=sys.stderr, flush=True)
        sys.exit(EXIT_INTERRUPTED)
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # | head has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.exit(1)
        print(f'{name()}: {error}', file=sys.stderr)
        sys.exit(1)


if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's background job ignores it: that stays so
    signal.signal(signal.SIGINT, _at_once)
