"""The grader's side of a submission's kernel: requests and replies over a socket, none trusted."""

import contextlib
import json
import os
import re
import socket
import time
from dataclasses import asdict, dataclass
from multiprocessing.connection import wait

from course.grading.sandbox.box import line_limit
from course.grading.sandbox.outside import BoxError
from course.language import _, spoken

_PATIENCE = 120  # seconds for steps that take hundredths of one, in case the machine is busy
_GLANCE = 0.25  # seconds between two questions about what a submission has used
_MAX_CLAIMS = 1000  # lines that answer no request
_MAX_VALUES = 200_000  # values in the outputs of one cell: lists, dicts, strings, numbers
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # no backtracking: linear time


@dataclass(frozen=True)
class Limits:
    """What one submission may use, in bytes, seconds, processes and characters."""

    memory: int = 4_000_000_000  # of every kind, without the pages shared with the warm box
    address_space: int = 12_000_000_000  # of each process
    disk: int = 256_000_000
    cpu: int = 600  # of all processes together
    processes: int = 48 + 2 * (os.cpu_count() or 1)  # and threads; Keras starts some
    output: int = 20_000_000  # characters that may be printed or shown
    evidence: int = 2_000_000  # characters of one answer


class KernelEnded(Exception):
    """The kernel no longer answers; `why` is its keeper's or the grader's reason, or None."""

    def __init__(self, why=None):
        super().__init__(why or _("the kernel died"))
        self.why = why


