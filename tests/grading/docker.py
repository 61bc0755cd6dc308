"""A container as Docker makes it, imitated with bubblewrap: root without namespaces of its own.

Inside, the command is root with Docker's default capabilities, and new namespaces and mounts are
refused, so bubblewrap does not run there. It sees Python, this package, and what the test lays out.
The network is a loopback. Nothing stays but what is written to the folders laid out.
"""

import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from course.grading.sandbox import bubblewrap, visible
from course.grading.sandbox.linux import _CALLS

#: What Docker leaves to root (docs.docker.com, "Runtime privilege and Linux capabilities").
CAPABILITIES = (
    "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP",
    "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
)  # fmt: skip

#: clone(2), clone3(2), and unshare, setns, mount, umount2, pivot_root
_NUMBERS = {
    "x86_64": (56, 435, (272, 308, 165, 166, 155)),
    "aarch64": (220, 435, (97, 268, 40, 39, 41)),
}

_USERS = "root:x:0:0:root:/root:/bin/sh\nstudent:x:1000:1000::/:/bin/sh\nnobody:x:65534:65534::/:\n"


def run(
    command, writable=(), read_only=(), *, user=0, env=(), cwd="/", timeout=600,
    landlock=True, capabilities=CAPABILITIES,
):  # fmt: skip
    """Run a command in a new container; returns a CompletedProcess with text.

    `writable` and `read_only` are {path inside: path here}, with the permissions of the files here.
    Parents are made, and all users may enter them. `env` is added to PATH, HOME and LANG. Without
    `landlock` there is none, as in Linux before 5.13. `capabilities` are those of root.

    Skips the test where no such container can be made.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can imitate a container in which the grader is root")
    if os.uname().machine not in _NUMBERS:
        pytest.skip(f"no system call numbers for the processor {os.uname().machine}")
    paths = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    variables = {"PATH": paths, "HOME": "/root", "LANG": "C.UTF-8", **dict(env)}
    with tempfile.TemporaryFile() as rules, tempfile.TemporaryFile() as users:
        for file, content in ((rules, _filter(landlock)), (users, _USERS.encode())):
            file.write(content)
            file.seek(0)
        walls = [
            bubblewrap.program(), "--die-with-parent", "--unshare-pid", "--unshare-ipc",
            "--unshare-uts", "--unshare-net", "--new-session", "--clearenv", "--chdir", cwd,
            "--seccomp", str(rules.fileno()), "--cap-drop", "ALL",
        ]  # fmt: skip
        for name in capabilities:
            walls += ["--cap-add", f"CAP_{name}"]
        for name, value in variables.items():
            walls += ["--setenv", name, value]
        walls += [*_system(), "--file", str(users.fileno()), "/etc/passwd"]
        how = dict.fromkeys(dict(read_only), "--ro-bind") | dict.fromkeys(dict(writable), "--bind")
        for path, here in sorted({**dict(read_only), **dict(writable)}.items()):  # outer ones first
            walls += [*_parents(path), how[path], str(here), str(path)]
        if user:
            become = f"import os,sys;os.setgroups([]);os.setgid({user});os.setuid({user});"
            become += "os.execvp(sys.argv[1], sys.argv[1:])"
            command = [sys.executable, "-c", become, *command]
        return subprocess.run(
            [*walls, "--", *map(str, command)], text=True, timeout=timeout,
            stdin=subprocess.DEVNULL, capture_output=True,
            pass_fds=[rules.fileno(), users.fileno()],
        )  # fmt: skip


def _parents(path):
    """Options that make a path's parents; without them bubblewrap makes them for root alone."""
    for parent in reversed(Path(path).parents[:-1]):
        yield from ("--dir", str(parent))


def _system():
    """bubblewrap's options for a system with Python, in which every user may read Python."""
    found = ["--proc", "/proc", "--dev", "/dev", "--chmod", "1777", "/dev/shm"]
    for place in ("/tmp", "/var/tmp"):
        found += ["--perms", "1777", "--tmpfs", place]
    found += ["--dir", "/root", "--dir", "/etc", "--ro-bind", "/usr", "/usr"]
    for path in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64")):
        if path.is_symlink():
            found += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            found += ["--ro-bind", str(path), str(path)]
    for path in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"):
        found += ["--ro-bind-try", path, path]
    for folder in visible.python_folders():
        found += [*_parents(folder), "--ro-bind", folder, folder]
    return found


def _filter(landlock):
    """The part of Docker's system call filter that forbids namespaces and mounts, as a program."""
    machine = os.uname().machine
    clone, clone3, refused = _NUMBERS[machine]
    load, equal, has, give = 0x20, 0x15, 0x45, 0x06  # ld abs, jeq, jset, ret
    kill, allow, refuse = 0x80000000, 0x7FFF0000, 0x00050000
    steps = [(load, 0, 0, 4), (equal, 1, 0, _CALLS[machine][0]), (give, 0, 0, kill)]
    steps += [(load, 0, 0, 0)]
    if not landlock:
        steps += [(equal, 0, 1, 444), (give, 0, 0, refuse | 38)]  # ENOSYS
    for number in refused:
        steps += [(equal, 0, 1, number), (give, 0, 0, refuse | 1)]  # EPERM
    steps += [(equal, 0, 1, clone3), (give, 0, 0, refuse | 38)]  # ENOSYS: use clone
    steps += [(equal, 0, 3, clone), (load, 0, 0, 16), (has, 0, 1, 0x7E020000)]
    steps += [(give, 0, 0, refuse | 1), (give, 0, 0, allow)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
