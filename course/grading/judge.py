"""Verdicts outside the student's kernel.

nbgrader executes a submission's locked test cells in the kernel that belongs to the student, and
reads the grade off what that kernel says about itself. `Judge` takes the place of its `Execute`
step: the student's own cells run in the kernel, but a test cell never goes there. The instructor's
copy of it is executed here, in the grader, with remote names in place of the student's, so that
`check.model(lenet5, like=LENET5)` asks the kernel for evidence and judges the answer at home.
Whatever a submission does to checks, assertions, Keras or its own outputs, it can only answer.
"""

import ast
import builtins
import contextlib
import json
import re
import textwrap
import time
import traceback
from dataclasses import replace

from nbformat import from_dict
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Enum, Integer

from course import cells, check
from course.card import Card
from course.cells import Made
from course.findings import Cause, finding
from course.grading import kernels
from course.grading.kernels import KernelEnded
from course.grading.repair import official_cells

_MAX_DEPTH = 60
_SHOWN = {"data": dict, "metadata": dict}
_OUTPUTS = {
    "stream": {"name": str, "text": str},
    "display_data": _SHOWN,
    "execute_result": {**_SHOWN, "execution_count": int},
    "error": {"ename": str, "evalue": str, "traceback": list},
}


class Remote:
    """A name of the student's: it can be handed to a check and does nothing else."""

    def __init__(self, name, ask):
        self.__name__ = name
        self._ask = ask

    def __evidence__(self, request):
        """The kernel's answer to a request (see `course.evidence`)."""
        return self._ask({"name": self.__name__, **request})


class InstructorError(Exception):
    """A test cell is broken: that is the instructor's to mend, and costs no student points."""


