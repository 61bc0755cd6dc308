"""Landlock: a process gives up files, and signals to others, without namespaces or privileges.

See landlock(7). Linux has it since 5.13, if it is switched on; `version` asks which version. Only
rights that this version knows are given up.
"""

import contextlib
import ctypes
import os
import stat
import struct

from course.grading.sandbox.linux import done, libc

#: From this version on it also stops signals to processes outside.
SIGNALS = 6

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on all processors
_EXECUTE, _READ_FILE, _READ_DIR = 1, 4, 8
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | 2 | _READ_FILE | 1 << 14 | 1 << 15  # 2 writes, then truncate, ioctl
_KNOWN = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_SCOPED, _SIGNALS = 3, 2  # abstract sockets and signals


def version():
    """The version of Landlock in this kernel; 0 if there is none."""
    return max(0, libc.syscall(_CREATE, None, ctypes.c_size_t(0), 1))


def restrict(read, write, hidden):
    """Let this process and its children open only files below these paths, for good.

    They may read and write below the paths in `write`, and only read below those in `read`. Below
    these, the paths in `hidden` stay closed: only their names can be read. Needs `no_new_privs`.
    """
    found = version()
    handled = _KNOWN[max(number for number in _KNOWN if number <= found)]
    ruleset = _ruleset(handled, _SCOPED if found >= SIGNALS else 0)
    rules = [(path, _READ) for path in _all_but(read, hidden)]
    rules += [(path, _READ_DIR) for path in read] + [(path, handled) for path in write]
    for path, rights in rules:
        with contextlib.suppress(FileNotFoundError):  # such as /lib32
            _allow(ruleset, path, rights)
    _restrict(ruleset)


def restrict_signals():
    """From now on, let signals of this process reach no processes but its descendants.

    Then `kill(-1)` ends only these. Needs `no_new_privs` and version `SIGNALS`.
    """
    _restrict(_ruleset(0, _SIGNALS))


def _ruleset(handled, scoped):
    # An older version does not know the field for what is scoped.
    attributes = struct.pack("QQQ", handled, 0, scoped)[: 24 if scoped else 8]
    return done(libc.syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0), "Landlock")


def _restrict(ruleset):
    done(libc.syscall(_RESTRICT, ruleset, 0), "Landlock")
    os.close(ruleset)


def _all_but(paths, hidden):
    """The paths; a folder with something hidden below it is replaced by the rest of its content."""
    for path in paths:
        if not any(each.startswith(f"{path}/") for each in hidden):
            yield path
            continue
        inside = [entry.path for entry in os.scandir(path)]
        yield from _all_but([each for each in inside if each not in hidden], hidden)


def _allow(ruleset, path, rights):
    number = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(number).st_mode):
            rights &= _OF_FILES
        if not rights:
            return
        rule = struct.pack("=Qi", rights, number)
        done(libc.syscall(_ADD, ruleset, 1, rule, 0), "Landlock")
    finally:
        os.close(number)
