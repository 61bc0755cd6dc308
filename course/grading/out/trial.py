"""Grade an assignment's own solution before students get the assignment.

A failure here would be one for every student: a broken test cell, a file missing beside the
notebook, an answer that the tests do not accept.
"""

import secrets
import time
from copy import deepcopy
from dataclasses import replace

import nbformat

from course.grading import job as jobs
from course.grading.notebook.source import read_source
from course.grading.notebook.tables import code_in, embedded
from course.grading.sandbox.outside import BoxError
from course.grading.verdict.outputs import verdicts_in
from course.grading.worker import grade_submission
from course.kit import variant
from course.notebook.official import code_of, official_of


def trial(course, assignment):
    """(sentences about failures, seconds that it took, why there was no trial or None).

    There is no trial if student code cannot be run on this machine.
    """
    begun = time.monotonic()
    paths = course.notebooks(assignment)
    tried = codes(*map(read_source, paths))
    notebooks = {path.stem: embedded(read_source(path), path.parent) for path in paths}
    official = {name: official_of(nb) for name, nb in notebooks.items()}
    spec = dict(next(iter(notebooks.values())).metadata.get("kernelspec", {}))
    files = jobs.files_beside(course.path("source", assignment))
    config = {"Judge": dict(course.config.Judge)}
    job = jobs.Job(assignment, official, spec, files, config)
    problems = []
    if tried:
        solution = {name: code_of(nb) for name, nb in notebooks.items()}
        job = replace(job, solution=solution, codes={code: code for code in tried})
    for code in tried or [None]:
        named = {name: naming(nb, code) for name, nb in notebooks.items()}
        contents = {name: nbformat.writes(nb).encode() for name, nb in named.items()}
        try:
            verdict = grade_submission(job, contents, student=code)
        except BoxError as error:
            return [], time.monotonic() - begun, str(error)
        found = [verdict.failed] if verdict.failed else []
        for name, text in verdict.notebooks.items():
            nb = nbformat.reads(text, 4)
            for grade_id, said in verdicts_in(nb).items():
                if not said["passed"]:
                    found.append(f"{name}, {grade_id}: {said['findings'][0]['message']}")
        problems += [f"{said} (variant {code})" if code else said for said in found]
    return problems, time.monotonic() - begun, None


def codes(*sources):
    """The codes of variants with which source notebooks are tried: their own, and two others."""
    own = next(filter(None, map(code_in, sources)), None)
    return [own, *(variant.code_of(secrets.randbits(64)) for _ in range(2))] if own else []


def naming(nb, code):
    """A copy of a notebook in which this code stands, as a student writes it there, if any."""
    nb = deepcopy(nb)
    for cell in nb.cells if code else ():
        if cell.cell_type == "code":
            cell.source = variant.with_code(cell.source, code)
    return nb
