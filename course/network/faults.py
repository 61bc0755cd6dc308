"""A merge of sizes that do not fit, which a trace let pass (`course.evidence.unmerged`)."""

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """A merge that cannot be: its name, what it should put together, and the student's line."""

    name: str
    merge: str  # "add" or "concatenate"
    axis: int
    values: list
    line: str
    earlier: int  # merges of that kind before it


def likely(merge, shapes):
    """What a right merge would make: of maps side by side all of them, else the block's shape."""
    if merge == "add":
        return max(shapes, key=lambda shape: (shape[-1], *(-side for side in shape[:-1])))
    ((sides, _),) = Counter(tuple(shape[:-1]) for shape in shapes).most_common(1)
    return (*sides, sum(shape[-1] for shape in shapes))
