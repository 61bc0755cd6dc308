"""Whether an answer comes from a helper (the course's own, or keras.applications).

The helpers are there to check and to show; counting and building are the exercises. The student's
source is read, not run, to find what flows into the answer's value (`course.evidence.dataflow`).
Showing a helper's numbers beside the answer, or comparing with them, is allowed. So is reading a
published table: what the student makes of it is the student's own work. The table of a variant
(`course.variant`) is not: an answer that reads it would be right for everybody.
"""

import ast
import re

from course.evidence.dataflow import Dataflow
from course.evidence.syntax import bound, tree_of

#: Parts of `course` that every answer may use: they neither count nor build.
_OPEN = "architectures|data|figures|ilsvrc|kit|setup|timing|training"
_HELPER = re.compile(
    rf"(?<!\w)course\.(?!(?:{_OPEN})\b)\w+"
    r"|(?<!\w)(?:tables\.variant|course\.kit\.variant|course\.kit\.tables)\b"  # what makes it
    r"|(?<!\w)(?:keras|tensorflow)\.(?:\w+\.)*applications\b"
    r"(?!\.(?:\w+\.)*(?:preprocess_input|decode_predictions)\b)"  # these build nothing
)
_CHECKS = {"batch_norm", "block", "budget", "choice", "function", "model"}
_CHECKS |= {"parameters", "progress", "shapes", "value"}
_SAID = re.compile(r"^# The answer may (not )?use ([\w, ]+)\.$", re.MULTILINE)


def allowed(test):
    """The helpers, such as {"anatomy"}, that a line `# The answer may use ….` of a test allows."""
    return _said(test, "")


def refused(test):
    """What else, such as {"BatchNormalization"}, a line `# The answer may not use ….` refuses."""
    return _said(test, "not ")


def solution_for_all(cell):
    """A text that only defines the names of a cell whose solution is right for every variant.

    Such a solution reads the table of the variant, which an answer may not.
    """
    body = tree_of(cell).body
    imports = [each for each in body if isinstance(each, ast.Import | ast.ImportFrom)]
    names = [name for each in body if each not in imports for name in bound(each)]
    return "\n".join([*map(ast.unparse, imports), *(f"{name} = None" for name in names)])


def is_of_a_source(cell):
    """Whether a cell is the solution of an assignment with variants, in its source notebook.

    The grader does not go by this: it knows the official answers.
    """
    return "BEGIN SOLUTION" in cell and bool(re.search(r"\bvariant\(", cell))


def _said(test, sense):
    lines = [names for negated, names in _SAID.findall(test) if negated == sense]
    return set(re.findall(r"\w+", " ".join(lines)))


class Written:
    """The cells that have run, read to find what flows into the answers.

    With `in_order` each cell runs once, from top to bottom, as in the grader. Then cells after the
    test of an exercise do not change its answers.
    """

    def __init__(self, in_order=False):
        self._flow = Dataflow(
            lambda name: name == "course.tables" or name.removeprefix("course.check.") in _CHECKS
        )
        self._in_order = in_order
        self._exercise = {}  # name: the first exercise whose test is about it

    def ran(self, source):
        """Note that a cell has run."""
        self._flow.ran(source)

    def asks(self, exercise, names):
        """Note that the test of an exercise is about these names."""
        for name in names:
            self._exercise.setdefault(name, exercise)

    def helped(self, exercise, names, allowed=(), refused=frozenset()):
        """(name, helper) of the first answer that a helper made, or None.

        `names` are the names that the exercise's test is about; `allowed` and `refused` are what
        the test says about helpers. A name of an earlier exercise is judged there only. The same
        holds for other exercises' answers that this answer uses.
        """
        self.asks(exercise, names)
        own = [name for name in names if self._exercise[name] == exercise] or list(names)
        others = set(self._exercise) - set(own)
        found = ((name, self.helper(name, allowed, others, refused)) for name in own)
        found = next(((name, helper) for name, helper in found if helper), None)
        if self._in_order:
            self._flow.closed.update(own)
        return found

    def helper(self, name, allowed=(), others=(), refused=frozenset()):
        """The helper that flows into a name's value, such as "course.anatomy", or None.

        `others` are the names that other exercises are about; what flows through them is not seen.
        """
        for origin in sorted(self._flow.origins(name, others)):
            if refused.intersection(origin.split(".")):
                return origin
            for match in _HELPER.finditer(origin):
                ours = match[0].startswith(("course.", "tables."))
                helper = match[0] if ours else "keras.applications"
                if helper.split(".")[-1] not in allowed:
                    return helper
        return None
