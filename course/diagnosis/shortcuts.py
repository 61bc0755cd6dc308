"""The moves about additions: one is missing, extra or a concatenation, or adds other values."""

from course.diagnosis.causes import Cause
from course.diagnosis.edits import PRICES, Edit, Kind
from course.diagnosis.order import own_activation, standing_apart
from course.diagnosis.state import whole

_NEAR = 3  # most rows of a shortcut, and most steps of one that is extra
_MOST = 4  # most steps of a shortcut that has other steps than its rows
_BLOCK_ENDS = {"conv", "batch_norm", "add"}


def side_by_side(place):
    """Here or a few rows further on, values are concatenated instead of added."""
    nets, row = place.nets, place.row
    way = [row] if place.node.step == "add" else _way(nets, row)
    if way is None or None in place.reads:
        return
    wanted = [{part for parts in place.reads for part in parts}]
    # The activation behind the concatenation is seen in each of its parts.
    wanted += [{*whole(n)} for n in place.candidates if _has_another(nets, place.state, row, n)]
    if any(_beside(nets, read, w) for read in nets.net.joined for w in wanted):
        edit = Edit(Kind.SIDE_BY_SIDE, way[-1], nets.table.nodes[way[-1]], final=True)
        yield place.state.with_edit(edit, PRICES["pattern"])


def _beside(nets, parts, wanted):
    """Whether the wanted parts are among these, and any others are the end of a block."""
    others = {nets.net.nodes[node].step for node, _, _ in parts - wanted}
    return wanted <= parts and (not others or not others.isdisjoint(_BLOCK_ENDS))


def _has_another(nets, state, row, step):
    """Whether a step is the row but for an activation that the table has behind the addition."""
    return nets.causes(state, row, step) == [Cause.ACTIVATION_EXTRA]


def added_instead(place):
    """The maps that the row should read side by side are added."""
    nets, state = place.nets, place.state
    if place.source is None or len(place.source) < 2:
        return
    for step in place.ready:
        made = {part for key in nets.net.inputs[step] for part in key}
        if nets.net.nodes[step].step == "add" and made == set(place.source):
            following = state.standing(place.keys[0], whole(step)).using([step])
            yield following.with_edit(place.edit(Kind.ADDED_INSTEAD, step), PRICES["pattern"])


def added(place):
    """An extra addition comes here; up to three steps make its second operand."""
    nets, state, row = place.nets, place.state, place.row
    here = place.source
    if here is None:
        return
    yield from _added(place, state, here, place.keys[0], row)
    for step in place.candidates:  # the row's own activation may come behind the addition
        causes = nets.causes(state, row, step)
        if causes == [Cause.ACTIVATION_MISSING] or not causes:
            own = state.paired(row, step)
            yield from _added(place, own, whole(step), ((row, -1, -1),), None)


def _added(place, state, here, key, row):
    nets = place.nets
    placed = {parts for parts in state.stands.values()}
    for step in nets.net.readers[here[0][0]] if len(here) == 1 else ():
        got = list(nets.net.inputs[step])
        if nets.net.nodes[step].step != "add" or here not in got or state.uses(step):
            continue
        got.remove(here)
        chains = [_chain(nets, state, value, placed, _NEAR) for value in got]
        if None in chains:
            continue
        chain = [n for each in chains for n in each]
        following = state.standing(key, whole(step)).using([step, *chain])
        edit = place.edit(Kind.ADDED, step, steps=[step, *chain])
        yield following.with_edit(edit, PRICES["shortcut"])


def normalised_sum(place):
    """The row normalises a block's output. Here it comes behind the addition."""
    nets, state, row = place.nets, place.state, place.row
    behind = nets.table.readers[row]
    if not place.node.step.endswith("_norm") or len(behind) != 1 or None in place.reads:
        return
    (total,) = behind
    kept = nets.table.nodes[total]
    if kept.step != "add" or state.settles(total):
        return
    for step in nets.net.readers[place.reads[0][0][0]]:
        after = nets.net.readers[step]
        if nets.net.nodes[step].step != "add" or len(after) != 1 or state.uses(after[0]):
            continue
        (norm,) = after
        same = nets.net.nodes[norm].step == place.node.step
        if same and nets.net.nodes[norm].activation == kept.activation:
            following = state.paired(row, norm)
            stands = {**following.stands, row: place.reads[0]}
            moved = {**following.moved, whole(total): whole(norm)}
            following = following._replace(stands=stands, moved=moved, loose=state.loose | {total})
            edit = place.edit(Kind.SWAPPED, norm, instead=kept)
            yield following.with_edit(edit, PRICES["pattern"])


