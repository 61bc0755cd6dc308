"""The repairs of a notebook in sentences, for its student and the instructor to read."""

from enum import Enum

from course.language import N_, _


class Told(Enum):
    """The repairs: for each the sentence about one cell, and the sentence about many."""

    WIDGETS = (N_("Saved widget states were left out; grading does not need them."), "")
    LOST = (
        N_("The cell {name} had lost its metadata; it was found by its text."),
        N_("These cells had lost their metadata; they were found by their text: {names}."),
    )
    RETYPED = (
        N_("The cell {name} is a {more} cell again."),
        N_("These are {more} cells again: {names}."),
    )
    COPY = (
        N_("A second copy of the cell {name} was removed."),
        N_("Second copies of these cells were removed: {names}."),
    )
    OLDER = (
        N_("The cell {name} came from an earlier release; the present one took its place."),
        N_("These cells came from an earlier release; the present ones took their place: {names}."),
    )
    CHANGED = (
        N_("The locked cell {name} had been changed; it was restored."),
        N_("These locked cells had been changed; they were restored: {names}."),
    )
    CHANGED_AND_KEPT = (
        N_(
            "The locked cell {name} had been changed; it was restored. What you wrote in it was "
            "kept as a cell of your own."
        ),
        N_(
            "These locked cells had been changed; they were restored, and what you wrote in them "
            "was kept as cells of your own: {names}."
        ),
    )
    OTHER = (
        N_(
            "The locked cell {name} was not as in the present release: somebody had changed it, or "
            "it came from an earlier release. The present one took its place."
        ),
        N_(
            "These locked cells were not as in the present release: somebody had changed them, or "
            "they came from an earlier release. The present ones took their place: {names}."
        ),
    )
    OTHER_AND_KEPT = (
        N_(
            "The locked cell {name} was not as in the present release: somebody had changed it, or "
            "it came from an earlier release. The present one took its place, and the text that "
            "was there was kept as a cell of your own."
        ),
        N_(
            "These locked cells were not as in the present release: somebody had changed them, or "
            "they came from an earlier release. The present ones took their place, and the texts "
            "that were there were kept as cells of your own: {names}."
        ),
    )
    CHANGED_COPY = (
        N_("A changed copy of the locked cell {name} was kept as a cell of your own."),
        N_("Changed copies of these locked cells were kept as cells of your own: {names}."),
    )
    LOCKED_MISSING = (
        N_("The locked cell {name} was missing; it was put back."),
        N_("These locked cells were missing; they were put back: {names}."),
    )
    ANSWER_MISSING = (
        N_(
            "The answer {name} was missing; it was put back, empty. Whatever else you wrote was "
            "graded."
        ),
        N_(
            "These answers were missing; they were put back, empty, and whatever else you wrote "
            "was graded: {names}."
        ),
    )
    ELSEWHERE = (
        N_("The answer {name} was not in its cell; it was found in another cell."),
        N_("These answers were not in their cells; they were found in other cells: {names}."),
    )
    IN_OTHER_ANSWER = (
        N_("The answer {name} stands in the cell {more}; it was judged from there."),
        "",
    )
    OTHER_ANSWER = (
        N_(
            "There was more than one answer {name}: the last one was judged, the others ran "
            "before it."
        ),
        N_(
            "There was more than one of each of these answers; the last one was judged, the "
            "others ran before it: {names}."
        ),
    )
    UNTOUCHED = (
        N_("An untouched copy of the answer {name} was left out."),
        N_("Untouched copies of these answers were left out: {names}."),
    )
    SPLIT = (N_("The answer {name} had been split into {more} cells; it was joined."), "")
    MERGED = (
        N_("The cell {name} had been merged with another cell; they were taken apart."),
        N_("These cells had been merged with others; they were taken apart: {names}."),
    )
    CONFLICT = (
        N_("The cell {name} held two versions from a merge conflict; both were kept."),
        N_("These cells held two versions from a merge conflict; both were kept: {names}."),
    )
    CONFLICT_OF_YOURS = (
        N_("A cell of yours held two versions from a merge conflict; both were kept."),
        "",
    )
    TEST_MOVED = (
        N_("The cell {name} did not stand below its answer; it was moved there."),
        N_("These cells did not stand below their answers; they were moved there: {names}."),
    )
    IMPORTS_MOVED = (
        N_("The cell {name} stood below what needs it; it was moved above it."),
        N_("These cells stood below what needs them; they were moved above it: {names}."),
    )
    READ_NO_FURTHER = (
        N_(
            "The notebook holds more text than grading reads in search of answers: one that was "
            "split or is not in its cell may not have been found. Put each answer into its own "
            "cell, leave out cells that you do not need, and hand the notebook in again."
        ),
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
                found.append(_(many).format(names=_(", ").join(names), more=more))
            else:
                found += [_(one).format(name=name, more=more) for name in names]
        return found
