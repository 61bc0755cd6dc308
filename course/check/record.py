"""A student's progress: which exercises are solved, which are open, how long each took.

`course.setup()` starts the record. Whenever a cell that begins with `# Exercise <name> (<n>
points)` has run, its result goes to `.progress.json` beside the notebook. `check.progress(...)`
shows one notebook's exercises, `overview()` all assignments. The record is for the student alone,
unless the course says otherwise (`course.check.process`); grading does not read it.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from html import escape
from pathlib import Path

from course import show
from course.check import handin, process
from course.check.card import framed
from course.exercise import exercise_in
from course.language import _, ngettext, speaking
from course.setup_cell import language_of_assignments

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Mapping


FILE = ".progress.json"
_PAUSE = 30  # minutes that count at most between two checks

_watching = None


class Progress:
    """Exercises with their state, points, tries and time; shown as a table."""

    def __init__(self, exercises, seen, problem=None, file=None, runs=()):
        self.exercises, self.seen, self.problem = dict(exercises), seen, problem
        self.file = file  # (whether the file is fit to be handed in, sentences), if it is known
        self.runs = runs  # those that the output keeps (`process.runs_of`)

    @property
    def points(self) -> float:
        """Points of the exercises whose check passed when it was last run."""
        return sum(p for name, p in self.exercises.items() if self._state(name) == "solved")

    def _state(self, name):
        seen = self.seen.get(name)
        if not seen or seen.get("open"):
            return "open"
        return "solved" if seen["solved"] else "wrong"

    def _rows(self):
        states = {"open": _("○ open"), "solved": _("✓ solved"), "wrong": _("✗ not yet")}
        for name, points in self.exercises.items():
            seen = self.seen.get(name, {})
            tries = str(seen.get("tries") or "")
            spent = f"{seen['minutes']:.0f} min" if seen.get("solved") else ""
            yield states[self._state(name)], name, str(points), tries, spent

    @property
    def headline(self) -> str:
        """Points so far and what is open, in a line."""
        open_ = [name for name in self.exercises if self._state(name) != "solved"]
        said = (
            _("{points} of {total} points; still open: {names}.") if open_
            else _("{points} of {total} points; everything is solved.")
        )  # fmt: skip
        total = sum(self.exercises.values())
        return said.format(points=self.points, total=total, names=_(", ").join(open_))

    def __repr__(self):
        lines = [self.headline]
        lines += ["  " + "  ".join(filter(None, row)) for row in self._rows()]
        lines += filter(None, [self.problem])
        if self.file:
            lines += [f"{'✓' if self.file[0] else '✗'} {self.file[1][0]}", *self.file[1][1:]]
        lines += [process.in_words(self.runs)] if self.runs else []
        return "\n".join(lines)

    def _repr_html_(self):
        said = f"<p>{escape(self.problem)}</p>" if self.problem else ""
        head = (_("state"), _("exercise"), _("points"), _("checks"), _("time"))
        if self.file:
            good, (first, *others) = self.file
            rest = "".join(f"<p>{escape(text)}</p>" for text in others)
            state, mark = ("right", "✓") if good else ("wrong", "✗")
            said += framed(state, f"{mark} {first}", rest)
        said += process.html(self.runs) if self.runs else ""
        table = show.html(head, self._rows(), names=1)
        return f"<p><strong>{escape(self.headline)}</strong></p>{table}{said}"

    def _repr_mimebundle_(self, **_):
        """What is kept, beside the text and the HTML: a notebook saves all of them in its file."""
        return {process.MIME: {"runs": self.runs}} if self.runs else {}


def progress(exercises: Mapping[str, float]) -> Progress:
    """Points so far in these exercises, {name: points}, and whether the file is complete."""
    if not _watching:
        return Progress(exercises, read(Path.cwd()))
    file, seen = handin.report(exercises, _watching.sources), read(Path.cwd())
    runs = process.runs_of(seen, exercises) if _watching.keep else ()
    return Progress(exercises, seen, _watching.problem, file, runs)


def read(folder):
    """{exercise: {"solved", "points", "tries", "minutes"}} as recorded in a folder; {} if none."""
    try:
        found = json.loads((Path(folder) / FILE).read_text(encoding="utf-8"))
        whole = {"solved", "tries", "minutes"}
        return {name: entry for name, entry in found.items() if whole <= set(entry)}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


class Overview:
    """All assignments of a course folder, with points so far; shown as a table."""

    def __init__(self, rows, language, problems=()):
        self.rows = rows  # (assignment, notebook, points so far, points, exercises open)
        self.language = language
        self.problems = problems  # sentences about files that cannot be read

    def __repr__(self):
        with speaking(self.language):
            return self._text()

    def _repr_html_(self):
        with speaking(self.language):
            return self._html()

    def _text(self):
        lines = [
            ngettext(
                "{name}: {points} of {total} points, {open} exercise open",
                "{name}: {points} of {total} points, {open} exercises open",
                open_,
            ).format(name=name, points=got, total=points, open=open_)
            for name, _path, got, points, open_ in self.rows
        ]
        return "\n".join([*lines, *self.problems])

    def _html(self):
        table = [
            (
                name,
                _("{points} of {total}").format(points=got, total=points),
                str(open_) if open_ else _("✓ none"),
            )
            for name, _path, got, points, open_ in self.rows
        ]
        head = (_("assignment"), _("points so far"), _("exercises open"))
        said = "".join(f"<p>{escape(problem)}</p>" for problem in self.problems)
        return show.html(head, table) + said


def overview(folder="assignments"):
    """Every assignment with the points so far, and what is wrong with files that are damaged.

    Raises FileNotFoundError if the folder holds none.
    """
    from course.notebook.read import read_notebook  # takes 0.3 s, which no check should
    from course.notebook.renamed import told

    rows, problems, language = [], [], language_of_assignments(str(folder))
    for path in sorted(Path(folder).glob("*/*.ipynb")):
        with speaking(language):
            nb, problem = read_notebook(path.read_bytes())
            if nb is None:
                problems.append(f"{told(path.name, problem)}.")
                continue
        found = (exercise_in(cell.source) for cell in nb.cells)
        exercises = dict(filter(None, found))
        shown = Progress(exercises, read(path.parent))
        open_ = sum(not shown.seen.get(name, {}).get("solved") for name in exercises)
        rows.append((path.parent.name, path, shown.points, sum(exercises.values()), open_))
    if not rows and not problems:
        said = _(
            "{folder} holds no assignments. Open this notebook in the course's folder, or name the "
            "folder: overview('path/to/assignments')."
        )
        raise FileNotFoundError(said.format(folder=Path(folder).resolve()))
    return Overview(rows, language, problems)


# --- the recorder


class Solved:
    """Shown below an exercise whose checks all passed: its points."""

    def __init__(self, exercise, points):
        self.exercise, self.points = exercise, points

    def __repr__(self):
        said = ngettext(
            "✓ {points} point: {exercise} is solved.", "✓ {points} points: {exercise} is solved.",
            self.points,
        )  # fmt: skip
        return said.format(points=self.points, exercise=self.exercise)

    def _repr_html_(self):
        return framed("right", repr(self))


class _Watch:
    """Records the result of each exercise's check when its cell has run."""

    def __init__(self):
        self.problem, self.keep = None, False
        self.minutes, self.unnoted, self.last = 0.0, 0.0, time.monotonic()
        self.sources = {}  # {cell id: its text when it was run last}

    def ran(self, result):
        if cell := getattr(result.info, "cell_id", None):
            self.sources[cell] = result.info.raw_cell or ""
        exercise = exercise_in(result.info.raw_cell or "")
        if exercise is None:
            return
        name, points = exercise
        now = time.monotonic()
        spent = min((now - self.last) / 60, _PAUSE)
        self.minutes, self.unnoted, self.last = self.minutes + spent, self.unnoted + spent, now
        folder = Path.cwd()
        seen = read(folder)
        entry = seen.setdefault(name, {"solved": False, "tries": 0, "minutes": 0.0})
        card = getattr(result.error_in_exec, "card", None)
        entry["open"] = bool(card) and card.state == "open"
        entry["tries"] += not entry["open"]
        entry["points"] = points
        if not entry["solved"]:
            entry["minutes"] = round(entry["minutes"] + self.minutes, 2)
        self.minutes = 0.0
        entry["solved"] = bool(result.success)
        error = result.error_before_exec or result.error_in_exec
        if self.keep and process.note(seen, name, error, self.unnoted):
            self.unnoted = 0.0
        if entry["solved"]:
            from IPython.display import display

            display(Solved(name, points))
        try:
            new = folder / (FILE + ".new")
            new.write_text(json.dumps(seen, indent=1), encoding="utf-8")
            os.replace(new, folder / FILE)
        except OSError as error:
            said = _("Progress cannot be kept in {folder}/: {error}.")
            self.problem = said.format(folder=folder.name, error=error.strerror)


def watch(keep=None):
    """Start the record in a notebook; does nothing elsewhere or in grading.

    If `keep`, the runs of checks are kept, too (`course.check.process`); None leaves that as it is.
    Returns whether they are kept.
    """
    global _watching
    if "NBGRADER_EXECUTION" in os.environ:
        return False
    with suppress(ImportError):
        from IPython import get_ipython

        if not _watching and (shell := get_ipython()):
            _watching = _Watch()
            shell.events.register("post_run_cell", _watching.ran)
    if _watching and keep is not None:
        _watching.keep = keep
    return bool(_watching and _watching.keep)
