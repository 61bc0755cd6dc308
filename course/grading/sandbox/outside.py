"""The grader's side of the warm box: start it under bubblewrap, or refuse to.

The box is a process that has imported Keras and forks a kernel for each submission. `box` is the
program inside, and `kernel` is the grader's side of one kernel. A kernel cannot reach the network,
see the instructor's folder, the gradebook, anyone's home or other submissions, leave anything
behind, or use more than its `kernel.Limits`.

Where bubblewrap does not run, the box is refused, unless the instructor says that the machine is a
container to be thrown away (`THROW_AWAY`) or accepts the risk for this run (`UNSAFE`). Both put up
the walls that can be had without namespaces (`walls`). `THROW_AWAY` is refused where these would be
too low, so its verdicts need no mark. Verdicts of `UNSAFE` are marked.
"""

import atexit
import contextlib
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

from course.grading.sandbox import BoxError, bubblewrap, visible

SANDBOXES = BUBBLEWRAP, THROW_AWAY, UNSAFE = "bubblewrap", "throw-away container", "none"
BACKENDS = TENSORFLOW, JAX = "tensorflow", "jax"  # what Keras computes on in the box
_IDLE = 600  # seconds without a submission after which a box ends


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
        """The address for `kernel.Kernel`: the path of the box's own folder."""
        self.start()
        if not self._ready:
            self._wait()
        return str(self._folder)

    def close(self):
        """End the box and every kernel in it."""
        self._open.close()
        self._process, self._ready = None, False

    @property
    def is_started(self):
        """Whether it runs, or imports Keras to do so."""
        return self._process is not None and self._process.poll() is None

    def start(self):
        """Start the box unless it runs. It then imports Keras; `address` waits for that."""
        if self.is_started:
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
        stage = bubblewrap.Stage(self._folder)
        inside = visible.environment(self._backend, None if contained else self._folder)
        around = [*bubblewrap.command(stage, inside), "--"] if contained else []
        options = {
            "walls": kind.__name__, "idle": _IDLE, "kernels": str(self._folder / "kernels"),
            **visible.to_read(),
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
        self._process.stdin.close()  # the box ends when its standard input does
        try:
            if self._ready:  # otherwise it still imports Keras and would not notice
                self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _wait(self):
        """Wait until the box has imported Keras. Raises BoxError if it ended instead."""
        # Skip the lines that Keras prints while it is imported.
        lines = iter(self._process.stdout.readline, b"")
        if not any(line == b"ready\n" for line in lines):
            self._process.wait()
            self._said.seek(0)
            reason = self._said.read()[-2000:].decode(errors="replace").strip()
            self.close()
            if self._sandbox == BUBBLEWRAP and not _of_python(reason):
                raise BoxError(bubblewrap.refusal(reason))
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
    the socket until the program is ready. The program ends when its standard input is closed. It
    has a session of its own, so Ctrl + C reaches only this process, which then ends it.
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
    if closed := [folder for folder in visible.python_folders() if not visible.open_to_all(folder)]:
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

    programs = [*visible.python_folders(), *filter(os.path.isdir, sys.path)]
    paths = [str(path) for path in paths if Path(path).exists()]
    kind = kind_of_walls(sandbox)
    paths, programs = walls.open_to_it(kind, visible.to_read(), paths, programs)
    if paths:
        # /tmp is for all, and has to stay so.
        own = [path for path in paths if not os.stat(path).st_mode & stat.S_ISVTX]
        close = f"Close it to other users (chmod o= {shlex.join(own)}), or put" if own else "Put"
        raise BoxError(
            f"Student code could read or replace {paths[0]}. Grading is refused. {close} it "
            "where no other user can enter."
        )
    if programs:
        raise BoxError(
            f"Student code could change {programs[0]}, which the grader runs. Grading is refused. "
            f"Close it: chmod o-w {shlex.join(dict.fromkeys(programs))}"
        )
    os.umask(os.umask(0) | 0o007)


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


def short_folder():
    """A folder for sockets, whose paths may have at most 107 characters."""
    usual = tempfile.gettempdir()
    return usual if len(usual) < 50 and (os.geteuid() or visible.open_to_all(usual)) else "/tmp"
