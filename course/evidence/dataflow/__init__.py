"""Data flow in a notebook: which imported objects flow into the value of a name.

The cells are read and never run. Only what flows into a value counts: not what is printed,
asserted or displayed beside it, nor what a comment or a type hint names. Of an `if`, each branch is
read and the values at their ends are joined. A loop is read twice. A function's body counts where
the function is used.

From the ground up: `values` are abstract, `reading` is what a notebook's scopes share, `scope` has
the names. Then come `calls`, `expressions` (with functions) and `statements`.
"""

import ast
from contextlib import suppress

from course.evidence.dataflow.expressions import value_of
from course.evidence.dataflow.reading import Reading, TooMuch
from course.evidence.dataflow.scope import TopLevel
from course.evidence.dataflow.statements import run
from course.evidence.syntax import tree_of

#: With numbers these never raise an error, as a division may, and their value is never None.
_PLAIN = ast.BinOp | ast.Add | ast.Sub | ast.Mult | ast.UnaryOp | ast.USub


class Dataflow:
    """The cells that have run, in the order in which they ran.

    `silent(full_name)` says whether an imported function, such as "course.check.model", returns
    nothing, and raises an error if something is wrong. Its call gives information only where that
    error is caught.
    """

    def __init__(self, silent=lambda full_name: False):
        self._reading = Reading(silent)
        self._top = TopLevel(self._reading)
        self.closed = self._reading.closed  # names that have been judged

    def ran(self, source):
        """Note that a cell has run. The rest of a cell that is too long to be read is left out."""
        statements = tree_of(source).body
        with suppress(TooMuch, RecursionError):
            run(self._top, statements)
            if statements and isinstance(statements[-1], ast.Expr):
                surely = _is_sum(statements) and not source.rstrip().endswith(";")
                self._reading.shown.append((value_of(self._top, statements[-1].value), surely))
        # The reading may have ended within a branch or a loop.
        self._top.control, self._top.exits, self._top.loops = (), (), 0

    def origins(self, name, stop=()):
        """The imported objects, as "course.anatomy.anatomy", that flow into a name's value.

        What flows in through the names in `stop` is left out.
        """
        found, seen = set(), set()
        waiting = [self._top.values[name]] if name in self._top.values else []
        while waiting:
            value = waiting.pop()
            if value in seen:
                continue
            seen.add(value)
            found |= value.origins
            called = list(self._looked_up(value.late))
            for one in called:
                found |= one.origins
            parts = [part for one in (value, *called) for part in one.parts]
            waiting += [part for name, part in parts if name not in stop or part.belated]
        return found

    def _looked_up(self, late):
        """The present values of dotted names."""
        for dotted in late:
            with suppress(TooMuch):  # to read `_` or `Out` takes steps, and all may be used up
                yield self._top.named(dotted)


def _is_sum(statements):
    """Whether a cell is nothing but numbers that are added or multiplied."""
    return len(statements) == 1 and all(
        isinstance(node, _PLAIN) or isinstance(getattr(node, "value", None), int | float)
        for node in ast.walk(statements[0].value)
    )
