"""What stands around one submission. There are three kinds, for where the grader runs.

|           | `Namespaces`      | `OwnUser`                     | `SameUser`                 |
|-----------|-------------------|-------------------------------|----------------------------|
| where     | bubblewrap runs   | root, as in Docker            | neither                    |
| its user  | not root          | one for each submission       | the grader's               |
| files     | its own mounts    | permissions, and Landlock     | Landlock, or all           |
| processes | sees its own      | sees all, reaches its own     | Landlock, or reaches all   |
| sockets   | its own network   | pairs only                    | pairs only                 |
| limits    | all               | all                           | none for processes         |
| at the end | the namespace    | all of its user               | all that came from it      |

For its submission the keeper (`box`) makes an object of one kind. All kinds have the same methods.
"""

import contextlib
import json
import os
import signal
import stat
import tempfile
import time
from pathlib import Path

from course.grading.sandbox import landlock, linux, usage, users

#: What student code reads in any case, beside Python.
_SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/proc", "/sys/devices/system"]
_SYSTEM += ["/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"]
_SYSTEM += ["/dev/random", "/dev/urandom"]
_DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts"]


class Namespaces:
    """Namespaces of its own, inside of those that bubblewrap has made for the box."""

    def __init__(self, limits, options):
        linux.own_namespaces()
        linux.own_mounts(limits["disk"])
        self.private, self._limits = usage.PRIVATE, limits
        self._outside = os.stat("/proc").st_dev

    def enter(self):
        """In the kernel's process, first."""
        os.setsid()  # not the keeper's group either
        linux.own_proc()
        linux.limit(self._limits)

    def shut(self):
        """In the kernel's process, before student code."""
        linux.give_up_capabilities()
        linux.filter_system_calls(alone=True)

    def processes(self):
        """All processes of the submission."""
        if os.stat("/proc").st_dev == self._outside:
            return None  # the kernel has no /proc of its own yet
        return usage.processes(filter(str.isdigit, os.listdir("/proc")))

    lower = staticmethod(lambda crowd: linux.in_a_helper(linux.lower_user))
    looking = contextlib.nullcontext
    every_deleted = False  # whether mapped files that were deleted count as memory

    def held(self, processes, exactly):
        """Bytes outside of processes."""
        return usage.files() + usage.queues() + usage.sockets(processes[0].number)

    def wrote(self, enough):
        """Bytes of files that nothing else limits."""
        return 0

    def end(self, kernel):
        """End all its processes."""
        os.kill(kernel, signal.SIGKILL)

    def clean(self):
        """Remove all its files."""


class _Shared:
    """Without namespaces: a private folder inside the box's folder, and Landlock if it is there."""

    every_deleted = True

    def __init__(self, limits, options):
        linux.adopt()
        self._limits, self._options = limits, options
        self.private = tempfile.mkdtemp(dir=options["kernels"])
        for name in ("home", "tmp"):
            os.mkdir(f"{self.private}/{name}", 0o700)
        self._places, self._least = [self.private, *options["places"]], {}
        self._grown()

    def shut(self):
        """In the kernel's process, before student code."""
        linux.give_up_capabilities()
        confine(self._options, [self.private])
        linux.filter_system_calls(alone=False)

    def held(self, processes, exactly):
        """Bytes outside of processes. A number that is not computed `exactly` is never too low."""
        if not exactly:
            return self._grown()[0] + usage.sockets("self")
        pairs, deleted = set(), {}
        for process in processes:
            process.opened(pairs, deleted)
        files = users.bytes_of_files(self._user, self._places)
        return files + sum(deleted.values()) + usage.room_of(len(pairs))

    def wrote(self, enough):
        """Bytes of files; a rough number if it is certain that they are at most `enough`.

        Raises PermissionError and OverflowError as `users.bytes_of_files` does.
        """
        size, number = self._grown()
        if size <= enough and number <= users.FILES:
            return min(size, enough)
        return users.bytes_of_files(self._user, self._places)

    def _grown(self):
        """(bytes, files) by which the file systems it writes to have grown, whoever wrote there."""
        grown = [0, 0]
        for place in self._places:
            with contextlib.suppress(FileNotFoundError):
                found, device = os.statvfs(place), os.stat(place).st_dev
                size = (found.f_blocks - found.f_bfree) * found.f_frsize
                for kind, now in enumerate((size, found.f_files - found.f_ffree)):
                    # Others may free some: the least that there ever was is what counts.
                    least = self._least[device, kind] = min(
                        now, self._least.get((device, kind), now)
                    )
                    grown[kind] = max(grown[kind], now - least)
        return grown

    def clean(self):
        """Remove all its files, and wait for its processes, which have ended."""
        self._empty()
        with contextlib.suppress(OSError):
            os.rmdir(self.private)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


