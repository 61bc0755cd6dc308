"""How a class came to its answers, from the records that its files hold (`course.check.process`).

A record is what a student's file claims: nothing depends on it, and whatever is not as the course
writes it is refused. The figures are about the class. Those about fewer than five files are
left out, and numbers of files are rounded down to a multiple of five: no two differ by fewer.
"""

import ast
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from statistics import median_low

from course.check.process import LONGEST, MIME, MOST, RIGHT, STATES, WRONG
from course.diagnosis import Cause
from course.evidence.syntax import tree_of
from course.grading.notebook.source import read_source
from course.notebook import renamed
from course.notebook.read import decoded
from course.plain import one_line

FEWEST = 5  # files that a figure is about
ALL = "all"
_KEY = re.compile(rf'"{re.escape(MIME)}"\s*:\s*')
_LARGEST = 1_000_000  # characters of a record
_LATEST = 100_000  # minutes at work
_CAUSES = {cause.name for cause in Cause} - {Cause.NOT_ANSWERED.name}


class Refused(Exception):
    """A record that the course did not write; the text says why, and repeats nothing of it."""


@dataclass
class Way:
    """One file's way to one answer; it ends where the check first said that it is right."""

    findings: list = field(default_factory=list)  # (row, cause), the first of each wrong run
    solved: bool = False
    minutes: int = 0
    returned: bool = False  # whether it was wrong, left for another exercise, and taken up again

    @property
    def tries(self):
        return len(self.findings) + self.solved


@dataclass
class Exercise:
    """The ways to one answer. What is None is about too few files to be told.

    Numbers of files are rounded (`rounded`).
    """

    name: str
    files: int | None  # that tell of a try
    solved: int | str | None = None  # or ALL
    tries: tuple | None = None  # (lower quartile, median, upper quartile) until solved
    classes: list = field(default_factory=list)  # (numbers of tries until solved, files)
    unsolved: int | None = None  # median number of tries of those who did not solve it
    minutes: int | None = None  # median until solved
    returned: int | None = None
    firsts: list = field(default_factory=list)


@dataclass
class First:
    """A finding with which several files' ways to an answer begin, and what became of it.

    Numbers of files are rounded (`rounded`).
    """

    row: str
    cause: str
    files: int
    solved: int | str | None  # or ALL
    tries: int | None  # median until solved
    last: list  # (row, cause, files): the last finding before it was right, or of all


@dataclass
class Process:
    """An assignment's records: how many there are, and what they tell of each exercise."""

    files: int
    records: int | None  # rounded; None: too few to be told
    refused: list  # (why, files)
    exercises: list

    @property
    def enough(self):
        return bool(self.records)


def keeps(nb):
    """Whether a notebook's cells switch the record on: course.setup(keep_progress=True)."""
    for cell in nb.cells:
        for node in ast.walk(tree_of(cell.source)) if cell.cell_type == "code" else ():
            if isinstance(node, ast.keyword) and node.arg == "keep_progress":
                return getattr(node.value, "value", None) is True
    return False


def process(course, assignment):
    """The Process of an assignment; None if its source does not say that it is kept."""
    sources = {path.stem: read_source(path) for path in course.notebooks(assignment)}
    sources = {notebook: nb for notebook, nb in sources.items() if keeps(nb)}
    if not sources:
        return None
    about = [cell.metadata.get("nbgrader", {}) for nb in sources.values() for cell in nb.cells]
    names = [meta["grade_id"] for meta in about if meta.get("grade") and not meta["solution"]]
    students, found, refused = course.students(assignment), [], Counter()
    for student in students:
        try:
            ways = _ways_of(course.path("submitted", assignment, student), sources, names)
        except Refused as error:
            refused[str(error)] += 1
            continue
        if ways:
            found.append(ways)
    exercises = [_about(name, [ways[name] for ways in found if name in ways]) for name in names]
    return Process(len(students), rounded(len(found)), sorted(refused.items()), exercises)


# --- one file


def _ways_of(folder, notebooks, exercises):
    """{exercise: Way} of a student's files. Raises Refused."""
    try:
        contents = renamed.contents(folder, notebooks)
    except OSError as error:
        raise Refused(f"its file cannot be read ({error.strerror})") from None
    ways = {}
    for content in reversed(contents.values()):  # the notebook itself counts before its copies
        ways |= ways_in(record_in(content, exercises))
    return {name: way for name, way in ways.items() if name in exercises}


