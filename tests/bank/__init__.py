"""A bank of answers: for each assignment right ones in several styles, and typical mistakes.

A module has `NOTEBOOK`, `RIGHT` (style -> {answer cell: source}; a cell that a style leaves out is
answered as in the solution) and `MISTAKES` (a list of `Mistake`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """A wrong answer to one cell: what it costs, and the sentence that the student should read."""

    name: str
    cell: str
    source: str
    lost: tuple  # grade ids that get no points
    sentence: str  # what the first message of the first of them contains
