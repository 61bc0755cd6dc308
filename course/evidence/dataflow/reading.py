"""What all scopes of a notebook share while its cells are read."""

import re

from course.evidence.dataflow.values import Value

_MOST = 3_000_000  # steps of reading; a cell written by hand takes some hundreds
#: Jupyter's names for what cells have shown: the last three, each by its number, and all.
_SHOWN = re.compile(r"_{1,3}|_\d+|_oh|Out")


class TooMuch(Exception):
    """There is more to be read than anybody writes by hand."""


class Reading:
    """What the cells have shown and imported, and how many steps of reading are left."""

    def __init__(self, silent):
        self.silent = silent  # as in Dataflow
        self.stars = set()  # modules of `from m import *` that this process has not imported
        self.closed = set()  # names that have been judged
        self.shown = []  # [(Value of a cell's last expression, whether it surely was shown)]
        self._left = _MOST

    def step(self, number=1):
        """Count steps of reading. Raises TooMuch if there were more than a person's cells take."""
        self._left -= number
        if self._left < 0:
            raise TooMuch

    def output(self, name):
        """The value of a name such as `_`, `_7` or `Out`: of all cells whose output it may be."""
        # `__` is the second output from the end. A value that may not have been shown might be it,
        # and so might the one before.
        left = len(name) if not name.strip("_") else len(self.shown) + 1
        found = Value()
        for value, surely in reversed(self.shown):
            self.step()
            found.add(value)
            left -= surely
            if left == 0:
                break
        return found


def is_output(name):
    """Whether Jupyter gives what cells have shown under this name."""
    return bool(_SHOWN.fullmatch(name))
