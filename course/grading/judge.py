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
import textwrap
import time
import traceback
from queue import Empty

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import Execute
from traitlets import Enum, Integer

from course import check
from course.evidence import MIME
from course.grading import kernels
from course.grading.repair import official_cells

_MAX_DEPTH = 60
_NO_KERNEL = (kernels.BoxError, OSError, RuntimeError)  # nbclient and jupyter_client raise the last


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


class Judge(Execute):
    """Runs the student's cells in the kernel and judges the test cells here."""

    sandbox = Enum(
        kernels.SANDBOXES,
        kernels.BUBBLEWRAP,
        help="Where student code runs; see course.grading.kernels.",
    ).tag(config=True)
    timeout = Integer(120, help="Seconds that one cell, or one answer, may take.").tag(config=True)
    wall = Integer(600, help="Seconds that a whole submission may take.").tag(config=True)
    max_output = Integer(20_000_000, help="Characters that may be printed.").tag(config=True)
    max_evidence = Integer(2_000_000, help="Bytes that one answer may have.").tag(config=True)

    def preprocess(self, nb, resources=None, km=None):
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
        self._stopped = None  # why the kernel answers no more
        self._printed, self._deadline = 0, time.monotonic() + self.wall
        self.shutdown_kernel, self.startup_timeout = "immediate", 30
        files = given.get("files")
        try:
            warm = given.get("box") or kernels.box(self.sandbox).address
            self._run(nb, resources, kernels.BoxedKernel(warm, files))
        except _NO_KERNEL as error:
            if self.code_cells_executed:
                raise
            self.log.warning("The warm box gave no kernel (%s); a cold one takes over.", error)
            with kernels.Box(self.sandbox) as cold:
                self._run(nb, resources, kernels.BoxedKernel(cold.address, files))
        nb.metadata.setdefault("course", {})["sandbox"] = self.sandbox
        return nb, resources

    def _run(self, nb, resources, kernel):
        try:
            super().preprocess(nb, resources, kernel)
        finally:
            kernel.end()

    def preprocess_cell(self, cell, resources, index):
        """One cell: the student's is run, the instructor's is judged."""
        cell.metadata.pop("tags", None)  # a tag such as skip-execution is no way to skip a test
        if cell.cell_type != "code":
            return cell, resources
        if utils.is_grade(cell) and not utils.is_solution(cell):
            self._judge(cell, index)  # the kernel never sees it
        elif self._stopped is None:
            try:
                return super().preprocess_cell(cell, resources, index)
            except Exception as error:  # whatever its messages make Jupyter raise
                why = self._stop(error, f"in the cell that begins with {_first(cell)!r}")
                self.log.warning("Student code: %s", why)
                shown = new_output("error", ename="KernelDied", evalue=why, traceback=[why])
                cell.outputs.append(shown)
        return cell, resources

    def _stop(self, error, where):
        """The kernel answers no more; say why."""
        why = self.km.why_ended
        if self._printed > self.max_output:
            why = f"it printed more than {self.max_output / 1e6:g} MB"
        elif "IOPub" in str(error):  # its last message was too long to be received
            why = "what it printed or showed was too long"
        elif isinstance(error, CellTimeoutError):  # it did not even react to an interrupt
            why = "it never came to an end"
        elif not isinstance(error, DeadKernelError):
            why = f"it sent what cannot be read ({type(error).__name__})"
        self.km.end()
        self._stopped = (
            f"the kernel was stopped {where}: {why}" if why else (f"the kernel died {where}")
        )
        return self._stopped

    def _get_timeout(self, cell):
        """Seconds for a cell: never more than the submission has left."""
        return max(1, min(self.timeout, round(self._deadline - time.monotonic())))

    async def _async_handle_timeout(self, timeout, cell=None):
        """Interrupt the cell; a kernel that goes on all the same is stopped."""
        reply = await super()._async_handle_timeout(timeout, cell)
        if not await self._is_idle():
            raise CellTimeoutError("it ignored the interrupt")
        return reply

    async def _is_idle(self):
        """Whether the kernel answers a question that waits behind the cell, within 5 s."""
        asked, end = self.kc.kernel_info(), time.monotonic() + 5
        while time.monotonic() < end:
            with contextlib.suppress(Empty):
                message = await self.kc.shell_channel.get_msg(timeout=0.5)
                if message["parent_header"].get("msg_id") == asked:
                    return True
        return False

    def process_message(self, msg, cell, cell_index):
        """Count what is printed; a flood ends the kernel."""
        content = msg["content"]
        data = [content.get("text"), *content.get("data", {}).values()]
        self._printed += sum(len(item) for item in data if isinstance(item, str))
        if self._printed > self.max_output:
            self.km.end()
            return None
        return super().process_message(msg, cell, cell_index)

    # --- the verdict

    def _judge(self, cell, index):
        cell.outputs, cell.execution_count = [], None
        self._index = index
        findings = []
        try:
            with check.silently():
                exec(*self._program(cell.metadata.nbgrader["grade_id"]))
        except check.CheckFailed as failed:
            findings = failed.findings
            text = str(failed)
            shown = [textwrap.fill(line, 96, subsequent_indent="  ") for line in text.splitlines()]
            error = new_output("error", ename="CheckFailed", evalue=text, traceback=shown)
            cell.outputs = [error]
        except (Exception, SystemExit) as error:
            lines = "".join(traceback.format_exception(error)[-3:])
            raise InstructorError(
                f"The test cell {cell.metadata.nbgrader['grade_id']} should raise nothing but "
                f"CheckFailed. It raised:\n{lines}"
                "Mend it in solutions/ and release again; nothing was graded."
            ) from error
        cell.metadata["course"] = {
            "passed": not findings,
            "findings": [
                {"row": f.row, "cause": f.cause.name, "message": f.message} for f in findings
            ],
        }

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
            return {"failed": "NO_ANSWER", "text": self._stopped}
        source = (
            "import course.evidence as _evidence\n"
            f"_evidence.answer(globals(), {json.dumps(request)!r})"
        )
        # Made by hand: nbformat's own makers validate each against its schema, 1 ms.
        cell = NotebookNode(
            cell_type="code", source=source, metadata={}, outputs=[], execution_count=None
        )
        kept = self.nb.cells[self._index]
        try:
            self.execute_cell(cell, self._index)
        except Exception as error:  # whatever its messages make Jupyter raise
            self._stop(error, f"when {request['name']} was used")
            return {"failed": "NO_ANSWER", "text": self._stopped}
        finally:
            self.nb.cells[self._index] = kept  # nbclient writes the executed cell there
        return self._read(cell, request)

    def _read(self, cell, request):
        replies = [o.data[MIME] for o in cell.outputs if MIME in o.get("data", {})]
        if len(replies) != 1:
            late = any(o.get("ename") == "CellTimeoutError" for o in cell.outputs)
            took = f"{request['name']} took longer than {self.timeout} seconds"
            text = took if late else f"{request['name']} ended without an answer"
            return {"failed": "NO_ANSWER", "text": text}
        reply = replies[0]
        if not isinstance(reply, dict) or _depth(reply) > _MAX_DEPTH:
            return {"failed": "NO_ANSWER", "text": f"the answer of {request['name']} is malformed"}
        if len(json.dumps(reply)) > self.max_evidence:
            return {"failed": "NO_ANSWER", "text": f"the answer of {request['name']} is too large"}
        return reply


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
