"""The end of a check: its card is shown, and a wrong answer raises."""

import os
from contextlib import contextmanager

_silent = False


class CheckFailed(AssertionError):
    """An answer is wrong. `findings` is a list of `Finding`, the first row first."""

    def __init__(self, card, shown=False):
        super().__init__(str(card))
        self.card, self.findings = card, card.findings
        self.shown = shown

    def _render_traceback_(self):
        # IPython calls this. A traceback through this package would only hide the reason, which
        # the card shows. nbgrader's Validate shows only errors, so there the message repeats it.
        if self.shown and "NBGRADER_EXECUTION" not in os.environ:
            return ["CheckFailed: the card above says why."]
        return [f"CheckFailed: {self.findings[0].message}"]


@contextmanager
def silently():
    """Show no cards: for the grader, which reads `CheckFailed` instead."""
    global _silent
    before, _silent = _silent, True
    try:
        yield
    finally:
        _silent = before


def conclude(card):
    """Show a card, except within `silently`. Raises CheckFailed if the card has findings."""
    shown = not _silent and _show(card)
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

        display(card)
        return True
    if card.state == "right":
        print(card)  # the card of a wrong answer is the text of its exception
    return False
