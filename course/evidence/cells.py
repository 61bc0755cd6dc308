"""Cells that stopped with an error: which names they did not define, and why.

A check is about a name that some cell above should have defined. If that cell was not run, or
stopped before the definition, there is nothing to judge, or only an older value. `Undefined` keeps
track of this for a notebook (`course.evidence.watch`) and for the grader.
"""

import ast
import re
import sys
import unicodedata
from dataclasses import dataclass
from importlib.util import find_spec

from course.evidence.in_words import NO_TENSORFLOW
from course.evidence.lines import line_of
from course.evidence.syntax import base, bound, parsed, tree_of
from course.language import _, sentences
from course.plain import one_line

_LOOKS_DEFINED = re.compile(r"(?:async +)?(?:def|class) +(\w+)|(\w+)[ \t]*(?::[^=]*)?=(?!=)")
#: What Python writes in place of signs from books and other keyboards; full-width ones have theirs.
_SIGNS = {
    "−": "-", "–": "-", "—": "-", "×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "∕": "/",
    "²": "**2", "³": "**3", "≤": "<=", "≥": ">=", "≠": "!=", "、": ",", "。": ".", "【": "[",
    "】": "]", "…": "...",
}  # fmt: skip
#: Lines whose form may have come with a later version of Python: (that version, the form).
_NEWER = (
    (
        (3, 12),
        re.compile(
            r"""\s*type\s+\w+.*=|\s*(async\s+)?(def|class)\s+\w+\[|.*\b[rR]?[fF][rR]?["']"""
        ),
    ),
    ((3, 14), re.compile(r"""\s*except\*?\s+[\w.]+\s*,|.*\b[rR]?[tT][rR]?["']""")),
)
_TYPOGRAPHY = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "\u00a0": " "})


def class_of_error(name):
    """The name of an error's class; Python 3.13 has a private one for code that is cut off."""
    return "SyntaxError" if name == "_IncompleteInputError" else name


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
        unseen = self.text.startswith("invalid non-printable character")
        if self.kind == "SyntaxError" and (unseen or line.translate(_TYPOGRAPHY) != line):
            return _("The line has quotation marks or blanks from a text editor: type them again.")
        if self.kind == "SyntaxError":
            return self._other_sign() or _newer(line)
        return ""

    def _other_sign(self):
        """What Python writes in place of a sign that it does not know, or ""."""
        match = re.match(r"invalid (?:non-printable )?character '(.)'", self.text)
        sign = match[1] if match else ""
        right = _SIGNS.get(sign) or unicodedata.normalize("NFKC", sign)
        if not right.isascii() or not right.strip():
            return ""
        return _("Python writes {right} in place of {sign}.").format(right=right, sign=sign)


def _newer(line):
    """That a later version of Python may take the line; "" if it has no such form."""
    for version, form in _NEWER:
        if sys.version_info < version and form.match(line):
            said = _(
                "This is Python {here}. If your own Python ({newer} or later) takes this line, "
                "write it in a form that {here} has, too."
            )
            here, newer = (".".join(map(str, each[:2])) for each in (sys.version_info, version))
            return said.format(here=here, newer=newer)
    return ""


def definitions(source):
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


def _meant(source, stop):
    """The undefined name that the statement which raised was to define: [name], or [].

    `scanner == 3` should have been `scanner = 3`, and `shapes["C1"] = 3` needs `shapes = {}`.
    """
    match = re.search(r"name '(\w+)' is not defined", stop.text) if stop else None
    if match is None or stop.kind != "NameError" or stop.line is None:
        return []
    for statement in tree_of(source).body:
        if statement.lineno <= stop.line <= statement.end_lineno:
            targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
            compared = getattr(statement, "value", None)
            if isinstance(statement, ast.Expr) and isinstance(compared, ast.Compare):
                targets = [compared.left]
            return [match[1]] if match[1] in map(base, targets) else []
    return []


class Undefined:
    """The names that the cells that were run should have defined, and did not."""

    def __init__(self):
        self._missing = {}  # name: (the cell's text, its Stop)

    def ran(self, source, stop=None, also=()):
        """Note that a cell ran, to its end or its Stop; `also` are more names it should define."""
        names = definitions(source)
        also = {*also, *_meant(source, stop)}
        for name in (*names, *(also - set(names))):
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


def asked(source):
    """The names that the checks of a cell are about: the first argument of each `check.…(…)`."""
    calls = [node for node in ast.walk(tree_of(source)) if isinstance(node, ast.Call)]
    firsts = [call.args[0] for call in calls if call.args and _is_check(call.func)]
    return [node.id for node in firsts if isinstance(node, ast.Name)]


def _is_check(function):
    owner = getattr(function, "value", None)
    return isinstance(function, ast.Attribute) and getattr(owner, "id", None) == "check"
