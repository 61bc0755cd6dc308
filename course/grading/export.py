"""Scores for the world outside: a CSV that any spreadsheet reads, with the reasons."""

import csv
from pathlib import Path

from nbgrader.plugins import ExportPlugin

COLUMNS = ("assignment", "student", "lms_user_id", "score", "max_score", "late_seconds", "state")


class ScoresExport(ExportPlugin):
    """nbgrader's export plugin of this course: `nbgrader export` writes scores.csv with it."""

    def export(self, gradebook):
        """Write the scores of the chosen assignments and students, correctly quoted."""
        rows = list(scores(gradebook, self.assignment, self.student))
        write(rows, self.to or "scores.csv")
        self.log.info("Wrote %d scores to %s", len(rows), self.to or "scores.csv")


def scores(gradebook, assignments=(), students=()):
    """A dict for each submission: COLUMNS, and the points of each exercise by its grade id."""
    for assignment in gradebook.assignments:
        if assignments and assignment.name not in assignments:
            continue
        for submission in assignment.submissions:
            if students and submission.student.id not in students:
                continue
            row = {
                "assignment": assignment.name,
                "student": submission.student.id,
                "lms_user_id": submission.student.lms_user_id or "",
                "score": submission.score,
                "max_score": submission.max_score,
                "late_seconds": submission.total_seconds_late,
                "state": "needs manual grade" if submission.needs_manual_grade else "graded",
            }
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    row[grade.cell.name] = grade.score
            yield row


def write(rows, path):
    """Write the rows to a CSV file; exercises become columns in the order of their first row."""
    exercises = list(dict.fromkeys(key for row in rows for key in row if key not in COLUMNS))
    # Excel takes a file for UTF-8 only if it begins with a byte-order mark.
    with Path(path).open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, [*COLUMNS, *exercises], restval="")
        writer.writeheader()
        writer.writerows({key: _harmless(value) for key, value in row.items()} for row in rows)


def _harmless(value):
    """A text that a spreadsheet would take for a formula is marked as text."""
    risky = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if risky else value
