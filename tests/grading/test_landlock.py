"""Landlock in each of its versions: what a process gives up, it and its children have no more."""

import subprocess
import sys

import pytest

from course.grading.sandbox import landlock

pytestmark = pytest.mark.skipif(not landlock.version(), reason="this Linux has no Landlock")

CODE = """
import os, sys
from course.grading.sandbox import landlock, linux
version, place = int(sys.argv[1]), sys.argv[2]
landlock.version = lambda: version
linux.never_gain_rights()
landlock.restrict([f"{place}/read"], [f"{place}/write", "/dev/null"], [f"{place}/read/b/hidden"])
def can(function, *arguments):
    try: function(*arguments)
    except OSError: return 0
    return 1
def all_of():
    print(
        can(open, f"{place}/read/a"), can(open, f"{place}/read/b/c"),
        can(open, f"{place}/write/new", "w"), can(os.mkdir, f"{place}/write/folder"),
        can(os.rename, f"{place}/write/new", f"{place}/write/other"), can(open, "/dev/null", "w"),
        can(os.listdir, f"{place}/read/b"), " ",
        can(open, f"{place}/read/b/hidden/d"), can(open, f"{place}/read/a", "a"),
        can(open, f"{place}/e"), can(os.listdir, place), can(os.remove, f"{place}/read/a"),
        can(os.rename, f"{place}/read/a", f"{place}/write/a"), can(os.mkdir, f"{place}/f"), sep="",
    )
all_of()
try: os.kill(os.getppid(), 0); print("reaches others")
except OSError: print("reaches its own")
"""


@pytest.mark.parametrize("version", range(1, landlock.version() + 1))
def test_what_is_given_up(tmp_path, version):
    for name in ("read/a", "read/b/c", "read/b/hidden/d", "write/x", "e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    command = [sys.executable, "-c", CODE, str(version), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    reach = "its own" if version >= landlock.SIGNALS else "others"
    assert done.stdout.splitlines() == ["1111111 0000000", f"reaches {reach}"], done.stderr


def test_signals_reach_only_those_that_come_from_it():
    if landlock.version() < landlock.SIGNALS:
        pytest.skip("this Linux has an older Landlock")
    code = """
import os, signal, time
from course.grading.sandbox import landlock, linux
linux.never_gain_rights()
landlock.restrict_signals()
child = os.fork()
if child == 0: time.sleep(600)
try: os.kill(os.getppid(), 0)
except PermissionError: print("not its parent", flush=True)
else: os._exit(1)  # else the next line would end all there is
os.kill(-1, signal.SIGKILL)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["not its parent", "-9"], done.stderr
