"""What the cells of a submitted notebook say: names, halves of an answer, cells that were merged.

A `Piece` is a submitted cell, or a part of one into which several were merged. Nothing is run.
"""

import ast
import re
import symtable
import textwrap
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import islice

from course.grading.notebook.read import versions

#: Each test cell says in its text which exercise it is; text survives what metadata does not.
EXERCISE = re.compile(r"^# Exercise ([\w.-]+) \(", re.MULTILINE)

LONGEST = 50_000  # characters of a cell that are read as Python; longer ones are only searched
_MOST_COMPARED = 10_000  # characters of a cell that is compared with released ones; more than these
_MOST_SEARCHED = 1_000_000  # characters of a cell that are searched
_MOST_READ = 1_000_000  # characters of a notebook that are read as Python, all its cells together
_MOST_JOINED = 3_000_000  # characters that are read to join answers that were split
_MOST_LINES = 500_000  # lines of cells that are no Python, in which names are looked for
_MOST_MERGED = 100  # cells that are looked for in one
_FENCE = re.compile(r"^ *(?:```|~~~).*\n([\s\S]*?)(?:^ *(?:```|~~~) *$|\Z)", re.MULTILINE)
_LEADS_IN = re.compile(r"@|import |from \w+|\w+ *=|$")  # lines that go with a definition below
_RETURN = re.compile(r"^(?:return|yield)\b", re.MULTILINE)
MAGIC = re.compile(r"^([ \t]*)(?:[%!].*|[\w.]+\?{1,2}[ \t]*)$", re.MULTILINE)


class Told(Enum):
    """What is done to a notebook: the sentence for one cell, and the one for many."""

    WIDGETS = ("Saved widget states were left out; grading does not need them.", "")
    LOST = (
        "The cell {} had lost its metadata; it was found by its text.",
        "These cells had lost their metadata; they were found by their text: {}.",
    )
    RETYPED = ("The cell {} is a {} cell again.", "These are {1} cells again: {0}.")
    COPY = (
        "A second copy of the cell {} was removed.",
        "Second copies of these cells were removed: {}.",
    )
    CHANGED = (
        "The locked cell {} had been changed; it was restored.",
        "These locked cells had been changed; they were restored: {}.",
    )
    CHANGED_AND_KEPT = (
        "The locked cell {} had been changed; it was restored. What you wrote in it was kept as a "
        "cell of your own.",
        "These locked cells had been changed; they were restored, and what you wrote in them was "
        "kept as cells of your own: {}.",
    )
    CHANGED_COPY = (
        "A changed copy of the locked cell {} was kept as a cell of your own.",
        "Changed copies of these locked cells were kept as cells of your own: {}.",
    )
    LOCKED_MISSING = (
        "The locked cell {} was missing; it was put back.",
        "These locked cells were missing; they were put back: {}.",
    )
    ANSWER_MISSING = (
        "The answer {} was missing; it was put back, empty. Whatever else you wrote was graded.",
        "These answers were missing; they were put back, empty, and whatever else you wrote was "
        "graded: {}.",
    )
    ELSEWHERE = (
        "The answer {} was not in its cell; it was found in another cell.",
        "These answers were not in their cells; they were found in other cells: {}.",
    )
    IN_OTHER_ANSWER = ("The answer {} stands in the cell {}; it was judged from there.", "")
    OTHER_ANSWER = (
        "There was more than one answer {}: the last one was judged, the others ran before it.",
        "Of these answers there was more than one; the last was judged, the others ran before: {}.",
    )
    UNTOUCHED = (
        "An untouched copy of the answer {} was left out.",
        "Untouched copies of these answers were left out: {}.",
    )
    SPLIT = ("The answer {} had been split into {} cells; it was joined.", "")
    MERGED = (
        "The cell {} had been merged with another cell; they were taken apart.",
        "These cells had been merged with others; they were taken apart: {}.",
    )
    CONFLICT = (
        "The cell {} held two versions from a merge conflict; both were kept.",
        "These cells held two versions from a merge conflict; both were kept: {}.",
    )
    TEST_MOVED = (
        "The cell {} did not stand below its answer; it was moved there.",
        "These cells did not stand below their answers; they were moved there: {}.",
    )
    IMPORTS_MOVED = (
        "The cell {} stood below what needs it; it was moved above it.",
        "These cells stood below what needs them; they were moved above it: {}.",
    )
    READ_NO_FURTHER = (
        "The notebook holds more text than grading reads in search of answers: one that was split "
        "or is not in its cell may not have been found. Put each answer into its own cell, leave "
        "out cells that you do not need, and hand the notebook in again.",
        "",
    )


