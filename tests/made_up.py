"""Small assignments out of a few cells, judged as submissions are, without a course folder."""

from types import SimpleNamespace

import nbformat

from course.grading import worker
from course.grading.notebook.repair import Official, Release
from course.grading.verdict.judge import reasons

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def locked(name, source):
    """A cell of the instructor's that is no test."""
    return _official(name, source, locked=True)


def answer(name, stub):
    """A cell that a student fills in."""
    return _official(name, stub, solution=True)


def graded(name, source, points=1):
    """A test cell with its first line."""
    text = f"# Exercise {name} ({points} points)\n{source}"
    return _official(name, text, points=points, locked=True)


def _official(name, source, *, points=None, solution=False, locked=False):
    cell = SimpleNamespace(name=name, source=source, cell_type="code", locked=locked, checksum="")
    return Official(cell, points, solution, False)


def job_of(*cells, **fields):
    """The Job of an assignment with one notebook, `hw`."""
    official = Release({cell.name: cell for cell in cells}, nbformat.v4.new_notebook())
    return worker.Job("hw", {"hw": official}, KERNEL, **fields)


def handed_in(job, **answers):
    """The bytes of a submission: the release with these answers (dashes as underscores)."""
    cells = []
    for name, official in job.official["hw"].items():
        text = answers.get(name.replace("-", "_"), official.released)
        cells.append(official.restored(text))
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()


def judged(job, content):
    """(the judged notebook, {grade id: (passed, [message, ...])}) of a submission."""
    outcome = worker.grade_submission(job, {"hw": content})
    assert outcome.failed is None, outcome.failed
    nb = nbformat.reads(outcome.notebooks["hw"], 4)
    return nb, reasons(nb)
