"""A user for each submission, where root grades without namespaces, and what that user leaves.

See credentials(7), setfsuid(2) and kill(2). Linux itself tells users apart. So it is known exactly
what a submission uses and leaves: everything of that user.
"""

import contextlib
import errno
import os
import random
import signal
import socket
import stat
import time

from course.grading.sandbox import linux

#: Each even number is a user for a submission, and the next number is the user who ends its
#: processes. systemd uses the same range for services that need a user for a short time.
NUMBERS = range(61184, 65520, 2)
FILES = 20_000  # that one submission may make

#: The capabilities that this needs, by their numbers in capabilities(7).
NEEDED = {"CHOWN": 0, "DAC_OVERRIDE": 1, "KILL": 5, "SETGID": 6, "SETUID": 7}


def missing_rights():
    """Names of the capabilities and users that this process needs and lacks.

    In a user namespace, only those users are there that are mapped to users outside.
    """
    has = int(_status("self")["CapEff"], 16)
    missing = [f"CAP_{name}" for name, number in NEEDED.items() if not has >> number & 1]
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/self/{name}") as file:
            mapped = [
                range(int(first), int(first) + int(n)) for first, _, n in map(str.split, file)
            ]
        if not any(NUMBERS[0] in each and NUMBERS[-1] + 1 in each for each in mapped):
            missing.append(f"{NUMBERS[0]} to {NUMBERS[-1] + 1} in /proc/self/{name}")
    return missing


def unused():
    """(number, lock): a user without a process. Nobody else gets this user while the lock is open.

    Student code cannot hold such a lock, because it may not give sockets names.
    """
    for number in random.SystemRandom().sample(NUMBERS, len(NUMBERS)):
        lock = socket.socket(socket.AF_UNIX)
        try:
            lock.bind(f"\0course-user-{number}")
            if not processes_of(number) and not processes_of(number + 1):
                return number, lock
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        lock.close()
    raise OSError("all users for submissions are taken")


def become(number):
    """Become this user for good. Only this user and root may look at the process."""
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)
    linux.libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, which the change of user has switched off


def with_rights_of(number, function, *arguments):
    """Call a function in a child process that has this user's rights over files and processes.

    The child is out of reach of this user's own signals. It need not succeed.
    """

    def call():
        _take_the_place_of(number)
        function(*arguments)

    linux.in_a_helper(call)


def _take_the_place_of(number):
    os.setgroups([])
    os.setresgid(number + 1, number, number + 1)
    os.setresuid(number + 1, number, number + 1)


@contextlib.contextmanager
def looking_as(number):
    """Read what /proc shows to this user only, because Docker's root lacks CAP_SYS_PTRACE."""
    linux.libc.setfsgid(number)
    linux.libc.setfsuid(number)
    try:
        yield
    finally:
        linux.libc.setfsuid(0)
        linux.libc.setfsgid(0)


def processes_of(number, alive=False):
    """Numbers of a user's processes, as text; only those that have not ended, if `alive`."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # A process that may not be looked at seems to be root's.
            if os.stat(f"/proc/{process}").st_uid not in (0, number):
                continue
            fields = _status(process)
            theirs = fields["Uid"].split()[0] == str(number)
            if theirs and not (alive and fields["State"][0] in "ZX"):
                found.append(process)
    return found


def _status(process):
    with open(f"/proc/{process}/status") as file:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}


def kill_all(number):
    """End all processes of a user; one call ends even those that are being made just now."""
    while processes_of(number, alive=True):
        with_rights_of(number, os.kill, -1, signal.SIGKILL)
        time.sleep(0.01)


# --- files


def writable_by_all():
    """All folders in which any user may make files."""
    found, left = [], ["/"]
    while left:
        with contextlib.suppress(OSError), os.scandir(left.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and entry.path not in ("/proc", "/sys"):
                    left.append(entry.path)
                    if entry.stat(follow_symlinks=False).st_mode & stat.S_IWOTH:
                        found.append(entry.path)
    return found


def bytes_of_files(number, places):
    """Bytes of a user's files in folders.

    Raises PermissionError if they cannot be found, and OverflowError if there are too many.
    """
    total, files, left = 0, 0, list(places)
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    about = entry.stat(follow_symlinks=False)
                    # One user's files may lie in a folder that another submission's user opened.
                    theirs = about.st_uid == number or about.st_uid in _ALL
                    if theirs and entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
                    if about.st_uid == number:
                        total, files = total + about.st_blocks * 512, files + 1
        except (FileNotFoundError, NotADirectoryError):  # it has just been removed
            continue
        except OSError as error:  # a path that is too long
            raise PermissionError(str(error)) from None
        if files > FILES:
            raise OverflowError
    return total


_ALL = range(NUMBERS[0], NUMBERS[-1] + 2)


def remove_files(number, places):
    """Remove all that a user has in folders, with the rights of that user alone."""
    with_rights_of(number, empty, places, number)


def empty(places, user):
    """Remove all of a user's files from folders; no path, however deep, is too long for it."""
    for place in places:
        with contextlib.suppress(OSError):
            for entry in list(os.scandir(place)):
                if entry.stat(follow_symlinks=False).st_uid == user:
                    with contextlib.suppress(OSError):
                        _remove(entry.path)


def _remove(path):
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        os.unlink(path)
        return
    os.chmod(path, 0o700)
    new, number = os.urandom(8).hex(), 0  # names that nobody else has thought of
    while inside := list(os.scandir(path)):
        for entry in inside:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            os.chmod(entry.path, 0o700)
            for deeper in list(os.scandir(entry.path)):
                if deeper.is_dir(follow_symlinks=False):
                    os.chmod(deeper.path, 0o700)
                    number += 1
                    os.rename(deeper.path, f"{path}/{new}{number}")
                else:
                    os.unlink(deeper.path)
            os.rmdir(entry.path)
    os.rmdir(path)
