"""Attacks on a grader, each as a submission that solves nothing: no points, and no harm.

The numbers are those of the catalogue in docs/security.md. What is refused by the box alone
(files, network, privileges, limits) is in test_box.py, archives are in test_collect.py, pages in
test_feedback.py.
"""

import contextlib
import os
import pickle
import sqlite3
import time
from dataclasses import replace

import nbformat
import psutil
import pytest
from traitlets.config import Config

from course.grading import worker
from course.grading.folder import CourseFolder
from course.grading.grade import grade, job_of
from tests.classroom import Classroom
from tests.conftest import SANDBOX
from tests.made_up import reasons


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return Classroom(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def job(room):
    job = job_of(CourseFolder(room.folder), room.assignment)
    job.config["Judge"] = Config(timeout=5, wall=20, sandbox=SANDBOX)
    return job


def attacked(room, job, code, where="shapes-answer", **others):
    """Grade a submission that has no answers but this code; {grade id: (passed, messages)}."""
    nb = room.written(**dict.fromkeys(room.right, ""))
    for name, source in {where: code, **others}.items():
        next(c for c in nb.cells if c.id == name.replace("_", "-")).source = source
    verdict = worker.grade_submission(job, {room.name: nbformat.writes(nb).encode()})
    assert verdict.failed is None, verdict.failed
    return reasons(nbformat.reads(verdict.notebooks[room.name], 4))


def graded(room, students):
    return grade(CourseFolder(room.folder), room.assignment, students, workers=1, sandbox=SANDBOX)


def passed(found):
    return [name for name, (right, _) in found.items() if right]


#: A function for every name that the tests ask about, whatever it does.
ALL = (
    "\ncount_parameters = lenet5 = scaled_tanh = subsample = c3_maps = lenet5_1998 = later"
    " = fake\nshapes = parameters = subsampling = c3_parameters = more = fake\n"
)

FORGED = {
    "1 an int that is equal to everything": """
class Same(int):
    def __eq__(self, other): return True
    def __hash__(self): return 0
def fake(*a, **k): return Same()
shapes = parameters = subsampling = c3_parameters = more = {
    name: Same() for name in ("C1", "S2", "C3", "S4", "C5", "F6", "output", "S2 and S4")}
count_parameters = lenet5 = fake
""",
    "2 asserts stripped from every cell": """
import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
    def visit_Raise(self, node): return ast.Pass()
    def visit_Call(self, node): return ast.Constant(None)
get_ipython().ast_transformers.append(Strip())
""",
    "3 later cells turned into pass": """
get_ipython().input_transformers_cleanup.append(lambda lines: ["pass\\n"])
""",
    "5 displayhook called by the tested function": """
import sys
def fake(*a, **k):
    sys.displayhook('ok')
    return 1
""" + ALL,
    "6 a result before every cell": """
ip = get_ipython()
ip.events.register('pre_run_cell', lambda *a: ip.display_pub.publish({'text/plain': '100'}))
ip.events.register('pre_execute', lambda *a: print('100'))
""",
    "7 the kernel answers ok to everything": """
import json
ok = json.dumps
def dumps(message, **options):
    for fine in ({'value': True}, {'failed': ''}):
        message = {**message, 'status': 'ok', 'outputs': [], 'reply': {**fine, 'passed': True}}
    return ok(message, **options)
json.dumps = dumps
""",
    "9 Keras's counts patched": """
keras.Model.count_params = lambda self: 61706
keras.Model.output_shape = property(lambda self: (None, 10))
def fake(input_shape=(32, 32, 1), classes=10, *a, **k):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Dense(classes)(layers.Flatten()(inputs)))
""" + ALL,
    "10 builtins and checks replaced": """
import builtins, course.check, course.evidence.observe, numpy.testing, sys
builtins.tuple = builtins.isinstance = builtins.any = lambda *a, **k: True
for name in ('model', 'block', 'function', 'value', 'shapes', 'parameters'):
    setattr(course.check, name, lambda *a, **k: None)
numpy.testing.assert_allclose = lambda *a, **k: None
""",
    "11 the answer of a right model sent for another": """
import course.evidence.observe as evidence
right = {"trace": {"rows": [], "outputs": [], "inputs": []}}
evidence.observe = lambda subject, request: right
evidence.answer = lambda space, request: right
""",
    "11 two answers instead of one": """
import course.evidence.observe as evidence, json, socket
lines = []
for fd in range(3, 64):
    try: lines.append(socket.socket(fileno=fd))
    except OSError: pass
def answer(space, request):
    for number in range(1000):
        for value in (61706, {"value": 10}):
            said = {"id": number, "reply": {"value": value}}
            for line in lines:
                line.sendall(json.dumps(said).encode() + b"\\n")
evidence.answer = answer
""",
    "12 errors swallowed": """
get_ipython().showtraceback = lambda *a, **k: None
get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)
""",
    "13 sys.exit in the tested function": "import sys\ndef fake(*a, **k): sys.exit()\n" + ALL,
    "14 os._exit in the tested function": "import os\ndef fake(*a, **k): os._exit(0)\n" + ALL,
    "15 points printed and returned": "def fake(*a, **k): return 1000.0\n" + ALL + "\n1000.0",
    "29 an endless loop that ignores interrupts": """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
def fake(*a, **k):
    while True: pass
""" + ALL,
    "33 output without end": "while True: print('x' * 10_000)",
    "33 one message of 300 MB": "print('x' * 300_000_000)",
    "33 a picture of 100 MB": """
from IPython.display import display
display({'image/png': 'x' * 100_000_000}, raw=True)
""",
    "34 a message nested 100,000 deep": """
import course.evidence.observe as evidence
import json
deep = '[' * 100_000 + ']' * 100_000
def answer(space, request):
    json.dumps = lambda message, **k: '{"id": %d, "reply": {"value": %s}}' % (message["id"], deep)
evidence.answer = answer
""",
    "34 numbers that are none": """
import course.evidence.observe as evidence
evidence.answer = lambda space, request: {
    "value": float('nan'), "answers": [float('inf')] * 99, "trace": 10 ** 400}
""",
    "47 a model with Lambda that changes Keras": """
import keras
def fake(*a, **k):
    inputs = keras.Input((32, 32, 1))
    change = keras.layers.Lambda(lambda x: keras.config.set_floatx('float16'))
    return keras.Model(inputs, change(inputs))
""" + ALL,
    "48 shapes that a layer only claims": """
import keras
class Claims(keras.layers.Layer):
    def call(self, x): return x
    def compute_output_shape(self, shape): return (None, 10)
    def count_params(self): return 61706
def fake(input_shape=(32, 32, 1), classes=10, **k):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, Claims()(inputs))
""" + ALL,
}  # fmt: skip


@pytest.mark.parametrize("attack", FORGED)
def test_nothing_is_gained(room, job, attack):
    if attack.startswith("29"):
        job = replace(job, config={"Judge": Config(timeout=1, wall=3, sandbox=SANDBOX)})
    found = attacked(room, job, FORGED[attack])
    assert passed(found) == []
    if attack.startswith("33"):  # a flood is named as the reason
        assert "printed" in found["lenet-model"][1][0]


def test_4_tags_gain_nothing(room, job):
    nb = room.written(**dict.fromkeys(room.right, ""))
    for cell in nb.cells:
        cell.metadata["tags"] = ["skip-execution"]
    verdict = worker.grade_submission(job, {room.name: nbformat.writes(nb).encode()})
    assert passed(reasons(nbformat.reads(verdict.notebooks[room.name], 4))) == []


def test_8_files_beside_the_notebook_are_not_used(room):
    nb = room.written(**dict.fromkeys(room.right, ""))
    room.submit("files", nb)
    folder = room.folder / "submitted" / "files" / room.assignment
    for name in ("ipykernel_launcher", "keras", "course", "sitecustomize", "random"):
        (folder / f"{name}.py").write_text("raise SystemExit(0)\n")
    (result,) = graded(room, ["files"])
    assert result.score == 0 and result.failed is None


def test_46_model_files_are_never_loaded(room, tmp_path):
    """Files that run code when they are loaded, beside the notebook and as its answers."""
    mark = tmp_path / "mark"
    tmp_path.chmod(0o777)  # whoever gets out may write
    gadget = f"""
import pathlib, pickle
class Gadget:
    def __reduce__(self): return pathlib.Path.touch, (pathlib.Path({str(mark)!r}),)
"""
    names = {}
    exec(gadget, names)
    content = pickle.dumps(names["Gadget"]())
    pickle.loads(content)
    assert mark.exists()  # it works
    mark.unlink()
    nb = room.written(**dict.fromkeys(room.right, ""))
    next(c for c in nb.cells if c.id == "shapes-answer").source = f"""{gadget}
def fake(*a, **k): return Gadget()
{ALL}
lenet5 = shapes = Gadget()
for name in ('lenet5.keras', 'lenet5.h5', 'lenet5.pkl'):
    try: lenet5 = pickle.load(open(name, 'rb'))
    except OSError: pathlib.Path(name).write_bytes(pickle.dumps(Gadget()))
"""
    room.submit("models", nb)
    folder = room.folder / "submitted" / "models" / room.assignment
    for name in ("lenet5.keras", "lenet5.h5", "lenet5.pkl", "weights.npy"):
        (folder / name).write_bytes(content)
    (result,) = graded(room, ["models"])
    assert result.score == 0 and result.failed is None
    assert not mark.exists()


# --- secrets and harm: the submission says what it found, and what is outside is looked at


def seen(room, job, code):
    """What a submission's code gets to know, told by the text of an error in its function."""
    report = "def lenet5(*a, **k):\n    raise ValueError('<' + str(found) + '>')\n"
    found = attacked(room, job, f"{code}\n{report}")
    message = found["lenet-model"][1][0]
    return message[message.index("<") + 1 : message.index(">")]


def test_16_to_19_neither_solutions_nor_tests_nor_others_nor_the_environment(
    room, job, monkeypatch
):
    monkeypatch.setenv("LMS_TOKEN", "secret-token")
    code = """
import glob, os
found = [value for value in os.environ.values() if 'secret' in value]
for place, folders, files in os.walk('/'):
    folders[:] = [f for f in folders if f not in ('proc', 'usr', 'site-packages', 'lib')]
    found += [os.path.join(place, f) for f in files if f.endswith(('.ipynb', '.db', '.csv'))]
for p in glob.glob('/proc/[0-9]*/environ'):
    try: found += ['environ'] if b'secret-token' in open(p, 'rb').read() else []
    except OSError: pass
"""
    assert seen(room, job, code) == "[]"


def test_17_hidden_tests_are_in_no_memory_of_the_kernel(room, job):
    code = """
import gc, sys
def look():
    cells = ' '.join(str(x) for x in get_ipython().user_ns.get('In', []))
    texts = [o for o in gc.get_objects() if isinstance(o, str)]
    frames = [f.f_code.co_consts for f in sys._current_frames().values()]
    return ''.join(reversed('STSET NEDDIH')) in cells + str(texts) + str(frames)
found = look()
"""
    assert seen(room, job, code) == "False"


def test_20_a_link_in_a_submission_is_not_followed(room, tmp_path):
    secret = tmp_path / "id_rsa"
    secret.write_text("PRIVATE KEY")
    folder = room.folder / "submitted" / "links" / room.assignment
    room.submit("links", room.release)
    (folder / "key.txt").symlink_to(secret)
    graded(room, ["links"])
    copied = room.folder / "autograded" / "links"
    assert not any("PRIVATE KEY" in p.read_text() for p in copied.rglob("*") if p.is_file())


def test_20_a_notebook_that_is_a_link_is_not_read(room, tmp_path):
    other = tmp_path / "other.ipynb"
    other.write_text(nbformat.writes(room.written()))
    folder = room.folder / "submitted" / "linked" / room.assignment
    folder.mkdir(parents=True)
    (folder / f"{room.name}.ipynb").symlink_to(other)
    (result,) = graded(room, ["linked"])
    assert result.score == 0


HARM = {
    "22 the gradebook": """
import sqlite3
sqlite3.connect({db!r}).execute('update grade set extra_credit=95')
""",
    "23 a process that waits until the grader is gone": """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for _ in range(40):
            time.sleep(0.2)
            try: open({mark!r}, 'w').write('alive')
            except OSError: pass
        os._exit(0)
    os._exit(0)
""",
    "24 a start-up file for the next one": """
import os
for home in (os.path.expanduser('~'), {home!r}):
    try:
        os.makedirs(home + '/.ipython/profile_default/startup', exist_ok=True)
        open(home + '/.ipython/profile_default/startup/00.py', 'w').write('open({mark!r}, "w")')
    except OSError: pass
""",
    "25 configuration and path files": """
import site, os
packages = site.getsitepackages()[0]
for place in [{course!r} + '/nbgrader_config.py', packages + '/evil.pth', {home!r} + '/.bashrc']:
    try: open(place, 'a').write('\\nimport os; open({mark!r}, "w")')
    except OSError: pass
""",
    "26 the grader killed": """
import os, signal
for pid in [os.getppid(), {pid}, *range(2, 400)]:
    try: os.kill(pid, 9) if pid > 1 else None
    except OSError: pass
""",
    "27 the grader's limits lowered": """
import resource
try: resource.prlimit({pid}, resource.RLIMIT_CPU, (1, 1))
except OSError: pass
""",
    "28 the grader's memory": """
for pid in ({pid}, 2, 3):
    try: open(f'/proc/{{pid}}/mem', 'r+b').read(1)
    except OSError: pass
import ctypes
ctypes.CDLL(None).ptrace(16, {pid}, 0, 0)
""",
}  # fmt: skip


@pytest.fixture(scope="module")
def warm(room, job):
    """The box runs, and has judged."""
    assert "lenet-model" in attacked(room, job, "")


@pytest.mark.parametrize("attack", HARM)
def test_nothing_outside_is_harmed(room, job, warm, attack, tmp_path):
    mark, home = tmp_path / "mark", tmp_path / "home"
    home.mkdir()
    for folder in (tmp_path, home):
        folder.chmod(0o777)  # whoever gets out may write
    database = room.folder / "gradebook.db"
    before = database.read_bytes()
    config = (room.folder / "nbgrader_config.py").read_bytes()
    code = HARM[attack].format(
        db=str(database), mark=str(mark), home=str(home), course=str(room.folder), pid=os.getpid()
    )
    there = running()
    assert passed(attacked(room, job, code)) == []
    while running() > there:  # nothing of it is left
        time.sleep(0.05)
    assert "lenet-model" in attacked(room, job, "")  # and the next one is graded
    assert database.read_bytes() == before
    assert (room.folder / "nbgrader_config.py").read_bytes() == config
    assert not mark.exists() and list(home.iterdir()) == []


def running():
    """How many processes there are in this test's boxes."""
    found = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found += "course.grading.sandbox.box" in process.cmdline()
    return found


def test_22_extra_credit_of_a_forged_notebook_does_not_count(room):
    nb = room.written(**dict.fromkeys(room.right, ""))
    for cell in nb.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.update(points=1000, extra_credit=95, grade=True)
    room.submit("forged", nb)
    (result,) = graded(room, ["forged"])
    assert (result.score, result.maximum) == (0, 100)
    with sqlite3.connect(room.folder / "gradebook.db") as database:
        assert database.execute("select sum(extra_credit) from grade").fetchone()[0] in (None, 0)