class Said(list):
    """What was done to a notebook, to be told to its student."""

    def tell(self, what, name="", more=""):
        """Note that something was done to a cell."""
        self.append((what, name, more))

    def lines(self):
        """One sentence for each thing; one for all cells where more than three share it."""
        alike = {}
        for item in self:
            what, name, more = item if isinstance(item, tuple) else (item, "", "")
            alike.setdefault((what, more), {})[name] = None
        found = []
        for (what, more), names in alike.items():
            one, many = what.value if isinstance(what, Told) else (what, "")
            if many and len(names) > 3:
                found.append(many.format(", ".join(names), more))
            else:
                found += [one.format(name, more) for name in names]
        return found


@lru_cache(10_000)
def uncommented(text):
    """A text without the lines that are comments."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


@dataclass(eq=False)
class Piece:
    """A cell, or a part of one: its text, its kind, and whose it says it is."""

    text: str
    code: bool
    claim: str | None = None  # a grade id of the assignment
    told: bool = True  # whether its metadata says so, or only its id or its text
    released: bool = False  # it is no answer and stands in the release word for word
    of: str | None = None  # the locked cell that it was written into
    prose: str = ""  # the text cell that its Python was taken out of

    @property
    def key(self):
        """What its text is known by."""
        return key(self.text)


def stripped(text):
    """A text without blanks at the ends of its lines, and empty lines around it."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def key(text):
    """What a text is known by: equal but for what a formatter may change, blanks and quotes."""
    if len(text) > LONGEST:
        return text  # no released cell is that long
    tree = _tree(text) if len(text) <= _MOST_COMPARED and is_read(text) else None
    return tree or _squeezed(text)


@lru_cache(10_000)
def _squeezed(text):
    return "".join(text.split())


def same_code(one, other):
    """Whether two texts are equal but for what a formatter may change."""
    if max(len(one), len(other)) > LONGEST:
        return one == other
    if key(one) == key(other):
        return True
    return _squeezed(one) == _squeezed(other) and stripped(one) == stripped(other)


@lru_cache(10_000)
def _tree(text):
    with warnings.catch_warnings(action="ignore"):
        try:
            tree = ast.parse(text)
            return ast.dump(tree) if tree.body else None
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


# --- how much is read


class _Allowance:
    """How much of one notebook may still be read; what each text costs counts once."""

    def __init__(self, free):
        self.read, self.joined, self.lines = _MOST_READ, _MOST_JOINED, _MOST_LINES
        self.paid = set(free)
        self.reached = False

    def take(self, kind, cost=0):
        """Whether some was left of a kind; what this costs is taken from it."""
        left = getattr(self, kind)
        setattr(self, kind, left - cost)
        self.reached |= left <= 0
        return left > 0


_allowance = ContextVar("_allowance", default=None)


@contextmanager
def bounded(free):
    """Read no more than one notebook may cost; the texts in `free`, the release's, cost nothing.

    No notebook that a person has written comes near it. Beyond it a cell is searched like one that
    is no Python, and known by its text only. Gives what says at the end whether it was `reached`.
    """
    token = _allowance.set(_Allowance(free))
    try:
        yield _allowance.get()
    finally:
        _allowance.reset(token)


