"""Cells that stopped with an error: which names they did not define, and why.

A check is about a name that some cell above should have defined. If that cell was not run, or
stopped before the definition, there is nothing to judge, or only an older value. `Undefined` keeps
track of this for a notebook and for the grader; `watch` makes a notebook's checks report it.
"""

import ast
import re
from dataclasses import dataclass
from importlib.util import find_spec

from course.evidence import own_work
from course.evidence.lines import line_of
from course.evidence.syntax import bound, parsed, tree_of
from course.language import N_, _, sentences
from course.plain import one_line

NO_TENSORFLOW = N_(
    "There is no TensorFlow here: Keras computes on another library. Use Keras's layers and "
    "keras.ops, and for slopes `gradient` from course.kit.gradients"
)

EXERCISE = re.compile(r"\s*# Exercise ([\w.-]+) \(")
_LOOKS_DEFINED = re.compile(r"(?:async +)?(?:def|class) +(\w+)|(\w+)[ \t]*(?::[^=]*)?=(?!=)")
_TYPOGRAPHY = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "\u00a0": " "})


@dataclass(frozen=True)
class Stop:
    """An error that ended a cell: its class, its text, and the cell's line (None: nothing ran)."""

    kind: str
    text: str
    line: int | None

    def why(self, source):
        """The error in one line, with the line of the cell that raised it, and what to do."""
        lines = source.splitlines()
        at = self.line or self._line_of_syntax()
        whole = lines[at - 1] if at and at <= len(lines) else ""
        line = whole.strip()
        if self.kind == "NotImplementedError":
            said = _("Line {number} still says {text}: delete that line, run the cell again.")
            return said.format(number=at, text=one_line(line, 120))
        text = re.sub(r" \([^()]*, line \d+\)$", "", self.text)
        said = one_line(f"{self.kind}: {text}".removesuffix(": "), 300)
        if at:
            said += _(" ({line})").format(line=line_of(at, one_line(line, 120)))
        return sentences(_("{received}.").format(received=said), self._advice(whole))

    def _line_of_syntax(self):
        found = re.search(r", line (\d+)\)$", self.text)
        return int(found[1]) if found else None

    def _advice(self, line):
        if self.kind == "ModuleNotFoundError":
            if re.match(r"No module named 'tensorflow\b", self.text):
                return _("{received}.").format(received=_(NO_TENSORFLOW))
            if find_spec("tensorflow"):
                return _(
                    "The grader has only NumPy, Keras, TensorFlow, TensorFlow Datasets, "
                    "matplotlib, what these need, and Python's own modules."
                )
            return _(
                "The grader has only NumPy, Keras, matplotlib, what these need, and Python's own "
                "modules."
            )
        if self.kind in ("EOFError", "StdinNotImplementedError"):
            return _(
                "Nobody types while a notebook is graded: write the value in place of input()."
            )
        if self.kind == "SyntaxError" and line.translate(_TYPOGRAPHY) != line:
            return _("The line has quotation marks or blanks from a text editor: type them again.")
        return ""