def record_in(content, exercises):
    """The runs in a notebook's file, [] if it holds none. If the file has several, the last.

    The file's text is searched for it, so it is found in a damaged file, too. Raises Refused.
    """
    text, _ = decoded(content)
    places = list(_KEY.finditer(text))
    if not places:
        return []
    try:
        begin = places[-1].end()
        found, _ = json.JSONDecoder().raw_decode(text[begin : begin + _LARGEST])
        (runs,) = found.values()
        if list(found) != ["runs"] or type(runs) is not list:
            raise ValueError
        if any(type(run) is not list or len(run) != 5 or type(run[0]) is not str for run in runs):
            raise ValueError
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Refused("it does not have the form in which the course writes it") from None
    if len(runs) > MOST:
        raise Refused(f"it holds more than {MOST:,} runs")
    if runs and not any(run[0] in exercises for run in runs):  # some may have been renamed since
        raise Refused("it names no exercise of the assignment")
    before = 0
    for _exercise, minutes, state, row, cause in runs:
        if type(minutes) is not int or not before <= minutes <= _LATEST:
            raise Refused("its minutes are not whole numbers that grow")
        if state not in STATES:
            raise Refused("it has a state that no check gives")
        if type(row) is not str or len(row) > LONGEST:
            raise Refused(f"a row in it is no text of at most {LONGEST} characters")
        if type(cause) is not str or cause not in (_CAUSES if state == WRONG else {""}):
            raise Refused("it has a cause that no check gives")
        before = minutes
    return runs


def ways_in(runs):
    """{exercise: Way} of a file's runs; exercises without a try are left out."""
    ways, before, last = {}, 0, None
    for exercise, minutes, state, row, cause in runs:
        way = ways.setdefault(exercise, Way())
        if not way.solved:
            way.minutes += minutes - before
            way.returned |= bool(way.findings) and last != exercise
            way.solved = state == RIGHT
            if state == WRONG:
                way.findings.append((row, cause))
        before, last = minutes, exercise
    return {exercise: way for exercise, way in ways.items() if way.tries}


# --- the class


def rounded(number):
    """A number of files, rounded down to a multiple of five; None if it is one of 1 to 4."""
    return number // FEWEST * FEWEST if number == 0 or number >= FEWEST else None


def _part(some, files):
    """How many of these files, rounded."""
    return ALL if len(some) == len(files) else rounded(len(some))


def _median(values):
    """One of the values: a mean of two would tell whether their number is even."""
    return median_low(values) if len(values) >= FEWEST else None


def _about(name, ways):
    """The Exercise that these ways lead to."""
    if len(ways) < FEWEST:
        return Exercise(name, rounded(len(ways)))
    solved = [way for way in ways if way.solved]
    tries = sorted(way.tries for way in solved)
    return Exercise(
        name,
        rounded(len(ways)),
        _part(solved, ways),
        tuple(tries[(len(tries) - 1) * k // 4] for k in (1, 2, 3)) if rounded(len(tries)) else None,
        classes(tries),
        _median([way.tries for way in ways if not way.solved]),
        _median([way.minutes for way in solved]),
        rounded(sum(way.returned for way in ways)),
        _firsts([way for way in ways if way.findings]),
    )


def classes(tries):
    """(numbers in words, how many, rounded) of sorted numbers, with enough in each class."""
    found, begin, counted = [], 1, 0
    for number, files in sorted(Counter(tries).items()):
        counted += files
        if counted >= FEWEST:
            found.append([begin, number, counted])
            begin, counted = number + 1, 0
    if not found:
        return []
    found[-1][2] += counted
    last = found.pop()
    words = [
        (f"{low} to {high}" if low < high else f"{low}", rounded(files))
        for low, high, files in found
    ]
    return [*words, (f"{last[0]} or more", rounded(last[2]))]


def _firsts(ways):
    """The findings that enough of these ways begin with, the commonest first."""
    groups = {}
    for way in ways:
        groups.setdefault(way.findings[0], []).append(way)
    found = []
    for (row, cause), group in groups.items():
        if len(group) < FEWEST:
            continue
        solved = [way for way in group if way.solved]
        last = Counter(way.findings[-1] for way in group).most_common()
        found.append(
            First(
                one_line(row, LONGEST), cause, rounded(len(group)), _part(solved, group),
                _median([way.tries for way in solved]),
                [(one_line(r, LONGEST), c, rounded(n)) for (r, c), n in last if n >= FEWEST],
            )
        )  # fmt: skip
    return sorted(found, key=lambda first: (-first.files, first.row, first.cause))
