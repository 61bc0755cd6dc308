"""The repairs of a notebook in sentences, for its student and the instructor to read."""

from enum import Enum


class Told(Enum):
    """The repairs: for each the sentence about one cell, and the sentence about many."""

    WIDGETS = ("Saved widget states were left out; grading does not need them.", "")
    LOST = (
        "The cell {} had lost its metadata; it was found by its text.",
        "These cells had lost their metadata; they were found by their text: {}.",
    )
    RETYPED = ("The cell {} is a {} cell again.", "These are {1} cells again: {0}.")
    COPY = (
        "A second copy of the cell {} was removed.",
        "Second copies of these cells were removed: {}.",
    )
    CHANGED = (
        "The locked cell {} had been changed; it was restored.",
        "These locked cells had been changed; they were restored: {}.",
    )
    CHANGED_AND_KEPT = (
        "The locked cell {} had been changed; it was restored. What you wrote in it was kept as a "
        "cell of your own.",
        "These locked cells had been changed; they were restored, and what you wrote in them was "
        "kept as cells of your own: {}.",
    )
    CHANGED_COPY = (
        "A changed copy of the locked cell {} was kept as a cell of your own.",
        "Changed copies of these locked cells were kept as cells of your own: {}.",
    )
    LOCKED_MISSING = (
        "The locked cell {} was missing; it was put back.",
        "These locked cells were missing; they were put back: {}.",
    )
    ANSWER_MISSING = (
        "The answer {} was missing; it was put back, empty. Whatever else you wrote was graded.",
        "These answers were missing; they were put back, empty, and whatever else you wrote was "
        "graded: {}.",
    )
    ELSEWHERE = (
        "The answer {} was not in its cell; it was found in another cell.",
        "These answers were not in their cells; they were found in other cells: {}.",
    )
    IN_OTHER_ANSWER = ("The answer {} stands in the cell {}; it was judged from there.", "")
    OTHER_ANSWER = (
        "There was more than one answer {}: the last one was judged, the others ran before it.",
        "Of these answers there was more than one; the last was judged, the others ran before: {}.",
    )
    UNTOUCHED = (
        "An untouched copy of the answer {} was left out.",
        "Untouched copies of these answers were left out: {}.",
    )
    SPLIT = ("The answer {} had been split into {} cells; it was joined.", "")
    MERGED = (
        "The cell {} had been merged with another cell; they were taken apart.",
        "These cells had been merged with others; they were taken apart: {}.",
    )
    CONFLICT = (
        "The cell {} held two versions from a merge conflict; both were kept.",
        "These cells held two versions from a merge conflict; both were kept: {}.",
    )
    TEST_MOVED = (
        "The cell {} did not stand below its answer; it was moved there.",
        "These cells did not stand below their answers; they were moved there: {}.",
    )
    IMPORTS_MOVED = (
        "The cell {} stood below what needs it; it was moved above it.",
        "These cells stood below what needs them; they were moved above it: {}.",
    )
    READ_NO_FURTHER = (
        "The notebook holds more text than grading reads in search of answers: one that was split "
        "or is not in its cell may not have been found. Put each answer into its own cell, leave "
        "out cells that you do not need, and hand the notebook in again.",
        "",
    )


class Said:
    """What was repaired in a notebook."""

    def __init__(self):
        self._told = {}  # {(repair, more): {grade id: None}}, in the order in which they were told

    def tell(self, what, name="", more=""):
        """Note a repair of a cell."""
        self._told.setdefault((what, more), {})[name] = None

    def lines(self):
        """One sentence for each repair; one for all if more than three cells had the same."""
        found = []
        for (what, more), names in self._told.items():
            one, many = what.value
            if many and len(names) > 3:
                found.append(many.format(", ".join(names), more))
            else:
                found += [one.format(name, more) for name in names]
        return found
