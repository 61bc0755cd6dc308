"""Measure one submission's use of the machine: its own time, and memory of every kind.

The keeper of a kernel measures five times a second (`box`). The numbers come from /proc, see
proc(5); `walls` knows which processes are the submission's.
"""

import contextlib
import os
import stat
import time

from course.language import _

PRIVATE = "/box"  # a tmpfs for each submission: its home and its temporary files
PLACES = PRIVATE, "/dev/shm"  # all file systems that a submission can write to
_PAGE, _TICKS = os.sysconf("SC_PAGESIZE"), os.sysconf("SC_CLK_TCK")
_CROWD = 8  # processes of one submission; more get the lowest priority
_GONE = FileNotFoundError, ProcessLookupError, IndexError  # a process that has just ended
_SEMAPHORE = 64  # bytes that Linux needs for each


class Use:
    """A submission's use of the machine, updated by each `look`.

    `cpu` is the processor time of all its processes, in seconds. `idle` are the seconds in which
    all of them slept or waited for something. The remaining time, in which the submission waited
    for a processor that others had, is in neither.
    """

    def __init__(self, walls):
        self.cpu = self.idle = 0.0
        self._walls = walls
        self._last, self._counted, self._gone = None, 0.0, 0.0
        self._processes, self._exact = [], 0.0
        self._virtual = _Process("self").virtual  # the kernel begins with as much

    def said(self):
        """The numbers for the grader."""
        return {"cpu": round(self.cpu, 3), "idle": round(self.idle, 3)}

    def look(self):
        """Measure the present processes."""
        now, found = time.monotonic(), self._walls.processes()
        if found is None:
            return
        self._processes = list(found)
        counted = sum(process.cpu for process in self._processes)
        # A parent gets the time of a child that it waits for; the time of other children is kept
        # here.
        self._gone += max(0.0, self._counted - counted)
        self._counted, before = counted, self.cpu
        self.cpu = max(before, counted + self._gone)
        if self._last is not None:
            rest = now - self._last - (self.cpu - before)
            if rest > 0 and not any(process.wants_processor() for process in self._processes):
                self.idle += rest
        self._last = now

    def crowd(self):
        """The processes, if there are so many that others would hardly get a processor; or []."""
        return self._processes if len(self._processes) > _CROWD else []

    def too_much(self, limits):
        """Why the submission has to end, or None."""
        if self.cpu > limits["cpu"]:
            return _("it used more than {count:g} s of processor time").format(count=limits["cpu"])
        if sum(process.threads for process in self._processes) > limits["processes"]:
            said = _("it had more than {count} processes and threads")
            return said.format(count=limits["processes"])
        try:
            if self.memory(limits["memory"]) > limits["memory"]:
                said = _("it used more than {count:g} GB of memory")
                return said.format(count=limits["memory"] / 1e9)
        except PermissionError:
            return _("it hid how much memory it uses")
        except _GONE:
            pass
        try:
            if self._walls.wrote(limits["disk"]) > limits["disk"]:
                said = _("it wrote more than {count:g} MB of files")
                return said.format(count=limits["disk"] / 1e6)
        except PermissionError:
            return _("it hid how much it wrote")
        except OverflowError:
            return _("it made too many files")
        return None

    def memory(self, enough):
        """Bytes that the submission holds; a rough number if it is certain to be at most `enough`.

        The exact number takes 10 ms for each process. So it is computed only if the rough one is
        above `enough`, and in at most half of the keeper's time.

        Raises PermissionError if a process hides its memory.
        """
        if not self._processes:
            return 0
        rough = self._walls.held(self._processes, exactly=False)
        for process in self._processes:
            rough += process.resident + max(0, process.virtual - self._virtual)
        begun = time.monotonic()
        if rough <= enough or begun < self._exact:
            return min(rough, enough)
        mappings = {}
        with self._walls.looking():
            total = self._walls.held(self._processes, exactly=True)
            for process in self._processes:
                with contextlib.suppress(*_GONE):
                    total += process.own()
                    for name, size in process.shared(self._walls.every_deleted):
                        mappings[name] = max(size, mappings.get(name, 0))
        self._exact = 2 * time.monotonic() - begun
        return total + sum(mappings.values())


def processes(numbers):
    """The processes that are still there, of these numbers."""
    for number in numbers:
        with contextlib.suppress(*_GONE):
            yield _Process(number)


