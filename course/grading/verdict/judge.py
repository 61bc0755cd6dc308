"""Verdicts outside the student's kernel.

nbgrader executes a submission's locked test cells in the student's kernel, and takes the grade from
that kernel's outputs. `Judge` replaces its `Execute` step. The student's own cells run in the
kernel, but a test cell never does. The instructor's copy of it is executed here, in the grader,
where the student's names are remote: `check.model(lenet5, like=LENET5)` asks the kernel for
evidence and judges it here. A submission may change checks, assertions, Keras or its own outputs;
it can only answer requests.
"""

import contextlib
import re
import textwrap
import traceback
from dataclasses import replace

from nbformat import from_dict
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Enum, Integer

from course.diagnosis.causes import Cause
from course.evidence import cells, own_work
from course.evidence.cells import Made
from course.grading import CourseError
from course.grading.notebook.official import code_of, grade_id, official_cells, source_of
from course.grading.notebook.read import read_source
from course.grading.sandbox import outside
from course.grading.sandbox.kernel import Kernel, KernelEnded, Limits
from course.grading.verdict import follow
from course.grading.verdict.runner import NoVerdict, Runner
from course.grading.verdict.testcell import TestCell, imports_of
from course.plain import one_line

_MAX_DEPTH = 60
_SHOWN = {"data": dict, "metadata": dict}
_OUTPUTS = {
    "stream": {"name": str, "text": str},
    "display_data": _SHOWN,
    "execute_result": {**_SHOWN, "execution_count": int},
    "error": {"ename": str, "evalue": str, "traceback": list},
}


class InstructorError(Exception):
    """A test cell is broken. The instructor has to repair it; no student loses points."""


