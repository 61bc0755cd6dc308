"""The outputs of cells: those that the box sends, and those that show a verdict."""

import re
import textwrap

from nbformat import from_dict
from nbformat.v4 import new_output
from nbgrader import utils

from course.diagnosis import Cause
from course.evidence import cells
from course.notebook.official import grade_id

_MAX_DEPTH = 60
_SHOWN = {"data": dict, "metadata": dict}
_OUTPUTS = {
    "stream": {"name": str, "text": str},
    "display_data": _SHOWN,
    "execute_result": {**_SHOWN, "execution_count": int},
    "error": {"ename": str, "evalue": str, "traceback": list},
}


def checked(given):
    """An output that the box sent, as a notebook has it.

    Raises KeyError, TypeError or ValueError for what is none.
    """
    if too_deep(given):
        raise ValueError("an output is nested too deep")
    kind = given["output_type"]
    fields = {name: given[name] for name in _OUTPUTS[kind]}
    if wrong := [n for n, value in fields.items() if not isinstance(value, _OUTPUTS[kind][n])]:
        raise ValueError(f"{wrong[0]} of an output")
    return from_dict({"output_type": kind, **fields})


def too_deep(value):
    """Whether lists and dicts are nested deeper than any output or answer."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            item
            for outer in level
            if isinstance(outer, dict | list)
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def error(name, text):
    """The output of a cell that ended with an error."""
    return new_output("error", ename=name, evalue=text, traceback=[text])


def stop_of(outputs):
    """The Stop of a cell with these outputs; None if it ran to its end."""
    errors = [output for output in outputs if output.output_type == "error"]
    if not errors:
        return None
    last, line = errors[-1], None
    kind = cells.class_of_error(last.ename)
    if kind not in ("SyntaxError", "IndentationError", "TabError"):
        said = "\n".join(str(part)[:10_000] for error in errors for part in error.traceback[:100])
        said = re.sub(r"\x1b\[[\d;]*m", "", said)
        line = re.search(r"(?:Cell In\[\d+\],|in) line (\d{1,6})\b", said)
    return cells.Stop(kind, last.evalue, int(line[1]) if line else None)


def shown(verdict):
    """The outputs of a test cell, from which nbgrader takes the points."""
    if verdict.points is not None:
        data = {"text/plain": f"{verdict.points:g}"}
        return [new_output("execute_result", data, execution_count=None)]
    if not verdict.findings:
        return []
    lines = [textwrap.fill(t, 96, subsequent_indent="  ") for t in verdict.card.splitlines()]
    return [new_output("error", ename="CheckFailed", evalue=verdict.card, traceback=lines)]


def is_open(cell):
    """Whether it is an answer that a person would grade, and the student left it as it was."""
    return utils.is_grade(cell) and utils.is_solution(cell) and utils.determine_grade(cell)[0] == 0


def metadata(findings, passed):
    """The verdict as the metadata of its test cell; `verdicts_in` reads it."""
    said = [
        {"row": f.row, "cause": f.cause.name, "message": f.message}
        | ({"received": f.received} if f.cause is Cause.CHOICE else {})  # the letter, to be counted
        for f in findings
    ]
    return {"passed": passed, "findings": said}


def verdicts_in(nb):
    """{grade id: the verdict, as `metadata` writes it} of a judged notebook, in its order.

    Cells that were not judged (manually graded answers, older notebooks) are left out.
    """
    return {
        grade_id(cell): cell.metadata["course"]
        for cell in nb.cells
        if "course" in cell.metadata and utils.is_grade(cell)
    }
