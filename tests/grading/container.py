"""What student code can do where bubblewrap cannot run; `test_container.py` runs this in there.

The grader of these tests is root or an ordinary user of an imitated container, with Landlock or
without. What is the same with bubblewrap is in `test_box.py`.
"""

import contextlib
import os
import re
import time
from pathlib import Path

import pytest

from course.grading.sandbox import landlock, outside, users
from course.grading.sandbox.kernel import Kernel, KernelEnded, Limits
from course.grading.sandbox.outside import BoxError
from tests.grading.test_box import run, said

ROOT = os.geteuid() == 0
of_root = pytest.mark.skipif(not ROOT, reason="one user for all")
START = "import ctypes, os, socket, sys, tempfile, time\nlibc = ctypes.CDLL(None)\n"


def text(kernel, source):
    return "".join(output.get("text", str(output)) for output in run(kernel, source)).strip()


def wait(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def left(box):
    """What submissions have left: files of theirs, and processes."""
    places = ["/tmp", "/var/tmp", "/dev/shm"]
    numbers = range(users.NUMBERS[0], users.NUMBERS[-1] + 2)
    found = os.listdir(Path(box.address, "kernels"))
    for place in filter(os.path.exists, places):
        with contextlib.suppress(FileNotFoundError):
            found += [
                e.path for e in os.scandir(place) if e.stat(follow_symlinks=False).st_uid in numbers
            ]
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            status = Path(f"/proc/{process}/status").read_text()
            if int(status.split("Uid:")[1].split()[0]) in numbers and "State:\tZ" not in status:
                found.append(process)
    return found


CALLS = {
    "socket": "socket.socket(socket.AF_UNIX)",
    "pair for datagrams": "socket.socketpair(type=socket.SOCK_DGRAM)",
    "pair of raw sockets": "socket.socketpair(type=socket.SOCK_RAW)",
    "another's priority": "os.setpriority(os.PRIO_PROCESS, {grader}, 19)",
    "another's processors": "os.sched_setaffinity({grader}, [0])",
    "bind": "socket.socketpair()[0].bind('\\0x')",
    "connect": "socket.socketpair()[0].connect('\\0x')",
    "listen": "socket.socketpair()[0].listen()",
    "shmget": "check(libc.shmget(0, 4096, 0o1600))",
    "semget": "check(libc.semget(0, 1, 0o1600))",
    "msgget": "check(libc.msgget(0, 0o1600))",
    "process_vm_readv": "check(libc.process_vm_readv(os.getpid(), None, 0, None, 0, 0))",
    "setns": "check(libc.setns(os.open('/proc/self/ns/net', 0), 0))",
    "clone into a new user namespace": "check(libc.syscall(56, 0x10000011, 0, 0, 0, 0))",
    "clone3": "check(libc.syscall(435, 0, 0))",
    "signal to the keeper": "os.kill(os.getppid(), 9)",
    "signal to the grader": "os.kill({grader}, 9)",
    "memory of the grader": "open('/proc/{grader}/mem', 'rb')",
    "environment of the grader": "open('/proc/{grader}/environ').read()",
    "open files of the grader": "os.readlink('/proc/{grader}/fd/0')",
    "limits of the grader": "resource.prlimit({grader}, resource.RLIMIT_CPU, (9, 9))",
    "address of the box": "open('{folder}/control')",
    "folders of others": "os.listdir('{folder}/kernels')",
    "root": "os.setresuid(0, 0, 0)",
    "another user": "os.setresuid(61184, 61184, 61184)",
}


def test_nothing_of_this_is_possible(box):
    code = START + "import resource\ndef check(result):\n    if result < 0: raise OSError\n"
    code += "refused = []\n"
    for name, call in CALLS.items():
        call = call.replace("{grader}", str(os.getpid()))
        call = call.replace("{folder}", box.address)
        code += f"try: {call}\nexcept OSError: refused.append({name!r})\n"
    refused = said(box, code + "print(refused)")
    assert [name for name in CALLS if name not in refused] == []


@of_root
def test_each_submission_is_a_user_of_its_own(box):
    with Kernel(box.address) as one, Kernel(box.address) as other:
        look = START + "print(*os.getresuid(), *os.getresgid(), os.getgroups())"
        first, second = text(one, look).split(), text(other, look).split()
        assert len(set(first[:6])) == len(set(second[:6])) == 1 and first[6] == "[]"
        assert first[0] != second[0] and {int(first[0]), int(second[0])} <= set(users.NUMBERS)
        pid, folder = text(other, "import os\nprint(os.getpid(), os.getcwd())").split()
        attempts = f"""
for attempt in (lambda: os.kill({pid}, 9), lambda: open('/proc/{pid}/mem', 'rb'),
                lambda: os.listdir({folder!r})):
    try: attempt()
    except PermissionError: print('refused')
os.kill(-1, 9)
"""
        assert text(one, attempts).split() == ["refused"] * 3
        assert text(other, "print('alive')") == "alive"


LEAVES = """
import signal
def tree(place):
    os.chdir(place)
    for _ in range(3000):
        os.mkdir('d'); os.chdir('d')
    open('deep', 'w').write('x')
for place in [os.path.expanduser('~'), tempfile.gettempdir(), '/tmp', '/var/tmp', '/dev/shm']:
    try:
        os.makedirs(place + '/closed/inner'); open(place + '/closed/inner/file', 'w').write('x')
        os.symlink('/etc', place + '/closed/link'); os.chmod(place + '/closed/inner', 0)
        os.chmod(place + '/closed', 0)
        tree(place)
    except OSError: pass
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        while True:  # a process that is always a new one
            if os.fork() == 0: continue
            os._exit(0)
print('left')
"""


def test_nothing_of_a_submission_is_left(box):
    """Neither deep trees and closed folders, nor processes that flee."""
    try:
        assert said(box, START + LEAVES) == "left"
    except KernelEnded as ended:  # on a busy machine, those that have ended are counted, too
        assert "processes" in str(ended)
    wait(lambda: not left(box))
    assert os.listdir("/etc")
    assert said(box, "print(1)") == "1"


def test_it_writes_to_its_own_folder_and_others_cannot_look(box):
    code = (
        START
        + """
found = []
for place in ('/tmp/x', '/var/tmp/x', '/dev/shm/x'):
    try: open(place, 'w').write('x'); found.append(place)
    except OSError: pass
with tempfile.NamedTemporaryFile() as file: file.write(b'x')
open('mine', 'w').write('x')
print(found, oct(os.stat(tempfile.gettempdir()).st_mode))
"""
    )
    places = [] if landlock.version() else ["/tmp/x", "/var/tmp/x", "/dev/shm/x"]
    assert said(box, code) == f"{places} 0o40700"
    wait(lambda: not left(box))


DISK = {
    "named": "for n in range(5): open(f'{tmp}/{n}', 'wb').write(data)\n",
    "without a name, and open": """
files = [open(f'{tmp}/{n}', 'wb') for n in range(5)]
for n, file in enumerate(files): os.remove(f'{tmp}/{n}'); file.write(data); file.flush()
""",
    "without a name, and mapped": """
import mmap
maps = []
for n in range(5):
    with open(f'{tmp}/{n}', 'w+b') as file:
        file.write(data); file.flush()
        maps.append(mmap.mmap(file.fileno(), len(data))); os.remove(f'{tmp}/{n}')
""",
    "sent into a socket": """
pair = socket.socketpair()
for n in range(5):
    with open(f'{tmp}/{n}', 'wb') as file:
        os.remove(f'{tmp}/{n}'); file.write(data); file.flush()
        socket.send_fds(pair[0], [b'x'], [file.fileno()])
""",
}


@pytest.mark.parametrize("form", DISK)
def test_files_count_in_every_form(box, form):
    code = START + f"tmp, data = tempfile.gettempdir(), b'x' * 80_000_000\n{DISK[form]}"
    with pytest.raises(KernelEnded) as ended:
        said(box, f"{code}\ntime.sleep(600)", limits=Limits(memory=300_000_000, disk=100_000_000))
    expected = "it hid how much" if "socket" in form else "it (wrote more than 100 MB|used more)"
    assert re.match(expected, ended.value.why)
    wait(lambda: not left(box))


def test_the_number_of_files_has_a_limit(box):
    code = f"for n in range({users.FILES + 100}): open(f'{{tmp}}/{{n}}', 'w').close()\n"
    with pytest.raises(KernelEnded, match="it made too many files"):
        said(box, START + f"tmp = tempfile.gettempdir()\n{code}time.sleep(600)")


def test_what_it_can_do_there_all_the_same(box, tmp_path):
    """What docs/security.md says is less than with bubblewrap; else say there that it is not."""
    code = (
        START
        + """
import glob, pty
others = 0
for path in glob.glob('/proc/[0-9]*/cmdline'):
    try: others += 'container.py' in open(path).read()
    except OSError: pass
print(others > 0, len([pty.openpty() for _ in range(100)]))
"""
    )
    assert said(box, code) == "True 100"
    if not ROOT:
        own = tmp_path / "own"
        own.write_text("x")
        assert said(box, f"import os\nos.chmod({str(own)!r}, 0o777)\nprint('changed')") == "changed"
        assert said(box, f"open({str(own)!r}, 'a')").endswith(f"Permission denied: {str(own)!r}")


def test_what_it_must_not_read_is_tried(tmp_path):
    """The sentence names the path and the command; closed, it is accepted."""
    secret = tmp_path / "course"
    for folder in (secret, *secret.parents[:3]):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    (secret / "tests").write_text("x")
    if landlock.version():
        outside.keep_from_students(outside.THROW_AWAY, [secret, secret / "tests"])
        return
    with pytest.raises(BoxError, match=f"could read or replace {secret}. .*chmod o= {secret}"):
        outside.keep_from_students(outside.THROW_AWAY, [secret, secret / "tests"])
    secret.chmod(0o751)
    with pytest.raises(BoxError, match="chmod o="):
        outside.keep_from_students(outside.THROW_AWAY, [secret])
    secret.chmod(0o750)
    outside.keep_from_students(outside.THROW_AWAY, [secret, secret / "tests"])
    tmp_path.chmod(0o777)
    with pytest.raises(BoxError, match="replace"):
        outside.keep_from_students(outside.THROW_AWAY, [secret])
