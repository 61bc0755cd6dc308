"""Each student's score in each assignment, with its state; read once, for all exports."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import Gradebook

from course.grading.folder import check_place
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


@dataclass
class Scored:
    """One student's score in one assignment, with the details for exports."""

    row: dict  # COLUMNS, and each exercise's points by grade id
    result: Result | None = None  # None: nothing was graded
    grades: list = field(default_factory=list)  # (grade id, points, most points)
    waiting: set = field(default_factory=set)  # grade ids of answers that wait for a person
    number: dict = field(default_factory=dict)  # {LMS: its number for the student, or None}
    canvas: dict = field(default_factory=dict)  # the student's line in Canvas's own file

    @property
    def final(self):
        return self.row["score"] if self.row["state"] == GRADED else None

    @property
    def name(self):
        both = [self.row["last_name"], self.row["first_name"]]
        return ", ".join(filter(None, both)) or self.row["student"]

    @property
    def said(self):
        """{grade id: why points are missing there}."""
        return {name: messages for name, _, messages in self.result.lost}


def scored(course, assignments=(), students=()):
    """A Scored for each student of the gradebook and each assignment."""
    penalise(course, assignments)
    record = Record(course)
    with Gradebook(course.database) as gradebook:
        class_ = sorted(gradebook.students, key=lambda student: student.id)
        for assignment in sorted(gradebook.assignments, key=lambda a: a.name):
            if assignments and assignment.name not in assignments:
                continue
            handed_in = {s.student_id: s for s in assignment.submissions}
            for student in class_:
                if not students or student.id in students:
                    submission = handed_in.get(student.id)
                    yield _scored(course, gradebook, record, assignment, student, submission)


def _scored(course, gradebook, record, assignment, student, submission):
    number = {
        lms: record.number(lms, assignment.name, student.id, student.lms_user_id) for lms in LMS
    }
    about = record.of(assignment.name, student.id)
    row = dict.fromkeys(COLUMNS, "")
    row |= {
        "assignment": assignment.name,
        "student": student.id,
        "last_name": student.last_name or "",
        "first_name": student.first_name or "",
        "lms_user_id": student.lms_user_id or "",
        "max_score": assignment.max_score,
        "note": "late, as the LMS marks it" if about.late else "",
    }
    found = Scored(row, number=number, canvas=record.canvas.get(student.id, {}))
    graded = course.path("autograded", assignment.name, student.id)
    if submission is None or not any(graded.glob("*")):
        if any(course.path("submitted", assignment.name, student.id).glob("*.ipynb")):
            row["state"] = PENDING
        elif about.unreadable:
            row["state"] = UNREADABLE
            row["note"] = _listed(about.unreadable)
        else:
            row["state"] = MISSING
        return found
    result = found.result = read_result(course, assignment.name, student.id, gradebook)
    row |= {
        "score": "" if result.failed else result.score,
        "late_penalty": result.late,
        "late_seconds": seconds_late(submission, record),
        "state": FAILED if result.failed else WAITS if result.manual else GRADED,
    }
    if not result.contained:
        row["state"] = UNSAFE
    if _changed(course, row, result):
        row["state"] = CHANGED
    said = [result.failed] if result.failed else [row["note"], *result.absent]
    if result.absent and about.unreadable:
        said.append(f"{UNREADABLE}: {_listed(about.unreadable)}")
    row["note"] = "; ".join(filter(None, said))
    for notebook in submission.notebooks:
        for grade in notebook.grades:
            if not result.failed or grade.manual_score is not None:  # else 0, as of a wrong answer
                row[grade.cell.name] = grade.score
            found.grades.append((grade.cell.name, grade.score or 0.0, grade.max_score))
            if grade.needs_manual_grade:
                found.waiting.add(grade.cell.name)
    return found


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
    path = Path(path)
    check_place(path)
    # Excel reads a file as UTF-8 only if it has a byte-order mark, which LMSs do not expect.
    encoding = "utf-8-sig" if bom else "utf-8"
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, header, restval="")
        writer.writeheader()
        writer.writerows({key: _harmless(value) for key, value in line.items()} for line in lines)
    return path


def _harmless(value):
    risky = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if risky and value != "-" else value
