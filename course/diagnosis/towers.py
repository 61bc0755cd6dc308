"""Moves about a row that several steps side by side make up, as AlexNet's two GPUs do."""

from course.diagnosis.causes import Cause
from course.diagnosis.compare import trained_otherwise
from course.diagnosis.edits import PRICES, Kind


def towers(place):
    """Several steps side by side make up the row, and one of them may differ from the others.

    In an anatomy equal steps side by side are one step. If one of them differs, they stay apart,
    and so do the steps before them.
    """
    nets, state, row = place.nets, place.state, place.row
    if place.source is None:
        return
    pieces = [] if place.candidates else _pieces(nets, place.source)
    apart, side = len(pieces) > 1, place.candidates
    if apart:
        side = [n for piece in pieces for n in nets.net.fed.get(((piece,),), ())]
        side = [n for n in side if not state.uses(n)]
    else:
        side = [n for n in side if nets.net.nodes[n].step == place.node.step]
    share, rest = divmod(place.node.filters, max(1, len(side)))
    if len(side) < 2 or rest or not (apart or place.node.step == "conv"):
        return
    parts = tuple(sorted((n, -1, -1) for n in side))
    found = {n: _of_a_tower(nets, state, row, n, share) for n in side}
    odd = [n for n in side if found[n]]
    if apart and len({stop - start for _, start, stop in pieces}) > 1:
        return  # `uneven_slices` tells
    begins = any(node.groups == len(side) for node in nets.table.nodes)
    if len(odd) == len(side) or not (apart or begins or (odd and parts in nets.net.read)):
        return
    layers = {nets.net.nodes[n].layer for n in side if nets.net.nodes[n].parameters}
    if len(layers) == 1 and None not in layers:
        edit = place.edit(Kind.SHARED, side[0], count=len(side) - 1, final=True)
        yield state.with_edit(edit, PRICES["pattern"])
        return
    following = state.together(row, side, parts)
    if odd:
        differences = tuple(found[odd[0]])
        edit = place.edit(Kind.ONE_OF_SEVERAL, odd[0], differences=differences, steps=side)
        following = following.with_edit(edit, PRICES["changed"])
    yield following


def _pieces(nets, parts):
    """The parts of a value that are read separately. Of a single step: the ranges of its maps."""
    if len(parts) > 1 or parts[0][1] != -1:
        return parts
    ((source, _, _),) = parts
    read = {key[0] for n in nets.net.readers[source] for key in nets.net.inputs[n] if len(key) == 1}
    found = sorted(part for part in read if part[0] == source and part[1] != -1)
    ends = [0, *(stop for _, _, stop in found)]
    return (
        found if ends == [*(start for _, start, _ in found), nets.net.nodes[source].filters] else []
    )


def _of_a_tower(nets, state, row, step, share):
    """What differs between a row and a step that should make so many (`share`) of its maps."""
    counted = {Cause.FILTERS, Cause.GROUPS, Cause.CONNECTIONS}
    found = [each for each in nets.apart(state, row, step) if each[0] not in counted]
    ours, theirs = nets.table.nodes[row], nets.net.nodes[step]
    found += trained_otherwise(ours, theirs)
    maps, weighs = theirs.filters, ours.step == "conv"
    return [(Cause.FILTERS, str(share), str(maps))] * (weighs and maps != share) + found


def uneven_slices(place):
    """The towers read slices of the row's maps that overlap, or that leave some maps out."""
    nets, state, row = place.nets, place.state, place.row
    if place.source is None or place.node.groups < 2 or place.candidates:
        return
    sources = {part[0] for part in place.source}
    side = sorted({n for source in sources for n in nets.net.readers[source]})
    side = [n for n in side if nets.net.nodes[n].step == place.node.step]
    side = [n for n in side if nets.net.nodes_read_by(n) <= sources and not state.uses(n)]
    if len(side) != place.node.groups:
        return
    parts = tuple((n, -1, -1) for n in side)
    share = place.node.filters // len(side)
    if any(_of_a_tower(nets, state, row, n, share) for n in side):
        return
    following = state.together(row, side, parts)
    edit = place.edit(Kind.READS_SOMETHING_ELSE, side[0], steps=side)
    yield following.with_edit(edit, PRICES["reads something else"])


def one_lacks(place):
    """Some of the towers have the row, and others go on without it."""
    nets, state, row = place.nets, place.state, place.row
    if place.source is None or place.candidates:
        return
    pieces = _pieces(nets, place.source)
    share, rest = divmod(place.node.filters, max(1, len(pieces)))
    if len(pieces) < 2 or rest:
        return
    made = {}  # piece -> the step that stands behind it, if the tower has it
    for piece in pieces:
        steps = [n for n in nets.net.fed.get(((piece,),), ()) if not state.uses(n)]
        steps = [n for n in steps if nets.net.nodes[n].step == place.node.step]
        made[piece] = [n for n in steps if not _of_a_tower(nets, state, row, n, share)][:1]
    lost = [piece for piece in pieces if not made[piece]]
    found = [step for steps in made.values() for step in steps]
    if not lost or not found:
        return
    parts = [(*made[piece], -1, -1) if made[piece] else piece for piece in pieces]
    without = nets.net.nodes[lost[0][0]]
    following = state.together(row, found, tuple(sorted(parts)))
    following = following._replace(sizes=state.sizes and without.grid == place.node.grid)
    edit = place.edit(Kind.ONE_LACKS, found[0], instead=without, count=len(pieces))
    yield following.with_edit(edit, PRICES["one tower"])
