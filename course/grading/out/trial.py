"""Grade an assignment's own solution before students get the assignment.

A failure here would be one for every student: a broken test cell, a file missing beside the
notebook, an answer that the tests do not accept.
"""

import time

import nbformat

from course.grading import worker
from course.grading.notebook.source import read_source
from course.grading.notebook.tables import embedded
from course.grading.sandbox.outside import BoxError
from course.grading.verdict.outputs import reasons
from course.notebook.official import official_of


def trial(course, assignment):
    """(sentences about failures, seconds that it took, why there was no trial or None).

    There is no trial if student code cannot be run on this machine.
    """
    begun = time.monotonic()
    paths = course.notebooks(assignment)
    notebooks = {path.stem: embedded(read_source(path), path.parent) for path in paths}
    official = {name: official_of(nb) for name, nb in notebooks.items()}
    spec = dict(next(iter(notebooks.values())).metadata.get("kernelspec", {}))
    files = worker.files_beside(course.path("source", assignment))
    config = {"Judge": dict(course.config.Judge)}
    job = worker.Job(assignment, official, spec, files, config)
    contents = {name: nbformat.writes(nb).encode() for name, nb in notebooks.items()}
    try:
        verdict = worker.grade_submission(job, contents)
    except BoxError as error:
        return [], time.monotonic() - begun, str(error)
    problems = [verdict.failed] if verdict.failed else []
    for name, text in verdict.notebooks.items():
        nb = nbformat.reads(text, 4)
        for grade_id, (passed, messages) in reasons(nb).items():
            if not passed:
                problems.append(f"{name}, {grade_id}: {messages[0]}")
    return problems, time.monotonic() - begun, None
