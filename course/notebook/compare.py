"""Compare the texts of cells as a formatter, or a student's editor, may change them."""

import ast
import warnings
from functools import lru_cache

from course.notebook.symbols import LONGEST, is_read

_MOST_COMPARED = 10_000  # characters of a cell whose syntax tree is compared with released cells


@lru_cache(10_000)
def stripped(text):
    """A text without blanks at the ends of its lines, and empty lines around it."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def key(text):
    """A key that is the same for texts that differ only as a formatter may change them."""
    if len(text) > LONGEST:
        return text  # no released cell is that long
    dumped = _dumped_tree(text) if len(text) <= _MOST_COMPARED and is_read(text) else None
    return dumped or squeezed(text)


@lru_cache(10_000)
def squeezed(text):
    """A text without blanks and line ends."""
    return "".join(text.split())


def same_code(one, other):
    """Whether two texts differ only as a formatter may change them."""
    if max(len(one), len(other)) > LONGEST:
        return one == other
    return key(one) == key(other) or stripped(one) == stripped(other)


@lru_cache(10_000)
def _dumped_tree(text):
    """A cell's syntax tree as text; None if it is empty or not valid Python."""
    with warnings.catch_warnings(action="ignore"):
        try:
            tree = ast.parse(text)
            return ast.dump(tree) if tree.body else None
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


@lru_cache(10_000)
def uncommented(text):
    """A text without the lines that are comments."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
