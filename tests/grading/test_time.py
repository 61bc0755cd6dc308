"""Time that student code may take: its own, the same on an idle and on a busy machine."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from unittest.mock import MagicMock

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell
from traitlets.config import Config

from course.grading import CourseError, judges, worker
from course.grading import grade as grading
from course.grading.folder import CourseFolder
from course.grading.grade import grade, job_of
from course.grading.results import read_result
from course.grading.sandbox import outside
from course.grading.sandbox.kernel import Kernel, KernelEnded, Limits
from course.grading.verdict import not_graded
from course.notebook.read import read_notebook
from tests.classroom import Classroom
from tests.conftest import SANDBOX
from tests.made_up import reasons
from tests.school import School


@pytest.fixture
def busy(box):
    """One core for the box and two processes that do nothing but compute.

    They are as far behind as student code is (`linux.go_behind`), so it gets a third of the core.
    """
    _ = box.address
    cores, put = sorted(os.sched_getaffinity(0)), []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended
            if "course.grading.sandbox.box" in process.cmdline():
                process.cpu_affinity(cores[-1:])
                put.append(process)
    assert put
    compute = f"import os\nos.sched_setaffinity(0, {cores[-1:]})\nos.nice(5)\nwhile True: pass"
    loops = [subprocess.Popen([sys.executable, "-c", compute]) for _ in range(2)]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()
    for process in put:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.cpu_affinity(cores)


def run(kernel, source, seconds=20):
    kernel.send(run=source)
    return kernel.answer_in_own_time(seconds, time.monotonic() + 600)


# --- own time


def test_waiting_for_a_processor_takes_no_time(box, busy):
    """A second of computing takes several here; and asleep, time passes as it does."""
    compute = "import time\nwhile time.process_time() < begun + 1: pass\nprint('done')"
    with Kernel(box.address) as kernel:
        run(kernel, "import time\nbegun = time.process_time()")
        assert run(kernel, compute, seconds=2)["outputs"][0]["text"] == "done\n"
        kernel.send(run="while True: pass")
        assert kernel.answer_in_own_time(1, time.monotonic() + 600) is None
        kernel.interrupt()
        (shown,) = kernel.answer(600)["outputs"]
        assert (shown["ename"], shown["evalue"]) == ("KeyboardInterrupt", "in line 1")
        kernel.send(run="time.sleep(600)")
        assert kernel.answer_in_own_time(1, time.monotonic() + 600) is None
        assert kernel.waited > 0.5
        kernel.interrupt()
        assert kernel.answer(600)["outputs"][0]["evalue"] == "in line 1"
        kernel.look()
        assert 1 < kernel.cpu < 30


def test_all_processes_of_a_submission_have_one_time(box):
    code = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        while time.process_time() < 0.5: pass
        os._exit(0)
for _ in range(3): os.wait()
time.sleep(600)
"""
    with Kernel(box.address) as kernel:
        kernel.send(run=code)
        assert kernel.answer_in_own_time(2, time.monotonic() + 600) is None
        assert kernel.cpu > 1.2


def test_the_processor_time_of_all_its_processes_has_a_limit(box):
    """Also of processes that nobody waits for, whose time Linux forgets."""
    code = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        begun = time.process_time()
        while time.process_time() < begun + 0.5: pass
        os._exit(0)
    try: os.wait()
    except ChildProcessError: pass
"""
    with Kernel(box.address, limits=Limits(cpu=1)) as kernel:
        kernel.send(run=code)
        with pytest.raises(KernelEnded, match="more than 1 s of processor time"):
            kernel.answer(600)


TALKS = """
import os, socket, time
for fd in range(3, 64):
    try: line = socket.socket(fileno=fd)
    except OSError: continue
    if line.family == socket.AF_UNIX: break
while True:
    line.sendall({line})
    time.sleep({pause})
