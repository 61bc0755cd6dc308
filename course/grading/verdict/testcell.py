"""Execute a test cell, the instructor's text, in the grader. The result is a `CellVerdict`."""

import ast
import builtins
import traceback
from dataclasses import dataclass, field, replace
from functools import lru_cache

from course import check
from course.check.card import Card
from course.diagnosis.causes import Cause, finding
from course.grading.verdict.remote import Remote
from course.language import _
from course.plain import one_line


@dataclass
class CellVerdict:
    """The verdict of one test cell: its findings (none: it passed) and its card.

    `points` is a number if the cell gives a part of its points, otherwise None. `error` is an
    exception other than a failed check; its cause may be the answer or the cell. `failed` is the
    `Card` of a check that failed.
    """

    findings: list = field(default_factory=list)
    card: str = ""
    points: float | None = None
    error: BaseException | None = None
    failed: Card | None = None

    def fail(self, cause, received, name):
        """Replace the findings and the card by this one finding."""
        self.findings = [finding("", cause, received=received)]
        self.card = str(Card(name, self.findings))

    def add(self, sentence):
        """Add a sentence to the first finding, also on the card."""
        first = self.findings[0]
        self.findings[0] = replace(first, message=f"{first.message} {sentence}")
        self.card = self.card.replace(first.message, self.findings[0].message)


class TestCell:
    """The instructor's copy of a test cell, from the gradebook, never from a submitted file.

    `imports` is {name: import statement} of the assignment (see `imports_of`).
    """

    __test__ = False  # pytest collects classes whose names begin with Test

    def __init__(self, official, imports):
        self.name, self.points, self.source = official.name, official.points, official.source
        self._imports = imports
        self._tree, used = _read(official.source)
        #: The student's names that the cell uses.
        self.asks_for = [name for name in used if name not in imports]
        self._given = [name for name in used if name in imports]

    def judged(self, ask):
        """The CellVerdict; `ask(request)` returns the reply of the student's kernel."""
        names = {"__builtins__": builtins, "__name__": "__main__"}
        try:
            for name in self._given:
                exec(self._imports[name], names)
            names.update({name: Remote(name, ask) for name in self.asks_for})
            with check.silently():
                return self._executed(names)
        except check.CheckFailed as failed:
            return CellVerdict(failed.findings, str(failed), failed=failed.card)
        except AssertionError as error:
            return self._failed(self._why(error))
        except (Exception, SystemExit) as error:
            return CellVerdict(error=error)

    def _executed(self, names):
        """Execute the cell; a number as its last line is the points that it gives."""
        body, last = self._tree.body, None
        if body and isinstance(body[-1], ast.Expr):
            body, last = body[:-1], ast.Expression(body[-1].value)
        exec(compile(ast.Module(body, []), f"<{self.name}>", "exec"), names)
        value = None if last is None else eval(compile(last, f"<{self.name}>", "eval"), names)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return CellVerdict()
        points = min(max(float(value), 0.0), self.points)
        if points >= self.points:
            return CellVerdict()
        said = _("{points:g} of {maximum:g} points.")
        return self._failed(said.format(points=points, maximum=self.points), points)

    def _failed(self, text, points=None):
        verdict = CellVerdict(points=points)
        verdict.fail(Cause.TEST, text, self.name)
        return verdict

    def _why(self, error):
        """An assertion's own text; or its line, if students can see it."""
        if text := one_line(error):
            return text
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame.lineno for frame in frames if frame.filename == f"<{self.name}>"]
        line = own[-1] if own else 0
        if line and _is_hidden(self.source, line):
            return _("It is not right in a case that is not shown.")
        if statement := _assertion(self._tree, line):
            return _("{statement} does not hold.").format(statement=one_line(statement))
        return _("It is not right.")


def _is_hidden(source, line):
    """Whether a line of a test cell stands in a region of hidden tests."""
    before = source.splitlines()[:line]
    begun, ended = (
        max((i for i, text in enumerate(before) if mark in text), default=-1)
        for mark in ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
    )
    return begun > ended


def _assertion(tree, line):
    """The text of the assertion in a line, without its message; "" if there is none."""
    asserts = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    found = [node for node in asserts if node.lineno <= line <= node.end_lineno]
    return ast.unparse(found[-1].test) if found else ""


@lru_cache(1000)
def _read(source):
    """(the syntax tree, the names that it uses) of a test cell."""
    tree = ast.parse(source)
    return tree, free_names(tree)


def imports_of(official):
    """{name: import statement} of an assignment's locked cells that are no tests."""
    found = {}
    for cell in official:
        if cell.type == "code" and cell.locked and cell.points is None:
            for name, statement, alone in _imports(cell.source):
                # `import a.b` and `import a.c` are both needed for the one name a.
                before = [] if alone else found.get(name, "").splitlines()
                found[name] = "\n".join([*before, statement])
    return found


@lru_cache(1000)
def _imports(source):
    """[(name, statement that imports it and no other, whether that is all of the name), ...]."""
    found = []
    for statement in ast.walk(ast.parse(source)):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for alias in list(statement.names):
                statement.names = [alias]
                alone = isinstance(statement, ast.ImportFrom) or alias.asname is not None
                name = alias.asname or alias.name.split(".")[0]
                found.append((name, ast.unparse(statement), alone))
    return found


def free_names(tree):
    """The names that a cell uses and neither defines nor gets from Python itself."""
    used, bound = {}, set(vars(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                used.setdefault(node.id)
            else:
                bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.ExceptHandler | ast.MatchAs):
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add(node.asname or node.name.split(".")[0])
    return [name for name in used if name not in bound]
