"""A notebook's first cell, which calls `course.setup(…)`: the language that it names there.

The text of the cell is read, and nothing is run.
"""

import ast
import contextlib
import glob
import json
import os
import re

from course.language import ENGLISH, known, spoken

_MAGIC = re.compile(r"^([ \t]*)[%!].*$", re.MULTILINE)


def language_of(texts):
    """The language of the first `course.setup(language=…)` in the texts of cells, or English."""
    for call in filter(None, map(_call, texts)):
        given = _argument(call)
        with contextlib.suppress(ValueError):
            return known(getattr(given.value, "value", None)) if given else ENGLISH
    return ENGLISH


def language_of_assignments(folder):
    """The language that is spoken; if it is English, that of the notebooks in folder/*/."""
    if spoken() == ENGLISH:
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*", "*.ipynb"))):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                with open(path, encoding="utf-8") as file:
                    cells = json.load(file)["cells"]
                return language_of("".join(cell["source"]) for cell in cells)
    return spoken()


def with_language(text, name):
    """The text of a cell in which `course.setup(…)` names this language; None without that call.

    All else in the text stays as it is.
    """
    call = _call(text)
    if not call or call.args:  # it takes none but those of the form name=value
        return None
    given, data = _argument(call), text.encode()

    def place(line, column):
        return sum(len(each) + 1 for each in data.split(b"\n")[: line - 1]) + column

    def end(node):
        return place(node.end_lineno, node.end_col_offset)

    named = f'language="{name}"'
    if given:
        begin, stop = place(given.lineno, given.col_offset), end(given)
    elif name == ENGLISH:
        return text
    elif call.keywords:
        begin = stop = end(call.keywords[-1])
        named = f", {named}"
    else:
        begin = stop = data.index(b"(", end(call.func)) + 1
    return (data[:begin] + named.encode() + data[stop:]).decode()


def _call(text):
    """The syntax tree of a cell's first call `course.setup(…)`; None if there is none."""
    try:
        tree = ast.parse(_MAGIC.sub(r"\1pass", text)) if "setup" in text else ast.Module([], [])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
    calls = [each for each in calls if _is_setup(each.func)]
    return min(calls, key=lambda each: (each.lineno, each.col_offset), default=None)


def _is_setup(function):
    named = isinstance(function, ast.Attribute) and function.attr == "setup"
    return named and isinstance(function.value, ast.Name) and function.value.id == "course"


def _argument(call):
    """The argument `language=…` of a call, or None."""
    return next((each for each in call.keywords if each.arg == "language"), None)
