"""One notebook is judged: the student's cells run in the box, and the test cells here."""

import contextlib
import traceback
from dataclasses import dataclass, field

from nbformat.v4 import new_output

from course.diagnosis.causes import Cause, finding
from course.evidence import cells, own_work, syntax
from course.grading import CourseError
from course.grading.sandbox.kernel import Kernel, KernelEnded, Limits
from course.grading.verdict import follow, outputs
from course.grading.verdict.runner import NoVerdict, Runner
from course.grading.verdict.swapped import Variants
from course.grading.verdict.testcell import TestCell, imports_of
from course.language import _, spoken
from course.notebook.official import Release, grade_id
from course.plain import one_line


@dataclass(frozen=True)
class Basis:
    """What a verdict on one notebook rests on, beside the notebook."""

    official: Release
    box: str  # the address of the box in which student code runs
    files: dict = field(default_factory=dict)  # {name: bytes} that were released beside it
    solution: list | None = None  # the source's code cells, [(grade id or None, text), ...]
    code: str = ""  # of the student's variant
    codes: list = field(default_factory=list)  # of the others' variants


class Judging:
    """The judging of one notebook, in place. `settings` is the `Judge`."""

    def __init__(self, settings, nb, basis):
        self._settings, self._nb, self._basis = settings, nb, basis
        self._official, self._solution = basis.official, basis.solution
        self._variants = Variants(basis.code, basis.codes, nb) if basis.code else None
        if self._variants and self._solution:
            self._solution = self._variants.of_this_student(self._solution)
        self._undefined = cells.Undefined()  # names that the student's cells did not define
        self._written = own_work.Written(in_order=True)  # what flows into the answers
        self._helped = set()  # tests whose answers a helper made
        self._tests, self._runner = self._read_tests(), None

    def run(self):
        """Execute and judge the notebook's cells.

        Raises CourseError if there can be no verdict, also because a test cell is broken.
        """
        total = self._settings.wall
        try:
            with self._new_kernel(total):
                for cell in self._nb.cells:
                    self._cell(cell)
                ended, left = self._runner.stopped, total - self._runner.used
        except NoVerdict as error:
            raise CourseError(str(error)) from None
        if self._settings.follow_through and self._solution and ended is None:
            self._follow_through(left)

    @contextlib.contextmanager
    def _new_kernel(self, total):
        """Use a new kernel inside, for `total` seconds at most; then the one before again."""
        # It is the runner that ends a submission, and says why. The last request may take a second,
        # and another one to stop. Only after that Linux would kill the kernel.
        settings, before = self._settings, self._runner
        limits = Limits(cpu=settings.wall + settings.timeout + 3)
        with contextlib.ExitStack() as stack:

            def start():
                return stack.enter_context(Kernel(self._basis.box, self._basis.files, limits))

            self._runner = Runner(start, settings.timeout, total)
            try:
                yield
            finally:
                self._runner = before

    def _cell(self, cell):
        """One cell: the student's is run, the instructor's is judged."""
        cell.metadata.pop("tags", None)
        if outputs.is_open(cell):
            cell.metadata["course"] = outputs.metadata([finding("", Cause.NOT_ANSWERED)], False)
        if cell.cell_type != "code":
            return
        if test := self._tests.get(grade_id(cell)):
            self._judge(cell, test)  # the kernel never sees it
        elif self._runner.stopped is None and cell.source.strip():
            self._run(cell)

    def _read_tests(self):
        """{grade id: TestCell}. Also notes which exercise each name belongs to."""
        tests, imports = {}, imports_of(self._official.values())
        for cell in self._nb.cells:
            known = self._official.get(grade_id(cell))
            if known and known.is_test:
                tests[known.name] = TestCell(known, imports)
                self._written.asks(known.name, tests[known.name].asks_for)
        return tests

    def _run(self, cell):
        """Run a cell in the kernel: its outputs, and what it defines."""
        where = _("in the cell that begins with {text}").format(text=repr(_first(cell)))
        try:
            answer, late = self._runner.run(cell.source, where)
            cell.outputs = [outputs.checked(given) for given in answer["outputs"]]
            cell.execution_count = answer["count"]
            if late:
                text = _("It took longer than {count} seconds and was interrupted.")
                text = text.format(count=late)
                cell.outputs.append(outputs.error("TookTooLong", text))
        except KernelEnded as error:
            self._note_end(cell, str(error))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            self._note_end(cell, self._runner.stop(error, where))
        released = self._official.get(grade_id(cell))
        is_solution = self._variants and self._is_the_solution(cell)
        self._written.ran(own_work.solution_for_all(cell.source) if is_solution else cell.source)
        # A released cell that was not changed owes nobody an answer.
        if released is None or _words(cell.source) != _words(released.source):
            owed = cells.definitions(released.source) if released else ()
            self._undefined.ran(cell.source, outputs.stop_of(cell.outputs), owed)

    def _is_the_solution(self, cell):
        """Whether a cell is an official answer, word for word."""
        known, answers = self._official.get(grade_id(cell)), dict(self._solution or ())
        return bool(known and known.solution) and (
            _words(cell.source) == _words(answers.get(known.name))
        )

    def _note_end(self, cell, why):
        """Put the reason why the kernel ended into a cell's outputs."""
        self._settings.log.warning("Student code: %s", why)
        cell.outputs.append(outputs.error("KernelDied", why))

    # --- the verdict

    def _judge(self, cell, test):
        """Put the verdict of a test cell into its outputs and its metadata."""
        verdict = test.judged(self._ask)
        if verdict.error is not None:
            self._blame(test, verdict)
        if verdict.findings:
            self._explain(test, verdict)
        if verdict.findings and self._variants:
            self._variants.explain(test, verdict, self._ask)
        self._look_for_helpers(test, verdict)
        cell.outputs, cell.execution_count = outputs.shown(verdict), None
        cell.metadata["course"] = outputs.metadata(verdict.findings, not verdict.findings)

    def _blame(self, test, verdict):
        """Make an exception in a test cell a failed check, unless the cell itself is broken.

        Raises CourseError if the cell raises with the official solution, too.
        """
        error = self._with_solution(test).error if self._solution else None
        if error is not None:
            lines = "".join(traceback.format_exception(error)[-3:])
            raise CourseError(
                f"The test cell {test.name} should raise nothing but CheckFailed and "
                f"AssertionError. With the solution it raised:\n{lines}"
                "Mend it in solutions/ and release again; nothing was graded."
            ) from error
        said = one_line(f"{type(verdict.error).__name__}: {verdict.error}").removesuffix(".")
        verdict.fail(Cause.UNUSABLE, said, test.name)

    def _with_solution(self, test):
        """The verdict about the official solution, in a kernel of its own."""
        with self._new_kernel(self._settings.wall):
            for name, source in self._solution:
                if name == test.name:
                    break
                if name not in self._tests:
                    with contextlib.suppress(KernelEnded):
                        self._runner.run(source, "in solutions/")
            return test.judged(self._ask)

    def _follow_through(self, left):
        """Judge exercises again that failed because of an earlier wrong answer (see `follow`).

        `left` are the seconds that the submission has not used.
        """
        named = {name: cell for cell in self._nb.cells if (name := grade_id(cell))}
        tests = {name: cell for name, cell in named.items() if name in self._tests}
        failed = [name for name, cell in tests.items() if not cell.metadata.course["passed"]]
        if len(failed) < 2:  # nothing can have failed because of another answer
            return
        answers = {name: known for name, known in self._official.items() if known.solution}
        texts = {name: named[name].source for name in answers if name in named}
        open_ = {n for n, text in texts.items() if _words(text) in ([], _words(answers[n].source))}
        found = follow.Dependencies(self._solution, self._official, texts)
        chosen = [n for n in found.candidates(failed, open_) if n not in self._helped]
        if not chosen:
            return

        def passes(name):
            verdict = self._tests[name].judged(self._ask)
            return not verdict.findings and verdict.error is None

        def run(text, official=False):
            before = self._variants.naming(self._solution) if official and self._variants else []
            for each in (*before, text):
                self._runner.run(each, "when it was looked at once more")

        with self._new_kernel(left), contextlib.suppress(KernelEnded, NoVerdict):
            for name, answers in follow.follow(self._nb, found, failed, chosen, run, passes):
                said = follow.remark(found, answers, failed)
                tests[name].outputs = [new_output("stream", name="stdout", text=said.message)]
                tests[name].metadata["course"] = outputs.metadata([said], passed=True)

    def _look_for_helpers(self, test, verdict):
        """Give no points for an answer that a helper made. Only the cells' text is read.

        A wrong answer keeps its own reason: what flows into it may be a part of the mistake.
        """
        if verdict.findings and verdict.findings[0].cause is Cause.STOPPED:
            return
        said = own_work.allowed(test.source), own_work.refused(test.source)
        if found := self._written.helped(test.name, test.asks_for, *said):
            self._helped.add(test.name)
            verdict.points = None
            if not verdict.findings:
                verdict.fail(Cause.HELPER, found[1], found[0])

    def _explain(self, test, verdict):
        """If a name was never defined, report the error that prevented it instead."""
        for name in test.asks_for:
            if why := self._undefined.why_missing(name):
                return verdict.fail(Cause.STOPPED, why, name)
        first = verdict.findings[0]
        if first.cause is Cause.RAISES and (why := self._undefined.why_undefined(first.message)):
            verdict.add(why)

    # --- evidence

    def _ask(self, request):
        """The reply of the student's kernel to a request; it is never trusted."""
        name = request["name"]
        try:
            asked = {**request, "most": Limits.evidence, "language": spoken()}
            where = _("when {name} was used").format(name=name)
            answer, late = self._runner.ask(asked, where)
        except KernelEnded as error:
            return _no_answer(str(error))
        if late:
            said = _("{name} took longer than {count} seconds")
            return _no_answer(said.format(name=name, count=late))
        reply = answer.get("reply")
        if not isinstance(reply, dict) or outputs.too_deep(reply):
            return _no_answer(_("the answer of {name} is malformed").format(name=name))
        return reply


def read_before(official, solution):
    """Read a release and its solution, as `Judging` will; what was read is kept."""
    imports_of(official.values())
    for known in official.values():
        if known.is_test:
            TestCell(known, {})
    follow.Dependencies(solution, official, {})
    code = [known.source for known in official.values() if known.type == "code"]
    for text in (*code, *official.plain.values(), *(text for _name, text in solution)):
        syntax.tree_of(text)


def _no_answer(text):
    return {"failed": "NO_ANSWER", "text": text}


def _words(text):
    """The words of a text, to compare it without blanks and line ends."""
    return (text or "").split()


def _first(cell):
    lines = [line for line in cell.source.splitlines() if line.strip()]
    return lines[0][:60] if lines else ""
