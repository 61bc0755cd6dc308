"""The verdict on a submission: its judged notebooks, and the points of each exercise."""

import math
from dataclasses import dataclass, field
from functools import cached_property

import nbformat
from nbformat.v4 import new_markdown_cell
from nbgrader import utils

from course.diagnosis.causes import Cause, Finding
from course.grading.sandbox import outside
from course.grading.verdict import outputs
from course.language import ENGLISH, _, speaking
from course.notebook.official import grade_id
from course.notebook.repair import repair


@dataclass
class Exercise:
    """One exercise of a judged notebook: its points, and the reasons for those that are missing."""

    name: str  # its grade id
    maximum: float
    points: float | None = None  # None: a person has to give them
    findings: list = field(default_factory=list)  # dicts with row, cause, message
    card: str = ""  # the same as a card shows them
    by_hand: bool = False  # whether a person grades exercises of this kind
    failed: bool = False  # whether its notebook could not be graded

    @property
    def state(self):
        """ "right", "partly", "wrong", or "waits" for one that a person has to look at."""
        return self._state[0]

    @property
    def mark(self):
        """The state in words for students."""
        return self._state[1]

    @property
    def _state(self):
        if self.failed:
            return "waits", _("not graded")
        if self.points is None:
            return "waits", _("waits for a person")
        if self.points >= self.maximum:
            return "right", _("✓ right")
        if {finding["cause"] for finding in self.findings} == {Cause.NOT_ANSWERED.name}:
            return "wrong", _("○ not answered")
        if self.points or self.by_hand:
            said = _("{points} of {total}")
            return "partly", said.format(points=number(self.points), total=number(self.maximum))
        return "wrong", _("✗ not right")


@dataclass
class Verdict:
    """The judged notebooks of a submission, and a reason if it could not be graded."""

    notebooks: dict = field(default_factory=dict)  # {notebook: JSON text}
    failed: str | None = None
    seconds: float = 0.0
    assignment: str = ""
    job: str = ""  # the digest of all that it depends on, except the submission (`Job.name`)

    @cached_property
    def exercises(self):
        """An Exercise for each graded cell, in the notebooks' order."""
        return [exercise for nb in self._read for exercise in _exercises(nb)]

    @property
    def score(self):
        """The points of the exercises that have been judged; None if nothing has been."""
        judged = [each.points for each in self.exercises if each.points is not None]
        return math.fsum(judged) if judged else None

    @property
    def maximum(self):
        """The most points of all exercises."""
        return math.fsum(each.maximum for each in self.exercises)

    @property
    def reasons(self):
        """Why a notebook could not be graded; none if all were."""
        return list(dict.fromkeys(filter(None, [self.failed, *self._said("failed")])))

    @property
    def absent(self):
        """Sentences about notebooks that were not handed in beside others."""
        return self._said("absent")

    @property
    def repairs(self):
        """Sentences about what was repaired before the notebooks were judged."""
        return [text for repairs in self._said("repairs") for text in repairs]

    @property
    def language(self):
        """The language of its sentences."""
        return next(iter(self._said("language")), ENGLISH)

    @property
    def sandbox(self):
        """Where student code ran, one of `outside.SANDBOXES`, the least safe: None if none did."""
        return max(self._said("sandbox"), key=outside.SANDBOXES.index, default=None)

    @property
    def receipts(self):
        """What marks the text of the files that arrived (`course.check.file.receipt`)."""
        return self._said("receipt")

    @property
    def unsafe(self):
        """Whether student code ran where it could read and change anything."""
        return self.sandbox == outside.UNSAFE

    def _said(self, name):
        """What the judge has written under this name into each notebook, where it has."""
        return list(filter(None, (nb.metadata.get("course", {}).get(name) for nb in self._read)))

    @cached_property
    def _read(self):
        return [nbformat.v4.reads(text) for text in self.notebooks.values()]


def _exercises(nb):
    failed = bool(nb.metadata.get("course", {}).get("failed"))
    for cell in nb.cells:
        if not (utils.is_grade(cell) or utils.is_task(cell)):
            continue
        points, maximum = utils.determine_grade(cell)
        by_hand = utils.is_solution(cell) or utils.is_task(cell)
        yield Exercise(
            grade_id(cell),
            maximum,
            None if failed else points,
            cell.metadata.get("course", {}).get("findings", []),
            _card(cell),
            by_hand,
            failed,
        )


def _card(cell):
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            return output.evalue
        if output.output_type == "stream":  # it was judged with another's official answer
            return output.text
    return ""


def not_graded(job, reason):
    """A Verdict without points: it holds the reason, for a person to look at."""
    notebooks = {name: unreadable(job, name, reason) for name in job.official}
    return Verdict(notebooks, reason, assignment=job.assignment, job=job.name)


def unreadable(job, name, reason):
    """The released notebook with no points for any exercise, and with the reason at its top."""
    with speaking(job.official[name].language):
        nb = _without_points(job, name, f"**{_('Not graded.')}** {reason}")
    nb.metadata["course"]["failed"] = reason
    for cell in filter(utils.is_grade, nb.cells):
        if not utils.is_solution(cell) and cell.cell_type == "code":
            cell.outputs = [outputs.error("NotGraded", reason)]
    return nbformat.writes(nb)


def not_handed_in(job, name, reason):
    """The released notebook, judged as one without answers: the student handed in others."""
    with speaking(job.official[name].language):
        said = _("{reason}, so its exercises have no points.").format(reason=reason)
        nb = _without_points(job, name, f"**{said}**")
        finding = Finding("", Cause.NOT_ANSWERED, "", "", said)
    nb.metadata["course"]["absent"] = said
    for cell in filter(utils.is_grade, nb.cells):
        cell.source = job.official[name][grade_id(cell)].released
        cell.metadata["course"] = outputs.metadata([finding], passed=False)
        if not utils.is_solution(cell) and cell.cell_type == "code":
            cell.outputs = [outputs.error("CheckFailed", said)]
    return nbformat.writes(nb)


def _without_points(job, name, text):
    """A released notebook, with a text in the place of its title."""
    official = job.official[name]
    nb, _repairs = repair(nbformat.v4.new_notebook(), official)
    nb.cells[0] = new_markdown_cell(text, id="not-graded")
    nb.metadata["kernelspec"] = job.kernelspec
    nb.metadata["course"] = {"repairs": [], "language": official.language}
    return nb


def number(points):
    """Points as text: 2.50 as 2.5, 3.00 as 3."""
    return f"{points or 0:.2f}".rstrip("0").rstrip(".")
