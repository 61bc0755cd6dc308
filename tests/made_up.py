"""Small assignments out of a few cells, judged as submissions are, without a course folder."""

import nbformat

from course.grading import worker
from course.grading.job import Job
from course.grading.verdict import outputs
from course.notebook.official import Official, Release

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def locked(name, source):
    """A cell of the instructor's that is no test."""
    return Official(name, "code", source, locked=True)


def answer(name, stub):
    """A cell that a student fills in."""
    return Official(name, "code", stub, solution=True)


def graded(name, source, points=1):
    """A test cell with its first line."""
    text = f"# Exercise {name} ({points} points)\n{source}"
    return Official(name, "code", text, points, locked=True)


def job_of(*cells, **fields):
    """The Job of an assignment with one notebook, `hw`."""
    official = Release.of({cell.name: cell for cell in cells}, nbformat.v4.new_notebook())
    return Job("hw", {"hw": official}, KERNEL, **fields)


def handed_in(job, **answers):
    """The bytes of a submission: the release with these answers (dashes as underscores)."""
    cells = []
    for name, official in job.official["hw"].items():
        text = answers.get(name.replace("-", "_"), official.released)
        cells.append(official.restored(text))
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()


def judged(job, content):
    """(the judged notebook, {grade id: (passed, [message, ...])}) of a submission."""
    verdict = worker.grade_submission(job, {"hw": content})
    assert verdict.failed is None, verdict.failed
    nb = nbformat.reads(verdict.notebooks["hw"], 4)
    return nb, reasons(nb)


def reasons(nb):
    """{grade id: (passed, [message, ...])} of a judged notebook."""
    return {
        name: (verdict["passed"], [item["message"] for item in verdict["findings"]])
        for name, verdict in outputs.verdicts_in(nb).items()
    }
