"""Variants: a network's table that follows from the short code of a student.

    course.variant("VARY-NET3")     # the table of this code; it is shown, and checks take it
    course.variant()                # the same table again, for checks and figures below

The instructor's file tables/variant.py has a function `variant(draw)` that returns a `Table`.
`draw(16, 24, 32)` is one of these, and which one follows from the code. If the function returns
None, it is asked once more with other draws. The grader knows the student's own code, and uses it
whatever code a notebook names.
"""

from __future__ import annotations

import random
import re
import unicodedata
from contextlib import contextmanager
from dataclasses import replace

from course.architectures import Table
from course.kit.tables import PACKAGE
from course.language import _
from course.plain import one_line

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # 31, a prime number
_ALIKE = "ILO01"  # in no code, as they look alike
EXAMPLE = "VARY-NET3"
_LENGTH = 8  # with the last letter, which is computed from the others
_MOST = 1000  # times that a function may return None
_CALL = re.compile(r"""(\bvariant\(\s*)(["'])([^"'\n]*)\2""")

_NOW = {"code": None, "official": None}  # the code given last; one that counts in its place


def variant(code: str | None = None) -> Table:
    """The table of a student's variant; without a code, that of the code that was given last.

    Raises NotImplementedError if no code was given yet, ValueError for a text that is no code, and
    TypeError for anything else.
    """
    if _NOW["official"]:
        code = _NOW["official"]
    elif not isinstance(code, str | None):
        raise TypeError(_(
            'The code should stand between quotation marks, such as course.variant("{example}"). '
            "Received: {received}."
        ).format(example=EXAMPLE, received=one_line(repr(code), 80)))  # fmt: skip
    elif code is not None:
        _NOW["code"] = code = code_in(code) if code.strip() else None
    else:
        code = _NOW["code"]
    if code is None:
        raise NotImplementedError(_(
            'Write your code between the quotation marks of course.variant(""), and run that cell. '
            "Your instructor has sent the code to you: eight letters and digits."
        ))  # fmt: skip
    return drawn(code)[0]


@contextmanager
def official(code):
    """Within this, `variant` gives the table of this code, whatever code it gets."""
    before, _NOW["official"] = _NOW["official"], code
    try:
        yield
    finally:
        _NOW["official"] = before


def drawn(code):
    """(the Table of a code, the values that were drawn for it)."""
    try:
        from tables.variant import variant as make
    except ModuleNotFoundError as error:
        if error.name != PACKAGE:
            raise
        raise ModuleNotFoundError(
            _(
                "This notebook has no variants: there is no file tables/variant.py at or above its "
                "folder, and no cell with the tables."
            ),
            name=error.name,
        ) from None
    numbers = random.Random(code)  # Python keeps `random()` the same in all its versions
    for _attempt in range(_MOST):
        values = []

        def draw(*choices, values=values):
            values.append(choices[int(numbers.random() * len(choices))])
            return values[-1]

        table = make(draw)
        if isinstance(table, Table):
            return replace(table, name=f"{table.name} ({code})"), values
        if table is not None:
            raise TypeError(
                "variant(draw) in tables/variant.py should return a Table, or None to be asked "
                f"again. Received: {one_line(repr(table), 200)}"
            )
    raise ValueError(
        f"variant(draw) in tables/variant.py returned None {_MOST} times for the code {code}. Let "
        "it accept more networks."
    )


# --- codes


def code_of(number):
    """The code of a whole number: seven letters from it, and one to find typing errors."""
    values = []
    for _place in range(_LENGTH - 1):
        number, value = divmod(number, len(LETTERS))
        values.append(value)
    text = "".join(LETTERS[value] for value in values)
    # The last letter makes the sum 0, and is weighted with 8, whose inverse modulo 31 is 4.
    text += LETTERS[-4 * _sum(text) % len(LETTERS)]
    return f"{text[:4]}-{text[4:]}"


def code_in(text):
    """The code in a text, as `code_of` writes it. Raises ValueError if it is no code."""
    letters = re.sub(r"[\s\W_]", "", unicodedata.normalize("NFKC", text)).upper()
    strange = [letter for letter in dict.fromkeys(letters) if letter not in LETTERS]
    foreign = [letter for letter in strange if letter not in _ALIKE]
    about = {"received": repr(one_line(text, 80)), "example": EXAMPLE}
    if foreign:
        raise ValueError(_(
            "A code should have eight letters and digits, such as {example}. Received: {received}. "
            "No code has {letters}, because codes are written with A to Z and 2 to 9. Copy it once "
            "more."
        ).format(**about, letters=", ".join(foreign)))  # fmt: skip
    if strange:
        raise ValueError(_(
            "A code should have eight letters and digits, such as {example}. Received: {received}. "
            "No code has {letters}, because these look like other characters. Copy it once more."
        ).format(**about, letters=", ".join(strange)))  # fmt: skip
    if len(letters) != _LENGTH:
        raise ValueError(_(
            "A code should have eight letters and digits, such as {example}. Received: {received}, "
            "with {number} of them. Copy it once more."
        ).format(**about, number=len(letters)))  # fmt: skip
    if _sum(letters) % len(LETTERS):
        raise ValueError(_(
            "{received} is nobody's code: a letter is wrong, or two are swapped. Copy it once "
            "more."
        ).format(**about))  # fmt: skip
    return f"{letters[:4]}-{letters[4:]}"


def _sum(letters):
    """Distinct weights show one wrong letter, and two that are swapped, as 31 is prime."""
    return sum(place * LETTERS.index(letter) for place, letter in enumerate(letters, 1))


def with_code(source, code):
    """A cell's text that names this code, where it calls `course.variant("…")` with any."""
    return _CALL.sub(lambda found: f"{found[1]}{found[2]}{code}{found[2]}", source)


def named_in(source):
    """The text between the quotation marks of a cell's `course.variant("…")`, or None."""
    found = _CALL.search(source)
    return found and found[3]


def used_in(source):
    """Whether a cell's text asks for the table of a variant."""
    return bool(re.search(r"\bvariant\(", source))