class Judge(NbGraderPreprocessor):
    """Runs the student's cells in the kernel and judges the test cells here."""

    sandbox = Enum(
        kernels.SANDBOXES,
        kernels.BUBBLEWRAP,
        help="Where student code runs; see course.grading.kernels.",
    ).tag(config=True)
    timeout = Integer(120, help="Seconds that one cell, or one answer, may take.").tag(config=True)
    wall = Integer(600, help="Seconds that a whole submission may take.").tag(config=True)
    max_output = Integer(20_000_000, help="Characters that may be printed.").tag(config=True)
    max_evidence = Integer(2_000_000, help="Characters of one answer.").tag(config=True)

    def preprocess(self, nb, resources):
        """Execute and judge a notebook; its test cells' outputs become the verdicts.

        `resources["course"]` may bring what otherwise comes from the gradebook and from this
        process's own box: {"official": {grade id: Official}, "box": address, "files": {...}}.
        """
        given = resources.get("course", {})
        names = resources["nbgrader"]
        self._official = given.get("official") or official_cells(
            names["db_url"], names["assignment"], names["notebook"]
        )
        self._imports = _imports(self._official.values())
        self._made = Made()
        self._stopped = None  # why the kernel answers no more
        self._deadline = time.monotonic() + self.wall
        rest = given.get("files"), kernels.Limits(output=self.max_output)
        with contextlib.ExitStack() as stack:
            try:
                warm = given.get("box") or kernels.box(self.sandbox).address
                self._kernel = stack.enter_context(kernels.Kernel(warm, *rest))
            except (kernels.BoxError, OSError) as error:
                if "box" in given:  # who gave it knows where to have another
                    raise
                self.log.warning("The warm box gave no kernel (%s); a cold one takes over.", error)
                cold = stack.enter_context(kernels.Box(self.sandbox))
                self._kernel = stack.enter_context(kernels.Kernel(cold.address, *rest))
            for cell in nb.cells:
                self._cell(cell)
        nb.metadata.setdefault("course", {})["sandbox"] = self.sandbox
        return nb, resources

    def _cell(self, cell):
        """One cell: the student's is run, the instructor's is judged."""
        cell.metadata.pop("tags", None)
        if cell.cell_type != "code":
            return
        if utils.is_grade(cell) and not utils.is_solution(cell):
            self._judge(cell)  # the kernel never sees it
        elif self._stopped is None and cell.source.strip():
            self._run(cell)

    def _run(self, cell):
        try:
            answer, late = self._request(run=cell.source)
            cell.outputs = [_output(given) for given in answer["outputs"]]
            cell.execution_count = answer["count"]
            if late:
                text = f"It took longer than {late} seconds and was interrupted."
                cell.outputs.append(_error("TookTooLong", text))
        except (KernelEnded, KeyError, TypeError, ValueError, RecursionError) as error:
            why = self._stop(error, f"in the cell that begins with {_first(cell)!r}")
            self.log.warning("Student code: %s", why)
            cell.outputs.append(_error("KernelDied", why))
        released = self._official.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        if released is None or _words(cell.source) != _words(released.source):
            owed = cells.defined(released.source) if released else ()
            self._made.ran(cell.source, _stop(cell.outputs), owed)

    def _request(self, **request):
        """(the kernel's answer, the seconds after which it had to be interrupted or None)."""
        # Never more than the submission has left.
        seconds = max(1, min(self.timeout, round(self._deadline - time.monotonic())))
        self._kernel.send(**request)
        answer = self._kernel.answer(seconds)
        if answer is not None:
            return answer, None
        self._kernel.interrupt()
        answer = self._kernel.answer(5)
        if answer is None:
            raise KernelEnded("it never came to an end")
        return answer, seconds

    def _stop(self, error, where):
        """The kernel answers no more; say why."""
        self._kernel.end()
        why = error.why if isinstance(error, KernelEnded) else "it sent what cannot be read"
        self._stopped = f"the kernel was stopped {where}: {why}" if why else (
            f"the kernel died {where}"
        )  # fmt: skip
        return self._stopped

    # --- the verdict

    def _judge(self, cell):
        cell.outputs, cell.execution_count = [], None
        findings, grade_id = [], cell.metadata.nbgrader["grade_id"]
        try:
            with check.silently():
                exec(*self._program(grade_id))
        except check.CheckFailed as failed:
            findings, text = self._reasons(grade_id, failed)
            shown = [textwrap.fill(line, 96, subsequent_indent="  ") for line in text.splitlines()]
            error = new_output("error", ename="CheckFailed", evalue=text, traceback=shown)
            cell.outputs = [error]
        except (Exception, SystemExit) as error:
            lines = "".join(traceback.format_exception(error)[-3:])
            raise InstructorError(
                f"The test cell {grade_id} should raise nothing but "
                f"CheckFailed. It raised:\n{lines}"
                "Mend it in solutions/ and release again; nothing was graded."
            ) from error
        cell.metadata["course"] = {
            "passed": not findings,
            "findings": [
                {"row": f.row, "cause": f.cause.name, "message": f.message} for f in findings
            ],
        }

    def _reasons(self, grade_id, failed):
        """(the findings of a failed check, its card as text).

        Where a name was not made because its cell stopped, that is the reason.
        """
        for name in self._names_of_students(grade_id):
            if why := self._made.why_missing(name):
                found = [finding("", Cause.STOPPED, received=why)]
                return found, str(Card(name, found))
        first = failed.findings[0]
        if first.cause is Cause.RAISES and (why := self._made.why_undefined(first.message)):
            found = [replace(first, message=f"{first.message} {why}"), *failed.findings[1:]]
            return found, str(Card(failed.card.name, found))
        return failed.findings, str(failed)

    def _names_of_students(self, grade_id):
        tree = ast.parse(self._official[grade_id].source)
        return [name for name in _free_names(tree) if name not in self._imports]

    def _program(self, grade_id):
        """The code of a test cell and its names: imports are real, what the student owns is not.

        Both come from the gradebook, never from the submitted file.
        """
        tree = ast.parse(self._official[grade_id].source)
        names = {"__builtins__": builtins}
        for name in _free_names(tree):
            if name in self._imports:
                exec(self._imports[name], names)
            else:
                names[name] = Remote(name, self._ask)
        return compile(tree, f"<{grade_id}>", "exec"), names

    # --- evidence

    def _ask(self, request):
        """Let the student's kernel answer a request; whatever comes back is only a claim."""
        if self._stopped:
            return _no_answer(self._stopped)
        name = request["name"]
        try:
            answer, late = self._request(ask={**request, "most": self.max_evidence})
        except KernelEnded as error:
            return _no_answer(self._stop(error, f"when {name} was used"))
        if late:
            return _no_answer(f"{name} took longer than {late} seconds")
        reply = answer.get("reply")
        if not isinstance(reply, dict) or _depth(reply) > _MAX_DEPTH:
            return _no_answer(f"the answer of {name} is malformed")
        if len(json.dumps(reply)) > self.max_evidence:
            return _no_answer(f"what {name} gives is too large")
        return reply


