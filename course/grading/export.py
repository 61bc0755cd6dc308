"""Scores for the world outside: what spreadsheets, Canvas, Moodle and Gradescope read.

A score that is not final is never exported to an LMS: where an answer still waits for a person, or
a submission could not be graded, the cell stays empty and the command says so.
"""

import csv
import json
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin

from course.grading import CourseError
from course.grading.course_folder import CourseFolder
from course.grading.grade import read_result

COLUMNS = (
    "assignment", "student", "last_name", "first_name", "lms_user_id",
    "score", "max_score", "late_penalty", "late_seconds", "state",
)  # fmt: skip
GRADED, WAITS, FAILED = "graded", "needs manual grade", "not graded"
MISSING, UNSAFE = "not handed in", "graded without a sandbox"


def export(course, kind, assignments=(), students=(), to=None):
    """Write the scores as `kind`, one of FORMATS. Returns (paths written, rows that are not final).

    `to` is the file (for "gradescope" the folder); by default it is named after the kind.

    Raises CourseError if nothing was graded.
    """
    rows = list(scores(course, assignments, students))
    if all(row["state"] == MISSING for row in rows):
        raise CourseError("Nothing has been graded yet. Run: course grade")
    written = FORMATS[kind](course, rows, to)
    return written, [row for row in rows if row["state"] not in (GRADED, MISSING)]


def scores(course, assignments=(), students=()):
    """A dict for each student and assignment: COLUMNS, and each exercise's points by grade id."""
    with Gradebook(course.database) as gradebook:
        for assignment in sorted(gradebook.assignments, key=lambda a: a.name):
            if assignments and assignment.name not in assignments:
                continue
            handed_in = {s.student.id: s for s in assignment.submissions}
            for student in sorted(gradebook.students, key=lambda s: s.id):
                if not students or student.id in students:
                    submission = handed_in.get(student.id)
                    yield _row(course, assignment, student, submission)


def _row(course, assignment, student, submission):
    row = dict.fromkeys(COLUMNS, "")
    row |= {
        "assignment": assignment.name,
        "student": student.id,
        "last_name": student.last_name or "",
        "first_name": student.first_name or "",
        "lms_user_id": student.lms_user_id or "",
        "max_score": assignment.max_score,
        "state": MISSING,
    }
    if submission is None or not any(
        course.path("autograded", assignment.name, student.id).glob("*")
    ):
        return row
    result = read_result(course, assignment.name, student.id)
    row |= {
        "score": result.score,
        "late_penalty": result.late,
        "late_seconds": submission.total_seconds_late,
        "state": FAILED if result.failed else WAITS if result.manual else GRADED,
    }
    if not result.contained:
        row["state"] = UNSAFE
    for notebook in submission.notebooks:
        for grade in notebook.grades:
            row[grade.cell.name] = grade.score
    return row


# --- one function for each format: (course, rows, to) -> paths


def _scores(course, rows, to):
    exercises = list(dict.fromkeys(key for row in rows for key in row if key not in COLUMNS))
    return [_write(to or "scores.csv", [*COLUMNS, *exercises], rows)]


def _canvas(course, rows, to):
    """Canvas's gradebook import: a column for each assignment, its points in the second line.

    Canvas knows students by its own number, which its download puts into each file's name.
    """
    assignments = {row["assignment"]: row["max_score"] for row in rows}
    first = {"Student": "    Points Possible", **assignments}
    lines = {}
    for row in rows:
        line = lines.setdefault(row["student"], {"Student": _name(row), "ID": row["lms_user_id"]})
        line[row["assignment"]] = _final(row)
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *assignments]
    return [_write(to or "canvas.csv", header, [first, *lines.values()], bom=False)]


