"""Answers that were split into several cells, put together again.

Cells are tried from the known part outwards, and only as far as Python finds no other fault with
what there is so far than that it ends too early, or in the middle of a line. Nothing is run.
"""

import ast
import re
import warnings
from codeop import PyCF_ALLOW_INCOMPLETE_INPUT
from functools import lru_cache
from operator import itemgetter

from course.grading.notebook.pieces import LONGEST, MAGIC, is_read, parses

_MOST_PARTS = 20  # into which one answer is thought to have been split
_MOST_WHOLE = 3  # of them that are Python by themselves, where that is no good sign
_MOST_WAYS = 8  # in which the parts of an answer are put together
_TRIPLE = re.compile(r"\"\"\"|'''")


def joined(texts, at, complete):
    """Put an answer together that was split: (its text, the indices of the texts that it took).

    `texts` are the cells around it that may be parts of it (None where one may not be), `at` is
    the index of the one that is known, `complete(text)` whether a text needs no more.
    """
    text, taken = texts[at], [at]
    while found := _with_more(texts, text, taken, complete(text)):
        text, taken = found
    return text, taken


def _with_more(texts, text, taken, enough):
    """A text with the fewest neighbours with which it is Python, or None."""
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
    """The indices of what may belong to it, from its neighbour on; `most` are Python themselves."""
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
    """How many neighbours at least are tried: if a text is Python, up to one that is not."""
    if not enough:
        return 1
    return next((n for n, i in enumerate(near, 1) if not parses(texts[i])), len(near) + 1)


def _python_with(starts, parts, least=1):
    """(one of the texts with the fewest parts below it with which it is Python, their number)."""
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
    """The texts that another one can go on, together with it."""
    short = [start for start in starts if len(start) + len(part) < LONGEST]
    found = [start + gap + part for start in short for gap in _gaps(start, part)]
    return found[:_MOST_WAYS]


def _gaps(text, part):
    """What can have stood between two parts: a line's end, or nothing if it was cut in a line."""
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
    """Where a text ends too early: in "code", or in "text" between three quotes.

    None if Python finds another fault with it: then nothing that stands below makes Python of it.
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
