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
    follows: tuple = ()  # grade ids that fail because of it, and pass with the official answer


def letters(name, right, **changed):
    """An answer of letters, some of them changed; `_` in a question's name stands for a space."""
    changed = {question.replace("_", " "): letter for question, letter in changed.items()}
    assert changed.keys() <= right.keys()
    return f"{name} = {right | changed}"


def packs(mistakes):
    """Mistakes that do not touch each other share a submission: a kernel takes seconds to start."""
    packed = []
    for mistake in mistakes:
        for pack in packed:
            cells = {other.cell for other in pack}
            ids = {name for other in pack for name in (*other.lost, *other.follows)}
            if mistake.cell not in cells and not ids & {*mistake.lost, *mistake.follows}:
                pack.append(mistake)
                break
        else:
            packed.append([mistake])
    return packed
