"""Export scores for spreadsheets, Canvas and Moodle.

Only final scores are exported to an LMS. If an answer waits for a person or a submission could not
be graded, the score is left out and the command says so.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nbgrader.plugins import ExportPlugin

from course.grading import CourseError
from course.grading.folder import CourseFolder
from course.grading.out.filled import fill, recognised
from course.grading.out.gradebooks import canvas, moodle
from course.grading.out.scores import COLUMNS, MISSING, NO_SCORE, STATES, scored, write


@dataclass
class Exported:
    """The result of an export."""

    paths: list
    rows: list
    notes: list  # sentences for the instructor

    @property
    def summary(self):
        """A line for each assignment that was handed in: the number of students in each state."""
        counts = {}
        for row in self.rows:
            counts.setdefault(row["assignment"], Counter())[row["state"]] += 1
        for assignment, states in counts.items():
            if set(states) != {MISSING}:
                told = "; ".join(f"{states[state]} {state}" for state in STATES if states[state])
                yield f"{assignment}: {told}"


def export(course, kind=None, assignments=(), students=(), to=None, into=None):
    """Write the scores as `kind`, one of FORMATS, by default "scores". Returns an Exported.

    `to` is the file, by default the format's own. `into` is an LMS's own file, of which a copy is
    filled in (`filled`).

    Raises CourseError if nothing was graded, and for a file that cannot be filled in.
    """
    everything = list(scored(course, assignments, students))
    if all(one.row["state"] in NO_SCORE for one in everything):
        raise CourseError("Nothing has been graded yet. Run: course grade")
    rows = [one.row for one in everything]
    if into:
        lms, sheet = recognised(into, kind)
        to = Path(to or f"{lms}.csv")
        if to.resolve() == Path(into).resolve():
            raise CourseError(f"{into} is not written over: name another file with --to.")
        return Exported([to], rows, fill(everything, lms, sheet, to))
    written, place = FORMATS[kind or "scores"]
    paths, notes = written(everything, to or place)
    return Exported(paths, rows, notes)


# --- one function for each format: (everything, to) -> (paths, sentences about it)


def _scores(everything, to):
    rows = [one.row for one in everything]
    exercises = list(dict.fromkeys(key for row in rows for key in row if key not in COLUMNS))
    return [write(to, [*COLUMNS, *exercises], rows)], []


FORMATS = {  # {format: (its function, the default file)}
    "scores": (_scores, "scores.csv"),
    "canvas": (canvas, "canvas.csv"),
    "moodle": (moodle, "moodle.csv"),
}


# --- for nbgrader: nbgrader export --exporter=course.grading.out.export.CanvasExport


class ScoresExport(ExportPlugin):
    """`nbgrader export` writes scores.csv with it: every exercise of everybody."""

    kind = "scores"

    def export(self, gradebook):
        """Write the scores of the chosen assignments and students."""
        course = CourseFolder(self.parent.coursedir.root)
        done = export(course, self.kind, self.assignment, self.student, self.to or None)
        self.log.info("Wrote %s", ", ".join(map(str, done.paths)))
        for line in [*done.summary, *done.notes]:
            self.log.info(line)


class CanvasExport(ScoresExport):
    """The file that Canvas's gradebook imports."""

    kind = "canvas"


class MoodleExport(ScoresExport):
    """The worksheets that Moodle's assignments import."""

    kind = "moodle"