def _moodle(course, rows, to):
    """Moodle's offline grading worksheet, one for each assignment.

    Moodle knows participants by the number that its download puts into each folder's name.
    """
    header = ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"]
    header.append("Feedback comments")
    paths = []
    names = list(dict.fromkeys(row["assignment"] for row in rows))
    for assignment in names:
        path = Path(to or "moodle.csv")
        if len(names) > 1:
            path = path.with_stem(f"{path.stem}-{assignment}")
        lines = [
            {
                "Identifier": f"Participant {row['lms_user_id']}" if row["lms_user_id"] else "",
                "Full name": _name(row),
                "Grade": _final(row),
                "Maximum Grade": row["max_score"],
                "Last modified (grade)": "-",
                "Feedback comments": _comments(course, row),
            }
            for row in rows
            if row["assignment"] == assignment
        ]
        paths.append(_write(path, header, lines, bom=False))
    return paths


def _gradescope(course, rows, to):
    """A results.json for each submission, as Gradescope's autograders leave it."""
    paths = []
    for row in rows:
        if row["state"] == MISSING:
            continue
        result = read_result(course, row["assignment"], row["student"])
        said = {name: messages for name, _, messages in result.lost}
        with Gradebook(course.database) as gradebook:
            submission = gradebook.find_submission(row["assignment"], row["student"])
            grades = [g for notebook in submission.notebooks for g in notebook.grades]
            tests = [
                {
                    "name": grade.cell.name,
                    "score": grade.score or 0.0,
                    "max_score": grade.max_score,
                    "status": "passed" if grade.score == grade.max_score else "failed",
                    "output": "\n".join(said.get(grade.cell.name, [])),
                    "output_format": "text",
                    "visibility": "visible",
                }
                for grade in grades
            ]
        output = [f"Not graded: {result.failed}"] if result.failed else []
        output += [f"{result.late:g} points were taken off for lateness."] if result.late else []
        output += [f"Repaired: {text}" for text in result.repairs]
        if result.manual and not result.failed:
            output.append("An answer still waits to be graded by a person.")
        content = {
            "score": result.score,
            "output": "\n".join(output),
            "output_format": "text",
            "tests": tests,
            "extra_data": {"assignment": row["assignment"], "state": row["state"]},
        }
        folder = Path(to or "gradescope") / row["student"] / row["assignment"]
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "results.json"
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
        paths.append(path)
    return paths


FORMATS = {
    "scores": _scores,
    "canvas": _canvas,
    "moodle": _moodle,
    "gradescope": _gradescope,
}


# --- nbgrader's own door: nbgrader export --exporter=course.grading.export.CanvasExport


class ScoresExport(ExportPlugin):
    """`nbgrader export` writes scores.csv with it: every exercise of everybody."""

    kind = "scores"

    def export(self, gradebook):
        """Write the scores of the chosen assignments and students."""
        course = CourseFolder(self.parent.coursedir.root)
        paths, _ = export(course, self.kind, self.assignment, self.student, self.to or None)
        self.log.info("Wrote %s", ", ".join(map(str, paths)))


class CanvasExport(ScoresExport):
    """The file that Canvas's gradebook imports."""

    kind = "canvas"


class MoodleExport(ScoresExport):
    """The worksheets that Moodle's assignments import."""

    kind = "moodle"


class GradescopeExport(ScoresExport):
    """A results.json for each submission."""

    kind = "gradescope"


# --- helpers


def _final(row):
    return row["score"] if row["state"] == GRADED else ""


def _name(row):
    both = [row["last_name"], row["first_name"]]
    return ", ".join(filter(None, both)) or row["student"]


def _comments(course, row):
    """What was found, in one text."""
    if row["state"] == MISSING:
        return ""
    result = read_result(course, row["assignment"], row["student"])
    if result.failed:
        return f"Not graded: {result.failed}"
    return "\n".join(f"−{points:g} {name}: {said[0]}" for name, points, said in result.lost if said)


def _write(path, header, lines, bom=True):
    # Excel takes a file for UTF-8 only if it begins with a byte-order mark; LMSs stumble over it.
    encoding = "utf-8-sig" if bom else "utf-8"
    with Path(path).open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, header, restval="")
        writer.writeheader()
        writer.writerows({key: _harmless(value) for key, value in line.items()} for line in lines)
    return Path(path)


def _harmless(value):
    """A text that a spreadsheet would take for a formula is marked as text."""
    risky = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if risky and value != "-" else value
