"""What is printed: the answers of the banks through their checks, tables, cards, and commands."""

import contextlib
import io
import linecache
import os
import re
import warnings
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import nbformat

from course import check
from course.grading.demo import load_bank, model_answers
from tests.golden import line, of_findings

ROOT = Path(__file__).parents[2]
HIDDEN = "### BEGIN HIDDEN"


def banks():
    """A line for each finding of each check, for every answer of the banks.

    All cells run here in one process, and without hidden tests, which draw their numbers. Checks
    above the cell of a mistake are left out: they say what they say of the solution.
    """
    with patch.dict(os.environ, NBGRADER_EXECUTION="autograde"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted((ROOT / "tests" / "bank").glob("[!_]*.py")):
            bank = load_bank(ROOT, path.stem)
            solution = nbformat.read(ROOT / "solutions" / bank.NOTEBOOK, 4)
            cases = {"the solution": {}, **bank.RIGHT}
            cases |= {mistake.name: {mistake.cell: mistake.source} for mistake in bank.MISTAKES}
            for name, answers in cases.items():
                yield from _checked(f"{path.stem}/{name}", solution.cells, answers)


def _checked(about, cells, answers):
    """The lines of one notebook, run from top to bottom."""
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id", cell.id) for cell in cells]
    code = [(n, c) for n, c in zip(ids, cells, strict=True) if c.cell_type == "code"]
    begin = ids.index(*answers) if len(answers) == 1 else 0
    graded = " ".join(c.source for _, c in code if c.metadata.get("nbgrader", {}).get("grade"))
    changed, names = {**model_answers(SimpleNamespace(cells=cells)), **answers}, {}
    names["__name__"] = "__main__"
    for name, cell in code:
        meta, source = cell.metadata.get("nbgrader", {}), cell.source.partition(HIDDEN)[0]
        defined = re.findall(r"^def (\w+)", source, re.MULTILINE)
        if meta.get("grade"):
            if ids.index(name) < begin:
                continue
            try:
                _executed(name, source, names)
                yield line(f"{about} | {name}", "right")
            except check.CheckFailed as failed:
                yield from of_findings(f"{about} | {name}", failed.findings)
            except Exception as error:
                yield line(f"{about} | {name}", f"RAISES {type(error).__name__}: {error}")
        elif name == "imports" or meta.get("solution") or any(n in graded for n in defined):
            with contextlib.suppress(Exception):  # a mistake may well stop, and what needs it
                _executed(name, changed.get(name, source), names)


def _executed(name, source, names):
    file = f"<{name}>"  # so that what looks at a function's source finds it
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    with check.silently(), contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, file, "exec"), names)