class _Process:
    """A line of /proc/PID/stat."""

    def __init__(self, number):
        self.number = number
        fields = _stat(f"/proc/{number}/stat")
        self.state, self.parent, self.threads = fields[0], fields[1].decode(), int(fields[17])
        self.nice = int(fields[16])
        self.cpu = sum(map(int, fields[11:15])) / _TICKS  # with children that were waited for
        self.virtual, self.resident = int(fields[20]), int(fields[21]) * _PAGE

    def wants_processor(self):
        """Whether one of its threads computes or waits for a processor."""
        if self.state == b"R" or self.threads == 1:
            return self.state == b"R"
        folder = f"/proc/{self.number}/task"
        with contextlib.suppress(*_GONE):
            return any(_stat(f"{folder}/{t}/stat")[0] == b"R" for t in os.listdir(folder))
        return False

    def own(self):
        """Bytes of memory that it holds, without files; a page shared by n processes counts 1/n."""
        kilobytes = 0
        with open(f"/proc/{self.number}/smaps_rollup") as file:
            for line in file:
                name, _, value = line.partition(":")
                sign = {"Pss": 1, "SwapPss": 1, "Pss_Shmem": -1}.get(name)
                if sign:
                    kilobytes += sign * int(value.split()[0])
        with open(f"/proc/{self.number}/status") as file:
            kilobytes += sum(int(line.split()[1]) for line in file if line.startswith("VmPTE"))
        return kilobytes * 1024

    def shared(self, every_deleted):
        """(name, bytes) of shared mappings without a file, at their full size.

        Their pages may exist without being in any process's page table, so pages are not counted.
        With `every_deleted`, files that no longer have a name count, too.
        """
        end = " (deleted)\n" if every_deleted else "/dev/zero (deleted)\n"
        with open(f"/proc/{self.number}/maps") as file:
            for line in file:
                if line.endswith(end):
                    place, _, offset, _, inode, *_ = line.split()
                    begin, last = (int(number, 16) for number in place.split("-"))
                    yield inode, int(offset, 16) + last - begin

    def opened(self, pairs, deleted):
        """Add its sockets to a set, and {number: bytes} of open files without a name to a dict.

        Raises PermissionError if it has sent open files into a socket, where nobody can count them.
        """
        folder = f"/proc/{self.number}/fd"
        with contextlib.suppress(*_GONE):
            for name in os.listdir(folder):
                with contextlib.suppress(*_GONE):
                    about = os.stat(f"{folder}/{name}")
                    if stat.S_ISSOCK(about.st_mode):
                        pairs.add(about.st_ino)
                        with open(f"/proc/{self.number}/fdinfo/{name}") as file:
                            sent = [line.split()[1] for line in file if line.startswith("scm_fds:")]
                        if sent != ["0"] and sent:
                            raise PermissionError("open files in a socket")
                    elif stat.S_ISREG(about.st_mode) and about.st_nlink == 0:
                        deleted[about.st_dev, about.st_ino] = about.st_blocks * 512


def anonymous():
    """Bytes of memory of this process, without those of files."""
    with open("/proc/self/statm") as file:
        _, resident, of_files, *_ = map(int, file.read().split())
    return (resident - of_files) * _PAGE


def _stat(path):
    """Fields of a stat file from the third on; the second, a name, can hold anything."""
    with open(path, "rb") as file:
        return file.read().rpartition(b") ")[2].split()


def files():
    """Bytes of files in memory, including open files that were deleted."""
    total = 0
    for place in PLACES:
        found = os.statvfs(place)
        total += (found.f_blocks - found.f_bfree) * found.f_frsize
    return total


def queues():
    """Bytes of System V's segments, queues and semaphores; a namespace has its own list of each."""
    return (
        sum(int(row["rss"]) + int(row["swap"]) for row in _table("shm"))
        + sum(int(row["cbytes"]) for row in _table("msg"))
        + sum(int(row["nsems"]) for row in _table("sem")) * _SEMAPHORE
    )


def _table(name):
    try:
        with open(f"/proc/sysvipc/{name}") as file:
            heads = file.readline().split()
            return [dict(zip(heads, line.split(), strict=False)) for line in file]
    except FileNotFoundError:  # a Linux without them
        return []


def sockets(process):
    """Bytes that the sockets of a process's network namespace can hold at most."""
    with open(f"/proc/{process}/net/sockstat") as file:
        return room_of(int(file.readline().split()[-1]))


def room_of(number):
    """Bytes that so many sockets can hold at most; Linux does not tell how many they do hold."""
    most = 4_194_304  # as Linux 6.18 has it; older ones, which have less, do not tell it in a box
    with contextlib.suppress(FileNotFoundError), open("/proc/sys/net/core/wmem_max") as file:
        most = int(file.read())
    return number * 2 * most  # it doubles what is asked for