class Kernel:
    """A kernel in the box with this address; it lives as long as the `with` around it.

    Its replies come from a process that runs student code: bounded JSON, never trusted.
    """

    def __init__(self, address, files=None, limits=None):
        self._address, self._files, self._limits = address, files or {}, limits or Limits()
        self._number, self._heard = 0, bytearray()
        self._claims = self._shown = 0  # lines that answered nothing, bytes that were shown
        self._most = 1000  # bytes that the next line may have
        self._too_long = _("its first line was too long")  # the reason if it has more
        self._channel = None  # to the kernel itself
        self._box = self._keeper = None  # to its keeper: the socket, and what is read from it
        self.cpu = self.waited = 0.0  # seconds computed and waited so far, as far as is known

    def __enter__(self):
        try:
            self._start()
        except (OSError, KernelEnded) as error:
            self.end()
            raise BoxError(f"A kernel could not be started in the box: {error}") from None
        return self

    def __exit__(self, *_):
        self.end()

    def _start(self):
        sent = {
            "files": {name: content.decode("latin-1") for name, content in self._files.items()},
            "limits": asdict(self._limits),
            "language": spoken(),
        }
        self._channel, theirs = socket.socketpair()
        self._box = socket.socket(socket.AF_UNIX)
        self._box.settimeout(_PATIENCE)
        self._box.connect(f"{self._address}/control")
        with theirs:
            socket.send_fds(self._box, [b"k"], [theirs.fileno()])
        self._box.sendall(json.dumps(sent).encode() + b"\n")
        self._keeper = self._box.makefile()
        if self.answer(_PATIENCE) is None:
            raise KernelEnded(_("it does not answer"))

    def send(self, **request):
        """Send a request (see `course.grading.sandbox.shell`).

        Raises KernelEnded if the kernel has ended.
        """
        self._number += 1
        shown = line_limit(self._limits.output) - self._shown
        self._most = self._limits.evidence + 1000 if "ask" in request else shown
        self._too_long = (
            _("its answer was too long") if "ask" in request
            else _("what it printed or showed was too long")
        )  # fmt: skip
        try:
            self._channel.settimeout(_PATIENCE)
            self._channel.sendall(json.dumps({"id": self._number, **request}).encode() + b"\n")
        except OSError:
            raise KernelEnded(self._reason()) from None

    def answer(self, seconds):
        """The answer to the last request, or None if there is none within so many seconds.

        Raises KernelEnded if the kernel has ended or breaks a limit.
        """
        end = time.monotonic() + seconds
        while (line := self._line(end)) is not None:
            said = self._read(line)
            if isinstance(said, dict) and said.get("flooded"):
                said = _("it printed more than {count:g} MB")
                raise KernelEnded(said.format(count=self._limits.output / 1e6))
            if isinstance(said, dict) and said.get("id") == self._number:
                self._shown += len(line) if "outputs" in said else 0
                return said
            self._claims, self._shown = self._claims + 1, self._shown + len(line)
            if self._claims > _MAX_CLAIMS or self._shown > line_limit(self._limits.output):
                raise KernelEnded(_("it kept sending what nobody had asked for"))
        return None

    def answer_in_own_time(self, seconds, end):
        """The answer to the last request, or None after `seconds` of the submission's own time.

        Own time is the processor time of all its processes, plus the time in which all of them
        slept or waited for something. Waiting for a processor does not count, so the same code
        takes the same time on a busy machine. At `end` (time.monotonic()) waiting ends anyway.
        """
        first = None
        while (answer := self.answer(_GLANCE)) is None:
            use = self._ask_keeper(b"u")
            first = first or use
            idle = use["idle"] - first["idle"]
            if use["cpu"] - first["cpu"] + idle + _GLANCE >= seconds or time.monotonic() > end:
                break
        if first is not None:
            self.waited += use["idle"] - first["idle"]
        return answer

    def look(self):
        """Bring `cpu` up to date. Raises KernelEnded if the kernel has ended."""
        self._ask_keeper(b"u")

    def _ask_keeper(self, letter):
        """The submission's use until now: {"cpu": seconds, "idle": seconds}.

        `letter` is a request to its keeper: "u" asks for the use alone, "i" also interrupts.
        """
        with contextlib.suppress(OSError, ValueError):
            self._box.sendall(letter)
            said = json.loads(self._keeper.readline())
            self.cpu = said["cpu"]
            if "why" not in said:
                return said
            raise KernelEnded(said["why"] or None)
        raise KernelEnded(_("its keeper does not answer"))

    def _read(self, line):
        """A line parsed. Raises KernelEnded if parsing it would take too much memory."""
        if len(line) > self._limits.evidence + 1000:
            bare = _TEXT.sub(b"0", line)
            if sum(map(bare.count, (b"[", b"{", b","))) > _MAX_VALUES:
                said = _("what it showed has more than {count} parts")
                raise KernelEnded(said.format(count=_MAX_VALUES))
        try:
            return json.loads(line)
        except (ValueError, RecursionError) as error:
            said = _("it sent what cannot be read ({error})")
            raise KernelEnded(said.format(error=type(error).__name__)) from None

    def _line(self, end):
        """The next whole line, or None if it has not come by `end`.

        What has come by then is still read once, so a busy grader misses no line.
        """
        searched, late = 0, False
        while (at := self._heard.find(b"\n", searched)) < 0 and len(self._heard) <= self._most:
            searched, left = len(self._heard), end - time.monotonic()
            ready = not late and wait([self._channel, self._box], max(0, left))
            if not ready:
                return None
            received, late = b"", left < 0
            if self._channel in ready:
                with contextlib.suppress(OSError):
                    received = self._channel.recv(1_000_000)
            if not received:  # the kernel hung up, or the box reports its end
                raise KernelEnded(self._reason())
            self._heard += received
        if not 0 <= at <= self._most:
            raise KernelEnded(self._too_long)
        line = self._heard[:at]
        del self._heard[: at + 1]
        return line

    def _reason(self):
        """The keeper's reason for the kernel's end, or None."""
        with contextlib.suppress(OSError, ValueError):
            for line in self._keeper:
                said = json.loads(line)
                self.cpu = said["cpu"]
                if "why" in said:
                    return said["why"] or None
        return None

    def interrupt(self):
        """Interrupt the present request, as Ctrl + C would; later requests are not interrupted.

        Raises KernelEnded if the kernel has ended.
        """
        self._ask_keeper(b"i")

    def end(self):
        """Hang up; the kernel's keeper then kills it and all its processes."""
        for connection in filter(None, (self._channel, self._box)):
            connection.close()