class OwnUser(_Shared):
    """A user of its own, which only root can give it."""

    def __init__(self, limits, options):
        self._user, self._lock = users.unused()
        super().__init__(limits, options)
        for name in ("", "home", "tmp"):
            os.chown(f"{self.private}/{name}", self._user, self._user)

    def enter(self):
        """In the kernel's process, first."""
        os.setsid()
        linux.limit(self._limits)
        linux.bound_capabilities()
        users.become(self._user)

    def processes(self):
        """All processes of the submission."""
        return usage.processes(users.processes_of(self._user))

    def looking(self):
        """A context in which its processes may be looked at."""
        return users.looking_as(self._user)

    def lower(self, crowd):
        """Give its processes the lowest priority."""
        users.with_rights_of(self._user, linux.lower_user)

    def end(self, kernel):
        """End all its processes."""
        with contextlib.suppress(ProcessLookupError):  # it may still be root's
            os.kill(kernel, signal.SIGKILL)
        users.kill_all(self._user)

    def _empty(self):
        users.remove_files(self._user, self._places)


class SameUser(_Shared):
    """The grader's own user; only Landlock keeps files and other processes from it."""

    def __init__(self, limits, options):
        self._user = os.getuid()
        super().__init__(limits, {**options, "places": []})  # there its files are like others'
        self._apart = landlock.version() >= landlock.SIGNALS
        if self._apart:
            linux.never_gain_rights()
            landlock.restrict_signals()

    def enter(self):
        """In the kernel's process, first."""
        os.setsid()
        linux.limit(self._limits, processes=False)

    def processes(self):
        """All processes of the submission: the keeper's descendants, as it has adopted orphans."""
        found, inside = list(usage.processes(filter(str.isdigit, os.listdir("/proc")))), []
        parents = {str(os.getpid())}
        while more := [each for each in found if each.parent in parents]:
            inside += more
            parents = {each.number for each in more}
        return inside

    looking = contextlib.nullcontext

    def lower(self, crowd):
        """Give its processes the lowest priority."""
        for process in crowd:
            os.setpriority(os.PRIO_PROCESS, int(process.number), 19)

    def end(self, kernel):
        """End all its processes."""
        while left := [each.number for each in self.processes() if each.state not in b"ZX"]:
            # One call ends even those that are being made just now; without Landlock it would
            # end all of the user's.
            for number in [-1] if self._apart else map(int, left):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            time.sleep(0.01)

    def _empty(self):
        users.empty([self.private], self._user)


KINDS = {kind.__name__: kind for kind in (Namespaces, OwnUser, SameUser)}


def confine(options, places):
    """With Landlock, let this process open only Python, the system, and what is in these places."""
    if landlock.version():
        read = [*_SYSTEM, *options["python"]]
        landlock.restrict(read, [*places, *_DEVICES], options["hidden"])


def places(kind):
    """Folders outside of its own in which a submission could leave files."""
    return users.writable_by_all() if kind == OwnUser.__name__ and not landlock.version() else []


def open_to_it(kind, options, paths, programs):
    """(the paths, the programs) that are open to a submission in such walls.

    A path is open if the submission could read or replace it, a program if it could replace it.
    """
    with tempfile.TemporaryFile("w+") as found:

        def look():
            if kind is OwnUser:
                users.become(users.unused()[0])
            linux.give_up_capabilities()
            confine(options, [])
            both = list(filter(_is_open, paths)), list(filter(_replaceable, programs))
            json.dump(both, found)
            found.flush()

        if not linux.in_a_helper(look):
            raise OSError("no process could try what a submission can read")
        found.seek(0)
        return json.load(found)


def _is_open(path):
    """Whether this process can read a file, enter a folder, or put another in its place."""
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDONLY))
        return True
    enters = os.path.isdir(path) and os.access(path, os.X_OK)
    return _replaceable(path) or (enters and not landlock.version())


def _replaceable(path):
    return not landlock.version() and any(  # with it, what is not its own stays as it is
        os.access(folder, os.W_OK) and not os.stat(folder).st_mode & stat.S_ISVTX
        for folder in (path, *map(str, Path(path).absolute().parents))
    )
