"""Join answers that were split into several cells.

Cells are tried from the known part outwards, as long as the text so far has no other fault than
that it ends too early or in the middle of a line. Nothing is run.
"""

import ast
import re
import warnings
from codeop import PyCF_ALLOW_INCOMPLETE_INPUT
from functools import lru_cache
from operator import itemgetter

from course.notebook.symbols import LONGEST, MAGIC, is_read, parses

_MOST_PARTS = 20  # parts of one answer
_MOST_WHOLE = 3  # parts that are valid Python alone, where that speaks against a split
_MOST_WAYS = 8  # ways to put the parts of an answer together
_TRIPLE = re.compile(r"\"\"\"|'''")


def joined(texts, at, complete):
    """Join an answer that was split. Returns (its text, the indices of its parts).

    `texts` are the cells in order, None for one that cannot be a part. `at` is the index of the
    known part. `complete(text)` says whether a text needs no further part.
    """
    text, taken = texts[at], [at]
    while found := _with_more(texts, text, taken, complete(text)):
        text, taken = found
    return text, taken


def _with_more(texts, text, taken, enough):
    """(text, indices) with the fewest neighbours that make it valid Python, or None."""
    begun = is_read(text, "joined") and not enough and _is_begun(text)
    below = _run(texts, taken[-1], 1, _MOST_WHOLE if begun == "text" else _MOST_PARTS)
    above = _run(texts, taken[0], -1, 0 if begun else _MOST_WHOLE)
    parts = [texts[i] for i in below]
    if found := _python_with([text], parts, _least(texts, below, enough)):
        return found[0], [*taken, *below[: found[1]]]
    least, both = _least(texts, above, enough), []
    for count in range(1, len(above) + 1):
        near = above[count - 1 :: -1]  # from the topmost one down
        starts = [texts[near[0]]]
        for part in [*(texts[i] for i in near[1:]), text]:
            starts = _glued(starts, part)
        if count >= least and (whole := _first_python(starts)):
            return whole, [*near, *taken]
        if not enough and (found := _python_with(starts, parts)):
            both.append((count + found[1], found[0], [*near, *taken, *below[: found[1]]]))
    return min(both, key=itemgetter(0))[1:] if both else None


def _run(texts, at, step, most):
    """Indices of possible parts from a neighbour on; at most `most` are valid Python alone."""
    found, at = [], at + step
    while 0 <= at < len(texts) and texts[at] is not None and len(found) < _MOST_PARTS:
        if texts[at].strip():
            most -= parses(texts[at])
            if most < 0:
                break
            found.append(at)
        at += step
    return found


def _least(texts, near, enough):
    """The least number of neighbours to add: if a text is complete, up to one that is invalid."""
    if not enough:
        return 1
    return next((n for n, i in enumerate(near, 1) if not parses(texts[i])), len(near) + 1)


def _python_with(starts, parts, least=1):
    """(one of the texts with the fewest parts that make it valid Python, their number)."""
    if least > len(parts):
        return None
    for count, part in enumerate(parts, 1):
        starts = _glued(starts, part)
        if count >= least and (whole := _first_python(starts)):
            return whole, count
    return None


def _first_python(texts):
    return next((text for text in texts if parses(text, "joined")), None)


def _glued(starts, part):
    """Each text joined with the next part, in every way in which it can continue."""
    short = [start for start in starts if len(start) + len(part) < LONGEST]
    found = [start + gap + part for start in short for gap in _gaps(start, part)]
    return found[:_MOST_WAYS]


def _gaps(text, part):
    """The strings to put between two parts: a line break, or "" if a line may have been cut."""
    if not is_read(text, "joined"):
        return ()
    if parses(text, "joined") or (begun := _is_begun(text)) == "code":
        return ("\n", "")
    if begun == "text":
        return ("\n", "") if _TRIPLE.search(part) else ("\n",)
    whole = text.rstrip()
    return ("",) if _is_begun(whole[: max(whole.rfind("\n"), 0)]) else ()


@lru_cache(10_000)
def _is_begun(text):
    """Where a text stops too early: in "code", or in "text" between triple quotes.

    None if it has another syntax error, which no further lines can repair.
    """
    for form in dict.fromkeys((text, MAGIC.sub(r"\1pass", text))):
        fault = _fault(form, PyCF_ALLOW_INCOMPLETE_INPUT)
        if fault == "incomplete input":
            return "text" if _fault(form).startswith("unterminated triple-quoted") else "code"
        if not fault:
            return "code"
    return None


def _fault(text, flags=0):
    with warnings.catch_warnings(action="ignore"):
        try:
            compile(text, "cell", "exec", ast.PyCF_ONLY_AST | flags)
        except SyntaxError as error:
            return error.msg
        except (ValueError, RecursionError, MemoryError) as error:
            return str(error) or "too deep"
    return ""
