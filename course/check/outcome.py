"""The end of a check: its card is shown, and a wrong answer raises."""

from __future__ import annotations

import os
from contextlib import contextmanager
from operator import methodcaller

from course.check.card import Card
from course.diagnosis import Cause, finding
from course.language import _

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Iterator


_silent = None  # or the list in which `silently` keeps cards
_helper = None  # what made the answer that was asked about last; None is the student


class CheckFailed(AssertionError):
    """An answer is wrong. `card` is what is shown, `findings` a list of `Finding`, first row first.

    Its text is the card.
    """

    __module__ = "course.check"

    def __init__(self, card: Card, shown: bool = False) -> None:
        super().__init__(str(card))
        self.card, self.findings = card, card.findings
        self.shown = shown

    def _render_traceback_(self):
        # IPython calls this. A traceback through this package would only hide the reason, which
        # the card shows. nbgrader's Validate shows only errors, so there the message repeats it.
        if self.shown and "NBGRADER_EXECUTION" not in os.environ:
            return [_("CheckFailed: the card above says why.")]
        return [f"CheckFailed: {self.findings[0].message}"]


#: pytest shows no line of a module with this name where a check failed: the card says it all.
__tracebackhide__ = methodcaller("errisinstance", CheckFailed)


@contextmanager
def silently() -> Iterator[list[Card]]:
    """Show no cards, and keep them in the list that this gives.

    with check.silently() as cards, contextlib.suppress(check.CheckFailed):
        check.model(lenet5, like=LENET5)
    cards[0].state  # "right", "wrong", or "open" if the exercise is not answered yet
    """
    global _silent
    before, _silent = _silent, []
    try:
        yield _silent
    finally:
        _silent = before


def made_by(helper: str | None) -> None:
    """Note that a helper, such as "course.anatomy", made the answer that is asked about now."""
    global _helper
    _helper = helper


def conclude(card: Card) -> None:
    """Show a card, except within `silently`. Raises CheckFailed if the card has findings.

    A right answer that a helper made is a finding. A wrong one keeps its own findings: what flows
    into it may be a part of the mistake.
    """
    if _helper and not card.findings:
        card = Card(card.name, [finding("", Cause.HELPER, received=_helper)])
    if _silent is not None:
        _silent.append(card)
    shown = _silent is None and _show(card)
    if card.findings:
        raise CheckFailed(card, shown)


def _show(card):
    """Display a card in a notebook; elsewhere print it if right. Returns whether it displayed."""
    try:
        from IPython import get_ipython
    except ImportError:
        get_ipython = None
    if get_ipython is not None and get_ipython() is not None:
        from IPython.display import display

        display(card, exclude=["text/markdown"])  # a notebook keeps text and HTML
        return True
    if card.state == "right":
        print(card)  # the card of a wrong answer is the text of its exception
    return False
