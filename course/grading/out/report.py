"""The report: a class's scores, exercises and mistakes on one self-contained HTML page.

Difficulty and discrimination are those of classical test theory: the mean share of an exercise's
points, and the corrected item-total correlation, which is that of an exercise's points with the
points of all other exercises together.
"""

import os
import re
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import StatisticsError, correlation, mean, median, quantiles, stdev
from urllib.parse import quote

from course.diagnosis import Cause
from course.grading import CourseError
from course.grading.folder import write_atomically
from course.grading.inbox.intake import intake
from course.grading.out.feedback import rendered
from course.grading.out.process import FEWEST, Process, process
from course.grading.out.scores import PENDING, UNREADABLE, scored
from course.grading.results import judged_notebook
from course.grading.verdict.outputs import verdicts_in
from course.plain import one_line

_ENOUGH = 10  # submissions; with fewer, a correlation says nothing
_EACH_SIDE = 2  # least number above and below the mean, so that no single one decides
_HEADING = re.compile(r"#{1,6} +(.+)")
_POINTS = re.compile(r" *\(\d+ points?\)$")


@dataclass
class Exercise:
    """One exercise: the class's results."""

    name: str
    title: str  # the heading that it stands under
    maximum: float
    difficulty: float | None  # mean share of its points, 0 to 1; None: nobody's is known yet
    discrimination: float | None  # correlation with the other exercises; None: cannot be computed
    right: int
    not_answered: int
    letters: list  # (question, [(wrong letter, how often it was chosen), ...])

    @property
    def remark(self):
        """A remark for the instructor about an unusual exercise, or ""."""
        if self.discrimination is not None and self.discrimination < 0.1:
            return "does not tell strong from weak submissions"
        if self.difficulty is not None and self.difficulty < 0.3:
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
    students: list


@dataclass
class Student:
    """One student's submission: its score and state."""

    name: str
    score: float | None  # None: there is none
    state: str
    page: str | None = None  # address of the feedback page, relative to the report


@dataclass
class Summary:
    """One assignment: the class's results."""

    assignment: str
    maximum: float
    results: list  # the Result of each student who has a score
    failed: list  # (student, reason)
    seconds: float | None
    exercises: list
    mistakes: list
    blank: int  # handed in without a single answer
    students: list
    process: Process | None = None  # how it came to its answers, if the notebooks keep that

    @cached_property
    def scores(self):
        return sorted(result.score for result in self.results)

    @property
    def count(self):
        return len(self.scores)

    @property
    def mean(self):
        return mean(self.scores) if self.scores else 0.0

    @property
    def median(self):
        return median(self.scores) if self.scores else 0.0

    @property
    def spread(self):
        """(lowest, lower quartile, upper quartile, highest, standard deviation), or None."""
        if self.count < 2:
            return None
        low, _, high = quantiles(self.scores, n=4, method="inclusive")
        return self.scores[0], low, high, self.scores[-1], stdev(self.scores)

    @property
    def tenths(self):
        """(from, to, number of scores) for each tenth of the points."""
        top = self.maximum or 1
        at = Counter(min(9, int(10 * score / top)) for score in self.scores)
        return [(top * tenth / 10, top * (tenth + 1) / 10, at[tenth]) for tenth in range(10)]

    @property
    def causes(self):
        """(cause, number of findings), the most frequent first."""
        causes = Counter()
        for mistake in self.mistakes:
            causes[mistake.cause] += mistake.count
        return causes.most_common(12)


def report(course, assignments, to="report.html"):
    """Write the page about all graded submissions of the assignments. Returns its path.

    Raises CourseError if nothing has been graded.
    """
    path = Path(to)
    summaries = [summary(course, name, path.parent) for name in assignments]
    summaries = [found for found in summaries if found.count or found.failed]
    if not summaries:
        names = ", ".join(assignments)
        raise CourseError(f"No submission of {names} has been graded yet. Run: course grade")
    text = rendered("report.html", summaries=summaries, enough=_ENOUGH, fewest=FEWEST)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode("utf-8"))
    return path