class Judge(NbGraderPreprocessor):
    """Runs the student's cells in the kernel and judges the test cells here."""

    sandbox = Enum(
        outside.SANDBOXES,
        outside.BUBBLEWRAP,
        help="Where student code runs; see course.grading.sandbox.outside.",
    ).tag(config=True)
    # Seconds of its own time, see runner.py: the same on an idle and a busy machine.
    timeout = Integer(60, help="Seconds that one cell, or one answer, may take.").tag(config=True)
    wall = Integer(300, help="Seconds that a whole submission may take.").tag(config=True)
    max_output = Integer(20_000_000, help="Characters that may be printed.").tag(config=True)
    follow_through = Bool(
        True, help="Judge with the official answer what fails only because of an earlier one."
    ).tag(config=True)
    max_evidence = Integer(2_000_000, help="Characters of one answer.").tag(config=True)

    def preprocess(self, nb, resources):
        """Execute and judge a notebook; the verdicts become the outputs of its test cells.

        `resources["course"]` may hold {"official": {grade id: Official}, "box": address, "files":
        {...}, "solution": ...}. Missing parts come from the gradebook and this process's own box.

        Raises InstructorError for a broken test cell, CourseError if there can be no verdict.
        """
        given = resources.get("course", {})
        names = resources["nbgrader"]
        self._official = given.get("official") or official_cells(
            names["db_url"], names["assignment"], names["notebook"]
        )
        self._imports = imports_of(self._official.values())
        self._made, self._written = Made(), own_work.Written(in_order=True)
        self._tests = self._read_tests(nb)
        self._solution = given["solution"] if "solution" in given else self._source(names)
        self._given = given
        try:
            with self._new_kernel():
                for cell in nb.cells:
                    self._cell(cell)
                ended, left = self._runner.stopped, self.wall - self._runner.used
        except NoVerdict as error:
            raise CourseError(str(error)) from None
        if self.follow_through and self._solution and ended is None:
            self._follow_through(nb, left)
        nb.metadata.setdefault("course", {})["sandbox"] = self.sandbox
        return nb, resources

    def _source(self, names):
        path = source_of(self, names)
        return path and code_of(read_source(path))

    @contextlib.contextmanager
    def _new_kernel(self, total=None):
        """Use a new kernel inside, for `total` seconds at most; then the one before again."""
        total = self.wall if total is None else total
        before, given = vars(self).get("_runner"), self._given
        # The runner ends a submission, and says why. Its last request may take a second, and
        # another to stop; Linux kills a kernel only behind that.
        cpu = self.wall + self.timeout + 3
        limits = Limits(output=self.max_output, evidence=self.max_evidence, cpu=cpu)
        with contextlib.ExitStack() as stack:

            def start(address):
                kernel = Kernel(address, given.get("files"), limits)
                return stack.enter_context(kernel)

            try:
                warm = given.get("box") or outside.box(self.sandbox).address
                self._runner = Runner(lambda: start(warm), self.timeout, total)
            except (outside.BoxError, OSError) as error:
                if "box" in given:  # the caller starts another box
                    raise
                self.log.warning("The warm box gave no kernel (%s); a cold one takes over.", error)
                cold = stack.enter_context(outside.Box(self.sandbox)).address
                self._runner = Runner(lambda: start(cold), self.timeout, total)
            try:
                yield
            finally:
                self._runner = before

    def _cell(self, cell):
        """One cell: the student's is run, the instructor's is judged."""
        cell.metadata.pop("tags", None)
        if cell.cell_type != "code":
            return
        if utils.is_grade(cell) and not utils.is_solution(cell):
            self._judge(cell)  # the kernel never sees it
        elif self._runner.stopped is None and cell.source.strip():
            self._run(cell)

    def _read_tests(self, nb):
        """{grade id: TestCell}. Also notes which exercise each name belongs to."""
        tests = {}
        for cell in nb.cells:
            if cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell):
                name = cell.metadata.nbgrader["grade_id"]
                tests[name] = TestCell(self._official[name], self._imports)
                self._written.asks(name, tests[name].asks_for)
        return tests

    def _run(self, cell):
        where = f"in the cell that begins with {_first(cell)!r}"
        try:
            answer, late = self._runner.run(cell.source, where)
            cell.outputs = [_output(given) for given in answer["outputs"]]
            cell.execution_count = answer["count"]
            if late:
                text = f"It took longer than {late} seconds and was interrupted."
                cell.outputs.append(_error("TookTooLong", text))
        except KernelEnded as error:
            self._tell(cell, str(error))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            self._tell(cell, self._runner.stop(error, where))
        self._written.ran(cell.source)
        released = self._official.get(grade_id(cell))
        if released is None or _words(cell.source) != _words(released.source):
            owed = cells.defined(released.source) if released else ()
            self._made.ran(cell.source, _stop(cell.outputs), owed)

    def _tell(self, cell, why):
        self.log.warning("Student code: %s", why)
        cell.outputs.append(_error("KernelDied", why))

    # --- the verdict

    def _judge(self, cell):
        cell.outputs, cell.execution_count = [], None
        test = self._tests[cell.metadata.nbgrader["grade_id"]]
        verdict = test.judged(self._ask)
        if verdict.error is not None:
            self._blame(test, verdict)
        if verdict.findings:
            self._explain(test, verdict)
        self._look_for_helpers(test, verdict)
        cell.outputs = _shown(verdict)
        cell.metadata["course"] = {
            "passed": not verdict.findings,
            "findings": _written(verdict.findings),
        }

    def _blame(self, test, verdict):
        """Make an exception in a test cell a failed check, unless the cell itself is broken.

        Raises InstructorError if the cell raises with the official solution, too.
        """
        error = self._with_solution(test).error if self._solution else None
        if error is not None:
            lines = "".join(traceback.format_exception(error)[-3:])
            raise InstructorError(
                f"The test cell {test.name} should raise nothing but CheckFailed and "
                f"AssertionError. With the solution it raised:\n{lines}"
                "Mend it in solutions/ and release again; nothing was graded."
            ) from error
        said = one_line(f"{type(verdict.error).__name__}: {verdict.error}")
        verdict.fail(Cause.UNUSABLE, said, test.name)

    def _with_solution(self, test):
        """The Verdict about the official solution, in a kernel of its own."""
        tests = {name for name, cell in self._official.items() if cell.points is not None}
        with self._new_kernel():
            for name, source in self._solution:
                if name == test.name:
                    break
                if name not in tests or self._official[name].solution:
                    with contextlib.suppress(KernelEnded):
                        self._runner.run(source, "in solutions/")
            return test.judged(self._ask)

    def _follow_through(self, nb, left):
        """Judge exercises again that failed because of an earlier wrong answer (see `follow`).

        `left` are the seconds that the submission has not used.
        """
        tests, texts, unanswered, failed = {}, {}, set(), []
        for cell in nb.cells:
            name = grade_id(cell)
            if "course" in cell.metadata:
                tests[name] = cell
                failed += [] if cell.metadata.course["passed"] else [name]
            elif name in self._official and self._official[name].solution:
                texts[name] = cell.source
                if _words(cell.source) in ([], _words(self._official[name].source)):
                    unanswered.add(name)
        if len(failed) < 2:  # nothing can have failed because of another answer
            return
        found = follow.Dependencies(self._solution, self._official, texts)
        chosen = follow.candidates(found, failed, unanswered)
        helped = {
            name
            for name, cell in tests.items()
            if any(f["cause"] == Cause.HELPER.name for f in cell.metadata.course["findings"])
        }
        chosen = [name for name in chosen if name not in helped]
        if not chosen:
            return

        def passes(name):
            verdict = self._tests[name].judged(self._ask)
            return not verdict.findings and verdict.error is None

        def run(text):
            self._runner.run(text, "when it was looked at once more")

        with self._new_kernel(left), contextlib.suppress(KernelEnded, NoVerdict):
            for name, answers in follow.follow(nb, found, failed, chosen, run, passes):
                said = follow.remark(found, answers)
                tests[name].outputs = [new_output("stream", name="stdout", text=said.message)]
                tests[name].metadata["course"] = {"passed": True, "findings": _written([said])}

    def _look_for_helpers(self, test, verdict):
        """Give no points for an answer that a helper made. Only the cells' text is read."""
        if verdict.findings and verdict.findings[0].cause is Cause.STOPPED:
            return
        said = own_work.allowed(test.source), own_work.refused(test.source)
        if found := self._written.helped(test.name, test.asks_for, *said):
            verdict.points = None
            verdict.fail(Cause.HELPER, found[1], found[0])

    def _explain(self, test, verdict):
        """If a name was never defined, report the error that prevented it instead."""
        for name in test.asks_for:
            if why := self._made.why_missing(name):
                return verdict.fail(Cause.STOPPED, why, name)
        first = verdict.findings[0]
        if first.cause is Cause.RAISES and (why := self._made.why_undefined(first.message)):
            verdict.findings[0] = replace(first, message=f"{first.message} {why}")
            verdict.card = verdict.card.replace(first.message, verdict.findings[0].message)

    # --- evidence

    def _ask(self, request):
        """The reply of the student's kernel to a request; it is never trusted."""
        name = request["name"]
        try:
            asked = {**request, "most": self.max_evidence}
            answer, late = self._runner.ask(asked, f"when {name} was used")
        except KernelEnded as error:
            return _no_answer(str(error))
        if late:
            return _no_answer(f"{name} took longer than {late} seconds")
        reply = answer.get("reply")
        if not isinstance(reply, dict) or _depth(reply) > _MAX_DEPTH:
            return _no_answer(f"the answer of {name} is malformed")
        return reply