def defined(source):
    """{name: (first line, last line)} of each name's last definition at a cell's top level.

    In a cell that is not valid Python, the lines that look like definitions count.
    """
    try:
        tree = parsed(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        lines = enumerate(source.splitlines(), 1)
        found = ((number, _LOOKS_DEFINED.match(line)) for number, line in lines)
        return {match[1] or match[2]: (number, number) for number, match in found if match}
    names = {}
    for statement in tree.body:
        for name in bound(statement):
            names[name] = statement.lineno, statement.end_lineno
    return names


class Undefined:
    """The names that the cells that were run should have defined, and did not."""

    def __init__(self):
        self._missing = {}  # name: (the cell's text, its Stop)

    def ran(self, source, stop=None, also=()):
        """Note that a cell ran, to its end or its Stop; `also` are more names it should define."""
        names = defined(source)
        for name in (*names, *(set(also) - set(names))):
            # The statement that raised defined nothing, and those after it did not run.
            last = names.get(name, (0, float("inf")))[1]
            if stop is not None and (stop.line is None or last >= stop.line):
                self._missing[name] = source, stop
            else:
                self._missing.pop(name, None)

    def why_missing(self, name):
        """One or two sentences about the error that prevented a name's definition, or None."""
        if name not in self._missing:
            return None
        source, stop = self._missing[name]
        if stop.kind == "NotImplementedError":
            said = _("The cell of {name} stops before its answer. {why}")
            return said.format(name=name, why=stop.why(source))
        earlier = self.why_undefined(stop.text) if stop.kind == "NameError" else ""
        said = _("The cell of {name} stops with an error. {why}")
        return sentences(said.format(name=name, why=stop.why(source)), earlier)

    def why_undefined(self, text):
        """For the text of a NameError: the error that prevented that name's definition, or ""."""
        match = re.search(r"name '(\w+)' is not defined", text)
        source, stop = self._missing.get(match[1] if match else None, ("", None))
        if stop is None or stop.kind == "NameError":
            return ""
        said = _("{name} is not defined because of {why}")
        return said.format(name=match[1], why=stop.why(source))


# --- in a notebook


class Missing:
    """Takes the place of an undefined name while its check runs, so that the check says why."""

    def __init__(self, name, why):
        self.__name__, self._why = name, why

    def __evidence__(self, request):
        """The reply that `course.check` gets instead of evidence."""
        if self._why is None:
            return {"failed": "NOT_ANSWERED", "text": f"{self.__name__} is not defined"}
        return {"failed": "STOPPED", "text": self._why}


def asked(source):
    """The names that the checks of a cell are about: the first argument of each `check.…(…)`."""
    calls = [node for node in ast.walk(tree_of(source)) if isinstance(node, ast.Call)]
    firsts = [call.args[0] for call in calls if call.args and _is_check(call.func)]
    return [node.id for node in firsts if isinstance(node, ast.Name)]


def _is_check(function):
    owner = getattr(function, "value", None)
    return isinstance(function, ast.Attribute) and getattr(owner, "id", None) == "check"


class _Watch:
    """Puts a `Missing` in the place of each name that a check is about and no cell has defined."""

    def __init__(self, names):
        self.names, self.undefined = names, Undefined()
        self.put = {}  # {a name that stands for a Missing now: {it: its value}, {} without one}
        self.helped = None  # (an answer, the helper that made it) while its check runs
        self.written = own_work.Written()
        self.unread = []  # (text, Stop or None) of cells that have run since the last check

    def begins(self, info):
        source = info.raw_cell or ""
        exercise = EXERCISE.match(source)
        if not exercise:
            return
        for text, stop in self.unread:
            self.undefined.ran(text, stop)
            official = own_work.is_of_a_source(text)
            self.written.ran(own_work.solution_for_all(text) if official else text)
        self.unread = []
        names = asked(source)
        said = own_work.allowed(source), own_work.refused(source)
        helped = self.written.helped(exercise[1], names, *said)
        for name in names:
            why = self.undefined.why_missing(name)
            if name not in self.put and (why or name not in self.names):
                was = {name: self.names[name]} if name in self.names else {}
                self.put[name] = was
                self.names[name] = Missing(name, why)
        self.helped = (self.names[helped[0]], helped[1]) if helped else None

    def ran(self, result):
        for name, was in self.put.items():
            if isinstance(self.names.get(name), Missing):
                del self.names[name]
                self.names.update(was)
        self.put, self.helped = {}, None
        source = result.info.raw_cell or ""
        if not EXERCISE.match(source):
            self.unread.append((source, _stop(result)))  # reading is slow: at the next check


def _stop(result):
    """The Stop of a cell that IPython has run; None if it ran to its end."""
    error = result.error_before_exec or result.error_in_exec
    if error is None:
        return None
    line, frames = None, error.__traceback__
    while result.error_before_exec is None and frames is not None and line is None:
        if frames.tb_frame.f_code.co_name.startswith(("<module>", "<cell line")):
            line = frames.tb_lineno
        frames = frames.tb_next
    try:
        text = str(error)
    except Exception:  # of the student's own class
        text = ""
    return Stop(type(error).__name__, text, line)


_watching = None


def helper_of(subject):
    """The helper that made an answer of this notebook, such as "course.anatomy", or None."""
    helped = _watching.helped if _watching else None
    return helped[1] if helped and helped[0] is subject else None


def watch():
    """From now on this notebook's checks say which answers are undefined, and why."""
    global _watching
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None and _watching is None:
        _watching = _Watch(shell.user_ns)
        shell.events.register("pre_run_cell", _watching.begins)
        shell.events.register("post_run_cell", _watching.ran)