def addition(place):
    """The operands of an addition are there, but another step reads them."""
    nets, state, row = place.nets, place.state, place.row
    wanted = place.reads
    if place.node.step != "add" or None in wanted:
        return
    for step, node in enumerate(nets.net.nodes):
        if node.step != "add" or state.uses(step):
            continue
        got = nets.net.inputs[step]
        wrong = [n for n, value in enumerate(wanted) if value not in got]
        other = [value for value in got if value not in wanted]
        if len(wrong) != 1 or len(other) != 1 or len(got) != len(wanted):
            continue
        following = state.paired(row, step, sizes=False)
        chain = _chain(nets, state, other[0], {wanted[wrong[0]]}, _MOST)
        if chain is None:
            if (own := own_activation(nets, state, row, step)) is not None:
                following = standing_apart(following, row, step, own)
            edit = place.edit(Kind.READS_SOMETHING_ELSE, step)
            yield following.with_edit(edit, PRICES["reads something else"])
            continue
        source = place.keys[wrong[0]][0][0]
        # The operand that has other readers is the shortcut: the block reads its own input too.
        shortcut = len(nets.table.readers[source]) > 1
        edit = place.edit(Kind.ON_A_SHORTCUT if shortcut else Kind.BEFORE_AN_ADDITION, step,
                          steps=chain, instead=nets.table.nodes[source])  # fmt: skip
        yield following.using(chain).with_edit(edit, PRICES["shortcut"])


def shortcut(place):
    """The rows from here to an addition are missing, or other steps are in their place."""
    nets, state, row = place.nets, place.state, place.row
    way = _way(nets, row)
    if way is None or None in place.reads:
        return
    *gone, total = way
    rows = tuple(nets.table.nodes[r] for r in way)
    main = [key for key in nets.table.inputs[total] if key != whole(gone[-1])]
    if len(main) != 1:
        return
    (main,) = main
    begin, behind = place.reads[0], nets.translated(state, total, main)
    if state.settles(total):  # the addition is missing, and this way to it
        edit = Edit(Kind.LEFT_OUT, total, rows[-1], rows=rows)
        yield state.settling(gone).with_edit(edit, PRICES["again"])
        return
    if behind is None:
        return
    for step, node in enumerate(nets.net.nodes):
        got = list(nets.net.inputs[step])
        if node.step == "add" and behind in got and len(got) == 2 and not state.uses(step):
            got.remove(behind)
            chain = _chain(nets, state, got[0], {begin}, _MOST)
            if chain and not any(_own(nets, place.node, gone, n) for n in chain):
                following = state.settling(gone).using(chain).paired(total, step)
                edit = place.edit(Kind.ANOTHER_SHORTCUT, chain[0], steps=chain, rows=gone)
                yield following.with_edit(edit, PRICES["shortcut"])
            return
    if main == place.keys[0]:
        return  # what is missing is the block, and not its shortcut
    following = state.settling(gone).without(total, main)
    edit = Edit(Kind.LEFT_OUT, total, rows[-1], rows=rows)
    yield following.with_edit(edit, PRICES["head missing"])


def _own(nets, node, rows, step):
    """Whether a step of a shortcut is of the row's kind, or is one of the table's rows on it."""
    same = nets.net.nodes[step].step == node.step
    return same or not all(nets.differences(row, step, sizes=False) for row in rows)


def _way(nets, row):
    """The chain of at most three rows from a row to an addition, with the addition; or None."""
    way, nodes = [row], nets.table.nodes
    while len(way) <= _NEAR and nodes[way[-1]].step != "add":
        after = nets.table.readers[way[-1]]
        if len(after) != 1 or len(nets.table.inputs[row]) != 1:
            return None
        way += after
    sums = nodes[way[-1]].step == "add" and len(nets.table.inputs[way[-1]]) == 2
    return way if sums and len(way) > 1 else None


def _chain(nets, state, end, begins, most):
    """The chain of at most so many unused steps from one of the values `begins` to `end`, or None.

    It is [] if `end` is one of them.
    """
    chain = []
    while end not in begins:
        step = end[0][0]
        if len(end) > 1 or len(chain) == most or state.uses(step):
            return None
        if len(nets.net.inputs[step]) != 1:
            return None
        chain.insert(0, step)
        (end,) = nets.net.inputs[step]
    return chain
