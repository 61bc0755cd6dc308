"""What one submission uses of the machine: time of its own, and memory in every form.

The keeper of a kernel looks five times a second (`box`). Everything comes from
/proc, as in proc(5), which in a box shows the processes of this submission and no others.
"""

import contextlib
import os
import time

PRIVATE = "/box"  # a tmpfs for each submission: its home and its temporary files
PLACES = PRIVATE, "/dev/shm"  # all file systems that a submission can write to
_PAGE, _TICKS = os.sysconf("SC_PAGESIZE"), os.sysconf("SC_CLK_TCK")
_CROWD = 8  # processes of one submission
_GONE = FileNotFoundError, ProcessLookupError, IndexError  # a process that has just ended
_SEMAPHORE = 64  # bytes that Linux needs for each


class Use:
    """The use that a submission makes of the machine, from one look to the next.

    `cpu` is the processor time of all its processes in seconds. `idle` are the seconds in which
    none of them computed or wanted to: they slept or waited for something. What is in neither is
    time in which the submission waited for a processor that others had.
    """

    def __init__(self, contained, outside=None):
        self.cpu = self.idle = 0.0
        self._contained, self._outside = contained, outside
        self._last, self._counted, self._gone = None, 0.0, 0.0
        self._processes, self._virtual, self._exact = [], None, 0.0

    def said(self):
        """What the grader is told."""
        return {"cpu": round(self.cpu, 3), "idle": round(self.idle, 3)}

    def look(self):
        """Look at the processes that there are now."""
        if self._contained and os.stat("/proc").st_dev == self._outside:
            return  # the kernel has no /proc of its own yet
        now, self._processes = time.monotonic(), list(self._read())
        counted = sum(process.cpu for process in self._processes)
        # A parent inherits the time of a child that it waits for; that of others goes with them.
        self._gone += max(0.0, self._counted - counted)
        self._counted, before = counted, self.cpu
        self.cpu = max(before, counted + self._gone)
        if self._last is not None:
            rest = now - self._last - (self.cpu - before)
            if rest > 0 and not any(process.wants_processor() for process in self._processes):
                self.idle += rest
        self._last = now

    def crowd(self):
        """The processes, if they are so many that others would hardly get a processor."""
        return self._processes if len(self._processes) > _CROWD else []

    def too_much(self, limits):
        """Why the submission has to end, or None."""
        if self.cpu > limits["cpu"]:
            return f"it used more than {limits['cpu']:g} s of processor time"
        try:
            if self.memory(limits["memory"]) > limits["memory"]:
                return f"it used more than {limits['memory'] / 1e9:g} GB of memory"
        except PermissionError:
            return "it hid how much memory it uses"
        except _GONE:
            pass
        return None

    def memory(self, enough):
        """Bytes that the submission holds, or no more than `enough` if it is not above that.

        The exact number takes 10 ms for a process, so it is asked for only if it can matter, and
        takes at most half of the keeper's time.

        Raises PermissionError if a process hides what it has.
        """
        if not self._processes:
            return 0
        first = self._processes[0]
        self._virtual = self._virtual or first.virtual
        outside = _files() + _queues() + _sockets(first.number)
        rough = outside
        for process in self._processes:
            rough += process.resident + max(0, process.virtual - self._virtual)
        begun = time.monotonic()
        if rough <= enough or begun < self._exact:
            return min(rough, enough)
        total, mappings = outside, {}
        for process in self._processes:
            with contextlib.suppress(*_GONE):
                total += process.own()
                for name, size in process.shared():
                    mappings[name] = max(size, mappings.get(name, 0))
        self._exact = 2 * time.monotonic() - begun
        return total + sum(mappings.values())

    def _read(self):
        session = str(os.getsid(0)).encode()
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(*_GONE):
                    process = _Process(name)
                    if self._contained or process.session == session:
                        yield process


class _Process:
    """A line of /proc/PID/stat."""

    def __init__(self, number):
        self.number = number
        fields = _stat(f"/proc/{number}/stat")
        self.state, self.session, self.threads = fields[0], fields[3], int(fields[17])
        self.nice = int(fields[16])
        self.cpu = sum(map(int, fields[11:15])) / _TICKS  # with children that were waited for
        self.virtual, self.resident = int(fields[20]), int(fields[21]) * _PAGE

    def wants_processor(self):
        """Whether a thread of it computes or waits for a processor."""
        if self.state == b"R" or self.threads == 1:
            return self.state == b"R"
        folder = f"/proc/{self.number}/task"
        with contextlib.suppress(*_GONE):
            return any(_stat(f"{folder}/{t}/stat")[0] == b"R" for t in os.listdir(folder))
        return False

    def own(self):
        """Bytes of memory that it holds, files left out; a page of n processes counts an nth."""
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

    def shared(self):
        """(name, bytes) of mappings without a file that are shared, however much is in them.

        Their pages stay when no process has them in its tables, so pages are not counted.
        """
        with open(f"/proc/{self.number}/maps") as file:
            for line in file:
                if line.endswith("/dev/zero (deleted)\n"):
                    place, _, offset, _, inode, *_ = line.split()
                    begin, end = (int(number, 16) for number in place.split("-"))
                    yield inode, int(offset, 16) + end - begin


def _stat(path):
    """Fields of a stat file from the third on; the second, a name, can hold anything."""
    with open(path, "rb") as file:
        return file.read().rpartition(b") ")[2].split()


def _files():
    """Bytes of files in memory, also of those that are open and have no name any more."""
    total = 0
    for place in PLACES:
        found = os.statvfs(place)
        total += (found.f_blocks - found.f_bfree) * found.f_frsize
    return total


def _queues():
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


def _sockets(process):
    """Bytes that sockets can hold: nobody is told how many they do."""
    most = 4_194_304  # as Linux 6.18 has it; older ones, which have less, do not tell it in a box
    with contextlib.suppress(FileNotFoundError), open("/proc/sys/net/core/wmem_max") as file:
        most = int(file.read())
    with open(f"/proc/{process}/net/sockstat") as file:
        return int(file.readline().split()[-1]) * 2 * most  # it doubles what is asked for
