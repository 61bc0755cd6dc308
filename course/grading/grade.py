"""A class graded: nbgrader's autograde for each submission, and the grade table with reasons."""

from dataclasses import dataclass, field

import nbformat
from nbgrader.api import Gradebook, MissingEntry

from course.diagnosis import Cause
from course.grading import judge
from course.grading.course_folder import CourseError
from course.grading.release import last_error


@dataclass
class Result:
    """One student's submission: points, what was lost and why, or why it could not be graded."""

    student: str
    score: float = 0.0
    maximum: float = 0.0
    lost: list = field(default_factory=list)  # (grade id, points, [message, ...])
    repairs: list = field(default_factory=list)
    failed: str | None = None
    manual: bool = False  # an answer waits for a person


def grade(course, assignment, students=None, again=False, progress=lambda *_: None):
    """Grade the submissions of an assignment. Returns a Result for each, failed ones included.

    Submissions that are graded and have not changed since are left alone unless `again`.
    `progress(number, total, result)` is called after each.

    Raises CourseError if the assignment was never released, or nobody handed anything in.
    """
    if not course.released(assignment):
        raise CourseError(
            f"The gradebook does not know {assignment} yet. Run: course release {assignment}"
        )
    chosen = list(students or course.students(assignment))
    if not chosen:
        raise CourseError(
            f"Nobody has handed in {assignment}: {course.directory.submitted_directory}/ holds no "
            f"submission of it. Run: course collect submissions.zip"
        )
    results = []
    for number, student in enumerate(chosen, 1):
        force = again or _changed(course, assignment, student)
        outcome = course.api.autograde(assignment, student, force=force)
        if outcome["success"]:
            result = read_result(course, assignment, student)
        else:
            result = Result(student, failed=last_error(outcome))
        results.append(result)
        progress(number, len(chosen), result)
    return results


def _changed(course, assignment, student):
    """Whether something was handed in after it was graded; nbgrader reads timestamp.txt only."""
    dates = [
        max(
            (p.stat().st_mtime for p in course.path(step, assignment, student).rglob("*")),
            default=0,
        )
        for step in ("submitted", "autograded")
    ]
    return dates[0] > dates[1]


def read_result(course, assignment, student):
    """A graded submission's Result, from the gradebook and the judged notebook."""
    result = Result(student)
    with Gradebook(course.database) as gradebook:
        try:
            submission = gradebook.find_submission(assignment, student)
        except MissingEntry:
            return Result(student, failed="was never graded")
        result.score, result.maximum = submission.score, submission.max_score
        result.manual = submission.needs_manual_grade
        points = {
            grade.cell.name: (grade.score, grade.max_score)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }
    folder = course.path("autograded", assignment, student)
    for path in sorted(folder.glob("*.ipynb")):
        nb = nbformat.read(path, 4)
        result.repairs += nb.metadata.get("course", {}).get("repairs", [])
        for name, (passed, messages) in judge.reasons(nb).items():
            got, most = points.get(name, (0.0, 0.0))
            if not passed and got < most:
                result.lost.append((name, most - got, messages))
    return result


def table(results):
    """The grade table as text: every student with points and the reason for each lost point."""
    width = max(len(result.student) for result in results)
    lines = []
    for result in results:
        if result.failed:
            lines.append(f"{result.student:<{width}}  not graded: {result.failed}")
            continue
        waits = "  (an answer waits to be graded by hand)" if result.manual else ""
        lines.append(f"{result.student:<{width}}  {result.score:5g} / {result.maximum:g}{waits}")
        open_ = [name for name, _, messages in result.lost if _open(messages)]
        open_points = sum(points for _, points, messages in result.lost if _open(messages))
        for name, points, messages in result.lost:
            if not _open(messages):
                lines.append(f"{'':<{width}}    −{points:g} {name}: {messages[0]}")
        if open_:
            names = ", ".join(open_) if len(open_) < 6 else f"{len(open_)} exercises"
            lines.append(f"{'':<{width}}    −{open_points:g} not answered: {names}")
        for said in result.repairs:
            lines.append(f"{'':<{width}}    repaired: {said}")
    return "\n".join(lines)


def _open(messages):
    return bool(messages) and Cause.NOT_ANSWERED.value in messages[0]
