"""Variants in a verdict: whether an answer belongs to the variant of another code.

A test that fails is judged again with the tables of other codes: those that stand in the notebook,
and, if the test built a network, those of the class whose network is exactly the student's.
"""

import ast
from contextlib import suppress
from itertools import islice, zip_longest

from course.check.card import Card
from course.diagnosis import nearest
from course.diagnosis.causes import Cause, finding
from course.evidence import syntax
from course.kit import variant
from course.language import _

_MOST = 5  # codes in a notebook that are tried
#: Draws in which two variants differ at least, so that no slip makes one network of the other.
_APART = 3
_WITH_MAPS = ("conv", "dense")


class Variants:
    """The code of a student, the others' codes, and those that stand in the notebook."""

    def __init__(self, code, others, nb):
        self._code, self._others, self._drawn = code, others, {}
        written, named = _codes_in(nb)
        others = dict.fromkeys(other for other in written if other != code)  # in their order
        self._named = "" if code in written else next(iter(named), "")
        self._suspects = dict.fromkeys(islice(others, _MOST))

    def of_this_student(self, solution):
        """The official answers [(grade id or None, text), ...] with the student's code."""
        return [(name, variant.with_code(text, self._code)) for name, text in solution]

    def naming(self, solution):
        """The texts of the official cells that name the code."""
        return [text for _, text in solution if variant.named_in(text)]

    def explain(self, test, verdict, ask):
        """Replace the findings of a failed test if they show another variant's network."""
        cause = verdict.findings[0].cause
        if cause in (Cause.NOT_ANSWERED, Cause.STOPPED) or not variant.used_in(test.source):
            return
        self._suspects |= dict.fromkeys(self._alike(verdict.failed))
        # Judged with the student's own table once more, as an answer may differ from time to time.
        if any(self._passes(test, code, ask) for code in self._suspects) and not (
            self._passes(test, self._code, ask)
        ):
            found, name = finding("", Cause.OTHER_VARIANT, expected=self._code), test.name
            verdict.findings, verdict.points = [found], None
            verdict.card = str(Card(verdict.failed.name if verdict.failed else name, [found]))
        elif self._named:
            more = _("The notebook names the code {named}. Yours is {own}.")
            verdict.add(more.format(named=self._named, own=self._code))

    def _passes(self, test, code, ask):
        with variant.official(code):
            verdict = test.judged(ask)
        return not verdict.findings and verdict.error is None

    def _alike(self, card):
        """The codes of the class whose network is exactly the one that a check has read."""
        table, own = self._of(self._code)
        if card is None or card.built is None or card.table.name != table.name:
            return
        built = {step.filters for step in card.built if step.step in _WITH_MAPS}
        size, classes = card.built.inputs[0].shape, card.table.classes
        for code in self._others:
            other, values = self._of(code)
            if sum(a != b for a, b in zip_longest(own, values)) < _APART:
                continue
            # A test may ask for classes, or leave them to the student's builder.
            for like in (other, other.with_(classes=classes)):
                if (
                    built == {row.filters for row in like.rows if row.step in _WITH_MAPS}
                    and not (nearest(card.built, [like.with_(input_shape=size)])[1])
                ):
                    yield code
                    break

    def _of(self, code):
        if code not in self._drawn:
            self._drawn[code] = variant.drawn(code)
        return self._drawn[code]


def _codes_in(nb):
    """(the strings that are codes in a notebook, those of them in a call of `variant`).

    Other words are not looked at: one in 31 of those with eight letters is somebody's code.
    """
    written, named = [], []
    for cell in nb.cells:
        for node in ast.walk(syntax.tree_of(cell.source)) if cell.cell_type == "code" else ():
            call = isinstance(node, ast.Call) and syntax.dotted(node.func)
            if call and call.split(".")[-1] == "variant":
                named += [code for each in node.args for code in _read(each)]
            written += _read(node)
    return written, named


def _read(node):
    with suppress(ValueError):
        return [variant.code_in(node.value)] if syntax.is_text(node) else []
    return []