def _no_answer(text):
    return {"failed": "NO_ANSWER", "text": text}


def _output(given):
    """An output as a notebook has it.

    Raises KeyError, TypeError or ValueError for what is none.
    """
    kind = given["output_type"]
    fields = {name: given[name] for name in _OUTPUTS[kind]}
    if wrong := [n for n, value in fields.items() if not isinstance(value, _OUTPUTS[kind][n])]:
        raise ValueError(f"{wrong[0]} of an output")
    return from_dict({"output_type": kind, **fields})


def _words(text):
    """What a text says, whatever its blanks and line ends."""
    return (text or "").split()


def _stop(outputs):
    """The Stop of a cell that showed this, None if it came to its end."""
    errors = [output for output in outputs if output.output_type == "error"]
    if not errors:
        return None
    last, line = errors[-1], None
    if last.ename not in ("SyntaxError", "IndentationError", "TabError"):
        said = "\n".join(str(part)[:10_000] for error in errors for part in error.traceback[:100])
        said = re.sub(r"\x1b\[[\d;]*m", "", said)
        line = re.search(r"(?:Cell In\[\d+\],|in) line (\d{1,6})\b", said)
    return cells.Stop(last.ename, last.evalue, int(line[1]) if line else None)


def _error(name, text):
    return new_output("error", ename=name, evalue=text, traceback=[text])


def _imports(official):
    """{name: import statement} of an assignment's locked cells that are no tests."""
    found = {}
    for cell in official:
        if cell.type != "code" or not cell.locked or cell.points is not None:
            continue
        for statement in ast.walk(ast.parse(cell.source)):
            if isinstance(statement, ast.Import | ast.ImportFrom):
                for alias in list(statement.names):
                    name = alias.asname or alias.name.split(".")[0]
                    statement.names = [alias]  # a test needs one name of it, not all
                    found[name] = ast.unparse(statement)
    return found


def _free_names(tree):
    """The names that a cell uses and neither defines nor gets from Python itself."""
    used, bound = {}, set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                used.setdefault(node.id)
            else:
                bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add(node.asname or node.name.split(".")[0])
    return [name for name in used if name not in bound]


def _first(cell):
    lines = [line for line in cell.source.splitlines() if line.strip()]
    return lines[0][:60] if lines else ""


def _depth(value):
    """How deeply lists and dicts are nested; stops counting where it is too deep anyway."""
    depth, level = 0, [value]
    while level and depth <= _MAX_DEPTH:
        depth += 1
        level = [
            item
            for outer in level
            if isinstance(outer, dict | list)
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth


def reasons(nb):
    """What a judged notebook says: {grade id: (passed, [message, ...])}, in the notebook's order.

    Cells that were not judged (manually graded answers, older notebooks) are left out.
    """
    found = {}
    for cell in nb.cells:
        verdict = cell.metadata.get("course")
        if verdict is not None and utils.is_grade(cell):
            messages = [item["message"] for item in verdict["findings"]]
            found[cell.metadata.nbgrader["grade_id"]] = (verdict["passed"], messages)
    return found