"""


@pytest.mark.parametrize("line", ["b'{}\\n'", "b'x'", "b'[' * 500 + b']' * 500 + b'\\n'"])
def test_a_deadline_is_a_deadline_however_much_comes(box, line):
    with Kernel(box.address) as kernel:
        kernel.send(run=TALKS.format(line=line, pause=0.02))
        for _ in range(3):
            begun = time.monotonic()
            assert kernel.answer(0.2) is None
            assert time.monotonic() - begun < 60


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("b'{}\\n'", "nobody had asked for"),
        ("b'{\"id\": 0, \"x\": \"' + b'x' * 999_999 + b'\"}\\n'", "nobody had asked for"),
        ("b'x' * 999_999", "too long"),
    ],
)
def test_what_keeps_coming_ends_the_kernel(box, line, why):
    with Kernel(box.address, limits=Limits(output=2_000_000)) as kernel:
        kernel.send(run=TALKS.format(line=line, pause=0))
        with pytest.raises(KernelEnded, match=why):
            kernel.answer(600)


# --- what it costs


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return Classroom(tmp_path_factory.mktemp("course"))


STUBBORN = {
    "deaf": """
while True:
    try: sum(range(100_000))
    except: pass
""",
    "outside": "sum(iter(int, 1))",
    "told": """
try:
    while True: sum(range(100_000))
except KeyboardInterrupt:
    print('stopped by hand')
