"""The process whose forks judge: told of a job beforehand, ended, and started again."""

import os
import socket
import subprocess
import sys
from concurrent import futures
from contextlib import closing
from multiprocessing.connection import Connection
from types import SimpleNamespace

import nbformat
import psutil
import pytest

from course.grading import CourseError, judges, worker
from course.grading import grade as grade_module
from course.grading.folder import CourseFolder
from course.grading.grade import grade
from course.grading.sandbox import outside
from tests.made_up import answer, graded, handed_in, job_of
from tests.school import ROOT, School

JOB = job_of(answer("a", "answer = None"), graded("t", "assert answer == 6"))
UNREADABLE = job_of(answer("a", "answer = None"), graded("t", "assert answer ==="))


def verdict(job, own, value):
    """The Verdict on a submission that answers `value`, without the time that it took."""
    found = worker.grade_submission(job, {"hw": handed_in(job, a=f"answer = {value}")}, own)
    return found.failed, found.notebooks


@pytest.fixture
def own():
    with closing(judges.Judges()) as own:
        yield own


def test_a_verdict_does_not_depend_on_what_the_judges_were_told_before(own):
    values = 6, 7
    before = [verdict(JOB, own, value) for value in values]
    own.prepare(JOB)
    told = [verdict(JOB, own, value) for value in values]
    own.prepare(UNREADABLE)  # stops nothing, and whoever is judged by it hears why
    assert before == told == [verdict(JOB, own, value) for value in values]
    assert before[0] != before[1]
    assert "SyntaxError" in verdict(UNREADABLE, own, 6)[0]


def test_a_judge_whose_grader_was_killed_says_nothing():
    code = """if True:
        import socket
        from multiprocessing.connection import Connection
        from course.grading import judges
        from tests.grading.test_judges import JOB
        grader, judge = socket.socketpair()
        with Connection(grader.detach()) as connection:
            connection.send((JOB, {}, "", 600))
        judges._answer(judge)
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_judges_that_have_died_are_started_again(own):
    own.prepare(JOB)
    before = verdict(JOB, own, 6)
    process = psutil.Process(own._process.pid)
    process.kill()
    process.wait()
    assert verdict(JOB, own, 6) == before


def test_judges_can_be_closed_after_they_have_died(own):
    process = psutil.Process(own._process.pid)
    process.kill()
    psutil.wait_procs([process], timeout=600)
    own.prepare(JOB)  # which nobody reads
    own.close()


HEARS = """
import socket, sys
from contextlib import closing
from multiprocessing.connection import Connection
from course.grading.sandbox import box
line, heard = Connection(sys.stdin.fileno(), writable=False), []
def hear():
    try:
        heard.append(len(line.recv()))
    except EOFError:
        return False
    return True
server = socket.socket(fileno=int(sys.argv[1]))
box.serve(server, sys.maxsize, lambda link: link.sendall(repr(heard).encode()), hear)
"""


def test_a_fork_knows_what_was_told_before_it(tmp_path):
    """However much of it there is, and however late the process begins to hear."""
    control = tmp_path / "control"
    program = [sys.executable, "-P", "-c", HEARS]
    process = outside.listening(control, lambda number: [*program, number])
    with process.stdin as stdin:
        line = Connection(os.dup(stdin.fileno()), readable=False)
    with line:
        for length in (1, 1_000_000, 2):
            line.send("x" * length)
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(control))
            assert link.makefile().read() == "[1, 1000000, 2]"
    assert process.wait(600) == 0


class _AtOnce(futures.Executor):
    """Runs each call when it is handed out."""

    def submit(self, call, *args):
        done = futures.Future()
        done.set_result(call(*args))
        return done


def test_verdicts_do_not_pile_up_before_the_only_writer(own, monkeypatch):
    read = []

    def contents(student):
        read.append(student)
        return {"hw": b""}

    monkeypatch.setattr(grade_module.futures, "ThreadPoolExecutor", lambda workers: _AtOnce())
    monkeypatch.setattr(grade_module, "own_judges", lambda: own)
    monkeypatch.setattr(grade_module.worker, "grade_submission", lambda *_: None)
    monkeypatch.setattr(grade_module.outside, "box", lambda *_: SimpleNamespace(address="none"))
    found = grade_module.verdicts(JOB, [f"s{number}" for number in range(100)], contents, workers=2)
    for taken in range(1, 51):
        next(found)
        assert taken < len(read) < taken + 10
    assert len(list(found)) == 50 and len(read) == 100


def test_closed_judges_judge_nobody(own):
    own.close()
    with pytest.raises(CourseError, match="Grading was stopped"):
        verdict(JOB, own, 6)


def test_a_class_can_be_graded_again_after_grading_was_stopped(tmp_path):
    """In the same process, as in a notebook of an instructor's."""
    School(tmp_path)
    release = tmp_path / "assignments" / "hw" / "p1.ipynb"
    for student in ("amina", "bo"):
        nb = nbformat.read(release, 4)
        if student == "bo":
            nb.cells[1].source = "import time\ntime.sleep(10**6)"
        (tmp_path / "submitted" / student / "hw").mkdir(parents=True)
        nbformat.write(nb, tmp_path / "submitted" / student / "hw" / "p1.ipynb")

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade(CourseFolder(tmp_path), "hw", workers=2, progress=stop)
    (again,) = grade(CourseFolder(tmp_path), "hw", ["amina"], again=True)
    assert "With the solution it raised" in again.failed  # what the judge says of this one
