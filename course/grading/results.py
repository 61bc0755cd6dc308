"""The result of each submission, read from the gradebook and the judged notebooks; its table."""

from contextlib import nullcontext
from dataclasses import dataclass, field

import nbformat
from nbgrader.api import Gradebook, MissingEntry

from course.diagnosis.causes import Cause
from course.grading import CourseError, hand
from course.grading.sandbox import outside
from course.grading.verdict import outputs
from course.language import ENGLISH, _, speaking
from course.plain import one_line

_MAX_REASON = 20  # lines of a reason why something was not graded


@dataclass
class Result:
    """One student's submission: points, what was lost and why, or why it could not be graded."""

    student: str
    score: float = 0.0
    maximum: float = 0.0
    lost: list = field(default_factory=list)  # (grade id, points, [message, ...])
    open: set = field(default_factory=set)  # grade ids of those that were not answered
    remarks: list = field(default_factory=list)  # (grade id, text: passed with an official answer)
    repairs: list = field(default_factory=list)
    absent: list = field(default_factory=list)  # sentences: a notebook was not handed in
    failed: str | None = None
    manual: bool = False  # whether an answer waits for a person
    by_hand: str | None = None  # why it could not be graded, if a person has graded all of it
    late: float = 0.0  # points taken off by nbgrader's plugin for late submissions
    contained: bool = True  # whether student code ran in a box
    language: str = ENGLISH  # in which it was judged
    files: dict = field(default_factory=dict)  # {notebook: SHA-256 of the file that was graded}


def read_result(course, assignment, student, gradebook=None):
    """A graded submission's Result, from the gradebook and the judged notebook."""
    result = Result(student)
    with nullcontext(gradebook) if gradebook else Gradebook(course.database) as gradebook:
        try:
            submission = gradebook.find_submission(assignment, student)
        except MissingEntry:
            return Result(student, failed="was never graded")
        result.late = submission.late_submission_penalty or 0.0
        result.score = max(0.0, submission.score - result.late)
        result.maximum = submission.max_score
        result.manual = submission.needs_manual_grade
        folder = course.path("autograded", assignment, student)
        for notebook in submission.notebooks:
            nb = read_judged(folder / f"{notebook.name}.ipynb")
            if nb is not None:
                _read_notebook(result, nb, notebook)
    if result.failed:
        lines = result.failed.splitlines()[:_MAX_REASON]
        result.failed = "\n".join(map(one_line, lines))
    if result.failed and not result.manual:
        result.failed, result.by_hand = None, result.failed
    return result


def read_judged(path):
    """A judged notebook, or None if there is none that can be read."""
    try:
        return nbformat.v4.reads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def judged_notebook(path, assignment):
    """A judged notebook. Raises CourseError if it cannot be read."""
    nb = read_judged(path)
    if nb is None:
        raise CourseError(
            f"{path} cannot be read, so this submission has to be graded again. Run: course grade "
            f"{assignment}"
        )
    return nb


def _read_notebook(result, nb, notebook):
    """Add a judged notebook and its entry in the gradebook to a Result."""
    said = nb.metadata.get("course", {})
    result.files[notebook.name] = said.get("file")
    result.repairs += map(one_line, said.get("repairs", []))
    result.absent += map(one_line, filter(None, [said.get("absent")]))
    result.failed = result.failed or said.get("failed")
    result.contained = result.contained and said.get("sandbox") != outside.UNSAFE
    result.language = said.get("language", ENGLISH)
    judged, comments = outputs.verdicts_in(nb), hand.comments(nb, notebook)
    grades = {grade.cell.name: grade for grade in notebook.grades}
    for name in comments:  # in the notebook's order
        grade = grades.get(name)
        if grade is None or grade.score >= grade.max_score:
            continue
        findings = judged[name]["findings"] if name in judged else []
        messages = [item["message"] for item in findings]
        by_hand = grade.manual_score is not None and not grade.needs_manual_grade
        is_open = findings and findings[0]["cause"] == Cause.NOT_ANSWERED.name
        if is_open and not (by_hand and comments[name]):
            result.open.add(name)
        if by_hand:
            with speaking(result.language):
                messages = comments[name] + messages or [_("graded by hand, without a comment")]
        if messages:
            lost = grade.max_score - grade.score
            result.lost.append((name, lost, list(map(one_line, messages))))
    for name, verdict in judged.items():
        if verdict["passed"]:
            result.remarks += [(name, one_line(item["message"])) for item in verdict["findings"]]


def table(results):
    """The grade table as text: every student with points and the reason for each lost point."""
    names = [one_line(result.student) for result in results]
    width = max(map(len, names))
    lines = []
    for name, result in zip(names, results, strict=True):
        first, *more = _lines(result)
        lines.append(f"{name:<{width}}  {first}")
        lines += [f"{'':<{width}}    {line}" for line in more]
    if not all(result.contained for result in results):
        lines.append("Graded WITHOUT a sandbox: these submissions could read and change anything.")
    return "\n".join(lines)


def _lines(result):
    """The lines of the table about one Result."""
    if result.failed:
        first, *more = result.failed.splitlines()
        return [f"not graded: {first}", *(f"| {line}" for line in more)]
    waits = "  (an answer waits to be graded by hand)" if result.manual else ""
    if result.by_hand:
        waits = f"  (graded by hand: {one_line(result.by_hand)})"
    lines, open_ = [f"{result.score:5g} / {result.maximum:g}{waits}"], {}
    for exercise, points, messages in result.lost:
        if exercise in result.open:
            open_[exercise] = points
        else:
            lines.append(f"−{points:g} {exercise}: {messages[0]}")
    if open_:
        names = ", ".join(open_) if len(open_) < 6 else f"{len(open_)} exercises"
        lines.append(f"−{sum(open_.values()):g} not answered: {names}")
    lines += [f"{exercise}: {said}" for exercise, said in result.remarks]
    lines += [f"−{result.late:g} handed in late"] if result.late else []
    return [*lines, *(f"repaired: {said}" for said in result.repairs), *result.absent]