""",
    "asleep": "import time\ntime.sleep(10_000)",
}


def judged(room, nb, **settings):
    job = job_of(CourseFolder(room.folder), room.assignment)
    job.config["Judge"] = Config(settings, sandbox=SANDBOX)
    verdict = worker.grade_submission(job, {room.name: nbformat.writes(nb).encode()})
    assert verdict.failed is None, verdict.failed
    return nbformat.reads(verdict.notebooks[room.name], 4)


@pytest.mark.parametrize("machine", ["idle", "busy"])
def test_a_cell_that_does_not_stop_costs_itself_only(room, machine, request):
    if machine == "busy":
        request.getfixturevalue("busy")
    nb = room.written()
    cells = [new_code_cell(code.strip(), id=name) for name, code in STUBBORN.items()]
    nb.cells[3:3] = cells
    found = judged(room, nb, timeout=1, wall=40)
    assert {name: said for name, (right, said) in reasons(found).items() if not right} == {}
    shown = {
        name: [o.get("ename", o.get("text")) for o in cell.outputs]
        for name, code in STUBBORN.items()
        for cell in found.cells
        if cell.source == code.strip()
    }
    assert shown == {
        "asleep": ["KeyboardInterrupt", "TookTooLong"],
        "told": ["stopped by hand\n", "TookTooLong"],
        "deaf": ["KernelDied"],
        "outside": ["KernelDied"],
    }


def test_what_was_to_be_answered_by_a_cell_that_never_ends_is_told_so(room):
    endless = STUBBORN["deaf"].strip() + "\nshapes = {}"
    found = reasons(judged(room, room.written(shapes_answer=endless), timeout=1, wall=40))
    lost = {name: said for name, (right, said) in found.items() if not right}
    assert list(lost) == ["lenet-shapes"]
    assert "that begins with 'while True:': it never came to an end" in lost["lenet-shapes"][0]


def test_a_thousand_cells_that_do_not_end_have_the_time_of_one_submission(room):
    nb = room.written()
    nb.cells[3:3] = [new_code_cell("while True: pass", id=f"n{n}") for n in range(1000)]
    found = reasons(judged(room, nb, timeout=1, wall=4))
    assert not any(right for right, _ in found.values())
    assert "the whole submission took longer than 4 seconds" in found["lenet-model"][1][0]


@pytest.mark.parametrize("where", ["in a cell", "when asked"])
def test_a_machine_that_is_too_busy_takes_no_points(room, box, monkeypatch, where):
    """There is no verdict, and the reason is neither the student nor the instructor."""
    monkeypatch.setattr("course.grading.verdict.runner.LONGEST", 0)
    slow = (
        "while True: pass" if where == "in a cell" else "def lenet5(*a, **k):\n    while True: pass"
    )
    job = job_of(CourseFolder(room.folder), room.assignment)
    content = nbformat.writes(room.written(model_answer=slow)).encode()
    with pytest.raises(CourseError, match="No points were taken off; grade it again"):
        judges._judged(job, (room.name, *read_notebook(content), False), box.address)


@pytest.mark.parametrize(
    ("dies", "tries", "why"), [(True, 2, "died, twice"), (False, 1, "it was not judged after 0")]
)
def test_only_a_judge_that_dies_is_tried_again(tmp_path, dies, tries, why):
    """That can have been the machine's fault; taking too long was the submission's."""
    kept = []

    class Judges:
        def connect(self):
            ours, theirs = multiprocessing.Pipe()
            kept.append(theirs)
            if dies:
                theirs.close()
            return ours

    verdict = worker._in_own_process(Judges(), School(tmp_path).job, {}, {}, longest=0.01)
    assert why in verdict.failed and len(kept) == tries


# --- what is said


TOLD = threading.Event()


def slow_one(job, contents, judges, student):
    assert TOLD.wait(600)
    return not_graded(job, "no verdict here")


@pytest.mark.parametrize("workers", [1, 2])
def test_who_is_slow_is_said_while_it_is_graded(tmp_path, monkeypatch, workers):
    School(tmp_path)
    release = (tmp_path / "assignments" / "hw" / "p1.ipynb").read_bytes()
    for student in ("amina", "bo", "chen"):
        (tmp_path / "submitted" / student / "hw").mkdir(parents=True)
        (tmp_path / "submitted" / student / "hw" / "p1.ipynb").write_bytes(release)
    names, said = ", ".join(["amina", "bo", "chen"][:workers]), []

    def say(sentence):
        said.append(sentence)
        if sentence.endswith(f" s: {names}"):  # on a slow machine the second begins later
            TOLD.set()

    TOLD.clear()
    monkeypatch.setattr(worker, "grade_submission", slow_one)
    monkeypatch.setattr(grading._AtWork, "every", 0.01)
    monkeypatch.setattr(grading, "own_judges", MagicMock)
    monkeypatch.setattr(outside.Box, "address", {})
    grade(CourseFolder(tmp_path), "hw", workers=workers, say=say)
    assert f"  still at work after 0.01 s: {names}" in said


# --- stopped by hand

STOPPED = """
import signal, sys
from course.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" has it ignored
status = main(["grade", "--course", sys.argv[1], "hw", "--workers", "2"])
assert "distributed" not in sys.modules, "Dask is for clusters"
sys.exit(status)
"""


def test_ctrl_c_loses_nothing_that_is_graded_and_ends_all_processes(tmp_path):
    School(tmp_path)
    content = (tmp_path / "assignments" / "hw" / "p1.ipynb").read_text()
    for student in ("amina", "bo", "chen"):
        nb = nbformat.reads(content, 4)
        if student != "amina":
            nb.cells[1].source = "import time\ntime.sleep(10**6)"
        (tmp_path / "submitted" / student / "hw").mkdir(parents=True)
        nbformat.write(nb, tmp_path / "submitted" / student / "hw" / "p1.ipynb")
    run = subprocess.Popen(
        [sys.executable, "-c", STOPPED, tmp_path], text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    # A slow machine may say before that amina's is still at work.
    first = next(line for line in run.stdout if "1/3" in line)
    started = psutil.Process(run.pid).children(recursive=True)
    assert len(started) > 3, "a box, a judge, and copies of them"
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    said = run.communicate(timeout=600)
    assert run.returncode == 130, said
    assert said[1].strip() == "course: stopped. What was graded so far is in the gradebook."
    assert psutil.wait_procs(started, timeout=600)[1] == []
    assert "amina" in first and read_result(CourseFolder(tmp_path), "hw", "amina").files["p1"]
    assert read_result(CourseFolder(tmp_path), "hw", "bo").failed == "was never graded"
