"""The pieces of a submitted notebook: its cells, with those that were merged taken apart."""

import re
from dataclasses import dataclass

from course.exercise import EXERCISE
from course.notebook import compare
from course.notebook.read import versions
from course.notebook.symbols import MOST_SEARCHED, defined, parses

_MOST_MERGED = 100  # cells merged into one
_FENCE = re.compile(r"^ *(?:```|~~~).*\n([\s\S]*?)(?:^ *(?:```|~~~) *$|\Z)", re.MULTILINE)
_LEADS_IN = re.compile(r"@|import |from \w+|\w+ *=|$")  # lines that belong to a definition below


@dataclass(eq=False)
class Piece:
    """A cell, or a part of one: its text, its kind, and the official cell that it claims to be."""

    text: str
    code: bool
    claim: str | None = None  # the grade id of that official cell
    told: bool = True  # whether its metadata says so; False: only its cell id or its text
    id: str | None = None  # of the whole cell
    released: bool = False  # an unchanged cell of the release that is not an answer
    of: str | None = None  # the locked cell into which the student wrote it
    answer: str | None = None  # the grade id of the answer that counts and stands here
    joined: bool = False  # its text went into the piece with the rest of an answer
    prose: str = ""  # the text cell from which its Python was taken

    @property
    def key(self):
        """The key of its text (`compare.key`)."""
        return compare.key(self.text)


def taken_apart(piece, tests):
    """Split a piece into the cells that were merged into it; `tests` is {grade id: [lines]}.

    A test cell is recognised by its released lines, anywhere in the piece. A merge conflict (with
    <<<<<<< and >>>>>>>) is split into its two versions.
    """
    if len(piece.text) > MOST_SEARCHED:
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
    if len(text) > MOST_SEARCHED:
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
    """Half of a text that consists of the same text twice, without a line break between."""
    half, odd = divmod(len(text), 2)
    twice = odd == 0 and text[:half] == text[half:]
    return text[:half] if twice and ("\n" in text[:half].strip() or not parses(text)) else text
