"""The process whose forks judge: ended, and started again."""

from contextlib import closing

import nbformat
import psutil
import pytest

from course.grading import CourseError, judges, worker
from course.grading.folder import CourseFolder
from course.grading.grade import grade
from tests.made_up import answer, graded, handed_in, job_of
from tests.school import School

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


def test_a_verdict_does_not_depend_on_what_was_judged_before(own):
    values = 6, 7
    before = [verdict(JOB, own, value) for value in values]
    assert before[0] != before[1]
    assert "SyntaxError" in verdict(UNREADABLE, own, 6)[0]  # stops nobody else
    assert before == [verdict(JOB, own, value) for value in values]


def test_judges_that_have_died_are_started_again(own):
    before = verdict(JOB, own, 6)
    process = psutil.Process(own._process.pid)
    process.kill()
    process.wait()
    assert verdict(JOB, own, 6) == before


def test_judges_can_be_closed_after_they_have_died(own):
    process = psutil.Process(own._process.pid)
    process.kill()
    psutil.wait_procs([process], timeout=600)
    own.close()


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