def _no_answer(text):
    return {"failed": "NO_ANSWER", "text": text}


def _output(given):
    """An output as a notebook has it.

    Raises KeyError, TypeError or ValueError for what is none.
    """
    if _depth(given) > _MAX_DEPTH:
        raise ValueError("an output is nested too deep")
    kind = given["output_type"]
    fields = {name: given[name] for name in _OUTPUTS[kind]}
    if wrong := [n for n, value in fields.items() if not isinstance(value, _OUTPUTS[kind][n])]:
        raise ValueError(f"{wrong[0]} of an output")
    return from_dict({"output_type": kind, **fields})


def _shown(verdict):
    """The outputs of a test cell, from which nbgrader takes the points."""
    if verdict.points is not None:
        data = {"text/plain": f"{verdict.points:g}"}
        return [new_output("execute_result", data, execution_count=None)]
    if not verdict.findings:
        return []
    lines = [textwrap.fill(t, 96, subsequent_indent="  ") for t in verdict.card.splitlines()]
    return [new_output("error", ename="CheckFailed", evalue=verdict.card, traceback=lines)]


def _written(findings):
    return [{"row": f.row, "cause": f.cause.name, "message": f.message} for f in findings]


def _words(text):
    """The words of a text, to compare it without blanks and line ends."""
    return (text or "").split()


def _stop(outputs):
    """The Stop of a cell with these outputs; None if it ran to its end."""
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


def _first(cell):
    lines = [line for line in cell.source.splitlines() if line.strip()]
    return lines[0][:60] if lines else ""


def _depth(value):
    """How deeply lists and dicts are nested; counts to `_MAX_DEPTH` + 1 at most."""
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
    """The verdicts of a judged notebook: {grade id: (passed, [message, ...])}, in its order.

    Cells that were not judged (manually graded answers, older notebooks) are left out.
    """
    found = {}
    for cell in nb.cells:
        verdict = cell.metadata.get("course")
        if verdict is not None and utils.is_grade(cell):
            messages = [item["message"] for item in verdict["findings"]]
            found[cell.metadata.nbgrader["grade_id"]] = (verdict["passed"], messages)
    return found
