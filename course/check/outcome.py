"""The end of a check: its card is shown, and a wrong answer raises."""

import os
from contextlib import contextmanager

_silent = False


class CheckFailed(AssertionError):
    """An answer is wrong. `findings` says what: `Finding`s, the first row first."""

    def __init__(self, card, shown=False):
        super().__init__(str(card))
        self.card, self.findings = card, card.findings
        self.shown = shown

    def _render_traceback_(self):
        # IPython calls this: a traceback through this package would only hide the reason. Where
        # the reader has the card it says everything; nbgrader's Validate shows errors only.
        if self.shown and "NBGRADER_EXECUTION" not in os.environ:
            return ["CheckFailed: the card above says why."]
        return [f"CheckFailed: {self.findings[0].message}"]


@contextmanager
def silently():
    """Show no cards: for a grader, who reads `CheckFailed` instead."""
    global _silent
    before, _silent = _silent, True
    try:
        yield
    finally:
        _silent = before


def conclude(card):
    """Show a card, unless `silently` is asked. Raises CheckFailed if something was found."""
    shown = not _silent and _show(card)
    if card.findings:
        raise CheckFailed(card, shown)


def _show(card):
    """Show a card in a notebook, and a right one anywhere. Returns whether it was displayed."""
    try:
        from IPython import get_ipython
    except ImportError:
        get_ipython = None
    if get_ipython is not None and get_ipython() is not None:
        from IPython.display import display

        display(card)
        return True
    if card.state == "right":
        print(card)  # a wrong answer's card is the text of the exception
    return False