def is_read(text, kind="read"):
    """Whether a text may be read as Python; its cost is taken from what this notebook may cost."""
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
    """(Python's own account of a cell's names or None if the cell is no Python, the characters
    that were read for it)."""
    cost = 0
    with warnings.catch_warnings(action="ignore"):
        # What begins with % or ! is IPython's, unless it goes on with the line above.
        for form in dict.fromkeys((text, MAGIC.sub(r"\1pass", text))):
            try:
                if _RETURN.search(form):  # the symbols alone do not mind it outside of a function
                    compile(form, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                return symtable.symtable(form, "cell", "exec"), cost + 50 + len(form)
            except SyntaxError as error:
                cost += 50 + _read_until(form, error)
            except (ValueError, RecursionError, MemoryError):
                cost += 50 + len(form)
    return None, cost


def _read_until(text, error):
    """The characters that Python has read when it says that a text is none."""
    opened = any(word in error.msg for word in ("never closed", "unterminated", "f-string"))
    if opened or not error.lineno:  # it says where that begins
        return len(text)
    line = max(error.lineno, error.end_lineno or 0)
    return sum(map(len, islice(text.splitlines(keepends=True), line))) + len(text) // 10


def _table(text, kind="read"):
    return _table_and_cost(text)[0] if is_read(text, kind) else None


def parses(text, kind="read"):
    """Whether this is Python, or what IPython makes Python of."""
    return _table(text, kind) is not None


def dedented(text):
    """A cell without the blanks that all its lines begin with: IPython takes them away as well."""
    if len(text) > LONGEST or not text.lstrip("\n")[:1].isspace() or parses(text):
        return text
    return _dedent(text)


_dedent = lru_cache(1000)(textwrap.dedent)


def bound(text):
    """All names that a cell defines: by def, class, =, import, in any way; None if it is broken."""
    table = _table(dedented(text))
    return None if table is None else _bound(table)


@lru_cache(10_000)
def _bound(table):
    symbols = table.get_symbols()
    return frozenset(s.get_name() for s in symbols if s.is_assigned() or s.is_imported())


def defined(text, wanted):
    """Those of the wanted names that a cell defines, also if it is only half of an answer."""
    text = text[:_MOST_SEARCHED]
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
    """What a line begins with that defines a name."""
    blank, others = r"[^\S\n]", r"[\w ,]{0,99}"
    by_def = rf"{blank}*(?:(?:async{blank}+)?def|class){blank}+{name}\b"
    behind = rf"(?:,{others}|:[^=\n]{{0,99}})?=(?!=)"
    return re.compile(rf"{by_def}|(?:{others},)?{blank}{{0,99}}{name}{blank}*{behind}")


def used(text):
    """The names from outside that a cell uses, in its functions as well; none if it is broken."""
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


# --- merged and split


def taken_apart(piece, tests):
    """A piece as the cells that were merged into it; `tests` is {grade id: [released lines]}.

    A test cell is known by its released text, wherever it stands. What version control has put
    together between <<<<<<< and >>>>>>> is taken apart into the one version and the other.
    """
    if len(piece.text) > _MOST_SEARCHED:
        return [piece]
    texts = versions(piece.text)
    if texts is not None:
        both = [Piece(text, piece.code, piece.claim, piece.told) for text in texts]
        return [part for version in both for part in _without_tests(version, tests)]
    return _without_tests(piece, tests)


def _without_tests(piece, tests):
    if not EXERCISE.search(piece.text):
        return [piece]
    lines, parts, begun = piece.text.splitlines(), [], 0
    claim = piece.claim if piece.claim not in tests else None

    def own(start, end):
        text = "\n".join(lines[start:end]).strip("\n")
        if text.strip():
            first = all(part.claim in tests for part in parts)
            parts.append(Piece(text, piece.code, claim if first else None, piece.told and first))

    for at, line in enumerate(lines):
        match = EXERCISE.match(line) if at >= begun else None
        wanted = tests.get(match[1]) if match else None
        if wanted and _stands_at(lines, at, wanted):
            own(begun, at)
            parts.append(Piece("\n".join(wanted), True, match[1]))
            begun = at + len(wanted)
    if not parts or len(parts) > _MOST_MERGED:
        return [piece]
    own(begun, len(lines))
    return parts if len(parts) > 1 else [piece]


def _stands_at(lines, at, wanted):
    fits = at + len(wanted) <= len(lines)
    return fits and all(lines[at + n].rstrip() == line for n, line in enumerate(wanted))


def code_in(text, wanted):
    """The Python in a text cell that defines some of these names, or the whole text."""
    if len(text) > _MOST_SEARCHED:
        return text
    lines = text.splitlines()
    rest = []
    for start in [i for i, line in enumerate(lines) if defined(line, wanted)][:5]:
        while start and _LEADS_IN.match(lines[start - 1]):
            start -= 1
        rest.append("\n".join(lines[start:]))
    fenced = [match[1] for match in _FENCE.finditer(text)]
    for part in (text, *fenced, *rest):
        if parses(part) and defined(part, wanted):
            return part
    return next((part for part in fenced if defined(part, wanted)), text)


def undoubled(text):
    """A text that stands there twice without a line break between, once."""
    half, odd = divmod(len(text), 2)
    twice = odd == 0 and text[:half] == text[half:]
    return text[:half] if twice and ("\n" in text[:half].strip() or not parses(text)) else text
