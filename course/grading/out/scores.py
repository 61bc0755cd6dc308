"""Each student's score in each assignment, with its state; read once, for all exports."""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import Gradebook

from course.grading.folder import write_atomically
from course.grading.inbox.intake import Record
from course.grading.inbox.lms import LMS
from course.grading.late import penalise, seconds_late
from course.grading.results import Result, read_result
from course.notebook import renamed

COLUMNS = (
    "assignment", "student", "last_name", "first_name", "lms_user_id",
    "score", "max_score", "late_penalty", "late_seconds", "state", "note",
)  # fmt: skip
GRADED, WAITS, FAILED = "graded", "needs manual grade", "not graded"
UNSAFE, MISSING, UNREADABLE = "graded without a sandbox", "not handed in", "handed in, unreadable"
PENDING, CHANGED = "handed in, not graded yet", "handed in anew, not graded yet"
STATES = (GRADED, WAITS, FAILED, UNSAFE, CHANGED, PENDING, UNREADABLE, MISSING)
NO_SCORE = (PENDING, UNREADABLE, MISSING)
_LATE = "late, as the LMS marks it"


@dataclass
class Grade:
    """A student's points in one exercise."""

    name: str  # its grade id
    points: float
    most: float
    waits: bool  # for a person
    reasons: list  # sentences, why points are missing


@dataclass
class Scored:
    """One student's score in one assignment, with the details for exports."""

    row: dict  # COLUMNS, and each exercise's points by grade id
    result: Result | None = None  # None: nothing was graded
    grades: list = field(default_factory=list)  # a Grade for each exercise
    number: dict = field(default_factory=dict)  # {LMS: its number for the student, or None}
    canvas: dict = field(default_factory=dict)  # the student's line in Canvas's own file

    @property
    def final(self):
        return self.row["score"] if self.row["state"] == GRADED else None

    @property
    def name(self):
        both = [self.row["last_name"], self.row["first_name"]]
        return ", ".join(filter(None, both)) or self.row["student"]


def scored(course, assignments=(), students=()):
    """A Scored for each student of the gradebook and each assignment."""
    penalise(course, assignments)
    record = Record(course)
    with Gradebook(course.database) as gradebook:
        class_ = [each for each in gradebook.students if not students or each.id in students]
        class_.sort(key=lambda student: student.id)
        for assignment in sorted(gradebook.assignments, key=lambda a: a.name):
            if assignments and assignment.name not in assignments:
                continue
            handed_in = {s.student_id: s for s in assignment.submissions}
            for student in class_:
                found = _ungraded(course, record, assignment, student)
                submission = handed_in.get(student.id)
                folder = course.path("autograded", assignment.name, student.id)
                if submission is not None and any(folder.glob("*")):
                    found.result = read_result(course, assignment.name, student.id, gradebook)
                    _add_grades(course, record, found, submission)
                yield found


def _ungraded(course, record, assignment, student):
    """The Scored of a student of the gradebook as if nothing had been graded."""
    names = assignment.name, student.id
    about = record.of(*names)
    row = dict.fromkeys(COLUMNS, "")
    row |= {
        "assignment": assignment.name,
        "student": student.id,
        "last_name": student.last_name or "",
        "first_name": student.first_name or "",
        "lms_user_id": student.lms_user_id or "",
        "max_score": assignment.max_score,
        "note": _LATE if about.late else "",
    }
    below = renamed.files_below(course.path("submitted", *names))
    if any(".ipynb" in path.name.lower() for path in below):
        row["state"] = PENDING
    elif about.unreadable:
        row |= {"state": UNREADABLE, "note": _listed(about.unreadable)}
    else:
        row["state"] = MISSING
    number = {lms: record.number(lms, *names, student.lms_user_id) for lms in LMS}
    return Scored(row, number=number, canvas=record.canvas.get(student.id, {}))


def _add_grades(course, record, found, submission):
    """Add to a Scored what its Result and the gradebook's submission say."""
    row, result = found.row, found.result
    about = record.of(row["assignment"], row["student"])
    said = [result.failed] if result.failed else [about.late and _LATE, *result.absent]
    if result.absent and about.unreadable:
        said.append(f"{UNREADABLE}: {_listed(about.unreadable)}")
    row |= {
        "score": "" if result.failed else result.score,
        "late_penalty": result.late,
        "late_seconds": seconds_late(submission, record),
        "state": _state(course, row, result),
        "note": "; ".join(filter(None, said)),
    }
    reasons = {name: messages for name, _, messages in result.lost}
    for notebook in submission.notebooks:
        for grade in notebook.grades:
            name, points = grade.cell.name, grade.score
            waits = bool(grade.needs_manual_grade)
            open_ = result.failed or (waits and grade.auto_score is None)
            if not open_ or grade.manual_score is not None:  # else 0, as of a wrong answer
                row[name] = points
            given = name, points or 0.0, grade.max_score, waits, reasons.get(name, [])
            found.grades.append(Grade(*given))


def _state(course, row, result):
    """The state of what has been graded."""
    if _changed(course, row, result):
        return CHANGED
    if not result.contained:
        return UNSAFE
    return FAILED if result.failed else WAITS if result.manual else GRADED


def _listed(unreadable):
    return "; ".join(f"{file} {reason}" for file, reason in unreadable)


def _changed(course, row, result):
    """Whether the file in submitted/ is there, can be read, and is not the one that was graded."""
    folder = course.path("submitted", row["assignment"], row["student"])
    files = result.files
    try:
        there = renamed.contents(folder, files) if folder.is_dir() else {}
    except OSError:
        return False
    return bool(there) and any(
        digest and renamed.file_digest(there, notebook, files) != digest
        for notebook, digest in files.items()
    )


def write(path, header, lines, bom=True):
    """Write a CSV file of dicts; values that a spreadsheet would run as formulas become text.

    Raises CourseError if the file cannot be there.
    """
    path, text = Path(path), io.StringIO(newline="")
    writer = csv.DictWriter(text, header, restval="")
    writer.writeheader()
    writer.writerows({key: _harmless(value) for key, value in line.items()} for line in lines)
    # Excel reads a file as UTF-8 only if it has a byte-order mark, which LMSs do not expect.
    content = text.getvalue().encode("utf-8-sig" if bom else "utf-8")
    if path.is_char_device() or path.is_fifo():  # such as /dev/stdout
        path.write_bytes(content)
    else:
        write_atomically(path.resolve(), content)  # a link stays one
    return path


def _harmless(value):
    risky = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if risky and value != "-" else value
