"""What a class got right and wrong, on one page of HTML that needs nothing else.

Difficulty and discrimination are those of classical test theory: the mean share of an exercise's
points, and the correlation of the exercise with the rest of the assignment.
"""

from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import StatisticsError, correlation, mean, median

import nbformat
from nbgrader.api import Gradebook

from course import figures
from course.grading import CourseError
from course.grading.course_folder import write_atomically
from course.grading.feedback import templates
from course.grading.grade import read_result

_ENOUGH = 5  # submissions; with fewer, a correlation says nothing


@dataclass
class Exercise:
    """One exercise as the class did it."""

    name: str
    maximum: float
    difficulty: float  # mean share of its points, 0 to 1
    discrimination: float | None  # correlation with the other exercises; None: cannot be said
    right: int
    not_answered: int

    @property
    def remark(self):
        """What an instructor may want to look at."""
        if self.discrimination is not None and self.discrimination < 0.1:
            return "does not tell strong from weak submissions"
        if self.difficulty < 0.3:
            return "most of the class failed here"
        return ""


@dataclass
class Mistake:
    """One finding, and how many students had it."""

    exercise: str
    row: str
    cause: str
    count: int
    message: str  # the commonest wording
    students: list = field(default_factory=list)


@dataclass
class Summary:
    """An assignment as the class did it."""

    assignment: str
    maximum: float
    scores: list
    failed: list  # (student, reason)
    waiting: int
    repaired: int
    late: int
    uncontained: int
    seconds: float | None
    exercises: list
    mistakes: list

    @property
    def count(self):
        return len(self.scores)

    @property
    def mean(self):
        return mean(self.scores) if self.scores else 0.0

    @property
    def median(self):
        return median(self.scores) if self.scores else 0.0


def report(course, assignments, to="report.html"):
    """Write the page about all graded submissions of the assignments. Returns its path.

    Raises CourseError if nothing has been graded.
    """
    summaries = [summary(course, name) for name in assignments]
    summaries = [found for found in summaries if found.count or found.failed]
    if not summaries:
        raise CourseError("Nothing has been graded yet. Run: course grade")
    pictures = {found.assignment: _pictures(found) for found in summaries}
    page = templates().get_template("report.html")
    text = page.render(summaries=summaries, pictures=pictures, enough=_ENOUGH)
    path = Path(to)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode("utf-8"))
    return path


def summary(course, assignment):
    """The Summary of an assignment's graded submissions."""
    points, scores, failed, seconds = defaultdict(dict), [], [], []
    counts, maximum, order, found = Counter(), {}, [], defaultdict(list)
    with Gradebook(course.database) as gradebook:
        known = {a.name: a for a in gradebook.assignments}
        submissions = known[assignment].submissions if assignment in known else []
        total = known[assignment].max_score if assignment in known else 0.0
        for submission in submissions:
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    points[submission.student.id][grade.cell.name] = grade.score or 0.0
                    maximum[grade.cell.name] = grade.max_score
        students = sorted(submission.student.id for submission in submissions)
    for student in students:
        paths = sorted(course.path("autograded", assignment, student).glob("*.ipynb"))
        if not paths:
            points.pop(student, None)
            continue
        result = read_result(course, assignment, student)
        if result.failed:
            failed.append((student, result.failed))
            points.pop(student, None)
            continue
        scores.append(result.score)
        counts["waiting"] += result.manual
        counts["repaired"] += bool(result.repairs)
        counts["late"] += bool(result.late)
        counts["uncontained"] += not result.contained
        for path in paths:
            nb = nbformat.read(path, 4)
            seconds.append(nb.metadata.get("course", {}).get("seconds", 0))
            order = order or [
                cell.metadata.nbgrader.grade_id
                for cell in nb.cells
                if cell.metadata.get("nbgrader", {}).get("grade")
            ]
            for name, item in _findings(nb):
                found[name, item["row"], item["cause"]].append((student, item["message"]))
    exercises = [_exercise(name, maximum[name], points, found) for name in order if name in maximum]
    return Summary(
        assignment, total, sorted(scores), failed,
        counts["waiting"], counts["repaired"], counts["late"], counts["uncontained"],
        median(seconds) if seconds else None,
        exercises, _mistakes(found),
    )  # fmt: skip


def _findings(nb):
    """(grade id, first finding) of each cell that failed: the others often follow from it."""
    for cell in nb.cells:
        verdict = cell.metadata.get("course")
        if verdict and verdict["findings"] and "nbgrader" in cell.metadata:
            yield cell.metadata.nbgrader.grade_id, verdict["findings"][0]


def _exercise(name, maximum, points, found):
    shares = [got.get(name, 0.0) / (maximum or 1.0) for got in points.values()]
    rest = [sum(got.values()) - got.get(name, 0.0) for got in points.values()]
    discrimination = None
    if len(shares) >= _ENOUGH:
        with suppress(StatisticsError):  # everybody has the same
            discrimination = correlation(shares, rest)
    empty = (who for key, who in found.items() if (key[0], key[2]) == (name, "NOT_ANSWERED"))
    open_ = {student for who in empty for student, _ in who}
    return Exercise(
        name, maximum, mean(shares) if shares else 0.0, discrimination,
        sum(share >= 1 for share in shares), len(open_),
    )  # fmt: skip


def _mistakes(found):
    """Mistakes with the commonest first; what is only open is no mistake."""
    mistakes = [
        Mistake(
            name, row, cause, len(who),
            Counter(message for _, message in who).most_common(1)[0][0],
            sorted(student for student, _ in who),
        )
        for (name, row, cause), who in found.items()
        if cause != "NOT_ANSWERED"
    ]  # fmt: skip
    return sorted(mistakes, key=lambda m: (-m.count, m.exercise, m.row or "", m.cause))


def _pictures(found):
    """The page's two figures, as HTML."""
    pictures = [figures.distribution(found.scores, found.maximum)]
    if found.mistakes:
        causes = Counter()
        for mistake in found.mistakes:
            causes[templates().filters["cause"](mistake.cause)] += mistake.count
        title = "Mistakes by cause, number of findings"
        pictures.append(figures.bars(dict(causes.most_common(12)), title=title))
    return [picture._repr_html_() for picture in pictures]
