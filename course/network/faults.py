"""A merge that Keras refuses because the sizes do not fit; the trace lets it pass.

See `course.evidence.unmerged`.
"""

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """A merge that Keras refuses: its name, its inputs, and the student's line."""

    name: str
    merge: str  # "add" or "concatenate"
    axis: int
    values: list
    line: str
    earlier: int  # merges of that kind before it


def likely(merge, shapes):
    """The shape that the student probably meant the merge to give.

    A concatenation gives all maps, in the most frequent height and width. An addition gives the
    shape with the most maps, because that is the block's. Shapes with fewer axes do not count.
    """
    rank = max(map(len, shapes))
    shapes = [tuple(shape) for shape in shapes if len(shape) == rank]
    if merge == "add":
        return max(shapes, key=lambda shape: (shape[-1], *(-side for side in shape[:-1])))
    ((sides, _),) = Counter(shape[:-1] for shape in shapes).most_common(1)
    return (*sides, sum(shape[-1] for shape in shapes))
