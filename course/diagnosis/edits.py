"""Edits between a table and a network, and their prices."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

#: The price of each kind of edit. The explanation with the lowest sum is reported.
PRICES = {
    "changed": 0.6,  # for each property of a step that differs ...
    "changed at most": 1.2,  # ... up to this sum
    "another step": 2.0,  # a step of another kind than the row's
    "left out": 1.1,
    "put in": 1.1,
    "reads something else": 1.0,
    "block missing": 1.3,
    "block too many": 1.3,
    "head missing": 1.2,
    "shortcut": 1.0,  # an addition with a wrong second operand
    "one tower": 0.3,  # a row that one of several towers lacks
    "pattern": 0.5,  # a well-known mistake, which has a sentence of its own
    "go on": 0.3,  # each further edit of the same run
    "row of a block": 0.05,  # for each row of a missing or extra block ...
    "block at most": 2.3,  # ... up to this sum, as a network has dozens of blocks
    "again": 0.12,  # the same mistake once more
    "far away": 0.0001,  # for each step between the wrong and the right source
    "unlike": 0.01,  # for each reader that only the row has, or only the step
    "later": 0.0001,  # a row that is matched after all others
    "with other maps": 0.35,  # the same for a node that makes another number of maps
    "without an equal": 0.5,  # estimate for each later node that the other side lacks
}


class Kind(StrEnum):
    """The kinds of edits: a closed list, with a sentence for each in `course.diagnosis.explain`."""

    # The step of the row.
    CHANGED = "changed"  # properties of it differ
    ANOTHER_STEP = "another step"
    NO_FLATTEN = "no flatten"
    SHARED = "shared"  # one layer does what several rows ask for
    SHARES = "shares"  # it has the weights of another row
    FOLLOWS = "follows"  # its activation comes after a later row
    OWN_ACTIVATION = "own activation"  # a function of several steps stands for its activation
    ONE_OF_SEVERAL = "one of several"  # one of several towers differs from the others
    ONE_LACKS = "one lacks"  # one of several towers lacks the row
    SWAPPED = "swapped"
    MOVED = "moved"  # it stands before another row
    WRONG_AXIS = "wrong axis"
    SLICED = "sliced"  # along another axis than that of the maps
    PRE_ACTIVATION = "pre-activation"
    ACTIVATION_BEFORE_NORM = "activation before norm"
    # What is there, or not.
    LEFT_OUT = "left out"
    PUT_IN = "put in"
    BEHIND_THE_END = "behind the end"
    BLOCK_MISSING = "block missing"
    BLOCK_TOO_MANY = "block too many"
    HEAD_MISSING = "head missing"
    OUTPUT_COUNT = "output count"
    OUTPUT_SHAPE = "output shape"
    # What reads what.
    READS_SOMETHING_ELSE = "reads something else"
    ADDED = "added"  # what the table does not add
    ADDED_INSTEAD = "added instead"  # of stacked
    SIDE_BY_SIDE = "side by side"  # instead of one after the other
    ON_A_SHORTCUT = "on a shortcut"  # a layer that changes no shape
    BEFORE_AN_ADDITION = "before an addition"
    ANOTHER_SHORTCUT = "another shortcut"
    RELU_BEFORE_ADDITION = "relu before addition"


@dataclass(frozen=True)
class Edit:
    """One difference between the table and the network."""

    kind: Kind
    at: int  # number of the row at which it was found
    row: object = None  # that row
    step: object = None  # the step of the network that it is about
    differences: tuple = ()  # [(cause, expected, received)] of a step that stands for the row
    rows: tuple = ()  # all rows that are left out
    steps: tuple = ()  # all steps that are put in
    instead: object = None  # the step in the row's place, or another node that the sentence names
    count: int = 0  # Kind.SHARED: of other steps with this layer; Kind.ONE_LACKS: of towers
    final: bool = False  # whether nothing after it can be compared, so that the search ends

    @property
    def causes(self):
        """The causes of the differences, in their order."""
        return [cause for cause, _, _ in self.differences]

    @cached_property
    def about(self):
        """A set of keys, one for each difference. Edits with equal keys are the same mistake."""
        kinds = tuple(each.step for each in (self.row, self.step) if each is not None)
        causes = self.causes if self.kind == Kind.CHANGED else []
        return frozenset((self.kind, *kinds, cause) for cause in causes or [None])
