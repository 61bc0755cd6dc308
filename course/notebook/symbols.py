"""The names that the Python of a cell defines and uses, from its symbol table. Nothing is run.

A text that is too long, or comes after more text than `bounded` allows, is treated like one that is
not Python.
"""

import ast
import re
import symtable
import textwrap
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice

LONGEST = 50_000  # characters of a cell that is parsed; longer cells are only searched
MOST_SEARCHED = 1_000_000  # characters of a cell that are searched
_MOST_READ = 1_000_000  # characters that are parsed, in all cells of a notebook together
_MOST_JOINED = 3_000_000  # characters that are parsed to join split answers
_MOST_LINES = 500_000  # lines of invalid Python that are searched for names
_RETURN = re.compile(r"^(?:return|yield)\b", re.MULTILINE)
MAGIC = re.compile(r"^([ \t]*)(?:[%!].*|[\w.]+\?{1,2}[ \t]*)$", re.MULTILINE)


# --- how much is read


class _Allowance:
    """The amount of one notebook that may still be read; each text is counted once."""

    def __init__(self, free):
        self.read, self.joined, self.lines = _MOST_READ, _MOST_JOINED, _MOST_LINES
        self.paid = set(free)
        self.reached = False

    def take(self, kind, cost=0):
        """Subtract a cost from one of the limits. Returns whether anything was left before."""
        left = getattr(self, kind)
        setattr(self, kind, left - cost)
        self.reached |= left <= 0
        return left > 0


_allowance = ContextVar("_allowance", default=None)


@contextmanager
def bounded(free):
    """Limit how much of one notebook is read; the texts in `free`, the release's, cost nothing.

    No notebook written by a person comes near the limit. Beyond it, a cell is treated like one that
    is not Python. Yields an object whose `reached` says whether the limit was reached.
    """
    token = _allowance.set(_Allowance(free))
    try:
        yield _allowance.get()
    finally:
        _allowance.reset(token)


def is_read(text, kind="read"):
    """Whether a text may be parsed; its cost is subtracted from the notebook's limit."""
    allowance = _allowance.get()
    if len(text) > LONGEST:
        return False
    if allowance is None or text in allowance.paid:
        return True
    if not allowance.take(kind):
        return False
    allowance.paid.add(text)
    return allowance.take(kind, _table_and_cost(text)[1])


# --- names


@lru_cache(10_000)
def _table_and_cost(text):
    """(the cell's symbol table or None if it is not valid Python, the characters read for it)."""
    cost = 0
    with warnings.catch_warnings(action="ignore"):
        # A line that begins with % or ! is IPython's, unless it continues the line above.
        for form in dict.fromkeys((text, MAGIC.sub(r"\1pass", text))):
            try:
                if _RETURN.search(form):  # symtable alone accepts `return` outside of a function
                    compile(form, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                return symtable.symtable(form, "cell", "exec"), cost + 50 + len(form)
            except SyntaxError as error:
                cost += 50 + _read_until(form, error)
            except (ValueError, RecursionError, MemoryError):
                cost += 50 + len(form)
    return None, cost


def _read_until(text, error):
    """The number of characters that Python read before it raised this SyntaxError."""
    opened = any(word in error.msg for word in ("never closed", "unterminated", "f-string"))
    if opened or not error.lineno:  # the error's line is where the bracket or string begins
        return len(text)
    line = max(error.lineno, error.end_lineno or 0)
    return sum(map(len, islice(text.splitlines(keepends=True), line))) + len(text) // 10


def _table(text, kind="read"):
    return _table_and_cost(text)[0] if is_read(text, kind) else None


def parses(text, kind="read"):
    """Whether this is valid Python, with or without IPython's magics."""
    return _table(text, kind) is not None


def dedented(text):
    """A cell without the indentation that all its lines share, as IPython runs it."""
    if len(text) > LONGEST or not text.lstrip("\n")[:1].isspace() or parses(text):
        return text
    return _dedent(text)


_dedent = lru_cache(1000)(textwrap.dedent)


def bound(text):
    """All names that a cell defines (by def, class, =, import ...); None if it is not valid."""
    table = _table(dedented(text))
    return None if table is None else _bound(table)


@lru_cache(10_000)
def _bound(table):
    symbols = table.get_symbols()
    return frozenset(s.get_name() for s in symbols if s.is_assigned() or s.is_imported())


def defined(text, wanted):
    """Those of the wanted names that a cell defines, even if it is only a part of an answer."""
    text = text[:MOST_SEARCHED]
    near = {name for name in wanted if name in text}
    names = bound(text) if near else frozenset()
    if names is None:
        return {name for name in near if _looks_defined(name, text)}
    return near & names


def _looks_defined(name, text):
    """Whether some line looks like a definition of a name."""
    allowance, pattern, at = _allowance.get(), _definition(name), text.find(name)
    while at >= 0:
        if allowance is not None and not allowance.take("lines", 1):
            return False
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if pattern.match(text[text.rfind("\n", 0, at) + 1 : end]):
            return True
        at = text.find(name, end)
    return False


@lru_cache(1000)
def _definition(name):
    """A pattern for the beginning of a line that defines this name."""
    blank, others = r"[^\S\n]", r"[\w ,]{0,99}"
    by_def = rf"{blank}*(?:(?:async{blank}+)?def|class){blank}+{name}\b"
    equals = rf"(?:,{others}|:[^=\n]{{0,99}})?=(?!=)"
    return re.compile(rf"{by_def}|(?:{others},)?{blank}{{0,99}}{name}{blank}*{equals}")


def used(text):
    """The names from other cells that a cell and its functions use; empty if it is not valid."""
    whole = _table(dedented(text))
    return frozenset() if whole is None else _used(whole)


@lru_cache(10_000)
def _used(whole):
    found, tables = set(), [whole]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        symbols = [s for s in table.get_symbols() if s.is_referenced()]
        found |= {s.get_name() for s in symbols if table is whole or s.is_global()}
    return frozenset(found - {s.get_name() for s in whole.get_symbols() if s.is_assigned()})
