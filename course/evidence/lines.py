"""The lines that a student wrote, and the errors that carry them."""

import ast
import functools
import inspect
import linecache
import os
import sys
import sysconfig

from course.language import _

_OURS = os.path.dirname(os.path.dirname(__file__))  # the package `course`
_LIBRARIES = ("stdlib", "platstdlib", "purelib", "platlib")


class Refused(Exception):
    """No evidence can be given. `kind` is the name of a `Cause`, `text` the details."""

    def __init__(self, kind, text=""):
        super().__init__(text)
        self.kind, self.text = kind, text


class Misused(Exception):
    """A mistake that a check sees before Keras does. `kind` is the name of a `Cause`."""

    def __init__(self, text, kind="RAISES"):
        super().__init__(text)
        self.kind = kind


@functools.cache
def _in_a_library(filename):
    inside = "site-packages", "dist-packages", "<frozen "
    return any(part in filename for part in inside) or filename.startswith(_folders())


@functools.cache
def _folders():
    """The folders of Python's libraries and of this package."""
    folders = [sysconfig.get_path(name) for name in _LIBRARIES]
    return tuple(os.path.join(folder, "") for folder in (*folders, _OURS))


def is_own(filename):
    """Whether code is the student's: from a cell or a file, not from a library."""
    # A cell has source lines; code that a library compiled or generated has none. Since Python 3.13
    # the text of `python -c` has them, under the name that generated code has as well.
    given = filename == "<string>"
    return not given and not _in_a_library(filename) and bool(linecache.getlines(filename))


def own_place():
    """(file, line) of the student's code that is running; None if none is."""
    frame = sys._getframe(1)
    while frame is not None and not is_own(frame.f_code.co_filename):
        frame = frame.f_back
    return frame and (frame.f_code.co_filename, frame.f_lineno)


def own_line():
    """The line of the student's code that is running, in words; "" if none is."""
    place = own_place()
    return in_line(place) if place else ""


def in_line(place):
    """A place in words: `line 4: x = Conv2D(6)(x)`."""
    line = linecache.getline(*place).strip()
    line = line if len(line) <= 120 else f"{line[:119]}…"
    return line_of(place[1], line)


def line_of(number, text):
    """A line of a cell in words; its text may be empty."""
    said = _("line {number}: {text}") if text else _("line {number}")
    return said.format(number=number, text=text)


def expression(part):
    """The syntax tree of the expression at which a traceback's entry stands, or None."""
    last = part.end_lineno or part.lineno
    lines = [linecache.getline(part.filename, n) for n in range(part.lineno, last + 1)]
    if not lines or None in (part.colno, part.end_colno):
        return None
    lines = [line.encode() for line in lines]
    lines[-1] = lines[-1][: part.end_colno]
    lines[0] = lines[0][part.colno :]
    try:
        return ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
    except SyntaxError:
        return None


def how_to_call(kind, given="x"):
    """How to create and call a layer of this class: `layers.ReLU()(x)`, `nn.ReLU()(x)`."""
    parameters = inspect.signature(kind).parameters.values()
    needed = [p for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    library = {"keras": "layers.", "torch": "nn."}.get(kind.__module__.partition(".")[0], "")
    return f"{library}{kind.__name__}({'…' if needed else ''})({given})"
