"""Two equal branches, such as training heads, that both read something else than they should.

The search cannot tell which of them is which, and may have taken one for the other. The one that
reads what comes first is meant as the first.
"""

from dataclasses import replace
from itertools import combinations

from course.diagnosis.edits import Kind


def uncrossed(nets, edits, pairs):
    """The edits and {row: step}, with two branches exchanged if they were taken for each other."""
    edits, pairs = list(edits), dict(pairs)
    wrong = [n for n, edit in enumerate(edits) if edit.kind == Kind.READS_SOMETHING_ELSE]
    for one, other in combinations(wrong, 2):
        first, second = sorted((edits[one], edits[other]), key=lambda edit: edit.at)
        ours, theirs = (_branch(nets, pairs, edit) for edit in (first, second))
        if ours is None or theirs is None or not _crossed(nets, ours, theirs):
            continue
        rows = {row for row, _ in (*ours, *theirs)}
        if sum(edit.at in rows for edit in edits) > 2:
            continue  # something else is wrong with them, too
        for (row, step), (later, behind) in zip(ours, theirs, strict=True):
            pairs[row], pairs[later] = behind, step
        edits[one] = replace(edits[one], step=nets.net.nodes[pairs[edits[one].at]])
        edits[other] = replace(edits[other], step=nets.net.nodes[pairs[edits[other].at]])
    return tuple(edits), pairs


def _branch(nets, pairs, edit):
    """[(row, its step)] from an edit's row to the network's output, if that is a chain; or None."""
    way, row = [], edit.at
    while row in pairs:
        way.append((row, pairs[row]))
        behind = nets.table.readers[row]
        if not behind:
            return way
        if len(behind) > 1:
            break
        (row,) = behind
    return None


def _crossed(nets, ours, theirs):
    """Whether two branches are equal, and the first one reads what comes later."""
    if len(ours) != len(theirs):
        return False
    for (row, step), (later, behind) in zip(ours, theirs, strict=True):
        if any(nets.differences(*pair, sizes=False) for pair in ((row, behind), (later, step))):
            return False
    first, second = (max(nets.net.nodes_read_by(way[0][1])) for way in (ours, theirs))
    return first > second