def summary(course, assignment, place=Path()):
    """The Summary of an assignment's submissions; `place` is the folder of the report."""
    graded, failed, total = {}, [], 0.0  # graded: {student: Scored}
    students = {name: Student(name, None, PENDING) for name in course.students(assignment)}
    unreadable = {name: about.unreadable for name, about in intake(course, assignment).items()}
    for one in scored(course, [assignment]):
        student, result, total = one.row["student"], one.result, one.row["max_score"]
        if result is None:
            said = "; ".join(f"{file}: {why}" for file, why in unreadable.get(student, ()))
            state = f"{UNREADABLE}: {one_line(said)}" if said else "has not handed in"
            students.setdefault(student, Student(student, None, state))
            continue
        page = _feedback_page(course, assignment, student, place)
        if result.failed:
            failed.append((student, result.failed.splitlines()[0]))
            students[student] = Student(student, None, "could not be graded", page)
            continue
        graded[student] = one
        by_hand = "graded by hand" if result.by_hand else "graded"
        state = "waits for a person" if result.manual else by_hand
        students[student] = Student(student, result.score, state, page)
    titles, seconds, found, letters = _judged(course, assignment, graded)
    points = {
        student: {grade.name: grade.points for grade in one.grades if not grade.waits}
        for student, one in graded.items()
    }
    maximum = {grade.name: grade.most for one in graded.values() for grade in one.grades}
    blank = _blank(points, found)
    answered = {who: got for who, got in points.items() if who not in blank}
    exercises = [
        Exercise(
            name, title, maximum[name], *_difficulty_and_discrimination(name, answered, maximum),
            sum(got.get(name, 0.0) >= maximum[name] for got in points.values()),
            _not_answered(name, found),
            [(row, sorted(chosen.items())) for (of, row), chosen in letters.items() if of == name],
        )
        for name, title in titles.items()
        if name in maximum
    ]  # fmt: skip
    return Summary(
        assignment,
        maximum=total,
        results=[one.result for one in graded.values()],
        failed=failed,
        seconds=median(seconds) if seconds else None,
        exercises=exercises,
        mistakes=_mistakes(found),
        blank=len(blank),
        students=[students[name] for name in sorted(students)],
        process=process(course, assignment),
    )


def _judged(course, assignment, students):
    """What the judged notebooks of these students say, as four collections.

    {grade id: the heading above it}; the seconds of each notebook; {(grade id, row, cause):
    [(student, message)]} of the first finding in each failed exercise; and {(grade id, question):
    Counter of the wrong letters}.
    """
    titles, seconds, found, letters = {}, [], defaultdict(list), defaultdict(Counter)
    for student in students:
        for path in sorted(course.path("autograded", assignment, student).glob("*.ipynb")):
            nb = judged_notebook(path, assignment)
            seconds.append(nb.metadata.get("course", {}).get("seconds", 0))
            for name, title in _titles(nb).items():
                titles.setdefault(name, title)
            for name, verdict in verdicts_in(nb).items():
                if verdict["passed"]:
                    continue
                first = verdict["findings"][0]  # the others may follow from it
                found[name, first["row"], first["cause"]].append((student, first["message"]))
                for item in verdict["findings"]:
                    if item["cause"] == Cause.CHOICE.name and "received" in item:
                        letters[name, item["row"]][item["received"]] += 1
    return titles, seconds, found, letters


def _feedback_page(course, assignment, student, place):
    """The address of a student's feedback page, if it has been written."""
    pages = sorted(course.path("feedback", assignment, student).glob("*.html"))
    return quote(Path(os.path.relpath(pages[0], place.resolve())).as_posix()) if pages else None


def _titles(nb):
    """{grade id: the heading above it}, in the notebook's order."""
    title, titles = "", {}
    for cell in nb.cells:
        meta = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown" and not meta.get("solution"):
            for heading in _HEADING.findall(cell.source):
                title = _POINTS.sub("", heading.strip())
        if meta.get("grade"):
            titles[meta["grade_id"]] = title
    return titles


def _blank(points, found):
    """The students without a single answer; they say nothing about how hard an exercise is."""
    wrong = {who for key, said in found.items() if key[2] != "NOT_ANSWERED" for who, _ in said}
    return {who for who, got in points.items() if not any(got.values()) and who not in wrong}


def _not_answered(name, found):
    """How many students left an exercise open."""
    empty = (who for key, who in found.items() if (key[0], key[2]) == (name, "NOT_ANSWERED"))
    return len({student for who in empty for student, _ in who})


def _difficulty_and_discrimination(name, points, maximum):
    """Of one exercise. `points` are those of each student who answered anything.

    Points that a person has yet to give are in no student's dict. An exercise that somebody waits
    for is in nobody's rest, so that all rests are of the same exercises.
    """
    shares = {who: got[name] / (maximum[name] or 1.0) for who, got in points.items() if name in got}
    if not shares:
        return None, None
    others = set.intersection(*(set(points[who]) for who in points)) - {name}
    rest = [sum(points[who][other] for other in others) for who in shares]
    return mean(shares.values()), _correlation(list(shares.values()), rest)


def _correlation(shares, rest):
    """The correlation; None if there are too few submissions, or a single one would decide."""
    if len(shares) < _ENOUGH:
        return None
    middle = mean(shares)
    sides = sum(share > middle for share in shares), sum(share < middle for share in shares)
    with suppress(StatisticsError):  # everybody has the same
        return correlation(shares, rest) if min(sides) >= _EACH_SIDE else None
    return None


def _mistakes(found):
    """The mistakes, the most common first; missing answers are not mistakes."""
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
